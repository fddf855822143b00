"""The code location as Dagster loads it: what there is to materialise and check, what starts a night, what watches it.

Not here: what a night does (tests/pipeline), how a failure is put in words (test_failures.py).
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import psycopg
import pytest

from benchmarks.part_of_night import LATER
from orchestration.errors import SourceError
from orchestration.headless import JOB
from orchestration.ingestion.contract import ENTITIES
from orchestration.settings import PROJECT_ROOT, Settings
from orchestration.suites import suites
from orchestration.warehouse import initialise
from tests.support.failed_runs import failed_run
from tests.support.night import Home, new_home

# A green run that did nothing is the worst failure: what a night materialises changes here, on purpose, or not at all.
ASSETS = {
    "raw": {
        "customers", "exchange_rates", "expenses", "forecast_cycles", "forecast_overrides",
        "forecast_submissions", "funnel_events",
        "inventory_levels", "inventory_movements", "invoices", "locations", "opportunities", "payments",
        "product_costs", "product_prices", "products", "promotions", "purchase_orders", "rep_territories",
        "sales_lines", "sales_reps", "suppliers", "targets", "territories", "touchpoints",
    },
    "staging": {
        "stg_attribute_changes", "stg_customers", "stg_exchange_rates", "stg_expenses", "stg_forecast_cycles",
        "stg_forecast_overrides", "stg_forecast_submissions", "stg_funnel_events", "stg_inventory_levels",
        "stg_inventory_movements",
        "stg_invoices", "stg_locations", "stg_opportunities", "stg_payments", "stg_product_costs", "stg_product_prices",
        "stg_products", "stg_promotions", "stg_purchase_orders", "stg_rep_territories", "stg_sales_lines",
        "stg_sales_reps", "stg_suppliers", "stg_targets", "stg_territories", "stg_touchpoints",
    },
    "marts": {
        "agg_delivery_daily", "agg_sales_daily", "agg_sales_daily_category", "agg_sales_daily_customer",
        "agg_sales_daily_order", "agg_sales_daily_product", "agg_sales_daily_segment", "agg_sales_daily_slice",
        "agg_sales_monthly", "agg_sales_monthly_customer", "agg_sales_monthly_product", "basket_days",
        "calendar_days", "customer_cohorts", "customer_months", "customer_profile", "customer_sightings",
        "customer_spans", "delivery_performance", "dim_customer", "dim_date", "dim_location", "dim_product",
        "dim_product_cost", "dim_product_price", "dim_rep", "dim_rep_territory", "dim_supplier", "dim_territory",
        "exchange_rate_days", "fct_sales_lines", "mv_sales_daily_summary", "mv_sales_monthly_summary",
        "order_baskets", "orders_in_parts", "period_changes", "price_volume_mix", "product_changes",
        "product_lead_times", "product_pairs", "product_profile", "product_sightings", "product_window_sales",
        "seasonality_indices", "stock_daily", "stock_position", "supplier_performance",
    },
    "kpis": {
        "kpi_catalogue", "kpi_measures", "kpi_snapshots", "kpi_targets", "kpi_values_customers",
        "kpi_values_operations", "kpi_values_products", "kpi_values_sales", "kpi_windows", "sales_by_period",
        "target_periods",
    },
    "forecast": {
        "accuracy", "accuracy_by_lead", "backtests", "drift", "forecasts", "history_notes", "kpi_trends", "overridden",
        "scenarios", "track_record", "value_added",
    },
    "stock": {"recommendations"},
    "anomaly": {"kpi_days"},
    "bi": {
        "basket_days", "customer_cohorts", "customer_months", "customer_profile", "data_quality",
        "delivery_performance", "dim_customer", "dim_date", "dim_location", "dim_product", "dim_rep", "dim_supplier",
        "dim_territory", "forecast_accuracy", "forecast_accuracy_by_lead", "forecast_track_record",
        "forecast_value_added", "forecasts", "kpi_anomalies", "kpi_catalogue", "kpi_snapshots",
        "kpi_trends", "period_changes", "price_volume_mix", "product_changes", "product_pairs", "product_profile",
        "sales_by_period", "sales_daily", "sales_daily_product", "sales_daily_slice", "sales_lines", "sales_monthly",
        "sales_monthly_customer", "sales_monthly_product", "seasonality_indices", "stock_daily", "stock_position",
        "stock_recommendations", "supplier_performance", "targets",
    },
    "ops": {"dbt_docs", "editions", "nights", "outbox", "publications"},
}  # fmt: skip
ASSETS["forecast"] |= {"quality", "decompositions"}
ASSETS["bi"] |= {"forecast_quality", "forecast_decompositions"}
ASSETS["marts"] |= {
    "basket_days", "order_baskets", "period_changes", "price_volume_mix", "product_changes", "product_pairs",
    "product_profile", "product_window_sales", "seasonality_indices",
}  # fmt: skip
ASSETS["kpis"] |= {"kpi_values_products"}
ASSETS["forecast"] |= {"intervals", "series"}
ASSETS["bi"] |= {"forecast_intervals", "forecast_series"}
ASSETS["marts"] |= {"demand_daily_product", "product_promotions", "product_stockouts"}
ASSETS["bi"] |= {"forecast_history_notes"}
ASSETS["bi"] |= {"forecast_scenarios"}
ASSETS["bi"] |= {
    "basket_days", "period_changes", "price_volume_mix", "product_changes", "product_pairs", "product_profile",
    "seasonality_indices",
}  # fmt: skip
# Tables that dbt reads and no asset writes: the night's own records, and what several raw assets write.
RECORDS = {"ops/business", "ops/loads", "ops/open_days", "raw/attribute_changes"}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return new_home(tmp_path_factory.mktemp("definitions") / "shop")


@pytest.fixture(scope="module")
def environment(home: Home) -> Iterator[pytest.MonkeyPatch]:
    """The environment of that home, without a database."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("DAYBREAK_")]:
            patch.delenv(name)
        patch.setenv("DAYBREAK_HOME", str(home.folder))
        patch.setenv("DAYBREAK_BUSINESS", str(home.business))
        patch.setenv("DAYBREAK_DATA", str(home.data))
        yield patch


