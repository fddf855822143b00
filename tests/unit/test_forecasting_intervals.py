"""Intervals: widths by hand, nested, no narrower farther ahead, covering what they promise; and the noise below them.

Not here: intervals of coherent forecasts (test_forecasting_hierarchy.py).
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from forecasting.accuracy import coverage_table
from forecasting.engine import forecast_panel
from forecasting.intervals import EVERYONE, Calibration, calibrate, series_factors
from forecasting.kernel.noise import noise_scale
from tests.support.panels import panel_of

SEED = 20240229


def test_half_widths_by_hand() -> None:
    """One origin each of 80 series of one group: scores 1 … 80, nobody has other origins, all factors are 1."""
    scores = np.arange(1.0, 81.0)
    calibration, own = calibrate(scores[:, None, None], np.ones((80, 1)), np.zeros((80, 1), dtype=int), 1)
    widths = [float(calibration.half_widths(np.array([0]), np.ones(1), level)[0, 0]) for level in (50, 80, 95)]
    assert widths == [41.0, 65.0, 77.0]  # the ⌈81 · p⌉-th of 80
    relative = scores**2 / np.square(scores).mean()
    np.testing.assert_allclose(own, np.column_stack([relative, np.ones(80)]))
    np.testing.assert_allclose(series_factors(own), np.sqrt((relative + 2) / 3))


def test_nobody_is_narrower_farther_ahead_and_levels_are_nested() -> None:
    rng = np.random.default_rng(SEED)
    errors = rng.normal(0, 1, (50, 4, 9)) * np.linspace(2, 1, 9)  # they shrink farther ahead, by chance
    calibration, _ = calibrate(errors, np.ones((50, 4)), np.zeros((50, 4), dtype=int), 4)
    narrow, wide = (calibration.half_widths(np.array([0]), np.ones(1), level)[0] for level in (80, 95))
    assert (np.diff(narrow) >= 0).all()
    assert (narrow < wide).all()


@pytest.mark.parametrize("horizon", [1, 2])
def test_the_shortest_horizons_have_a_width(horizon: int) -> None:
    rng = np.random.default_rng(SEED)
    panel = panel_of({f"S{i}": rng.gamma(9, 10, 60) for i in range(4)}, "MS")
    forecast = forecast_panel(panel, freq="MS", horizon=horizon)
    assert (forecast["hi-80"] - forecast["lo-80"]).min() > 20
    assert (forecast["hi-95"] - forecast["hi-80"]).min() > 0


def test_windows_that_overlap_count_as_one_and_a_bit() -> None:
    """Six origins, each a quarter of a horizon after the other: (1 + 5 / 4) origins are worth 2.25."""
    errors = np.ones((3, 6, 4))
    _, own = calibrate(errors, np.ones((3, 6)), np.zeros((3, 6), dtype=int), 4)
    np.testing.assert_allclose(own, 2.25)
    _, apart = calibrate(errors, np.ones((3, 6)), np.zeros((3, 6), dtype=int), 1)
    np.testing.assert_allclose(apart, 6.0)


@pytest.mark.parametrize("wild", [1e3, 1e6, 1e90])
def test_a_wild_series_does_not_make_the_others_look_tame(wild: float) -> None:
    """Its errors once were the pool's mean, beside which all others' were nothing: their factors fell to 0.69."""
    errors = np.random.default_rng(SEED).normal(0, 1, (100, 6, 4))
    scales, groups = np.ones((101, 6)), np.zeros((101, 6), dtype=int)
    alone, own = calibrate(errors, scales[1:], groups[1:], 4)
    both, beside = calibrate(np.concatenate([np.full((1, 6, 4), wild), errors]), scales, groups, 4)
    for level in (80, 95):
        widths = alone.half_widths(groups[1:, 0], series_factors(own), level)
        np.testing.assert_allclose(both.half_widths(groups[:, 0], series_factors(beside), level)[1:], widths, rtol=0.15)
    assert series_factors(beside)[0] > 100


def test_a_small_group_is_judged_by_everyone_and_nobody_by_the_random_walk() -> None:
    groups = np.zeros((80, 1), dtype=int)
    groups[0] = 3
    calibration, _ = calibrate(np.ones((80, 1, 1)), np.ones((80, 1)), groups, 1)
    assert set(calibration.pools) == {EVERYONE, 0}
    assert calibration.pool(3) is calibration.pools[EVERYONE]
    nothing = Calibration(4, {}).half_widths(np.array([0]), np.ones(1), 95)
    np.testing.assert_allclose(nothing[0], 1.959964 * np.sqrt([1, 2, 3, 4]), rtol=1e-6)


def test_one_series_learned_anew_is_compared_with_the_panel_and_not_with_itself() -> None:
    rng = np.random.default_rng(SEED)
    group = np.zeros((200, 6), dtype=int)
    panel, _ = calibrate(rng.normal(0, 1, (200, 6, 4)), np.ones((200, 6)), group, 1)
    wild = rng.normal(0, 5, (1, 6, 4))
    same, own = calibrate(wild, np.ones((1, 6)), group[:1], 1, panel)
    assert same is panel
    assert series_factors(own)[0] > 3
    assert series_factors(calibrate(wild, np.ones((1, 6)), group[:1], 1)[1])[0] == pytest.approx(1.0)


@pytest.mark.parametrize("kind", ["noise", "random walk", "counts", "season"])
def test_intervals_cover_what_they_promise_on_simulated_demand(kind: str) -> None:
    rng, horizon, series = np.random.default_rng(SEED), 8, {}
    t = np.arange(80 + horizon)
    for i in range(80):
        level = rng.uniform(20, 200)
        walk = level + np.cumsum(rng.normal(0, 4, len(t)))
        series[f"S{i:03}"] = {
            "noise": rng.normal(level, level / 5, len(t)),
            "random walk": walk,
            "counts": rng.poisson(np.maximum(walk, 1)).astype("float64"),
            "season": level * (1 + 0.4 * np.sin(t * 2 * np.pi / 12)) + rng.normal(0, 9, len(t)),
        }[kind]
    known = panel_of({name: y[:-horizon] for name, y in series.items()}, "MS")
    forecast = forecast_panel(known, freq="MS", horizon=horizon)
    for level, lowest, highest in ((80, 75, 87), (95, 90, 98.5)):
        covered = coverage_table(forecast, panel_of(series, "MS"), level)
        assert covered["n_periods"].eq(horizon).all()
        assert lowest <= covered["coverage_pct"].mean() <= highest


def test_intervals_of_a_few_sales_stay_within_sight_of_them() -> None:
    """A sale every fourth day for three months: a scale near zero once made a band of a thousand times the sales."""
    y = np.zeros(92)
    y[::4] = np.linspace(400, 1500, 23)
    forecast = forecast_panel(panel_of({"company": y}, "D", "2026-01-01"), freq="D", horizon=91)
    assert forecast["hi-95"].max() <= forecast["mean"].max() + 2 * y.max()


# Numbers with fewer digits than others, which only the smallest have, are not what this asks about.
WITH_ALL_DIGITS = st.floats(-1e3, 1e3).map(lambda value: value if abs(value) > 1e-200 else 0.0)


@given(arrays.arrays("float64", st.integers(1, 40), elements=WITH_ALL_DIGITS), st.integers(1, 12))
def test_noise_has_the_unit_of_the_series_and_only_zeros_have_none(y: np.ndarray, m: int) -> None:
    noise = noise_scale(y, m)
    assert (noise == 0) == (not y.any())
    assert noise <= 2 * np.abs(y).max() * (1 + 1e-12)
    np.testing.assert_allclose(noise_scale(np.ldexp(y, 30), m), np.ldexp(noise, 30), rtol=1e-12)
