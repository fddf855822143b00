"""The day of the month in daily series: the index, its proof, forecasts and intervals that follow it, and jumps.

Not here: seasons of a year (test_forecasting_engine.py), the contract over awkward histories
(test_forecasting_contract.py).
"""

from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.batch import Batch, Learned, Plan
from forecasting.engine import backtest_panel, forecast_panel
from forecasting.kernel import monthdays
from forecasting.nightly import forecast_night
from forecasting.passes import mapping, panel_weights, run_forecast
from forecasting.totals import _indices
from forecasting.yardsticks import learned_months, months_of, yardsticks
from tests.support.panels import panel_of

START = "2021-02-10"


def days_from(start: str, n: int) -> np.ndarray:
    return np.datetime64(start, "D") + np.arange(n)


def begin_of(start: str) -> int:
    return int(np.datetime64(start, "D").astype("int64"))


def from_last(days: np.ndarray) -> np.ndarray:
    """Days to the last of the month, 0 for it."""
    after = (days.astype("datetime64[M]") + 1).astype("datetime64[D]")
    return (after - days).astype("int64") - 1


def from_first(days: np.ndarray) -> np.ndarray:
    return (days - days.astype("datetime64[M]").astype("datetime64[D]")).astype("int64")


def ordinary(rng: np.random.Generator, n: int) -> np.ndarray:
    return 1000.0 * rng.gamma(16.0, 1 / 16, n) * np.array([1.1, 1, 1, 1.1, 1.3, 0.8, 0.7])[np.arange(n) % 7]


def with_orders(rng: np.random.Generator, n: int, start: str = START) -> np.ndarray:
    """Ordinary days, and on the last of each month as much again as two months of them."""
    days = days_from(start, n)
    months = days.astype("datetime64[M]").astype("int64")
    sizes = 60_000 * np.exp(rng.normal(0, 0.3, n))
    return ordinary(rng, n) + np.where(from_last(days) == 0, sizes[months - months[0]], 0.0)


# The calendar


@given(
    st.integers(-700_000, 700_000), st.integers(1, 900), st.sampled_from([monthdays.FROM_FIRST, monthdays.FROM_LAST])
)
@settings(max_examples=60, deadline=None)
def test_every_day_has_its_place_in_the_month(begin: int, n: int, counted: int) -> None:
    params = np.r_[float(counted), np.arange(31.0)]
    places = np.empty(n)
    monthdays.factors(begin, params, places)
    days = np.datetime64(begin, "D") + np.arange(n)
    expected = from_first(days) if counted == monthdays.FROM_FIRST else 30 - from_last(days)
    np.testing.assert_array_equal(places, expected)


def test_leap_days_and_centuries_end_their_months() -> None:
    params = np.r_[float(monthdays.FROM_LAST), np.zeros(30), 1.0]
    for last in ("2024-02-29", "2023-02-28", "1900-02-28", "2000-02-29", "1969-12-31", "0400-02-29"):
        factor = np.empty(2)
        monthdays.factors(begin_of(last), params, factor)
        assert factor.tolist() == [1.0, 0.0], last


# What is found, and what is not


def test_month_ends_are_found_and_counted_from_the_last_day() -> None:
    rng, n = np.random.default_rng(1), 800
    params, index = np.zeros(monthdays.SIZE), np.empty(n)
    assert monthdays.fit(with_orders(rng, n), begin_of(START), params)
    assert params[0] == monthdays.FROM_LAST
    monthdays.factors(begin_of(START), params, index)
    is_last = from_last(days_from(START, n)) == 0
    assert index[is_last].min() > 12 * index[~is_last].max()  # 61 times as much, of a noise of a third
    assert index[365:730].mean() == pytest.approx(1.0, abs=0.05)


def test_a_gentle_payday_is_found_where_noise_is_small_and_history_long() -> None:
    rng, n = np.random.default_rng(2), 1400
    paid = np.isin(from_first(days_from(START, n)), [0, 1, 2, 3])
    params, index = np.zeros(monthdays.SIZE), np.empty(n)
    assert monthdays.fit(ordinary(rng, n) * np.where(paid, 1.3, 1.0), begin_of(START), params)
    monthdays.factors(begin_of(START), params, index)
    assert index[paid].mean() / index[~paid].mean() == pytest.approx(1.22, abs=0.1)  # 1.3, shrunk


def test_what_moved_is_followed() -> None:
    rng, n = np.random.default_rng(3), 1000
    days = days_from(START, n)
    spikes = np.where(np.arange(n) < 500, from_first(days) == 0, from_last(days) == 3)
    params, index = np.zeros(monthdays.SIZE), np.empty(n)
    assert monthdays.fit(ordinary(rng, n) + 60_000.0 * spikes, begin_of(START), params)
    monthdays.factors(begin_of(START), params, index)
    assert index[from_last(days) == 3].mean() > 4 * index[from_first(days) == 0].mean()