@pytest.fixture(scope="module")
def defs(environment: pytest.MonkeyPatch) -> dg.Definitions:
    from orchestration.definitions import defs as load

    definitions: dg.Definitions = load()
    return definitions


@pytest.fixture
def url(environment: pytest.MonkeyPatch, database_url: str) -> Iterator[str]:
    """A warehouse that the sensors find."""
    initialise(database_url)
    with environment.context() as patch:
        patch.setenv("DAYBREAK_DATABASE_URL", database_url)
        yield database_url


def rows(url: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url, autocommit=True) as connection:
        return connection.execute(query).fetchall()


# what there is ------------------------------------------------------------------------------------------------------


def test_the_assets_are_these(defs: dg.Definitions) -> None:
    graph = defs.resolve_asset_graph()
    expected = {f"{schema}/{name}" for schema, names in ASSETS.items() for name in names}
    assert {key.to_user_string() for key in graph.materializable_asset_keys} == expected
    assert {key.to_user_string() for key in graph.external_asset_keys} == RECORDS
    assert ASSETS["raw"] == set(ENTITIES)


def test_the_benchmark_leaves_out_stages_that_there_are(defs: dg.Definitions) -> None:
    nodes = {node.name for node in defs.resolve_job_def(JOB).graph.nodes}
    assert nodes >= LATER
    assert nodes - LATER >= {"raw__sales_lines", "dbt_facts", "dbt_bi", "ops__publications"}


def test_every_asset_is_described_and_in_a_group(defs: dg.Definitions) -> None:
    graph = defs.resolve_asset_graph()
    nodes = [graph.get(key) for key in graph.materializable_asset_keys]
    assert [node.key for node in nodes if not node.description] == []
    assert {node.group_name for node in nodes} == {*ASSETS, "publish", "reports", "deliver"}


