"""Runs of Dagster that failed, for the tests of what is told of them.

Not here: what is told (tests/integration/test_failures.py, test_definitions.py).
"""

import dagster as dg

# tell_of_failures ---------------------------------------------------------------------------------------------------


def failed_run(instance: dg.DagsterInstance, error: Exception) -> dg.DagsterRun:
    """A run whose step raised ``error`` behind an error of somebody else."""

    @dg.op(name="raw__sales_lines")
    def stage() -> None:
        try:
            raise error
        except Exception as cause:
            raise RuntimeError("around it") from cause

    @dg.job(name="nightly")
    def job() -> None:
        stage()

    result = job.execute_in_process(instance=instance, raise_on_error=False)
    run = instance.get_run_by_id(result.run_id)
    assert run is not None
    return run
