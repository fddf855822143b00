"""A family's forecast without a warehouse: histories, reasons, ends of products, what adds up.

Not here: the facts and the tables (tests/integration/test_forecast_stage.py).
"""

from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from orchestration.business import Profile
from orchestration.forecasts.families import PRODUCTS, Family
from orchestration.forecasts.family_forecasts import (
    Outcome,
    coherent,
    discontinued,
    forecast_family,
    parent_links,
    with_reasons,
)
from orchestration.forecasts.histories import History, history_of

SHOP = Profile(name="Shop", currency="EUR", time_zone="Europe/Berlin", fiscal_year_start_month=4)
WEEKLY = Family(level="product", measure="units", grain="week", horizon=3)
NO_PRODUCTS = pd.DataFrame({"product_id": pd.Series(dtype="str"), "discontinued_on": pd.Series(dtype="object")})


def daily(series: dict[str, tuple[str, list[float]]]) -> pd.DataFrame:
    frames = [
        pd.DataFrame({"unique_id": name, "ds": pd.date_range(start, periods=len(y)).astype("datetime64[s]"), "y": y})
        for name, (start, y) in series.items()
    ]
    return pd.concat(frames, ignore_index=True).astype({"unique_id": "str", "y": "float64"})


def test_a_history_has_whole_periods_only() -> None:
    """Books from a Wednesday to a Tuesday: neither the first week nor the last is one."""
    days = daily({"A": ("2024-01-03", [1.0] * 21), "late": ("2024-01-12", [5.0])})
    history = history_of(WEEKLY, days, SHOP, date(2024, 1, 23))
    assert history.panel.groupby("unique_id")["y"].apply(list).to_dict() == {"A": [7.0, 7.0], "late": [5.0, 0.0]}
    assert history.panel["ds"].min() == pd.Timestamp("2024-01-08")
    assert (history.freq, history.notes) == ("W-MON", {})


def test_a_series_of_the_running_period_is_there_with_its_reason() -> None:
    days = daily({"A": ("2024-01-01", [1.0] * 23), "new": ("2024-01-22", [4.0, 2.0])})
    history = history_of(WEEKLY, days, SHOP, date(2024, 1, 23))
    assert history.panel[history.panel["unique_id"] == "new"]["y"].tolist() == [6.0]
    outcome = forecast_family(WEEKLY, history, products=NO_PRODUCTS)
    by_id = outcome.series.set_index("unique_id")
    assert by_id.loc["new", "fallback_reason"] == "no whole week of sales yet: what it sold so far stands for one"
    assert (by_id.loc["new", "n_periods"], by_id.loc["A", "n_periods"]) == (0, 3)
    assert pd.isna(by_id.loc["new", "first_ds"])
    starts = outcome.forecasts.groupby("unique_id")["ds"].min()
    assert starts.to_dict() == {"A": pd.Timestamp("2024-01-22"), "new": pd.Timestamp("2024-01-22")}


def test_one_huge_order_of_the_running_week_is_no_week_like_any_other() -> None:
    """80,995 pieces on the last day; of 20 that began before, in their first whole week one sold 70 and others 7."""
    begun = {f"P{i:02}": ("2024-01-15", [10.0 if i == 0 else 1.0] * 7) for i in range(20)}
    days = daily(
        {"A": ("2024-01-01", [1.0] * 23), **begun, "new": ("2024-01-23", [80_995.0]), "few": ("2024-01-23", [2.0])}
    )
    history = history_of(WEEKLY, days, SHOP, date(2024, 1, 23))
    assert history.panel.set_index("unique_id")["y"].loc[["new", "few"]].tolist() == [7.0, 2.0]
    assert history.notes["new"].endswith(
        "but no more than 7, which nine of ten others did not exceed in their first week"
    )
    assert history.notes["few"] == "no whole week of sales yet: what it sold so far stands for one"


def test_a_business_of_two_days_is_forecast_too() -> None:
    history = history_of(WEEKLY, daily({"A": ("2024-01-03", [3.0, 4.0])}), SHOP, date(2024, 1, 4))
    outcome = forecast_family(WEEKLY, history, products=NO_PRODUCTS)
    assert outcome.forecasts["mean"].tolist() == [7.0] * 3
    assert outcome.forecasts["ds"].iloc[0] == pd.Timestamp("2024-01-01")
    assert outcome.series["n_periods"].tolist() == [0]


def test_no_facts_are_no_rows_but_all_columns() -> None:
    history = history_of(WEEKLY, daily({"A": ("2024-01-03", [3.0])}).iloc[:0], SHOP, date(2024, 1, 4))
    outcome = forecast_family(WEEKLY, history, products=NO_PRODUCTS)
    assert [len(getattr(outcome, name)) for name in ("forecasts", "intervals", "backtests", "accuracy", "series")] == [
        0
    ] * 5
    assert {"mean", "lo-80", "hi-95", "fallback_reason"} <= set(outcome.forecasts)
    assert {"trend_direction", "n_periods", "first_ds"} <= set(outcome.series)


