"""Metrics: MetricFlow and the KPI snapshots give the same values, cut by whatever both know; and what is refused.

Not here: whether the snapshots are right (test_dbt_project.py).
"""

import random
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from orchestration.errors import ConfigurationError
from orchestration.metrics import Metrics
from tests.support.dbt_warehouse import Warehouse, random_line

AS_OF = date(2024, 3, 20)  # lines go on to the end of March: what is about this day must not have them
SINCE = {"month": date(2024, 3, 1), "year": date(2024, 1, 1)}
# How a grain of the snapshots is called as a dimension.
DIMENSIONS = ("category", "country", "segment", "channel", "territory", "rep")
OTHERS = """
    insert into raw.products (product_id, product_name, category, unit_cost, _source, _load_id, _line)
    select 'P' || n, 'Product ' || n, case when n % 4 > 0 then 'Category ' || n % 4 end, case when n < 13 then n end,
           'test', 1, n
    from generate_series(1, 15) as n;
    insert into raw.customers (customer_id, customer_name, segment, _source, _load_id, _line)
    select 'C' || n, 'Customer ' || n, case when n % 3 > 0 then 'Segment ' || n % 3 end, 'test', 1, n
    from generate_series(0, 9) as n;
    update raw.sales_lines set
        channel = (array['shop', 'web', null])[1 + ascii(right(order_id, 1)) % 3],
        territory_id = (array['north', 'south', null])[1 + ascii(right(order_id, 1)) % 3],
        rep_id = (array['r1', 'r2', null, 'r3'])[1 + ascii(right(order_id, 1)) % 4];
"""


@pytest.fixture(scope="module")
def shop(new_warehouse: Callable[[], Warehouse]) -> Warehouse:
    """Six hundred lines of two hundred orders; an order has up to three customers, countries and days."""
    warehouse = new_warehouse()
    choose = random.Random(20240320)
    token = warehouse.begin_night(AS_OF)
    warehouse.put(random_line(choose, f"O{n // 3}", str(n % 3)) for n in range(600))
    with warehouse.connect() as connection:
        connection.execute(OTHERS)
    warehouse.build("--exclude-resource-type", "test", "--exclude-resource-type", "unit_test", token=token)
    return warehouse


@pytest.fixture(scope="module")
def metrics(shop: Warehouse) -> Metrics:
    return Metrics(shop.work / "target" / "semantic_manifest.json", schema="bi_build")


def snapshots(shop: Warehouse, metrics: Metrics) -> pd.DataFrame:
    known = ", ".join(f"'{m.name}'" for m in metrics.metrics())
    rows = shop.rows(
        "select grain, entity, period, kpi, value::double precision from kpis.kpi_snapshots"
        f" where period in ('month', 'year') and kpi in ({known})"
    )
    return pd.DataFrame(rows, columns=["grain", "entity", "period", "kpi", "value"])


@pytest.mark.parametrize("period", ["month", "year"])
def test_the_snapshots_say_the_same(shop: Warehouse, metrics: Metrics, period: str) -> None:
    said = snapshots(shop, metrics)
    said = said[said["period"] == period]
    grains = set(said["grain"]) & {"company", *DIMENSIONS}
    assert {"company", "category", "country"} <= grains
    for grain in sorted(grains):
        own = said[said["grain"] == grain]
        names = sorted(set(own["kpi"]))
        assert {"net_revenue", "orders", "active_customers", "average_order_value", "return_rate_pct"} <= set(names)
        by = [] if grain == "company" else [grain]
        found = metrics.query(shop.url, names, group_by=by, start=SINCE[period], end=AS_OF)
        found = found.assign(entity="company") if grain == "company" else found.rename(columns={grain: "entity"})
        both = own.merge(found.melt(id_vars="entity", var_name="kpi", value_name="metric"), how="outer")
        assert len(found) > 2 or grain == "company"
        # an entity without a line in the window is 0 or nothing in the snapshots, and no row of the metrics
        differ = (both["value"].fillna(0) - both["metric"].fillna(0)).abs() > 1e-5
        assert both[differ].to_dict("records") == [], grain


