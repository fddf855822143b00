"""Forecasts of earlier nights meet what came, on a real PostgreSQL: the database's sums are the ones defined in Python.

Not here: the measures made of them (tests/unit/test_forecasting_accuracy.py).
"""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecasting.accuracy import SUMS, error_measures, error_terms
from forecasting.fallback import seasonal_naive
from forecasting.panel import complete_calendar
from orchestration.forecasts.due import outcomes_of
from orchestration.forecasts.outcomes import GRAINS, Family, families
from orchestration.warehouse import Connection, connect, initialise, replace_as_of

FACTS = """
    create schema marts;
    create table marts.agg_sales_daily_product (order_date date, product_id text, units numeric, net_revenue numeric,
                                                orders bigint);
    create table marts.mv_sales_daily_summary (order_date date, units numeric, net_revenue numeric, orders bigint);"""
WEEKLY, MONTHLY = "product_weekly_units", "company_monthly_revenue"


@pytest.fixture
def shop(database_url: str) -> Iterator[Connection]:
    initialise(database_url)
    with connect(database_url) as connection:
        connection.execute(FACTS)
        yield connection


def sold(connection: Connection, product: str, units: dict[date, float]) -> None:
    with connection.cursor() as cursor:
        cursor.executemany(
            "insert into marts.agg_sales_daily_product values (%s, %s, %s, 0, 1)",
            [(day, product, value) for day, value in units.items()],
        )


def said(
    connection: Connection, as_of: date, series: str, rows: list[tuple[str, date, float]], half: float = 1
) -> None:
    frame = pd.DataFrame(rows, columns=["unique_id", "ds", "mean"])
    bounds = {f"{side}_{level}": frame["mean"] + sign * half * width
              for side, sign in (("lo", -1), ("hi", 1)) for level, width in ((80, 1), (95, 2))}  # fmt: skip
    frame = frame.assign(series=series, model_used="m", demand_class="smooth", **bounds)
    with connection.transaction():
        replace_as_of(connection, "forecast.forecasts", as_of, frame)


def of(connection: Connection, series: str, as_of: date) -> Any:
    family = Family.of(series)
    assert family is not None
    return outcomes_of(connection, family, as_of)


def test_before_anything_came_due_there_is_nothing_to_judge(shop: Connection) -> None:
    as_of = date(2024, 3, 3)
    assert of(shop, WEEKLY, as_of) is None
    sold(shop, "A", {date(2024, 2, 26): 5})
    said(shop, as_of, WEEKLY, [("A", date(2024, 3, 4), 5.0)])
    assert of(shop, WEEKLY, as_of) is None
    assert of(shop, WEEKLY, as_of + timedelta(days=6)) is None  # Saturday: the week is not over
    assert of(shop, WEEKLY, as_of + timedelta(days=7)) is not None
    assert families(shop, as_of, as_of) == [WEEKLY]
    assert families(shop, date(2024, 3, 4), date(2024, 3, 5)) == []


def test_worked_by_hand_over_three_nights(shop: Connection) -> None:
    """Two weeks of one product: Sunday's and Monday's nights forecast the same weeks, and Sunday's counts."""
    sold(shop, "A", {date(2024, 2, 19): 4, date(2024, 2, 28): 6, date(2024, 3, 6): 9, date(2024, 3, 10): 1})
    sold(shop, "B", {date(2024, 2, 20): 3})  # vanished
    two = [date(2024, 3, 4), date(2024, 3, 11)]
    said(shop, date(2024, 3, 3), WEEKLY, [("A", two[0], 8.0), ("A", two[1], 8.0), ("B", two[0], 2.0)])
    said(shop, date(2024, 3, 4), WEEKLY, [("A", two[0], 99.0), ("A", two[1], 99.0)])
    said(shop, date(2024, 3, 10), WEEKLY, [("A", two[1], 1.0), ("A", date(2024, 3, 18), 1.0), ("C", two[1], 7.0)])
    found = of(shop, WEEKLY, date(2024, 3, 17))
    a, b = error_measures(found.by_series).to_dict("records")  # C never sold: the marts do not know it
    # A: week 1 came 10, said 8 (lead 1), naive 6; week 2 came 0, said 8 (lead 2, naive 6) and 1 (lead 1, naive 10)
    assert (a["unique_id"], a["n_forecasts"], b["unique_id"], b["n_forecasts"]) == ("A", 3, "B", 1)
    assert a["wape_pct"] == pytest.approx(100 * (2 + 8 + 1) / 10)
    assert a["naive_wape_pct"] == pytest.approx(100 * (4 + 6 + 10) / 10)
    assert a["mape_pct"] == pytest.approx(20.0)  # of the one that did not come to nothing
    assert a["bias_pct"] == pytest.approx(100 * (-2 + 8 + 1) / 10)
    assert (a["coverage_80_pct"], a["coverage_95_pct"]) == (pytest.approx(100 / 3), pytest.approx(200 / 3))
    assert np.isnan(b["wape_pct"])  # nothing came: no percentage of it
    leads = found.by_class_and_lead.set_index(["demand_class", "lead"])["n_forecasts"]
    assert leads.to_dict() == {("all", 0): 4, ("all", 1): 3, ("all", 2): 1, ("smooth", 0): 4, ("smooth", 1): 3,
                               ("smooth", 2): 1}  # fmt: skip
    assert found.one_step[["unique_id", "y", "mean"]].to_numpy().tolist() == [["A", 10, 8], ["A", 0, 1], ["B", 0, 2]]