def test_every_dbt_test_and_every_suite_is_a_blocking_check(defs: dg.Definitions, home: Home) -> None:
    graph = defs.resolve_asset_graph()
    nodes = json.loads((Settings().dbt_target / "manifest.json").read_text(encoding="utf-8"))["nodes"].values()
    severity = {node["name"]: node["config"]["severity"] for node in nodes if node["resource_type"] == "test"}
    dbt_tests = set(severity)
    warnings = {name for name in dbt_tests if severity[name] == "warn"}
    expectations = {f"{suite.schema}_{suite.table}_expectations" for suite in suites().values()}
    intake = {f"raw_{entity}_sources" for entity in ENTITIES}
    checks = {key.name: graph.get(key) for key in graph.asset_check_keys}
    assert len(dbt_tests - warnings) >= 50
    assert len(expectations) >= 14
    assert set(checks) == dbt_tests | expectations | intake
    assert len(graph.asset_check_keys) == len(checks)
    assert {name for name, check in checks.items() if not check.blocking} == warnings
    assert {checks[name].key.asset_key.to_user_string() for name in expectations} == {
        name.replace(".", "/") for name in suites()
    }


def test_bi_is_published_only_after_all_of_it_is_built_and_checked(defs: dg.Definitions) -> None:
    graph = defs.resolve_asset_graph()
    published = graph.get(dg.AssetKey(["ops", "publications"]))
    assert {key.to_user_string() for key in published.parent_keys} == {f"bi/{name}" for name in ASSETS["bi"]}
    for child, parent in (("editions", "publications"), ("outbox", "editions")):
        assert dg.AssetKey(["ops", parent]) in graph.get(dg.AssetKey(["ops", child])).parent_keys


def test_the_job_runs_everything_in_one_process(defs: dg.Definitions) -> None:
    job = defs.resolve_job_def("nightly")
    assert job.executor_def is dg.in_process_executor
    assert job.tags["dagster/retry_strategy"] == "ALL_STEPS"
    graph = defs.resolve_asset_graph()
    assert job.asset_layer.executable_asset_keys == set(graph.materializable_asset_keys)
    assert set(job.asset_layer.asset_graph.asset_check_keys) == set(graph.asset_check_keys)


def test_the_night_starts_at_two_in_the_businesss_time(defs: dg.Definitions) -> None:
    (schedule,) = defs.schedules or []
    assert (schedule.cron_schedule, schedule.execution_timezone) == ("0 2 * * *", "Europe/Berlin")
    assert schedule.default_status is dg.DefaultScheduleStatus.RUNNING
    assert schedule.job_name == "nightly"


def test_the_sensors_run_from_the_start(defs: dg.Definitions) -> None:
    assert {sensor.name: sensor.default_status for sensor in defs.sensors or []} == {
        "new_files": dg.DefaultSensorStatus.RUNNING,
        "tell_of_failures": dg.DefaultSensorStatus.RUNNING,
    }


def test_another_business_loads_without_a_database(tmp_path: Path) -> None:
    """As a code server does before its database is up: nothing connects while the definitions load."""
    script = (
        "import json; from orchestration.definitions import defs; d = defs(); (s,) = d.schedules;"
        "print(json.dumps([s.execution_timezone, len(d.resolve_asset_graph().materializable_asset_keys)]))"
    )
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("DAYBREAK_", "DAGSTER_", "PG"))}
    environment |= {
        "DAYBREAK_HOME": str(tmp_path / "home"),
        "DAYBREAK_BUSINESS": str(PROJECT_ROOT / "examples" / "online_retail"),
        "DAYBREAK_DATABASE_URL": "postgresql://nobody:nothing@127.0.0.1:1/nowhere",
    }
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, cwd=PROJECT_ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert json.loads(done.stdout.splitlines()[-1]) == ["Europe/London", sum(map(len, ASSETS.values()))]


# new_files ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def look_for_files(defs: dg.Definitions, url: str, home: Home) -> Iterator[Callable[[], Any]]:
    """Runs the sensor once, and gives what it asks for; the data folder is empty at first."""
    (sensor,) = [s for s in defs.sensors or [] if s.name == "new_files"]

    def look() -> Any:
        (answer,) = list(sensor())  # type: ignore[call-overload]
        return answer

    yield look
    for path in home.data.rglob("*.*"):
        path.unlink()


