"""What a business knows about prices and promotions per product and week, and what its what-ifs make of it.

Not here: the arithmetic of a scenario (tests/unit/test_forecasting_scenarios.py).
"""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from orchestration.business import Alerts, Business, Profile
from orchestration.defs.forecast_scenarios import COLUMNS, what_if
from orchestration.forecasts.regressors import product_regressors
from orchestration.forecasts.what_if import WhatIf
from orchestration.warehouse import Connection, connect, initialise, replace_as_of

AS_OF = date(2024, 3, 3)  # a Sunday
WEEKS = pd.date_range(end="2024-02-26", periods=60, freq="W-MON").astype("datetime64[s]")
TABLES = """
    create schema marts; create schema staging;
    create table marts.dim_product (
        product_key bigint, product_id text, product_name text, category text, is_charge_code boolean,
        discontinued_on date, first_sale_date date, last_sale_date date);
    create table marts.dim_product_price (product_id text, list_price numeric, valid_from date, valid_to date);
    create table marts.agg_sales_daily_product (
        order_date date, product_id text, sale_lines bigint, gross_sales numeric, units numeric);
    create table marts.agg_sales_daily (order_date date, orders bigint);
    create table marts.demand_daily_product (
        order_date date, product_id text, demand_units numeric, returned_units numeric, average_price numeric,
        discount_pct numeric, on_promotion boolean, promotion_pct numeric, out_of_stock boolean);
    create table staging.stg_promotions (
        promotion_id text, product_id text, category text, starts_on date, ends_on date, discount_pct numeric);
    insert into marts.dim_product (product_key, product_id, category, is_charge_code)
    values (1, 'Öl', 'Oils', false), (2, 'Tee', 'Teas', false), (-1, null, null, false)"""
SPAN: dict[str, Any] = {"freq": "W-MON", "horizon": 3, "as_of": AS_OF}


@pytest.fixture
def connection(database_url: str) -> Connection:
    initialise(database_url)
    opened = connect(database_url)
    opened.execute(TABLES)
    return opened


def history(*ids: str) -> pd.DataFrame:
    frames = [pd.DataFrame({"unique_id": i, "ds": WEEKS[-4:], "y": 1.0}) for i in ids]
    return pd.concat(frames, ignore_index=True)


def grid(found: pd.DataFrame | None, unique_id: str, column: str) -> list[float]:
    assert found is not None
    values: list[float] = found.loc[found["unique_id"] == unique_id, column].round(6).tolist()
    return values


def test_list_prices_are_weighed_by_their_days_and_the_last_one_holds_on(connection: Connection) -> None:
    connection.execute(
        "insert into marts.dim_product_price values"
        " ('Öl', 10, '2023-01-01', '2024-02-20'), ('Öl', 24, '2024-02-21', '2024-02-29')"
    )
    found = product_regressors(connection, history("Öl", "Tee"), **SPAN)
    # the week of 19 February: two days at 10, five at 24; in March no list holds, and the last price goes on
    assert grid(found.by_series, "Öl", "price") == [10, 10, 20, 24, 24, 24, 24]
    assert all(np.isnan(grid(found.by_series, "Tee", "price")))
    assert found.groups == {"Öl": "Oils", "Tee": "Teas"}


def test_without_lists_it_is_what_was_paid_and_that_is_not_planned(connection: Connection) -> None:
    connection.execute(
        "insert into marts.agg_sales_daily_product values ('2024-02-05', 'Öl', 1, 30, 3),"
        " ('2024-02-20', 'Öl', 1, 24, 2), ('2024-03-05', 'Öl', 1, 99, 1)"
    )
    found = product_regressors(connection, history("Öl"), **SPAN)
    assert grid(found.by_series, "Öl", "price_paid") == [10, 10, 12, 12, 12, 12, 12]  # what came later is not known
    assert found.unplanned == {"price_paid"}


def test_a_promotion_of_a_category_is_one_of_its_products_and_the_planned_ones_count(connection: Connection) -> None:
    connection.execute(
        "insert into staging.stg_promotions values ('A', 'Öl', null, '2024-02-12', '2024-02-18', 20),"
        " ('B', null, 'Teas', '2024-03-08', '2024-03-11', 35)"
    )
    found = product_regressors(connection, history("Öl", "Tee"), **SPAN)
    assert grid(found.by_series, "Öl", "promotion") == [0, 0.2, 0, 0, 0, 0, 0]
    assert grid(found.by_series, "Tee", "promotion") == [0, 0, 0, 0, 0.15, 0.05, 0]


def test_a_business_that_knows_nothing_of_prices_has_no_regressors(connection: Connection) -> None:
    assert product_regressors(connection, history("Öl"), **SPAN).by_series is None
    assert product_regressors(connection, history("Öl").iloc[:0], **SPAN).names == []


def business(*asked: WhatIf) -> Business:
    profile = Profile(name="Käse & Co", currency="EUR", time_zone="Europe/Berlin")
    return Business(folder=Path("nowhere"), profile=profile, sources=(), alerts=Alerts(), scenarios=asked)


def test_a_night_asks_its_what_ifs(connection: Connection) -> None:
    """Every fifth week is a promotion at 20 % off that trebles sales; the price never changed."""
    promoted = np.arange(60) % 5 == 2
    for week, on in zip(WEEKS, promoted, strict=True):
        units = 60 if on else 20
        connection.execute(
            "insert into marts.agg_sales_daily_product values (%s, 'Öl', 1, %s, %s)", [week, units * 10, units]
        )
        connection.execute("insert into marts.agg_sales_daily values (%s, 1)", [week])
        connection.execute(
            "insert into marts.demand_daily_product (order_date, product_id, demand_units, on_promotion)"
            " values (%s, 'Öl', %s, %s)",
            [week, units, on],
        )
        if on:
            connection.execute(
                "insert into staging.stg_promotions values ('A', 'Öl', null, %s, %s, 20)",
                [week, week + timedelta(days=6)],
            )
    base = pd.DataFrame({"unique_id": "Öl", "ds": [date(2024, 3, 4), date(2024, 3, 11)], "mean": 20.0})
    base = base.assign(**{"lo-80": 15.0, "hi-80": 25.0, "lo-95": 10.0, "hi-95": 30.0})
    sale = WhatIf.model_validate({"name": "sale", "promotion": {"discount_pct": 20, "lasts_days": 7}})
    dearer = WhatIf(name="dearer", price_change_pct=10)
    found = what_if(connection, business(sale, dearer), AS_OF, base)
    assert list(found.columns) == COLUMNS
    said = found.set_index(["scenario", "ds"])["mean"]
    assert said["sale", date(2024, 3, 4)] == pytest.approx(60, rel=0.1)
    assert said["sale", date(2024, 3, 11)] == 20
    assert found.loc[found["scenario"] == "dearer", "mean"].tolist() == [20, 20]
    assert found["note"].iloc[-1] == "price effect not estimable: it never changed in the history"
    with connection.transaction():
        assert replace_as_of(connection, "forecast.scenarios", AS_OF, found) == 4


def test_without_a_question_or_a_forecast_there_is_no_answer(connection: Connection) -> None:
    nothing = pd.DataFrame(columns=["unique_id", "ds", "mean", "lo-80", "hi-80", "lo-95", "hi-95"])
    for asked, base in (((), history("Öl")), ((WhatIf(name="x", price_change_pct=1),), nothing)):
        found = what_if(connection, business(*asked), AS_OF, base)
        assert found.empty
        assert list(found.columns) == COLUMNS