def test_months_and_quarters_may_begin_anywhere(shop: Connection) -> None:
    shop.execute(
        "insert into marts.mv_sales_daily_summary select d, 1, extract(month from d), 1"
        " from generate_series('2021-01-01'::date, '2024-07-31', '1 day') d"
    )
    said(shop, date(2024, 1, 31), "company_quarterly_revenue", [("company", date(2024, 2, 1), 300.0)])
    said(shop, date(2024, 5, 31), MONTHLY, [("company", date(2024, 6, 1), 180.0), ("company", date(2024, 7, 1), 200.0)])
    quarter = of(shop, "company_quarterly_revenue", date(2024, 4, 30))
    assert quarter.one_step["y"].tolist() == [2 * 29 + 3 * 31 + 4 * 30]
    assert of(shop, "company_quarterly_revenue", date(2024, 4, 29)) is None
    month = of(shop, MONTHLY, date(2024, 7, 31))
    assert month.by_series["miss"].tolist() == [abs(200 - 7 * 31)]
    assert month.by_series["naive_miss"].tolist() == [0]  # the year before was the same
    assert error_measures(month.by_series)["mase"].isna().all()  # the past was the same every year: no scale


@pytest.mark.parametrize("name", ["weekly", "daily"])
def test_the_databases_sums_are_those_of_python(shop: Connection, name: str) -> None:
    """Three series of random days, a night every third day: against the definition, night by night."""
    grain, freq = GRAINS[name], {"weekly": "W-MON", "daily": "D"}[name]
    rng, series, last = np.random.default_rng(5), f"product_{name}_units", date(2024, 3, 3)
    days = pd.date_range(last - timedelta(days=700), last)
    frames = []
    for product, rate, first in (("A", 3.0, 0), ("B", 0.2, 100), ("Ç", 1.0, 600)):
        y = rng.poisson(rate, len(days)).astype(float)
        y[:first] = 0
        y[first] = 1
        frames.append(pd.DataFrame({"unique_id": product, "ds": days, "y": y}).loc[lambda f: f["y"] > 0])
        sold(shop, product, {d.date(): float(v) for d, v in zip(frames[-1]["ds"], frames[-1]["y"], strict=True)})
    daily = pd.concat(frames, ignore_index=True)
    daily["unique_id"] = daily["unique_id"].astype("str")
    if freq != "D":
        daily["ds"] = daily["ds"] - pd.to_timedelta(daily["ds"].dt.weekday, unit="D")
        daily = daily.groupby(["unique_id", "ds"], as_index=False)["y"].sum()
    came = complete_calendar(daily, freq, last)
    begins = came["ds"].max() - pd.Timedelta(days=grain.days * (grain.window - 1))
    horizon, due = 9, []
    for back in range(120, 0, -3):
        as_of = last - timedelta(days=back)
        past = came[came["ds"] + pd.Timedelta(days=grain.days - 1) <= pd.Timestamp(as_of)]
        rows = []
        for product, one in past.groupby("unique_id"):
            y, end = one["y"].to_numpy(), one["ds"].max()
            naive, made = seasonal_naive(y, grain.season, horizon), rng.normal(y[-1], 1, horizon)
            for h in range(horizon):
                ds = end + pd.Timedelta(days=grain.days * (h + 1))
                rows.append((str(product), ds.date(), float(made[h])))
                due.append((product, end, ds, h + 1, made[h], naive[h], as_of))
        said(shop, as_of, series, rows, half=1.5)
    table = pd.DataFrame(due, columns=["unique_id", "end", "ds", "lead", "mean", "naive", "as_of"])
    seen_first = table.groupby(["unique_id", "end"])["as_of"].transform("min") == table["as_of"]
    assert seen_first.all() == (freq == "D")
    table = table[seen_first & (table["ds"] >= begins)].merge(came, on=["unique_id", "ds"])
    table = table.assign(lo_80=table["mean"] - 1.5, hi_80=table["mean"] + 1.5, lo_95=table["mean"] - 3,
                         hi_95=table["mean"] + 3, demand_class="smooth")  # fmt: skip
    reach = begins - pd.Timedelta(days=grain.days * grain.reach)
    for product, one in came[(came["ds"] < begins) & (came["ds"] >= reach)].groupby("unique_id"):
        y = one["y"].to_numpy()
        y = y[np.flatnonzero(y)[0] :]
        lag = grain.season if len(y) > grain.season else 1
        steps = y[lag:] - y[:-lag]
        table.loc[table["unique_id"] == product, "scale"] = np.abs(steps).mean()
        table.loc[table["unique_id"] == product, "square_scale"] = (steps**2).mean()
    found = of(shop, series, last)
    terms = error_terms(table)
    for mine, theirs, key in (
        (terms.groupby(table["unique_id"]).sum().reset_index(), found.by_series, ["unique_id"]),
        (
            terms.groupby(table["lead"]).sum().reset_index(),
            found.by_class_and_lead.query("demand_class == 'smooth' and lead > 0"),
            ["lead"],
        ),
    ):
        theirs = theirs.reset_index(drop=True)
        assert mine[key].to_numpy().tolist() == theirs[key].to_numpy().tolist()
        np.testing.assert_allclose(mine[list(SUMS)].astype(float), theirs[list(SUMS)].astype(float), rtol=1e-9)