@pytest.mark.parametrize(
    ("grain", "first", "known"),
    [
        ("month", "2023-12-04", ["2023-12-01", "2024-01-01", "2024-02-01"]),  # closed on the first days
        ("month", "2023-12-09", ["2024-01-01", "2024-02-01"]),
        ("quarter", "2023-08-01", ["2023-10-01"]),
        ("fiscal_quarter", "2023-07-05", ["2023-07-01", "2023-10-01"]),
        ("year", "2022-12-29", ["2023-01-01"]),
        ("fiscal_year", "2022-12-29", ["2023-04-01"]),
    ],
)
def test_books_that_begin_in_a_period_do_not_know_it(grain: str, first: str, known: list[str]) -> None:
    end = date(2024, 3, 31) if grain == "fiscal_year" else date(2024, 2, 29)
    family = Family.model_validate({"level": "company", "measure": "revenue", "grain": grain, "horizon": 1})
    length = (pd.Timestamp(end) - pd.Timestamp(first)).days + 1
    history = history_of(family, daily({"company": (first, [1.0] * length)}), SHOP, end)
    assert history.panel["ds"].dt.strftime("%Y-%m-%d").tolist() == known


def test_levels_that_are_asked_for_are_intervals_of_their_own() -> None:
    family = WEEKLY.model_copy(update={"levels_pct": (50.0, 99.0)})
    y = np.random.default_rng(3).poisson(9, 7 * 40).astype(float).tolist()
    history = history_of(family, daily({"A": ("2024-01-01", y)}), SHOP, date(2024, 10, 6))
    outcome = forecast_family(family, history, products=NO_PRODUCTS)
    wide = outcome.intervals.pivot(index="ds", columns="level_pct", values="hi")
    assert wide.columns.tolist() == [50, 99]
    assert len(outcome.intervals) == 6
    ahead = outcome.forecasts.set_index("ds")
    assert (wide[50] <= ahead["hi-80"]).all()
    assert (wide[99] >= ahead["hi-95"]).all()


def forecasts(**ends: str | None) -> tuple[pd.DataFrame, pd.DataFrame]:
    weeks = pd.date_range("2024-03-04", periods=3, freq="W-MON").astype("datetime64[s]")
    frame = pd.concat([
        pd.DataFrame({
            "unique_id": name, "ds": weeks, "mean": 5.0, "lo-80": 4.0, "hi-80": 6.0, "model_used": "ets",
            "demand_class": "regular", "fallback_reason": None,
        }) for name in ends
    ], ignore_index=True)  # fmt: skip
    days = [None if end is None else date.fromisoformat(end) for end in ends.values()]
    return frame, pd.DataFrame({"product_id": list(ends), "discontinued_on": pd.Series(days, dtype="object")})


def test_a_discontinued_product_is_forecast_until_its_day() -> None:
    frame, products = forecasts(gone="2024-02-29", going="2024-03-11", stays=None, later="2025-01-01")
    result = discontinued(frame, products)
    assert result.groupby("unique_id")["mean"].apply(list).to_dict() == {
        "gone": [0, 0, 0], "going": [5, 0, 0], "stays": [5, 5, 5], "later": [5, 5, 5]
    }  # fmt: skip
    own = result.drop_duplicates("unique_id").set_index("unique_id")
    assert own["fallback_reason"].fillna("").to_dict() == {
        "gone": "discontinued on 2024-02-29", "going": "discontinued on 2024-03-11", "stays": "", "later": ""
    }  # fmt: skip
    assert own["model_used"].to_dict() == {"gone": "zero", "going": "ets", "stays": "ets", "later": "ets"}
    assert result.loc[result["unique_id"] == "gone", ["lo-80", "hi-80"]].to_numpy().max() == 0
    assert frame["mean"].min() == 5, "the input is left as it is"
    none = discontinued(frame.iloc[:0], products)
    assert none.empty


def test_every_series_without_a_model_says_why() -> None:
    quiet = [3.0] * 70 + [0.0] * 7 * 40
    days = daily(
        {
            "dead": ("2024-01-01", quiet),
            "busy": ("2024-01-01", list(np.arange(350.0))),
            "short": ("2024-12-01", [1.0] * 10),
        }
    )
    history = history_of(WEEKLY, days, SHOP, date(2024, 12, 15))
    reasons = forecast_family(WEEKLY, history, products=NO_PRODUCTS).series.set_index("unique_id")["fallback_reason"]
    assert reasons.fillna("").to_dict() == {
        "dead": "no demand since the period of 2024-03-04",
        "busy": "",
        "short": "too short for a model: 3 whole periods",
    }


