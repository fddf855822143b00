"""forecast.quality and forecast.decompositions as their stage writes them, from a small warehouse.

Not here: the numbers themselves (tests/unit/test_forecasting_quality.py).
"""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import dagster as dg
import psycopg
import pytest

from orchestration.business import load_business
from orchestration.errors import LeaseLostError
from orchestration.night import Night, lease
from orchestration.warehouse import initialise
from tests.support.night import DEMO

AS_OF = date(2024, 2, 29)
MARTS = """
    drop schema if exists marts cascade;
    create schema marts;
    create table marts.dim_product (product_id text, product_name text, category text, discontinued_on date,
                                    first_sale_date date, last_sale_date date);
    create table marts.demand_daily_product (
        order_date date, product_id text, demand_units numeric, returned_units numeric, average_price numeric,
        discount_pct numeric, on_promotion boolean, promotion_pct numeric, out_of_stock boolean);
    create table marts.agg_sales_daily_product (product_id text, sale_lines int);
    create table marts.agg_sales_daily (order_date date, orders bigint);
    create table marts.mv_sales_daily_summary (order_date date, net_revenue numeric, units numeric);
    create table marts.agg_sales_daily_category (order_date date, category text, net_revenue numeric, units numeric);
"""
# 100 days to the leap day, twice as much on Saturdays, and one day that nobody knows of yet.
DAYS = """
    insert into marts.agg_sales_daily_category (order_date, category, net_revenue, units)
    select day, category,
        amount * case extract(isodow from day) when 6 then 2 else 1 end + (day - date '2024-01-01') %% 5, amount
    from generate_series(%(as_of)s::date - 99, %(as_of)s::date + 1, interval '1 day') as days (moment)
    cross join lateral (select moment::date as day) as dates
    cross join (values ('Käse', 100), ('Tee', 10), ('x''; drop table y', 1)) as categories (category, amount)
"""
# A product of each category. Of every ten pieces sold one came back, so that what was sold net is not what was wanted.
TOTALS = """
    insert into marts.dim_product
    select distinct category, category, category, null::date, date '2023-11-22', date '2024-02-29'
    from marts.agg_sales_daily_category;
    insert into marts.demand_daily_product (order_date, product_id, demand_units, returned_units)
    select order_date, category, units / 0.9, units / 9 from marts.agg_sales_daily_category;
    insert into marts.agg_sales_daily_product select product_id, 1 from marts.dim_product;
    insert into marts.agg_sales_daily select distinct order_date, 9 from marts.agg_sales_daily_category;
    insert into marts.mv_sales_daily_summary (order_date, net_revenue, units)
    select order_date, sum(net_revenue), sum(units) from marts.agg_sales_daily_category group by order_date;
"""


@pytest.fixture
def night(database_url: str) -> Iterator[Night]:
    initialise(database_url)
    with lease(database_url, run_id="one", business=load_business(DEMO)) as own:
        own.connection.execute("update ops.nights set as_of_date = %s where token = %s", [AS_OF, own.token])
        own.connection.execute(MARTS)
        yield own


def sell(night: Night) -> None:
    night.connection.execute(DAYS, {"as_of": AS_OF})
    night.connection.execute(TOTALS)


def run(night: Night) -> dict[str, Any]:
    """The stage, done; the metadata of its tables."""
    from orchestration.defs.forecast_quality import _results

    with dg.build_asset_context() as context:
        results = list(_results(context, night))
    return {result.asset_key.path[-1]: result.metadata for result in results if result.asset_key}


def rows(night: Night, query: str) -> list[tuple[Any, ...]]:
    return night.connection.execute(query).fetchall()


def test_the_company_and_its_categories_are_judged_up_to_the_as_of_date(night: Night) -> None:
    sell(night)

    shown = run(night)

    names = ["Käse", "Tee", "x'; drop table y"]
    found = rows(
        night, 'select series, unique_id, n_periods from forecast.quality order by series, unique_id collate "C"'
    )
    assert found == [
        *[("category_daily_revenue", name, 100) for name in names],
        *[("category_weekly_units", name, 13) for name in names],
        ("company_daily_revenue", "company", 100),
        ("company_weekly_units", "company", 13),
    ]
    assert rows(night, "select min(ds), max(ds) from forecast.decompositions where series like '%daily%'") == [
        (AS_OF - timedelta(days=99), AS_OF)
    ]
    ((season, lag, errors),) = rows(
        night,
        "select season_strength, season_length, n_errors from forecast.quality where series = 'company_daily_revenue'",
    )
    assert (season > 0.95, lag, errors) == (True, 7, 50)  # the first half is only learned from
    assert rows(night, "select distinct verdict from forecast.quality where series like '%weekly%'") == [
        ("not judged: 6 one-step errors, 30 are needed",)
    ]
    for table in ("quality", "decompositions"):
        metadata = shown[table]
        assert metadata["dagster/row_count"].value == rows(night, f"select count(*) from forecast.{table}")[0][0]
        assert any("data:image/svg" in str(value.value) for value in metadata.values())
    assert rows(night, "select stage, rows_read, rows_written from ops.stage_runs") == [
        ("forecast quality", 4 * 113, 8 + 4 * 113)
    ]


def test_what_is_judged_is_the_demand_that_is_forecast(night: Night) -> None:
    """Returns are no demand, and a day on which a product was out of stock says nothing of it."""
    sell(night)
    night.connection.execute(
        "update marts.demand_daily_product set demand_units = 0, out_of_stock = true"
        " where product_id = 'Käse' and order_date = %s",
        [AS_OF - timedelta(days=20)],
    )
    run(night)
    weeks = "select distinct round(observed) from forecast.decompositions where series = 'company_weekly_units'"
    assert rows(night, weeks) == [(round(7 * 111 / 0.9),)]


def test_a_night_that_is_run_again_replaces_its_own_date_and_earlier_ones_only(night: Night) -> None:
    sell(night)
    dates = "select as_of_date, count(*) from forecast.quality group by 1 order by 1"
    moved = "update forecast.quality set as_of_date = as_of_date + %s"
    run(night)
    night.connection.execute(moved, [-1])
    run(night)
    assert rows(night, dates) == [(AS_OF, 8)]
    night.connection.execute(moved, [1])
    run(night)
    run(night)
    assert rows(night, dates) == [(AS_OF, 8), (AS_OF + timedelta(days=1), 8)]


def test_a_business_without_sales_has_nothing_to_judge(night: Night) -> None:
    shown = run(night)
    assert [shown[table]["dagster/row_count"].value for table in shown] == [0, 0]
    assert rows(night, "select stage, rows_written from ops.stage_runs") == [("forecast quality", 0)]


def test_parts_that_do_not_add_up_are_refused(night: Night) -> None:
    with pytest.raises(psycopg.errors.CheckViolation):
        night.connection.execute(
            "insert into forecast.decompositions values (%s, 's', 'x', %s, 10, 7, 2, 2)", [AS_OF, AS_OF]
        )


def test_a_night_that_lost_its_lease_writes_nothing(night: Night) -> None:
    sell(night)
    night.connection.execute("update ops.lease set token = token + 1")
    with pytest.raises(LeaseLostError):
        run(night)
    assert rows(night, "select count(*) from forecast.quality") == [(0,)]
