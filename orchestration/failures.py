"""A failed run, a refused or a changed source, in words; put into the outbox once, whoever notices it first.

Not here: noticing it (defs/nightly.py in the stack, headless.py without one) and sending (messages/dispatcher.py).
"""

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime

import dagster as dg
from dagster._core.events import DagsterEventType
from dagster._utils.error import SerializableErrorInfo

from orchestration.business import Business
from orchestration.errors import ContractError, DaybreakError
from orchestration.ingestion.ledger import LoadReport
from orchestration.messages.outbox import enqueue
from orchestration.night import Night
from orchestration.warehouse import connect, without_password, writing
from reporting.alerts import run_failed, source_changed, source_stopped

REMEDY_MARK = "\nRemedy: "
DBT_MARK = "Errors parsed from dbt logs:"


def tell_of_failure(
    instance: dg.DagsterInstance, run: dg.DagsterRun, *, url: str, business: Business, link: str | None
) -> "WhyFailed":
    """Put the alert for a failed run into the outbox; returns what it says.

    The same run is told once: the failure sensor and a headless night may both come here.
    """
    why = why_it_failed(instance, run.run_id)
    message = run_failed(
        business=business.profile.name,
        stage=why.stage,
        reason=why.reason,
        remedy=why.remedy,
        at=datetime.now(UTC).astimezone(business.profile.zone),
        link=link,
    )
    with connect(url) as connection:
        # the night closed itself without knowing why
        connection.execute(
            "update ops.nights set message = %s where run_id = %s and status <> 'succeeded'",
            [f"{why.stage}: {why.reason}", run.run_id],
        )
        enqueue(
            connection,
            dedupe_key=f"run_failed:{run.run_id}",
            message=message,
            emails=business.alerts.email,
            slack=business.alerts.slack,
        )
    return why


def tell_of_refusal(night: Night, *, source: str, refusal: DaybreakError) -> None:
    """Put the alert for a source that was refused, in a night that goes on without it, into the outbox.

    Told once for the same files and reason, however many nights find them so.
    """
    message = source_stopped(
        business=night.business.profile.name,
        source=source,
        reason=refusal.message,
        remedy=refusal.remedy,
        at=datetime.now(UTC).astimezone(night.business.profile.zone),
    )
    with writing(night.connection):
        files = night.connection.execute(
            "select file_sha256 from ops.loads where token = %s and source = %s and status = 'stopped' order by 1",
            [night.token, source],
        ).fetchall()
        same = hashlib.sha256("\n".join([refusal.message, *(row[0] for row in files)]).encode()).hexdigest()[:16]
        enqueue(
            night.connection,
            dedupe_key=f"source_stopped:{source}:{same}",
            message=message,
            emails=night.business.alerts.email,
            slack=night.business.alerts.slack,
        )


def tell_of_drift(night: Night, report: LoadReport) -> None:
    """Put the alert for exports that changed their shape, and were taken in, into the outbox: once for each change.

    The same change of the next file is no other change, so the files' names do not count.
    """
    message = source_changed(
        business=night.business.profile.name,
        source=report.source,
        changes=report.drifts,
        at=datetime.now(UTC).astimezone(night.business.profile.zone),
    )
    changes = sorted({change.partition(": ")[2] for change in report.drifts})
    same = hashlib.sha256("\n".join(changes).encode()).hexdigest()[:16]
    with writing(night.connection):
        enqueue(
            night.connection,
            dedupe_key=f"source_changed:{report.source}:{same}",
            message=message,
            emails=night.business.alerts.email,
            slack=night.business.alerts.slack,
        )


@dataclass(frozen=True)
class WhyFailed:
    """The first failure of a run: where, why, what to do, and the exit code of its kind of error (errors.py)."""

    stage: str
    reason: str
    remedy: str | None = None
    exit_code: int = DaybreakError.exit_code


def why_it_failed(instance: dg.DagsterInstance, run_id: str) -> WhyFailed:
    """The first failure of a run, as its event log has it."""
    records = instance.all_logs(run_id, of_type={DagsterEventType.STEP_FAILURE, DagsterEventType.RUN_FAILURE})
    for entry in records:
        event = entry.dagster_event
        if event is None:
            continue
        error = event.step_failure_data.error if event.is_step_failure else event.job_failure_data.error
        if error is not None and _innermost(error).cls_name == "DagsterAssetCheckFailedError":
            return _broken_promise(instance, run_id, event.step_key)
        stage = (event.step_key or "the run").replace("__", " ")
        text = _message(error) if error is not None else event.message or "no reason was recorded"
        reason, _, remedy = without_password(text).partition(REMEDY_MARK)
        return WhyFailed(stage, reason.strip(), remedy.strip() or None, _exit_code(error))
    return WhyFailed("the run", "it ended without a word: the process was killed, or the machine stopped")


def _broken_promise(instance: dg.DagsterInstance, run_id: str, step_key: str | None) -> WhyFailed:
    """What the blocking checks of a step found: Dagster's own error names the checks and not what is wrong."""
    events = [
        e for e in instance.all_logs(run_id, of_type=DagsterEventType.ASSET_CHECK_EVALUATION) if e.step_key == step_key
    ]
    found = [e.dagster_event.asset_check_evaluation_data for e in events if e.dagster_event is not None]
    broken = [check for check in found if not check.passed and check.severity is dg.AssetCheckSeverity.ERROR]
    return WhyFailed(
        stage=", ".join(" ".join(check.asset_key.path) for check in broken),
        reason="\n".join(f"{'.'.join(check.asset_key.path)}: {check.description}" for check in broken),
        remedy="correct the rows in their source file and let the night take it in again; in the Dagster UI the check "
        f"{broken[0].check_name} shows more of them"
        if broken
        else None,
        exit_code=ContractError.exit_code,
    )


def _message(error: SerializableErrorInfo) -> str:
    """The message of the error that began it, without the name of its class and without the traceback."""
    message = re.sub(r"^[\w.]+(Error|Exception): ", "", _innermost(error).message)
    # of dbt's page what went wrong is told, not the command and where on this machine its files lie
    _, is_dbt, told = message.partition(DBT_MARK)
    return re.sub(r"\n *compiled code at [^\n]*", "", told).strip() if is_dbt else message


def _exit_code(error: SerializableErrorInfo | None) -> int:
    """That of our error's class; 1 for an error that is not one of the family."""
    name = _innermost(error).cls_name if error is not None else None
    family = [DaybreakError]
    for member in family:
        family += member.__subclasses__()
    return next((member.exit_code for member in family if member.__name__ == name), DaybreakError.exit_code)


def _innermost(error: SerializableErrorInfo) -> SerializableErrorInfo:
    while error.cause is not None:
        error = error.cause
    return error
