"""Decompositions, their strengths, and the tests of errors, against worked examples, statsmodels and awkward series.

Not here: the stage that writes them (tests/integration/test_forecast_quality.py).
"""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.diagnostic import acorr_ljungbox
from statsmodels.tsa.seasonal import STL
from statsmodels.tsa.stattools import adfuller, kpss

from forecasting.decomposition import decompose, strength
from forecasting.panel import PanelError
from forecasting.quality import Residuals, quality_tables, residual_tests, stationarity, verdict

WEEK = np.array([0.0, 1, 2, 3, 4, 9, -5])
AWKWARD = {
    "zero": np.zeros(60),
    "constant": np.full(60, 7.0),
    "nearly constant": 1e9 + np.linspace(0, 1e-6, 60),
    "one spike": np.r_[np.zeros(59), 1e6],
    "negative": -np.arange(60.0) - 5,
    "huge": 1e300 * (1 + np.arange(60) % 7),
    "tiny": 1e-300 * (1 + np.arange(60) % 7),
    "exploding": 2.0 ** np.arange(60),
    "eight": np.arange(8.0),
}


def noise(n: int, seed: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=n)


def panel_of(**series: np.ndarray) -> pd.DataFrame:
    frames = [
        pd.DataFrame({"unique_id": name, "ds": pd.date_range("2024-01-01", periods=len(y)), "y": y})
        for name, y in series.items()
    ]
    return pd.concat(frames, ignore_index=True)


# decomposition ------------------------------------------------------------------------------------------------------


def test_strengths_worked_by_hand() -> None:
    # Var(R) = 1, Var(C + R) = Var(4, 0, 0, -4) = 8
    assert strength(np.array([3.0, 1, -1, -3]), np.array([1.0, -1, 1, -1])) == pytest.approx(1 - 1 / 8)
    # the remainder undoes the component: 1 − 1/0.25 is below 0, so none of it is strength
    assert strength(np.array([0.5, -0.5]), np.array([-1.0, 1.0])) == 0.0
    assert strength(np.ones(4), np.zeros(4)) is None
    assert strength(np.zeros(4), np.zeros(4)) is None


def test_one_short_season_is_statsmodels_stl() -> None:
    y = np.tile(WEEK, 20) + noise(140) + np.arange(140) / 10
    found = decompose(y, (7,))
    oracle = STL(y, period=7, seasonal=35, seasonal_deg=0, robust=True).fit()
    np.testing.assert_allclose(found.trend, oracle.trend, atol=0.15)
    np.testing.assert_allclose(found.seasonal, oracle.seasonal, atol=0.25)
    assert found.season_strength(7) == pytest.approx(strength(oracle.seasonal, oracle.resid), abs=0.01)


def test_a_year_of_weeks_is_found_in_two_of_them_and_not_in_noise() -> None:
    weeks = np.arange(120)
    seasonal = decompose(100 + 20 * np.cos(2 * np.pi * weeks / 52) + noise(120), (52,))
    assert seasonal.season_strength(52) == pytest.approx(1 - 1 / 201, abs=0.01)  # Var(20 cos) = 200, of the noise 1
    assert (decompose(noise(120), (52,)).season_strength(52) or 0) < 0.2
    assert decompose(noise(104), (52,)).season_strength(52) is None  # two rounds and nothing beyond them


def test_a_week_within_a_year() -> None:
    days = np.arange(800)
    parts = decompose(50 + 5 * np.sin(2 * np.pi * days / 365) + np.tile(WEEK, 115)[:800] + noise(800) / 5, (7, 365))
    assert set(parts.seasons) == {7, 365}
    assert (parts.season_strength(7) or 0) > 0.95
    assert (parts.season_strength(365) or 0) > 0.95


@pytest.mark.parametrize("name", AWKWARD)
@pytest.mark.parametrize("seasons", [(), (7,), (7, 28), (1,)])
def test_awkward_series_add_up(name: str, seasons: tuple[int, ...]) -> None:
    y = AWKWARD[name]
    parts = decompose(y, seasons)
    whole = parts.trend + parts.seasonal + parts.remainder
    assert np.isfinite([parts.trend, parts.seasonal, parts.remainder]).all()
    np.testing.assert_allclose(whole, y, rtol=1e-9, atol=1e-9 * np.abs(y).max())
    for found in (parts.trend_strength, *(parts.season_strength(m) for m in parts.seasons)):
        assert found is None or 0 <= found <= 1


