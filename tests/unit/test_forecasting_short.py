"""Fewer than eight quarters or years: the last year again, as far as it grew.

Not here: young series that models have learned (test_forecasting_last_season.py).
"""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from forecasting.engine import backtest_panel, forecast_panel
from forecasting.kernel.short import short_forecast

QUARTERS = np.array([40.0, 80, 120, 160])


def forecast(y: np.ndarray, freq: str, horizon: int = 4) -> pd.DataFrame:
    dates = pd.date_range("2019-01-01", periods=len(y), freq=freq).astype("datetime64[s]")
    return forecast_panel(pd.DataFrame({"unique_id": "A", "ds": dates, "y": y}), freq=freq, horizon=horizon)


@pytest.mark.parametrize(
    ("y", "expected"),
    [
        ([7.0], [7.0, 7.0]),
        ([7.0, 9.0], [9.0, 9.0]),  # one difference is no trend
        ([10.0, 12.0, 14.0], [15.0, 16.0]),
        ([14.0, 12.0, 10.0], [9.0, 8.0]),
        ([9.0, 5.0, 1.0], [0.0, 0.0]),
        ([1.0, -3.0, -7.0], [-9.0, -11.0]),
        ([5.0, 5.0, 5.0], [5.0, 5.0]),
        ([0.0, 0.0, 0.0], [0.0, 0.0]),
    ],
)
def test_years_go_on_by_half_their_slope(y: list[float], expected: list[float]) -> None:
    mean = np.zeros(2)
    assert short_forecast(np.array(y), 1, mean)
    assert_allclose(mean, expected)


@pytest.mark.parametrize("n", [5, 6, 7])
def test_quarters_that_came_again_are_half_of_it(n: int) -> None:
    y, mean = np.resize(QUARTERS, n), np.zeros(4)
    assert short_forecast(y, 4, mean)
    assert_allclose(mean, 0.5 * np.resize(QUARTERS, n + 4)[n:] + 0.25 * 100.0 + 0.25 * y[-1])


def test_quarters_grow_by_what_the_newest_grew_and_at_most_double() -> None:
    for factor, kept in ((1.5, 1.5), (9.0, 2.0), (0.1, 0.5)):
        y, mean = np.r_[QUARTERS, factor * QUARTERS[:3]], np.zeros(1)
        short_forecast(y, 4, mean)
        assert_allclose(mean, 0.5 * kept**0.75 * QUARTERS[3] + 0.25 * y[3:].mean() + 0.25 * y[-1])


@pytest.mark.parametrize(("n", "year"), [(4, 4), (1, 4), (7, 12), (7, 52), (7, 365)])
def test_whoever_saw_no_quarter_twice_has_the_mean(n: int, year: int) -> None:
    assert not short_forecast(np.arange(1.0, n + 1), year, np.zeros(2))


# What is so small that another unit makes it zero is another history there.
SOLD = st.floats(0, 1e12).map(lambda value: value if value > 1e-50 else 0.0)


@given(
    st.lists(SOLD, min_size=1, max_size=7),
    st.sampled_from([1, 4]),
    st.sampled_from([1e-250, 1.0, 1e250]),
)
def test_it_is_finite_within_reach_and_of_any_unit(y: list[float], year: int, scale: float) -> None:
    past, mean, scaled = np.array(y), np.zeros(24), np.zeros(24)
    is_said = short_forecast(past, year, mean)
    assert short_forecast(past * scale, year, scaled) == is_said
    assert_allclose(scaled / scale, mean, rtol=1e-6, atol=1e-6)
    width = 2 * (past.max() - past.min())
    assert (mean >= 0).all()
    assert not is_said or (mean <= past.max() + width * (1 + 1e-9)).all()


def test_a_business_of_six_years_is_not_forecast_at_its_mean() -> None:
    """100, 120 … 200: the mean of 150 lay below each of the last three years."""
    found = forecast(np.arange(100.0, 201.0, 20.0), "YS", 2)
    assert found["mean"].tolist() == pytest.approx([210.0, 220.0])
    assert found["model_used"].unique().tolist() == ["last_season"]
    assert found["fallback_reason"].unique().tolist() == [
        "fewer than 8 periods of history: the last year again, as far as it grew"
    ]


def test_a_business_of_seven_quarters_knows_its_season() -> None:
    y = np.resize(QUARTERS, 11)
    found = forecast(y[:7], "QS")
    assert np.abs(found["mean"] - y[7:]).sum() < 0.7 * np.abs(y[:7].mean() - y[7:]).sum()
    assert forecast(y[:4], "QS")["model_used"].unique().tolist() == ["mean"]
    assert forecast(y[:7], "MS")["model_used"].unique().tolist() == ["mean"]


def test_past_origins_say_the_same() -> None:
    dates = pd.date_range("2019-01-01", periods=7, freq="YS").astype("datetime64[s]")
    panel = pd.DataFrame({"unique_id": "A", "ds": dates, "y": np.arange(10.0, 17.0)})
    past = backtest_panel(panel, freq="YS", horizon=1)
    assert past["model_used"].unique().tolist() == ["last_season"]
    assert (past["mean"] - past["y"]).abs().max() <= 1.0