def put(home: Home, name: str, *, age_seconds: float = 60) -> Path:
    path = home.write_sales(name, [f"RE-1;1;01.03.2024 10:00;A1;Käse;;DE;AD;1;{len(name)},00;0,00;Rechnung"])
    moment = time.time() - age_seconds
    os.utime(path, (moment, moment))
    return path


def test_without_files_no_night_is_asked_for(look_for_files: Callable[[], Any]) -> None:
    assert look_for_files() == dg.SkipReason("no new files")


def test_a_settled_file_asks_for_one_night(look_for_files: Callable[[], Any], home: Home) -> None:
    put(home, "a.csv")
    first, again = look_for_files(), look_for_files()
    assert isinstance(first, dg.RunRequest)
    assert first.tags["daybreak/files"] == "1"
    assert again.run_key == first.run_key  # Dagster starts one run per key
    put(home, "bb.csv")
    both = look_for_files()
    assert (both.tags["daybreak/files"], both.run_key != first.run_key) == ("2", True)


def test_a_file_that_is_put_in_again_with_other_content_asks_again(
    look_for_files: Callable[[], Any], home: Home
) -> None:
    path = put(home, "a.csv")
    first = look_for_files()
    path.write_text(path.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    os.utime(path, (time.time() - 45, time.time() - 45))
    assert look_for_files().run_key != first.run_key


def test_a_file_that_is_still_being_written_is_left_alone(look_for_files: Callable[[], Any], home: Home) -> None:
    put(home, "a.csv", age_seconds=2)
    put(home, ".hidden.csv")
    (home.data / "sales" / "b.csv.part").write_text("half a", encoding="utf-8")
    assert isinstance(look_for_files(), dg.SkipReason)


def test_a_database_that_is_away_is_no_reason_to_fail(
    look_for_files: Callable[[], Any], environment: pytest.MonkeyPatch, home: Home
) -> None:
    put(home, "a.csv")
    with environment.context() as patch:
        patch.setenv("DAYBREAK_DATABASE_URL", "postgresql://me:secret@127.0.0.1:1/gone")
        skipped = look_for_files()
    assert "cannot reach PostgreSQL" in skipped.skip_message
    assert "secret" not in skipped.skip_message


def tell(defs: dg.Definitions, instance: dg.DagsterInstance, run: dg.DagsterRun) -> Any:
    (sensor,) = [s for s in defs.sensors or [] if s.name == "tell_of_failures"]
    (record,) = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.RUN_FAILURE)
    assert record.dagster_event is not None
    context = dg.build_run_status_sensor_context(
        sensor_name=sensor.name, dagster_instance=instance, dagster_run=run, dagster_event=record.dagster_event
    )
    return sensor(context.for_run_failure())  # type: ignore[operator]


def test_a_failure_is_told_once_with_stage_reason_and_remedy(defs: dg.Definitions, url: str) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        run = failed_run(instance, SourceError("sales.csv, line 7: 'zwölf' is no number", remedy="repair the file"))
        for _ in range(3):
            tell(defs, instance, run)
    ((key, recipient, text),) = rows(url, "select dedupe_key, recipient, body_text from ops.outbox")
    assert (key, recipient) == (f"run_failed:{run.run_id}", "ops@example.com")
    for words in ("raw sales_lines", "sales.csv, line 7: 'zwölf' is no number", "repair the file", run.run_id):
        assert words in text
    assert "Traceback" not in text
    assert "around it" not in text


def test_a_run_that_is_tried_again_is_not_told_of(defs: dg.Definitions, url: str) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        run = failed_run(instance, SourceError("for now"))
        instance.add_run_tags(run.run_id, {"dagster/will_retry": "true"})
        again = instance.get_run_by_id(run.run_id)
        assert again is not None
        assert tell(defs, instance, again) is not None
    assert rows(url, "select count(*) from ops.outbox") == [(0,)]