@given(st.lists(st.floats(-1e6, 1e6), min_size=8, max_size=60), st.sampled_from([1e-200, 1.0, 1e200]))
def test_any_series_adds_up_and_its_unit_changes_nothing(values: list[float], unit: float) -> None:
    y = np.array(values)
    parts, scaled = decompose(y, (7,)), decompose(y * unit, (7,))
    np.testing.assert_allclose(parts.trend + parts.seasonal + parts.remainder, y, atol=1e-9 * (np.abs(y).max() or 1))
    if np.abs(y).max() > 1e-3:
        np.testing.assert_allclose(scaled.trend / unit, parts.trend, atol=1e-6 * np.abs(y).max())


@pytest.mark.parametrize("y", [np.arange(7.0), np.array([]), np.r_[np.arange(9.0), np.nan], np.full(9, np.inf)])
def test_what_cannot_be_decomposed_is_refused(y: np.ndarray) -> None:
    with pytest.raises(ValueError, match="8 finite periods"):
        decompose(y, (7,))


# stationarity -------------------------------------------------------------------------------------------------------


def test_stationarity_is_what_statsmodels_says() -> None:
    y = noise(200).cumsum()
    found = stationarity(y, 1)
    assert found.p_adf == pytest.approx(adfuller(y, result_object=False)[1])
    with pytest.warns(match="p-value"):  # outside the table: the nearer end
        assert found.p_kpss == kpss(y, nlags="auto", result_object=False)[1] == 0.01
    assert (found.n_diffs, found.stationarity) == (1, "not stationary")


def test_noise_is_stationary_and_a_line_moves() -> None:
    still = stationarity(noise(300), 7)
    assert (still.stationarity, still.n_diffs, still.n_seasonal_diffs) == ("stationary", 0, 0)
    assert stationarity(noise(300) + np.arange(300) / 40, 1).n_diffs == 1


@pytest.mark.parametrize("name", AWKWARD)
def test_tests_of_awkward_series_give_a_number_or_nothing(name: str) -> None:
    y = AWKWARD[name]
    for found in (stationarity(y, 7), stationarity(y[:23], 7), stationarity(y[:0], 7)):
        for p in (found.p_adf, found.p_kpss):
            assert p is None or 0 <= p <= 1
    if name in ("zero", "constant", "eight"):
        assert stationarity(y, 7).stationarity is None


# errors -------------------------------------------------------------------------------------------------------------


def test_errors_that_are_chance_are_sound() -> None:
    forecast = 100 + np.arange(120.0)
    found = residual_tests(forecast + noise(120), forecast, 7)
    assert found.p_ljung_box == pytest.approx(acorr_ljungbox(noise(120), lags=[14])["lb_pvalue"].iloc[0])
    assert found.ljung_box_lags == 14
    assert found.mean_error == pytest.approx(noise(120).mean())
    assert verdict(found, 7, 160.0) == (True, "errors look like chance")


def test_rates_of_false_alarms_are_those_promised() -> None:
    """Of 400 series whose errors are chance, about one in a hundred is called biased, one correlated."""
    tests = [residual_tests(100 + np.arange(60) + noise(60, seed), 100 + np.arange(60.0), 7) for seed in range(400)]
    assert sum((one.p_mean_error or 1) < 0.01 for one in tests) <= 20
    assert sum((one.p_ljung_box or 1) < 0.01 for one in tests) <= 14
    assert sum((one.p_breusch_pagan or 1) < 0.01 for one in tests) <= 14