def test_any_dimension_adds_up_to_the_company(shop: Warehouse, metrics: Metrics) -> None:
    whole = metrics.query(shop.url, ["net_revenue", "units"], end=AS_OF).iloc[0]
    for by in ("week", "fiscal_year", "segment", "channel", "territory", "rep", "product", "customer.customer_name"):
        parts = metrics.query(shop.url, ["net_revenue", "units"], group_by=[by], end=AS_OF)
        assert parts["units"].sum() == whole["units"], by
        assert parts["net_revenue"].sum() == pytest.approx(whole["net_revenue"]), by
        assert len(parts) > 1 or by == "fiscal_year"


def test_what_comes_back(shop: Warehouse, metrics: Metrics) -> None:
    frame = metrics.query(shop.url, ["gross_profit", "orders"], group_by=["month", "category"], end=date(2024, 3, 31))
    assert list(frame.columns) == ["month", "category", "gross_profit", "orders"]
    assert frame["month"].tolist() == sorted(frame["month"])
    assert frame["month"].iloc[0] == date(2024, 2, 1)
    assert frame.loc[frame["category"] == "(charges)", "gross_profit"].isna().all()  # not 0: nothing there has a cost
    nothing = metrics.query(shop.url, ["orders"], group_by=["month"], start=date(2030, 1, 1), end=date(2030, 2, 1))
    assert nothing.empty


def test_a_week_is_the_businesss(shop: Warehouse, metrics: Metrics) -> None:
    weeks = metrics.query(shop.url, ["orders"], group_by=["week"], end=AS_OF)["week"]
    assert {week.isoweekday() for week in weeks} == {1}
    with shop.connect() as connection:
        connection.execute("update bi_build.dim_date set week_start = week_start - 1")
    assert {w.isoweekday() for w in metrics.query(shop.url, ["orders"], group_by=["week"], end=AS_OF)["week"]} == {7}
    with shop.connect() as connection:
        connection.execute("update bi_build.dim_date set week_start = week_start + 1")


@pytest.mark.parametrize(
    ("names", "by", "why"),
    [
        (["net_revenu"], [], "no metric 'net_revenu'.*did you mean net_revenue"),
        (["net_revenue"], ["categry"], "no dimension 'categry'.*did you mean category"),
        (["net_revenue"], ["zzz"], "no dimension 'zzz'.*daybreak metric lists them"),
        (["net_revenue"], ["region"], "'region' may mean several.*customer.region or territory.region"),
        (["net_revenue"], ["month'; drop schema bi"], "no dimension"),
    ],
)
def test_what_there_is_not_is_refused_by_name(metrics: Metrics, names: list[str], by: list[str], why: str) -> None:
    with pytest.raises(ConfigurationError, match=f"(?s){why}"):
        metrics.sql(names, group_by=by, start=None, end=None)


def test_nothing_can_be_written_and_only_the_days_are_read(shop: Warehouse, metrics: Metrics) -> None:
    sql = metrics.sql(["net_revenue"], group_by=["month"], start=date(2024, 3, 1), end=date(2024, 3, 2))
    with shop.connect() as connection:
        connection.execute("set enable_seqscan = off")
        plan = "\n".join(row[0] for row in connection.execute(f"explain {sql}").fetchall())
    assert "Index Cond: ((order_date >= '2024-03-01'::date)" in plan
    with pytest.raises(ConfigurationError, match="nothing was published yet"):
        metrics.query(shop.url, ["net_revenue"])


def test_the_semantic_manifest_is_parsed_where_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from orchestration.metrics import semantic_manifest
    from orchestration.settings import Settings

    monkeypatch.setenv("DAYBREAK_HOME", str(tmp_path))
    monkeypatch.setenv("DAYBREAK_DATABASE_URL", "postgresql://nobody:nothing@127.0.0.1:1/nowhere")
    found = Metrics(semantic_manifest(Settings()))
    assert {"net_revenue", "orders"} <= {m.name for m in found.metrics()}
    with pytest.raises(Exception, match="cannot reach PostgreSQL"):
        found.query("postgresql://nobody:nothing@127.0.0.1:1/nowhere", ["orders"])
