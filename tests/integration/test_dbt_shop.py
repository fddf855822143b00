"""A shop worked by hand on a real PostgreSQL: its KPIs, what the stages meet in bi, and what every model promises.

Not here: an empty warehouse and incremental nights (test_dbt_project.py), the dbt unit tests beside the models.
"""

import json
from collections.abc import Callable
from datetime import date
from typing import Any

import pandas as pd
import pytest

from orchestration.forecasts.demand import read_demand, read_orders, replace_history_notes
from tests.support.dbt_shop import AS_OF, opened
from tests.support.dbt_warehouse import Warehouse

# How a table of bi is published, as publication.py reads it.
WAYS_TO_PUBLISH = {
    "whole": {"publish": "whole"},
    "by_day": {"publish": "by_day", "day_column": "order_date"},
    "by_month": {"publish": "by_month", "month_column": "month_start"},
}
LAYERS = ("staging", "marts", "kpis", "bi")


@pytest.fixture(scope="module")
def shop(new_warehouse: Callable[[], Warehouse]) -> Warehouse:
    warehouse = new_warehouse()
    token = opened(warehouse)
    warehouse.record_fences()
    warehouse.build("--exclude-resource-type", "unit_test", token=token)
    return warehouse


def test_forecasts_read_demand_apart_from_returns(shop: Warehouse) -> None:
    with shop.connect() as connection:
        demand = read_demand(connection, AS_OF)
        orders = read_orders(connection, AS_OF)

    said = sorted(demand[["unique_id", "ds", "y", "returned_units"]].astype({"ds": "str"}).to_numpy().tolist())
    assert said == [
        ["MUG", "2023-03-02", 2.0, 0.0],
        ["MUG", "2024-02-29", 1.0, 0.0],
        ["MUG", "2024-03-01", 3.0, 0.0],
        ["MUG", "2024-03-02", 1.0, 0.0],
        ["TEE", "2024-02-01", 1.0, 0.0],
        ["TEE", "2024-03-01", 1.0, 0.0],
        ["TEE", "2024-03-02", 2.0, 1.0],
    ]  # neither what is charged nor what was never sold
    assert demand["out_of_stock"].isna().all()
    assert demand["on_promotion"].isna().all()
    assert (orders["orders"] > 0).all()
    assert orders["ds"].max().date() == AS_OF


def test_history_notes_are_replaced_by_date(shop: Warehouse) -> None:
    notes = pd.DataFrame(
        {"unique_id": ["MUG"], "ds": pd.to_datetime(["2024-02-26"]), "kind": "outlier", "observed": 9.0, "used": 4.0}
    )
    with shop.connect() as connection, connection.transaction(force_rollback=True):
        assert replace_history_notes(connection, AS_OF, {"product_weekly_units": notes, "empty": notes.iloc[:0]}) == 1
        assert replace_history_notes(connection, AS_OF, {"product_weekly_units": notes}) == 1
        rows = connection.execute(
            "select as_of_date, series, unique_id, ds, used from forecast.history_notes"
        ).fetchall()
        assert rows == [(AS_OF, "product_weekly_units", "MUG", date(2024, 2, 26), 4.0)]
        assert replace_history_notes(connection, AS_OF, {}) == 0
        assert connection.execute("select count(*) from forecast.history_notes").fetchall() == [(0,)]


def _kpis(warehouse: Warehouse, grain: str, entity: str, period: str) -> dict[str, tuple[Any, Any, Any]]:
    """The financial KPIs: those of the other rooms are worked by hand beside their models."""
    rows = warehouse.rows(
        "select kpi, value, previous_period, previous_year from kpis.kpi_snapshots"
        f" where grain = '{grain}' and entity = '{entity}' and period = '{period}'"
        " and kpi in (select kpi from kpis.kpi_catalogue where source_model = 'kpi_values_sales')"
    )
    return {row[0]: tuple(None if v is None else float(v) for v in row[1:]) for row in rows}  # type: ignore[misc]


