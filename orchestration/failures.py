"""A failed run in words: which stage, why, and what to do; put into the outbox once, whoever notices it first.

Not here: noticing it (defs/nightly.py in the stack, cli.py without one) and sending (dispatcher.py).
"""

import re
from datetime import UTC, datetime

import dagster as dg
from dagster._core.events import DagsterEventType

from orchestration.business import Business
from orchestration.outbox import enqueue
from orchestration.warehouse import connect, without_password
from reporting.alerts import run_failed

REMEDY_MARK = "\nRemedy: "


def tell_of_failure(
    instance: dg.DagsterInstance, run: dg.DagsterRun, *, url: str, business: Business, link: str | None
) -> str:
    """Put the alert for a failed run into the outbox; returns the reason.

    The same run is told once: the failure sensor and a headless night may both come here.
    """
    stage, reason, remedy = why_it_failed(instance, run.run_id)
    message = run_failed(
        business=business.profile.name,
        stage=stage,
        reason=reason,
        remedy=remedy,
        at=datetime.now(UTC).astimezone(business.profile.zone),
        link=link,
    )
    with connect(url) as connection:
        enqueue(
            connection,
            dedupe_key=f"run_failed:{run.run_id}",
            message=message,
            emails=business.alerts.email,
            slack=business.alerts.slack,
        )
    return reason


def why_it_failed(instance: dg.DagsterInstance, run_id: str) -> tuple[str, str, str | None]:
    """The stage, the reason and the remedy of the first failure of a run, as its event log has them."""
    records = instance.all_logs(run_id, of_type={DagsterEventType.STEP_FAILURE, DagsterEventType.RUN_FAILURE})
    for entry in records:
        event = entry.dagster_event
        if event is None:
            continue
        error = event.step_failure_data.error if event.is_step_failure else event.job_failure_data.error
        stage = (event.step_key or "the run").replace("__", " ")
        text = _innermost(error) if error is not None else event.message or "no reason was recorded"
        reason, _, remedy = without_password(text).partition(REMEDY_MARK)
        return stage, reason.strip(), remedy.strip() or None
    return "the run", "it ended without a word: the process was killed, or the machine stopped", None


def _innermost(error: object) -> str:
    """The message of the error that began it, without the name of its class and without the traceback."""
    cause = error
    while getattr(cause, "cause", None) is not None:
        cause = cause.cause  # type: ignore[attr-defined]
    message = str(getattr(cause, "message", cause))
    return re.sub(r"^[\w.]+(Error|Exception): ", "", message)
