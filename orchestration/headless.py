"""A night without a stack: the same job as in the UI, run in this process, with progress and a summary.

Not here: the command line (cli.py) and the stages (defs/).
"""

import json
import logging
import uuid
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass
from datetime import date
from typing import Any

import dagster as dg
import pandas as pd

from orchestration.business import Business
from orchestration.errors import DaybreakError
from orchestration.failures import WhyFailed, tell_of_failure
from orchestration.messages.delivery import deliver_due
from orchestration.messages.transport import Transport
from orchestration.night import check_whose
from orchestration.settings import Settings
from orchestration.stack.environment import write_dagster_home
from orchestration.summary import headline_kpis
from orchestration.warehouse import connect, read_frame

Say = Callable[[str], None]
JOB = "nightly"


@dataclass(frozen=True)
class NightReport:
    """How a night went, for people (cli.py prints it) and for machines (``as_json``)."""

    succeeded: bool
    exit_code: int
    run_id: str
    as_of_date: date | None
    failed_stage: str | None
    reason: str | None
    remedy: str | None
    stages: list[dict[str, Any]]
    headline: list[dict[str, Any]]
    editions: list[str]

    def as_json(self) -> str:
        """The report as one JSON object."""
        return json.dumps(self.__dict__, default=str, ensure_ascii=False, indent=2)


def run_night(settings: Settings, business: Business, url: str, *, as_of: date | None, say: Say) -> NightReport:
    """Run the nightly job here; a failed stage is not raised: the report says it.

    The process must have entered the home's environment (database.enter_environment).

    Raises:
        ContractError: the warehouse belongs to another business.
    """
    with connect(url) as connection:
        check_whose(connection, business)  # at once: reading the stages takes a while
    write_dagster_home(settings)
    run_id = str(uuid.uuid4())
    say("reading the dbt project and the stages, which takes up to a minute")
    with dg.DagsterInstance.get() as instance:
        instance.add_event_listener(run_id, Progress(say).on_event)
        # dbt's lines go to a log, so that what is printed is the progress, or with --json one JSON object
        with (settings.root / "nightly.log").open("w", encoding="utf-8") as log, redirect_stdout(log):
            result = _job().execute_in_process(
                instance=instance,
                run_id=run_id,
                run_config={
                    "ops": {"ops__nights": {"config": {"as_of": as_of.isoformat() if as_of else ""}}},
                    "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
                },
                raise_on_error=False,
                tags={"daybreak/headless": "true"},
            )
        why = None
        if not result.success:
            why = tell_of_failure(instance, result.dagster_run, url=url, business=business, link=None)
    # Nobody else may be there to send what the night has to say; what is not sent now waits for the dispatcher.
    with connect(url) as connection:
        deliver_due(connection, Transport.from_settings(settings))
    return _report(url, run_id, why)


def refused(error: DaybreakError) -> NightReport:
    """The report of a night that was refused before it began: machines read why where they read every report."""
    return NightReport(
        succeeded=False,
        exit_code=error.exit_code,
        run_id="",
        as_of_date=None,
        failed_stage="before the night",
        reason=error.message,
        remedy=error.remedy,
        stages=[],
        headline=[],
        editions=[],
    )


def _job() -> dg.JobDefinition:
    # Loading the definitions takes seconds and needs the environment: not at import.
    from orchestration.definitions import defs

    return defs().resolve_job_def(JOB)


class Progress:
    """One line when a stage begins to work, and one when it ends."""

    def __init__(self, say: Say) -> None:
        self.say = say
        self.started: dict[str, float] = {}

    def on_event(self, entry: dg.EventLogEntry) -> None:
        """Called by Dagster for every event of the run."""
        event, now = entry.dagster_event, entry.timestamp
        stage = (entry.step_key or "").replace("__", " ")
        if event is None:
            if self._is_ours(entry):
                self.say(f"    {entry.user_message}")
        elif event.is_step_start:
            self.started[stage] = now
        elif event.is_step_success:
            self.say(f"  ✓ {stage}  {now - self.started.get(stage, now):.1f} s")
        elif event.is_step_failure:
            self.say(f"  ✗ {stage}  {now - self.started.get(stage, now):.1f} s")

    def _is_ours(self, entry: dg.EventLogEntry) -> bool:
        """Whether a log line is a stage's own word: dbt's hundred lines, and what was not run, only hide it."""
        is_dbt = "dbt_" in (entry.step_key or "")
        is_noise = is_dbt or entry.user_message.startswith("Dependencies for step")
        return bool(entry.user_message) and int(entry.level) >= logging.INFO and not is_noise


def _report(url: str, run_id: str, why: WhyFailed | None) -> NightReport:
    """What the records say of the night that this run was."""
    with connect(url) as connection:
        night = connection.execute(
            "select token, as_of_date, status from ops.nights where run_id = %s", [run_id]
        ).fetchone()
        token, as_of_date, status = night or (None, None, None)
        stages = read_frame(
            connection,
            """select stage, rows_read, rows_written, rows_rejected,
                      round(extract(epoch from finished_at - started_at)::numeric, 1)::float as seconds
               from ops.stage_runs where token = %(token)s order by started_at""",
            {"token": token},
        )
        editions = connection.execute(
            "select file_path from ops.editions where token = %s order by 1", [token]
        ).fetchall()
        headline = headline_kpis(connection)
    if why is None and status != "succeeded":
        # a job that ended well without closing the night did not do all of its work
        why = WhyFailed("the run", "the night was not closed: not every stage ran")
    return NightReport(
        succeeded=why is None,
        exit_code=why.exit_code if why else 0,
        run_id=run_id,
        as_of_date=as_of_date,
        failed_stage=why.stage if why else None,
        reason=why.reason if why else None,
        remedy=why.remedy if why else None,
        stages=_records(stages),
        headline=_records(headline),
        editions=[row[0] for row in editions],
    )


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as dicts, what is missing as None: JSON has no NaN."""
    return frame.astype(object).where(frame.notna(), None).to_dict("records")