@pytest.mark.parametrize("n", [250, 800, 1900])
@pytest.mark.parametrize("kind", ["gamma", "walk", "heavy", "rare"])
def test_nothing_is_found_in_noise(kind: str, n: int) -> None:
    rng, found = np.random.default_rng(n), 0
    params = np.zeros(monthdays.SIZE)
    for _ in range(40):
        y = {
            "gamma": lambda: ordinary(rng, n),
            "walk": lambda: np.exp(np.cumsum(rng.normal(0, 0.1, n))),
            "heavy": lambda: np.exp(1.2 * rng.standard_t(4, n)),
            "rare": lambda: rng.poisson(0.4, n).astype("float64"),
        }[kind]()
        found += monthdays.fit(y / y.mean(), begin_of(START), params)
    assert found <= 1


@pytest.mark.parametrize(
    "y",
    [
        np.ones(1),
        np.zeros(800),
        np.full(800, 3.0),
        -np.ones(800),
        np.r_[np.zeros(780), np.ones(20)],
        np.random.default_rng(4).normal(0, 1, 800),  # no level to be a multiple of
        with_orders(np.random.default_rng(5), 190),  # six months: too few to learn and be judged
    ],
    ids=["one", "zeros", "constant", "negative", "new", "around zero", "young"],
)
def test_no_index_of_histories_that_prove_none(y: np.ndarray) -> None:
    params = np.ones(monthdays.SIZE)
    assert not monthdays.fit(y, begin_of(START), params)
    assert not params.any()
    factor = np.zeros(40)
    monthdays.factors(0, params, factor)
    assert (factor == 1.0).all()


@given(st.floats(1e-200, 1e200))
@settings(max_examples=10, deadline=None)
def test_the_index_has_no_unit(scale: float) -> None:
    y = with_orders(np.random.default_rng(6), 500)
    one, other = np.zeros(monthdays.SIZE), np.zeros(monthdays.SIZE)
    assert monthdays.fit(y, begin_of(START), one)
    assert monthdays.fit(y * scale, begin_of(START), other)
    np.testing.assert_allclose(other, one, rtol=1e-6)


# Forecasts


def test_a_series_without_an_effect_does_not_know_its_dates() -> None:
    y = {"A": ordinary(np.random.default_rng(7), 700)}
    numbers = ["mean", "lo-95", "hi-95"]
    one, other = (
        forecast_panel(panel_of(y, "D", start), freq="D", horizon=35)[numbers] for start in (START, "2021-03-19")
    )
    np.testing.assert_allclose(one, other, rtol=1e-9)


def test_month_ends_are_forecast_and_their_intervals_are_wide() -> None:
    rng, n, horizon = np.random.default_rng(8), 900, 60
    full = {f"S{i:02}": with_orders(rng, n + horizon) for i in range(12)}
    known = panel_of({name: y[:n] for name, y in full.items()}, "D", START)
    said = forecast_panel(known, freq="D", horizon=horizon)
    came = np.concatenate([y[n:] for y in full.values()])
    is_last = from_last(said["ds"].to_numpy().astype("datetime64[D]")) == 0
    assert said.loc[is_last, "mean"].min() > 30_000
    assert said.loc[~is_last, "mean"].max() < 4_000
    assert said["mean"].sum() == pytest.approx(came.sum(), rel=0.1)
    half = (said["hi-95"] - said["mean"]).to_numpy()
    assert half[is_last].min() > 8 * half[~is_last].max()
    inside = (came >= said["lo-95"]) & (came <= said["hi-95"])
    assert inside[is_last].mean() > 0.75  # 24 of them; half of them where errors of all days were one pool
    assert inside[~is_last].mean() > 0.9
    assert (said["lo-95"] >= 0).all()


def test_backtests_of_stable_months_are_not_biased_and_no_origin_sees_its_future() -> None:
    rng, n = np.random.default_rng(9), 1000
    full = {f"S{i:02}": with_orders(rng, n) for i in range(6)}
    before = backtest_panel(panel_of(full, "D", START), freq="D", horizon=91)
    assert before["mean"].sum() == pytest.approx(before["y"].sum(), rel=0.1)
    first = before["cutoff"] == before["cutoff"].min()
    known = n - 91 - 5 * 22
    changed = {name: np.r_[y[:known], rng.permutation(y[known:])] for name, y in full.items()}
    after = backtest_panel(panel_of(changed, "D", START), freq="D", horizon=91)
    np.testing.assert_allclose(after.loc[first, "mean"], before.loc[first, "mean"], rtol=1e-9)


