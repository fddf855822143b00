"""Growth in proportion: what it continues, on which series it votes, and what is said of very few months.

Not here: the same model beside statsforecast's (test_forecasting_oracle.py).
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from forecasting.engine import forecast_panel
from forecasting.kernel import growth
from forecasting.kernel.registry import MODELS
from forecasting.weights import learned_weights
from tests.support.panels import panel_of

SEED = 20240229
GROWING = 100 * 1.1 ** np.arange(20) * np.tile([1.0, 1.03, 0.98, 1.01], 5)


def test_what_doubles_goes_on_doubling() -> None:
    ahead = MODELS["growth"](2.0 ** np.arange(-6.0, 4.0), 1, 3)
    np.testing.assert_allclose(ahead, [16.0, 32.0, 64.0], rtol=1e-3)


@given(arrays.arrays("float64", st.integers(3, 30), elements=st.floats(0.01, 100.0)), st.floats(0.01, 100.0))
def test_it_has_the_unit_of_the_series(y: np.ndarray, unit: float) -> None:
    """Only nearly: of two α that miss the same, rounding decides."""
    params, other = np.zeros(growth.SIZE), np.zeros(growth.SIZE)
    growth.fit(y, 1, params)
    growth.fit(y * unit, 1, other)
    one, two = np.zeros((1, 4)), np.zeros((1, 4))
    growth.emit(y, 1, len(y), params, np.array([len(y)]), one)
    growth.emit(y * unit, 1, len(y), params, np.array([len(y)]), two)
    np.testing.assert_allclose(two, one * unit, rtol=1e-6)


def test_a_zero_that_came_later_silences_it_from_there_on() -> None:
    y = np.r_[GROWING / 100, 0.0, 5.0]
    params, out = np.zeros(growth.SIZE), np.zeros((3, 2))
    assert growth.fit(y[:18], 1, params)
    growth.emit(y, 1, 18, params, np.array([18, 20, 22]), out)
    assert np.isfinite(out[:2]).all()
    assert np.isnan(out[2]).all()


@pytest.mark.parametrize(
    ("y", "freq", "votes"),
    [
        (GROWING, "YS", True),
        (GROWING, "QS", False),  # a season is carried
        (GROWING, "W-MON", False),  # a slope of 20 weeks is mostly season
        (np.r_[0.0, GROWING], "YS", False),  # zero has no logarithm
        (GROWING - 150, "YS", False),
    ],
)
def test_it_votes_where_there_is_no_season_and_all_is_positive(y: np.ndarray, freq: str, votes: bool) -> None:
    forecast = forecast_panel(panel_of({"A": y}, freq, "1990-01-01"), freq=freq, horizon=3)
    names = forecast["model_used"].iloc[0].split("+")
    assert ("growth" in names) == votes
    assert "ets" in names
    assert forecast["fallback_reason"].isna().all()


def test_it_lifts_the_forecast_of_what_grew_in_proportion() -> None:
    forecast = forecast_panel(panel_of({"A": GROWING[:16]}, "YS", "1990-01-01"), freq="YS", horizon=4)
    assert (forecast["mean"].to_numpy() / GROWING[16:]).tolist() == pytest.approx([1.0] * 4, abs=0.15)


@pytest.mark.parametrize("freq", ["MS", "W-MON"])
def test_of_very_few_months_all_count(freq: str) -> None:
    y = np.arange(10.0, 80.0, 10.0)
    forecast = forecast_panel(panel_of({"A": y}, freq, "1990-01-01"), freq=freq, horizon=2)
    assert forecast["mean"].tolist() == pytest.approx([40.0, 40.0])
    assert forecast["fallback_reason"].iloc[0] == "fewer than 8 periods of history: the mean of what there is"


def test_a_member_without_any_vote_keeps_its_share_and_moves_nobody() -> None:
    rng = np.random.default_rng(SEED)
    came = rng.normal(0, 1, (60, 18))
    votes = came + rng.normal(0, 1, (3, 60, 18)) * np.array([0.05, 1.0, 1.0])[:, None, None]
    halves = np.arange(60) % 2
    alone, _ = learned_weights(votes, came, np.full(3, 1 / 3), halves)
    votes = np.concatenate([votes, np.full((1, 60, 18), np.nan)])
    beside, then = learned_weights(votes, came, np.full(4, 1 / 4), halves)
    assert beside[3] == 0.25
    assert then[:, 3].tolist() == [0.25, 0.25]
    np.testing.assert_allclose(beside[:3], 0.75 * alone)
    silent, _ = learned_weights(np.full((2, 60, 18), np.nan), came, np.full(2, 0.5), halves)
    assert silent.tolist() == [0.5, 0.5]
