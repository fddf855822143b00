"""The night as Dagster runs it: one job, its schedule, a sensor on new files, and the sensor that tells of a failure.

Not here: any stage. This file holds its one ``@dg.definitions``: the schedule needs the business's time zone.
"""

import hashlib
from collections.abc import Iterator

import dagster as dg

from orchestration.business import load_business
from orchestration.errors import DaybreakError
from orchestration.failures import tell_of_failure
from orchestration.headless import JOB
from orchestration.ingestion.load import waiting_files
from orchestration.settings import Settings
from orchestration.warehouse import connect

AT_TWO = "0 2 * * *"
LOOK_FOR_FILES_SECONDS = 60
LOOK_FOR_FAILURES_SECONDS = 15


@dg.definitions
def nightly() -> dg.Definitions:
    """The job over all assets, and what starts and watches it."""
    business = load_business(Settings().business_folder)
    job = dg.define_asset_job(
        JOB,
        selection=dg.AssetSelection.all(),
        # A process per step cost 42.8 s where this took 20.9 s on two cores; and the lease is the process's.
        executor_def=dg.in_process_executor,
        # A crashed run is tried again from its start: a retry has its own lease, and publishes only what it built.
        tags={"dagster/retry_strategy": "ALL_STEPS"},
        description="Raw files in; checked facts, KPIs, forecasts, stock, anomalies, bi and reports out.",
    )
    schedule = dg.ScheduleDefinition(
        name="nightly_at_two",
        job=job,
        cron_schedule=AT_TWO,
        execution_timezone=business.profile.time_zone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"02:00 in {business.profile.time_zone}. A missed night's files are taken up by the next one.",
    )
    return dg.Definitions(
        jobs=[job],
        schedules=[schedule],
        sensors=[_new_files_sensor(), _failure_sensor()],
    )


def _new_files_sensor() -> dg.SensorDefinition:
    @dg.sensor(
        name="new_files",
        job_name=JOB,
        minimum_interval_seconds=LOOK_FOR_FILES_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Runs the night when files lie in the data folder that are settled and not yet taken in.",
    )
    def new_files() -> Iterator[dg.RunRequest | dg.SkipReason]:
        problems: list[str] = []
        try:
            # read at every look, so that an edit of the business folder counts at once
            business = load_business(Settings().business_folder)
            with connect(_database_url()) as connection:
                waiting = waiting_files(connection, business, Settings().data_folder, problems.append)
        except DaybreakError as error:
            yield dg.SkipReason(str(error))
            return
        if not waiting:
            yield dg.SkipReason("; ".join(["no new files", *problems]))
            return
        # The key names what waits, so that a file the night refuses does not start it again and again.
        names = "\n".join(f"{f.relative_path} {f.size_bytes} {f.mtime_ns}" for f in waiting)
        yield dg.RunRequest(
            run_key=hashlib.sha256(names.encode()).hexdigest(), tags={"daybreak/files": str(len(waiting))}
        )

    return new_files


def _failure_sensor() -> dg.SensorDefinition:
    @dg.run_failure_sensor(
        name="tell_of_failures",
        minimum_interval_seconds=LOOK_FOR_FAILURES_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Puts an alert into the outbox for every failed run that is not tried again.",
    )
    def tell_of_failures(context: dg.RunFailureSensorContext) -> dg.SkipReason | None:
        if context.dagster_run.tags.get("dagster/will_retry") == "true":
            return dg.SkipReason("the run is tried again")
        settings = Settings()
        business = load_business(settings.business_folder)
        link = f"http://{settings.ui_host}:{settings.ui_port}/runs/{context.dagster_run.run_id}"
        tell_of_failure(context.instance, context.dagster_run, url=_database_url(), business=business, link=link)
        return None

    return tell_of_failures


def _database_url() -> str:
    url = Settings().database_url
    return url.get_secret_value() if url else ""