def test_each_fault_is_found_and_named() -> None:
    forecast = np.full(140, 100.0) + noise(140, 8)
    season = np.tile(WEEK - WEEK.mean(), 20)
    slow = np.convolve(noise(146, 5), np.ones(6), "valid")[:140]
    said = {
        "biased": verdict(residual_tests(forecast + noise(140) + 3, forecast, 7), 7, 100.0),
        "season": verdict(residual_tests(forecast + noise(140) + season, forecast, 7), 7, 100.0),
        "slow": verdict(residual_tests(forecast + slow - slow.mean(), forecast, 1), 1, 100.0),
        "spread": verdict(residual_tests(np.arange(1.0, 141) * (2 + noise(140)), np.arange(2.0, 282, 2), 7), 7, 140.0),
        "tails": verdict(residual_tests(forecast + noise(140) ** 5, forecast, 7), 7, 100.0),
    }
    assert said["biased"] == (False, f"forecasts are {100 * (3 + noise(140).mean()) / 100:.1f} % too low on average")
    assert said["season"][0] is False
    assert "lag 7" in said["season"][1]
    assert "a season of 7 periods is missing" in said["season"][1]
    assert "lag 1 " in said["slow"][1]
    assert "too slowly" in said["slow"][1]
    assert said["spread"][0] is True
    assert "the spread of the errors moves with the forecast" in said["spread"][1]
    assert said["tails"][0] is True
    assert "not normally distributed" in said["tails"][1]


@pytest.mark.parametrize(
    ("errors", "is_sound", "words"),
    [
        (noise(29), None, "not judged: 29 one-step errors, 30 are needed"),
        (np.array([]), None, "not judged: 0 one-step errors, 30 are needed"),
        (np.zeros(60), True, "every forecast was exact"),
        (np.full(60, -2.0), False, "every forecast missed by the same amount"),
    ],
)
def test_errors_that_say_nothing(errors: np.ndarray, is_sound: bool | None, words: str) -> None:
    found = residual_tests(errors + 5, np.full(len(errors), 5.0), 7)
    assert verdict(found, 7, 5.0) == (is_sound, words)
    assert found.p_ljung_box is None


@pytest.mark.parametrize("unit", [1e-200, 1e-9, 1e200])
def test_the_unit_changes_no_test(unit: float) -> None:
    y, forecast = 100 + noise(60), np.full(60, 100.0) + np.arange(60)
    one, other = residual_tests(y, forecast, 7), residual_tests(y * unit, forecast * unit, 7)
    for name in ("p_mean_error", "p_ljung_box", "p_jarque_bera", "p_breusch_pagan"):
        assert getattr(one, name) == pytest.approx(getattr(other, name), rel=1e-6)


def test_a_bias_without_a_size_to_compare_with() -> None:
    assert verdict(Residuals(60, -8.0, 0.001, 10, 0.2, 3, 0.1, 0.5, 0.5), 7, 0.0) == (
        False,
        "forecasts are too high on average",
    )


# tables -------------------------------------------------------------------------------------------------------------


def test_tables_of_all_awkward_series_at_once() -> None:
    series = {**AWKWARD, "one point": np.array([5.0]), "Ümläut": np.tile(WEEK, 9) + 10}
    panel = panel_of(**series)
    errors = panel.assign(mean=0.0)
    quality, parts = quality_tables(panel, errors, season_lengths=(7, 365))
    assert quality["unique_id"].tolist() == sorted(series)
    assert quality["verdict"].str.len().gt(0).all()
    assert set(parts["unique_id"]) == set(series) - {"one point"}
    assert np.isfinite(parts[["observed", "trend", "seasonal", "remainder"]].to_numpy()).all()
    by_name = quality.set_index("unique_id")
    assert by_name.loc["one point", "verdict"].endswith("too short for a decomposition")
    assert by_name.loc["Ümläut", "season_strength"] == pytest.approx(1.0)
    assert pd.isna(by_name.loc["Ümläut", "long_season_strength"])
    assert str(quality["n_diffs"].dtype) == "Int64"  # a float with a missing value is no integer for COPY


def test_tables_of_nothing_keep_their_columns() -> None:
    empty = panel_of(a=np.array([]))
    quality, parts = quality_tables(empty, empty.assign(mean=0.0), season_lengths=(7,))
    assert (len(quality), len(parts)) == (0, 0)
    assert {"verdict", "is_sound", "p_ljung_box"} <= set(quality.columns)
    with pytest.raises(PanelError, match="errors has no column 'mean'"):
        quality_tables(empty, empty, season_lengths=(7,))