def test_jumps_on_any_day_of_the_month_do_not_bend_the_total() -> None:
    """Of logarithms the members say the median: with them the sum of 91 days was 61 % too low."""
    rng, n = np.random.default_rng(10), 1000
    days = days_from(START, n)
    months = days.astype("datetime64[M]").astype("int64")
    panel = {}
    for i in range(24):
        at = rng.integers(0, 27, n)[months - months[0]]
        panel[f"S{i:02}"] = ordinary(rng, n) + np.where(from_last(days) == at, 60_000.0, 0.0)
    past = backtest_panel(panel_of(panel, "D", START), freq="D", horizon=91)
    assert past["mean"].sum() == pytest.approx(past["y"].sum(), rel=0.1)


def test_nothing_but_month_ends_is_forecast_as_such_and_never_negative() -> None:
    days = days_from(START, 1000)
    y = {
        f"S{i}": np.where(from_last(days) == 0, 50_000.0 + 10_000 * np.sin(i + np.arange(1000)), 0.0) for i in range(6)
    }
    panel = panel_of(y, "D", START)
    past, said = backtest_panel(panel, freq="D", horizon=91), forecast_panel(panel, freq="D", horizon=91)
    # smoothing of days that are almost all silent forgets between two month ends: a third, at the worst moments
    assert past["mean"].sum() == pytest.approx(past["y"].sum(), rel=0.35)
    is_last = from_last(said["ds"].to_numpy().astype("datetime64[D]")) == 0
    assert said.loc[is_last, "mean"].min() > 100 * said.loc[~is_last, "mean"].max()
    assert (said[["mean", "lo-95", "hi-95"]].to_numpy() >= 0).all()


def test_only_days_have_a_day_of_the_month() -> None:
    weekly, daily = Plan.of("W-MON", 4, None), Plan.of("D", 4, None)
    assert not weekly.is_daily
    assert months_of(Learned.nothing(3, weekly).params, weekly).shape == (3, 0)
    assert months_of(Learned.nothing(3, daily).params, daily).shape == (3, monthdays.SIZE)


def test_a_night_filters_the_index_forward() -> None:
    rng = np.random.default_rng(11)
    panel = panel_of({"A": with_orders(rng, 800)}, "D", START)
    first = forecast_night(panel[:-3], freq="D", horizon=31)
    second = forecast_night(panel, freq="D", horizon=31, state=first.state)
    assert (second.relearned, second.filtered) == (0, 1)
    said = second.forecasts
    is_last = from_last(said["ds"].to_numpy().astype("datetime64[D]")) == 0
    assert said.loc[is_last, "mean"].min() > 30_000 > said.loc[~is_last, "mean"].max()


# Around it


def test_yardsticks_are_the_noise_times_the_index_and_the_engine_knows_the_same_one() -> None:
    rng = np.random.default_rng(12)
    panel = panel_of({"A": with_orders(rng, 700), "B": ordinary(rng, 700)}, "D", START)
    plan = Plan.of("D", 31, None)
    batch = Batch.of(panel, "D")
    votes = run_forecast(batch, plan, panel_weights(batch, plan), Learned.nothing(2, plan), mapping(None, None, 0))
    learned = learned_months(batch, plan, batch.lengths)
    np.testing.assert_allclose(learned, months_of(votes.learned.params, plan), rtol=1e-9)
    assert (learned[:, 0] > 0).tolist() == [True, False]
    noise = yardsticks(batch, plan, learned, batch.lengths[:, None])[:, 0]
    assert noise.shape == (2, 31)
    assert noise[0].max() > 12 * np.median(noise[0])
    assert np.ptp(noise[1]) == 0.0
    plain = yardsticks(batch, plan, learned[:, :0], batch.lengths[:, None])
    assert plain.shape == (2, 1, 1)
    assert plain[1, 0, 0] == noise[1, 0]


def test_auto_arima_sees_a_total_without_its_month() -> None:
    y = with_orders(np.random.default_rng(13), 600)
    none, at_end = _indices(y, (150,), None, 31, begin_of(START))
    assert none is None  # five months prove nothing
    assert at_end is not None
    assert at_end.shape == (631,)
    is_last = from_last(days_from(START, 631)) == 0
    assert at_end[is_last].min() > 10 * at_end[~is_last].max()
    assert _indices(y, (150,), None, 31, None) == (None, None)


def test_a_daily_panel_may_begin_on_a_leap_day_before_1970() -> None:
    y = with_orders(np.random.default_rng(14), 500, "1960-02-29")
    said = forecast_panel(panel_of({"é": y}, "D", "1960-02-29"), freq="D", horizon=31)
    assert pd.Timestamp(said.loc[said["mean"].idxmax(), "ds"]).date() == date(1961, 7, 31)