def test_month_to_date_worked_by_hand(shop: Warehouse) -> None:
    # 1-2 March 2024 against 1-2 February 2024 (O2 alone) and 1-2 March 2023 (O1 alone).
    assert _kpis(shop, "company", "company", "month") == {
        "gross_sales": (130, 30, 20),  # 30 + 30 + 10 + 60
        "discounts": (3, 5, 0),
        "returns": (30, 0, 0),
        "net_revenue": (97, 25, 20),
        "charges": (4.9, 0, 0),
        "orders": (2, 1, 1),  # O4 on two days counts once
        "units": (7, 1, 2),
        "average_order_value": (63.5, 25, 20),  # (130 - 3) / 2
        "return_rate_pct": (23.622047, 0, 0),  # 100 * 30 / 127
        "active_customers": (2, 1, 1),  # ann and Łucja; ben only returned
        "new_customers": (1, 1, 1),
        "returning_customers": (1, 0, 0),
        # only mugs have a cost, 4 each: 4 of them for 37
        "cost": (16, None, 8),
        "gross_profit": (21, None, 12),
        "gross_margin_pct": (56.756757, None, 60),
        "cost_coverage_pct": (38.14433, 0, 100),
        "discount_rate_pct": (2.307692, 16.666667, 0),
        "revenue_per_customer": (48.5, 25, 20),
        "direct_expenses": (5, None, None),  # no rent; nothing is known of days before the first expense
        "contribution_margin": (20.9, None, None),  # 21 + 4.90 − 5
        "contribution_margin_pct": (21.546392, None, None),
        "target_achievement_pct": (485, None, None),  # 97 of 310 × 2 ÷ 31
        "unconverted_lines": (0, 0, 0),
    }
    assert shop.rows(
        "select target, target_pct from kpis.kpi_snapshots"
        " where grain = 'company' and period = 'month' and kpi = 'net_revenue'"
    ) == [(20, 485)]


def test_a_kpi_without_a_value_says_why(shop: Warehouse) -> None:
    assert shop.rows("select count(*) from kpis.kpi_snapshots where (value is null) = (reason is null)") == [(0,)]
    assert shop.rows(
        "select kpi, reason from kpis.kpi_snapshots where value is null and grain = 'category' and entity = 'Shirts'"
        " and period = 'day' order by 1"
    ) == [
        ("contribution_margin", "expenses name no category"),
        ("contribution_margin_pct", "expenses name no category"),
        ("cost", "no line has a known cost"),
        ("direct_expenses", "expenses name no category"),
        ("gross_margin_pct", "no line has a known cost"),
        ("gross_profit", "no line has a known cost"),
        ("target_achievement_pct", "no target for all of these days"),
    ]


def test_the_company_has_every_kpi_of_the_catalogue(shop: Warehouse) -> None:
    assert (
        shop.rows(
            "select kpi from kpis.kpi_catalogue except select kpi from kpis.kpi_snapshots where grain = 'company'"
        )
        == []
    )
    assert (
        shop.rows(
            "select distinct grain, kpi from kpis.kpi_snapshots join kpis.kpi_catalogue using (kpi)"
            " where value is not null and grain <> all(string_to_array(grains, ', '))"
        )
        == []
    )


ENTRY = {
    "kpi": "x", "sort_order": 1, "label": "X", "definition": "Y", "formula": "z", "unit": "pct", "format": "0",
    "is_up_good": True, "is_additive": False, "grains": ["company"], "owner": "Sales", "needs": [], "source_model": "m",
}  # fmt: skip


