"""Series that are too young for a model to know their season lean on the last one, as far as it came again.

Not here: the models that learn a season (test_forecasting_oracle.py).
"""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from forecasting.engine import forecast_panel
from forecasting.kernel.last_season import lean_on_last_season

YEAR = np.array([1.0, 2, 4, 7, 9, 8, 6, 5, 4, 3, 2, 1])


def forecast(y: np.ndarray, freq: str = "MS", horizon: int = 12) -> pd.DataFrame:
    dates = pd.date_range("2023-01-01", periods=len(y), freq=freq)
    return forecast_panel(pd.DataFrame({"unique_id": "A", "ds": dates, "y": y}), freq=freq, horizon=horizon)


@pytest.mark.parametrize("n", [0, 1, 5, 11, 12, 20])
def test_a_share_of_the_last_season_by_what_came_again(n: int) -> None:
    """Of YEAR twice, K = n months came again and were alike: w = (K + 1.2) / (K + 3), or 0.4 for fewer than three."""
    y, mean = np.resize(YEAR, 12 + n), np.zeros(12)
    assert lean_on_last_season(y, 12, len(y), mean)
    share = 0.4 if n < 3 else (n + 1.2) / (n + 3)
    assert_allclose(mean, share * np.resize(YEAR, 24 + n)[-12:])


def test_what_came_otherwise_counts_little() -> None:
    mean = np.zeros(12)
    lean_on_last_season(np.concatenate([YEAR, 10.0 - YEAR]), 12, 24, mean)
    assert mean.max() < 0.15 * 10.0


@pytest.mark.parametrize("scale", [1e-280, 1e-3, 1e150, 1e300])
def test_growth_and_scale(scale: float) -> None:
    """A second year of twice the first, in any unit: growth 2 to the power 6/9."""
    y, mean = scale * np.concatenate([YEAR, 2 * YEAR]), np.zeros(3)
    lean_on_last_season(y, 12, 24, mean)
    assert_allclose(mean, scale * (13.2 / 15) * 2 ** (6 / 9) * 2 * YEAR[:3], rtol=1e-12)


@pytest.mark.parametrize("y", [np.zeros(20), np.full(20, 3.0), -np.ones(20), np.r_[np.zeros(12), np.ones(8)]])
def test_nothing_to_compare_is_finite_and_no_growth(y: np.ndarray) -> None:
    mean = np.ones(4)
    lean_on_last_season(y, 12, 20, mean)
    assert np.isfinite(mean).all()
    assert np.abs(mean).max() <= 3.0


@pytest.mark.parametrize(("n_fit", "part"), [(35, 1.0), (36, 0.5), (42, 0.25), (47, 1 / 24)])
def test_with_three_seasons_the_share_fades(n_fit: int, part: float) -> None:
    y, mean = np.resize(YEAR, 47), np.zeros(12)
    assert lean_on_last_season(y, 12, n_fit, mean)
    assert_allclose(mean, part * (35 + 1.2) / (35 + 3) * np.resize(YEAR, 59)[-12:])


@pytest.mark.parametrize(("m", "n_fit"), [(1, 20), (12, 11), (12, 48), (12, 0)])
def test_who_knows_no_season_or_four_is_left_alone(m: int, n_fit: int) -> None:
    mean = np.ones(3)
    assert not lean_on_last_season(np.arange(40.0), m, n_fit, mean)
    assert mean.tolist() == [1.0, 1.0, 1.0]


def test_a_total_of_23_months_knows_its_summer() -> None:
    """Flat, it missed last year's months by 42 %; seasonal naive missed nothing."""
    y = 100.0 * (1.0 + np.resize(YEAR, 35))
    found = forecast(y[:23])
    assert found["model_used"].iloc[0].endswith("+last_season")
    assert np.abs(found["mean"] - y[23:]).sum() < 0.15 * y[23:].sum()
    assert "last_season" not in forecast(np.resize(YEAR, 48) + 1.0)["model_used"].iloc[0]


def test_a_hundred_weeks_know_their_year_only_where_it_came_again() -> None:
    wave = 100.0 + 60.0 * (np.arange(113) % 52 >= 40)  # too sudden for the smooth index of the year
    found = forecast(wave[:100], "W-MON", 13)
    assert found["model_used"].iloc[0].endswith("+last_season")
    assert np.abs(found["mean"] - wave[100:]).sum() < 0.15 * wave[100:].sum()
    noise = np.random.default_rng(5).gamma(5.0, 20.0, 53)
    mean = np.full(13, 100.0)
    lean_on_last_season(noise, 52, 53, mean)
    assert mean.tolist() == [100.0] * 13


def test_rare_demand_has_no_last_season() -> None:
    rare = np.where(np.arange(20) % 4 == 0, 5.0, 0.0)
    assert "last_season" not in forecast(rare)["model_used"].iloc[0]
