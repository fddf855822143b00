"""One night from the files to bi, without forecasts, stock, anomalies and reports, in this process; prints JSON.

Not here: what is measured with it (nights.py, which starts it with an environment of its own).
"""

import dataclasses
import json
import shutil
import sys
import uuid
from collections import defaultdict
from contextlib import redirect_stdout

import dagster as dg

from benchmarks.machine import measured
from orchestration.database import database, enter_environment
from orchestration.headless import JOB
from orchestration.settings import PROJECT_ROOT, Settings

# What does not make facts: its cost grows with products and with what is forecast, and is another question.
LATER = {
    "demand_forecast", "forecast__overridden", "forecast_quality", "forecast_track_record", "forecast__kpi_trends",
    "forecast__scenarios", "ops__dbt_docs", "stock__recommendations", "anomaly__kpi_days", "ops__editions",
    "ops__outbox",
}  # fmt: skip


def main() -> int:
    """Run it in the home that the environment names; 0 if it went well."""
    settings = Settings()
    with database(settings) as url:
        enter_environment(settings, url)
        settings.dagster_home.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(PROJECT_ROOT / "dagster.yaml", settings.dagster_home / "dagster.yaml")
        # Reads the environment that was entered just now.
        from orchestration.definitions import defs

        job = defs().resolve_job_def(JOB)
        wanted = [node.name for node in job.graph.nodes if node.name not in LATER]
        with (
            measured(settings.postgres_data) as cost,
            dg.DagsterInstance.get() as instance,
            (settings.root / "benchmark.log").open("a", encoding="utf-8") as log,
            redirect_stdout(log),
        ):
            result = job.execute_in_process(
                instance=instance,
                run_id=str(uuid.uuid4()),
                op_selection=wanted,
                raise_on_error=False,
                run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
            )
    for event in result.all_events:
        if event.is_step_failure and event.step_failure_data.error:
            print(event.step_key, event.step_failure_data.error.to_string(), file=sys.stderr)
    print(json.dumps({"stages": _stages(result), **dataclasses.asdict(cost)}))
    return 0 if result.success else 1


def _stages(result: dg.ExecuteInProcessResult) -> dict[str, float]:
    """Seconds of each stage, in the order of the night; steps of the same kind together."""
    seconds: dict[str, float] = defaultdict(float)
    for event in result.all_events:
        if event.is_step_success:
            seconds[_stage_of(event.step_key or "")] += event.step_success_data.duration_ms / 1000
    return dict(seconds)


def _stage_of(step: str) -> str:
    """The stage a step belongs to.

    >>> [_stage_of(s) for s in ("raw__sales_lines", "raw__products", "bi_expectations", "dbt_facts", "ops__nights")]
    ['load sales lines', 'load the rest', 'checks', 'dbt facts', 'nights']
    """
    if step.endswith("expectations"):
        return "checks"
    if step.startswith("raw__"):
        return "load sales lines" if step == "raw__sales_lines" else "load the rest"
    return step.removeprefix("ops__").replace("_", " ")


if __name__ == "__main__":
    sys.exit(main())