@pytest.mark.parametrize(
    ("entries", "complaint"),
    [
        ([{k: v for k, v in ENTRY.items() if k != "formula"}], "KPI x of model m says nothing of formula"),
        ([ENTRY | {"colour": "red"}], "KPI x of model m has the unknown key colour"),
        ([ENTRY | {"unit": "furlong"}], "KPI x of model m has the unknown unit furlong"),
        ([ENTRY, ENTRY | {"source_model": "n"}], "KPI x of model n has the kpi of another, of model m"),
    ],
)
def test_a_wrong_catalogue_entry_stops_the_build_by_name(
    shop: Warehouse, entries: list[dict[str, Any]], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    result = shop.dbt("compile", "--inline", "{{ checked_kpis(" + repr(entries) + ") }}")

    assert not result.success
    assert complaint in capsys.readouterr().out


def test_other_periods_worked_by_hand(shop: Warehouse) -> None:
    day, week, quarter, year = (_kpis(shop, "company", "company", p) for p in ("day", "week", "quarter", "year"))

    assert day["net_revenue"] == (40, 57, 20)
    assert day["orders"] == (2, 1, 1)
    assert week["gross_sales"] == (140, 0, 20)  # 19-24 February 2024 sold nothing: 0, and no average
    assert week["average_order_value"] == (pytest.approx(137 / 3, abs=1e-6), None, 20)
    assert quarter["gross_sales"] == (170, 0, 20)
    assert year["net_revenue"] == (132, 20, 20)
    assert year["active_customers"] == (3, 1, 1)
    assert year["new_customers"] == (2, 1, 1)  # ben and Łucja; ann first bought in 2023


def test_categories_and_countries_worked_by_hand(shop: Warehouse) -> None:
    cups, shirts, charges = (_kpis(shop, "category", c, "month") for c in ("Cups", "Shirts", "(charges)"))

    assert [cups["net_revenue"][0], shirts["net_revenue"][0], charges["net_revenue"][0]] == [37, 60, 0]
    assert [cups["orders"][0], shirts["orders"][0], charges["orders"][0]] == [1, 2, 0]
    assert charges["charges"] == (4.9, 0, 0)
    assert charges["average_order_value"] == (None, None, None)
    assert _kpis(shop, "country", "FR", "month")["net_revenue"] == (-30, 25, 0)
    assert _kpis(shop, "country", "(no country)", "month")["new_customers"] == (1, 0, 0)


def test_months_count_orders_and_customers_once(shop: Warehouse) -> None:
    assert shop.rows(
        "select month_start, orders, active_customers, new_customers from bi_build.sales_monthly"
        " where month_start >= '2024-01-01' order by month_start"
    ) == [(date(2024, 1, 1), 0, 0, 0), (date(2024, 2, 1), 2, 1, 1), (date(2024, 3, 1), 2, 2, 1)]
    # Every day from the first to the latest, and empty ones are zeros.
    assert shop.rows("select count(*), min(net_revenue) from bi_build.sales_daily") == [(367, 0)]


def test_stages_meet_the_dimensions(shop: Warehouse) -> None:
    mug = shop.rows("select product_key from bi_build.dim_product where product_id = 'MUG'")[0][0]

    family = "series, level, grain, measure, product_key, category"
    assert shop.rows(f"select {family} from bi_build.forecasts order by series") == [
        ("category_fiscal_quarterly_revenue", "category", "fiscal quarter", "revenue", -1, "Cups"),
        ("company_daily_revenue", "company", "day", "revenue", -1, None),
        ("product_weekly_units", "product", "week", "units", mug, "Cups"),
    ]
    assert shop.rows(f"select {family}, territory_key, trend_direction from bi_build.forecast_series order by 1") == [
        ("product_weekly_units", "product", "week", "units", mug, "Cups", -1, "up"),
        ("territory_monthly_units", "territory", "month", "units", -1, None, -1, None),
    ]
    assert shop.rows("select unique_id, level_pct, lo, hi from bi_build.forecast_intervals") == [("MUG", 90, 1, 3)]
    assert shop.rows("select scenario, product_key, difference from bi_build.forecast_scenarios") == [("sale", mug, 1)]
    assert shop.rows("select product_key, product_name from bi_build.stock_recommendations") == [(-1, "NEW")]
    assert shop.rows("select day, label from bi_build.kpi_anomalies") == [(AS_OF, "Orders")]
    assert shop.rows("select label, entity, direction, is_good from bi_build.kpi_trends order by 1") == [
        ("Net revenue", "Cups", "no clear trend", None),
        ("Returns", "company", "up", False),
    ]
    assert shop.rows("select is_charge_code from bi_build.dim_product where product_id = 'POST'") == [(True,)]


def test_every_write_is_fenced_in_its_own_transaction(shop: Warehouse) -> None:
    relations = shop.rows(
        "select nspname || '.' || relname, pg_class.xmin::text in (select xid from public.fenced)"
        " from pg_class join pg_namespace on pg_namespace.oid = relnamespace"
        " where nspname in ('staging', 'marts', 'kpis', 'bi_build') and relkind in ('r', 'v', 'm')"
    )
    assert len(relations) == len(_models(shop))
    assert [name for name, fenced in relations if not fenced] == []


def test_the_planner_knows_every_table_as_soon_as_it_is_built(shop: Warehouse) -> None:
    unknown = shop.rows(
        "select nspname || '.' || relname from pg_class join pg_namespace on pg_namespace.oid = relnamespace"
        " where nspname in ('marts', 'kpis', 'bi_build') and relkind in ('r', 'm') and reltuples > 0"
        " and (nspname, relname) not in (select schemaname, tablename from pg_stats)"
    )
    assert unknown == []


def test_an_older_night_may_not_write(shop: Warehouse) -> None:
    # One of each kind of materialization, none of them below another.
    each = ("calendar_days", "stg_forecast_cycles", "mv_sales_monthly_summary", "kpi_snapshots")
    result = shop.dbt("run", "--select", *each, token=0)

    assert not result.success
    assert [r.status for r in result.result] == ["error"] * 4
    assert all("lease lost: this run holds token 0" in r.message for r in result.result)


# --- What every model promises ---


def _models(warehouse: Warehouse) -> list[dict[str, Any]]:
    manifest = json.loads((warehouse.work / "target" / "manifest.json").read_text(encoding="utf-8"))
    return [node for node in manifest["nodes"].values() if node["resource_type"] == "model"]


def test_every_model_says_its_grain_and_describes_every_column(shop: Warehouse) -> None:
    commented = {
        (f"{schema}.{table}", column): comment
        for schema, table, column, comment in shop.rows(
            "select nspname, relname, attname, col_description(attrelid, attnum) from pg_attribute"
            " join pg_class on pg_class.oid = attrelid join pg_namespace on pg_namespace.oid = relnamespace"
            " where nspname in ('staging', 'marts', 'kpis', 'bi_build')"
            " and attnum > 0 and relkind in ('r', 'v', 'm')"
        )
    }
    for model in _models(shop):
        assert model["description"].startswith("One row per "), model["name"]
        assert model["fqn"][1] in LAYERS
        relation = f"{model['schema']}.{model['alias']}"
        built = {column for table, column in commented if table == relation}
        assert built == set(model["columns"]), model["name"]
        assert [c for c in built if not commented[relation, c]] == [], model["name"]


def test_bi_is_under_contract(shop: Warehouse) -> None:
    bi = [model for model in _models(shop) if model["fqn"][1] == "bi"]

    for model in bi:
        assert model["config"]["contract"]["enforced"], model["name"]
        assert model["name"] == f"bi_{model['alias']}"
        assert model["schema"] == "bi_build"
        meta = model["config"]["meta"]
        assert meta == WAYS_TO_PUBLISH[meta["publish"]], model["name"]
        large = model["alias"] in ("sales_lines", "sales_daily_product", "sales_monthly_customer")
        assert not (large and meta["publish"] == "whole")
    nullable_keys = shop.rows(
        "select table_name, column_name from information_schema.columns where table_schema = 'bi_build'"
        " and column_name like '%\\_key' and (is_nullable = 'YES' or data_type not in ('integer', 'bigint'))"
    )
    assert nullable_keys == []


def _above(parents: dict[str, list[str]], node: str) -> set[str]:
    direct = set(parents.get(node, ()))
    return direct.union(*(_above(parents, parent) for parent in direct))


def test_every_data_test_runs_in_one_step_of_the_night(shop: Warehouse) -> None:
    manifest = json.loads((shop.work / "target" / "manifest.json").read_text(encoding="utf-8"))
    for node in manifest["nodes"].values():
        if node["resource_type"] == "test":
            tables = {t for t in manifest["parent_map"][node["unique_id"]] if t.startswith("model.")}
            completed = any(tables - {last} <= _above(manifest["parent_map"], last) for last in tables)
            layers = {manifest["nodes"][t]["fqn"][1] for t in tables}
            assert completed or layers in ({"marts"}, {"staging"}), node["name"]
