"""What a crash leaves in Dagster's records, put right before a stack starts: runs whose worker is gone.

Not here: killing processes (stack.py), or the lease and build schemas of a dead night (night.py).
"""

import psutil
from dagster import DagsterEventType, DagsterInstance, DagsterRun, DagsterRunStatus, RunsFilter

from orchestration.stack.processes import SAME_START_SECONDS, is_alive

UNFINISHED = [DagsterRunStatus.STARTING, DagsterRunStatus.STARTED, DagsterRunStatus.CANCELING]
LOST = "The process of this run is gone (a crash, a power cut or a kill): marked by the start of Daybreak."


def fail_lost_runs(instance: DagsterInstance) -> list[str]:
    """Finish every run whose worker cannot exist any more, and free the pool slots it held.

    STARTING and STARTED become FAILURE, CANCELING becomes CANCELED; QUEUED runs wait on, and a run whose
    process is alive on this machine (a night started from the command line) is left alone. Dagster's own
    monitor does not do this: with the default launcher a run lost in a power cut stays STARTED and blocks the
    queue behind it.

    Returns:
        The ids of the runs that were finished.
    """
    finished = []
    for run in instance.get_runs(RunsFilter(statuses=UNFINISHED)):
        if _worker_lives(instance, run):
            continue
        if run.status == DagsterRunStatus.CANCELING:
            instance.report_run_canceled(run, message=LOST)
        else:
            instance.report_run_failed(run, message=LOST)
        if instance.event_log_storage.supports_global_concurrency_limits:
            instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
        finished.append(run.run_id)
    return finished


def _worker_lives(instance: DagsterInstance, run: DagsterRun) -> bool:
    """Whether a process that wrote its pid into the run's log is still that same process."""
    for entry in instance.all_logs(run.run_id, of_type=DagsterEventType.ENGINE_EVENT):
        if entry.dagster_event is None:
            continue
        pid = entry.dagster_event.engine_event_data.metadata.get("pid")
        try:
            process = psutil.Process(int(str(pid.value))) if pid else None
            if process and is_alive(process) and process.create_time() <= entry.timestamp + SAME_START_SECONDS:
                return True
        except (psutil.Error, ValueError):
            continue
    return False


def main() -> None:
    """Open the instance of DAGSTER_HOME (the first start creates its tables) and say what was done."""
    with DagsterInstance.get() as instance:
        for run_id in fail_lost_runs(instance):
            print(f"run {run_id} was lost in a crash: marked as finished")


if __name__ == "__main__":
    main()