def test_a_reason_that_is_there_is_kept() -> None:
    frame, _ = forecasts(A=None)
    history = history_of(WEEKLY, daily({"A": ("2024-01-01", [1.0] * 21)}), SHOP, date(2024, 1, 21))
    told = with_reasons(frame.assign(demand_class="regular", fallback_reason="ets: it diverged"), history)
    assert set(told["fallback_reason"]) == {"ets: it diverged"}


def family_of(level: str, series: dict[str, np.ndarray], horizon: int = 3) -> Outcome:
    family = Family.model_validate({"level": level, "measure": "units", "grain": "week", "horizon": horizon})
    days = daily({name: ("2023-01-02", y.tolist()) for name, y in series.items()})
    end = (days["ds"].max() + pd.Timedelta(days=6)).date()
    return forecast_family(family, history_of(family, days, SHOP, end), products=NO_PRODUCTS)


def test_products_add_up_to_categories_and_the_company() -> None:
    rng = np.random.default_rng(5)
    sold = {name: rng.poisson(k + 1, 7 * 60).astype(float) for k, name in enumerate(["Cups", "MUG", "TEE", "ß"])}
    names = pd.DataFrame({"product_id": list(sold), "category": ["Cups", "Cups", "Shirts", "Shirts"]})
    shirts, cups = sold["TEE"] + sold["ß"], sold["Cups"] + sold["MUG"]
    outcomes = {
        "product_weekly_units": family_of("product", sold),  # one is called as its category
        "category_weekly_units": family_of("category", {"Cups": cups, "Shirts": shirts}),
        "company_weekly_units": family_of("company", {"company": cups + shirts}),
    }
    made = coherent(outcomes, parent_links(names))
    means = {name: o.forecasts.pivot(index="ds", columns="unique_id", values="mean") for name, o in made.items()}
    products, groups = means["product_weekly_units"], means["category_weekly_units"]
    assert_allclose(products[["TEE", "ß"]].sum(axis=1), groups["Shirts"], rtol=1e-9)
    assert_allclose(products.sum(axis=1), means["company_weekly_units"]["company"], rtol=1e-9)
    past = made["product_weekly_units"].backtests.groupby(["cutoff", "ds"])["mean"].sum()
    whole = made["company_weekly_units"].backtests.set_index(["cutoff", "ds"])["mean"]
    assert_allclose(past.sort_index(), whole.sort_index(), rtol=1e-9)
    for name, o in made.items():
        assert list(o.forecasts.columns) == list(outcomes[name].forecasts.columns)
        assert len(o.forecasts) == len(outcomes[name].forecasts)
        assert ((o.forecasts["lo-95"] <= o.forecasts["mean"]) & (o.forecasts["mean"] <= o.forecasts["hi-95"])).all()


def test_a_family_that_looks_elsewhere_stands_by_itself() -> None:
    y = np.random.default_rng(6).poisson(5, 7 * 30).astype(float)
    outcomes = {
        "product_weekly_units": family_of("product", {"MUG": y}),
        "company_weekly_units": family_of("company", {"company": y + 1}, horizon=5),
    }
    made = coherent(outcomes, parent_links(pd.DataFrame({"product_id": ["MUG"], "category": ["Cups"]})))
    assert made["company_weekly_units"] is outcomes["company_weekly_units"]
    empty = {"product_weekly_units": replace(outcomes["product_weekly_units"], family=PRODUCTS)}
    assert coherent(empty, parent_links(pd.DataFrame({"product_id": [], "category": []}))) == empty


@pytest.mark.parametrize(("grain", "closed"), [("day", ["2025-12-21", "2025-12-25", "2025-12-26"]), ("week", [])])
def test_a_night_expects_nothing_on_closed_days_whatever_the_models_say(grain: str, closed: list[str]) -> None:
    family = Family.model_validate({"level": "company", "measure": "revenue", "grain": grain, "horizon": 7})
    profile = SHOP.model_copy(update={"country": "DE"})
    days = pd.date_range("2024-09-02", "2025-12-20").astype("datetime64[s]")
    feast = days.strftime("%m-%d").isin(["12-25", "12-26", "01-01", "05-01", "10-03"])
    panel = pd.DataFrame({"unique_id": "company", "ds": days, "y": np.where((days.dayofweek == 6) | feast, 0.0, 9.0)})
    if grain == "week":
        panel = panel[panel["ds"].dt.dayofweek == 0].reset_index(drop=True)
    freq = family.frequency(first_weekday="monday", fiscal_year_start_month=1)
    found = forecast_family(family, History(panel, freq, {}), products=NO_PRODUCTS, profile=profile)
    ahead, past = found.forecasts, found.backtests
    assert ahead.loc[ahead["mean"] == 0, "ds"].dt.strftime("%Y-%m-%d").tolist() == closed
    assert (past["mean"].eq(0) == (past["ds"].dt.dayofweek == 6)).all()
