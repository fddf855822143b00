"""Trends: against worked examples, other implementations, and series that have none. Not here: which are judged."""

import itertools
import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from forecasting.panel import PanelError
from forecasting.trends import COLUMNS, Kendall, least_squares, mann_kendall, theil_sen, trend_table
from orchestration.defs.trends import KEY, _trends

CHRISTMAS = np.array([80.0, 70, 90, 95, 100, 105, 95, 90, 110, 120, 160, 240])


def series(values: "np.ndarray | list[float]", name: str = "revenue", start: str = "2022-01-01") -> pd.DataFrame:
    return pd.DataFrame(
        {"unique_id": name, "ds": pd.date_range(start, periods=len(values), freq="MS"), "y": np.asarray(values, float)}
    )


def judged(values: "np.ndarray | list[float]") -> pd.Series:
    return trend_table(series(values)).iloc[0]


def noise(n: int, rho: float, rng: np.random.Generator) -> np.ndarray:
    shocks = rng.normal(size=n + 50)
    for t in range(1, n + 50):
        shocks[t] += rho * shocks[t - 1]
    return shocks[50:]


# Mann–Kendall ---------------------------------------------------------------------------------------------------------


def test_worked_by_hand() -> None:
    # 5 3 8 6 9: pairs that rise 53-: 5<8 5<6 5<9 3<8 3<6 3<9 8<9 6<9 = 8, that fall 5>3 8>6 = 2; Var = 5·4·15/18
    found = mann_kendall(np.array([5.0, 3, 8, 6, 9]), np.arange(5))
    assert found.s == 6
    assert found.tau == pytest.approx(0.6)
    assert found.z == pytest.approx(5 / np.sqrt(300 / 18))
    assert found.p_value == pytest.approx(2 * stats.norm.sf(found.z))


def test_ties_lower_the_variance() -> None:
    # 9 values, of which 2, 3 and 3 are the same: (9·8·23 − 2·1·9 − 3·2·11 − 3·2·11) / 18
    y = np.array([23.0, 24, 29, 6, 29, 24, 24, 29, 23])
    found = mann_kendall(y, np.arange(9))
    s = sum(np.sign(b - a) for a, b in itertools.combinations(y, 2))
    assert found.s == s
    assert found.z == pytest.approx((s - np.sign(s)) / np.sqrt((1656 - 18 - 66 - 66) / 18))


def test_tau_is_that_of_scipy() -> None:
    rng = np.random.default_rng(7)
    for n in (8, 15, 23):
        y = rng.integers(0, 12, n).astype("float64")
        assert mann_kendall(y, np.arange(n)).tau == pytest.approx(stats.kendalltau(np.arange(n), y).statistic)


def test_seasons_are_compared_with_themselves() -> None:
    # Two years: every month rose by 1, so all of the 12 pairs do; Var = 12 · 2·1·9/18, and no pair is across months
    y = np.r_[CHRISTMAS, CHRISTMAS + 1]
    found = mann_kendall(y, np.arange(24), season_length=12)
    assert (found.s, found.tau, found.z) == (12, 1.0, pytest.approx(11 / np.sqrt(12)))
    assert theil_sen(y, np.arange(24), season_length=12) == pytest.approx(1 / 12)


def test_the_variance_under_autocorrelation_is_that_of_simulation() -> None:
    rng = np.random.default_rng(3)
    t = np.arange(12)
    simulated = np.var([mann_kendall(noise(12, 0.5, rng), t).s for _ in range(3000)])
    plain, allowed = (mann_kendall(t.astype("float64"), t, rho=rho) for rho in (0.0, 0.5))
    assert (65 / allowed.z) ** 2 == pytest.approx(simulated, rel=0.1)  # S − 1 of a straight rise, over its z
    assert (65 / plain.z) ** 2 == pytest.approx(12 * 11 * 29 / 18)


def test_what_never_moves_has_no_trend() -> None:
    assert mann_kendall(np.full(10, 3.0), np.arange(10)) == Kendall(
        0, pytest.approx(float("nan"), nan_ok=True), 0.0, 1.0
    )
    row = judged([0.0] * 30)
    assert (row["direction"], row["slope"], row["p_value"]) == ("no clear trend", 0.0, 1.0)
    assert pd.isna(row["slope_pct"])


# Slopes ---------------------------------------------------------------------------------------------------------------


def test_slopes_are_those_of_scipy() -> None:
    rng = np.random.default_rng(11)
    y, t = 3 + 0.4 * np.arange(20) + rng.normal(0, 1, 20), np.arange(20)
    assert theil_sen(y, t) == pytest.approx(stats.theilslopes(y, t).slope)
    line, other = least_squares(y, t), stats.linregress(t, y)
    assert line.slope == pytest.approx(other.slope)
    assert line.has_robust_errors or line.p_value == pytest.approx(other.pvalue)


def test_one_strange_month_does_not_tilt_the_slope() -> None:
    y = np.arange(20.0)
    y[18] = 900.0
    assert theil_sen(y, np.arange(20)) == 1.0
    assert least_squares(y, np.arange(20)).slope > 10


def test_autocorrelated_residuals_get_robust_errors() -> None:
    wave = 20 * np.sin(np.arange(30) * 2 * np.pi / 15)
    line = least_squares(wave + np.arange(30), np.arange(30))
    assert line.autocorrelation > 0.7
    assert line.has_robust_errors


# The table ------------------------------------------------------------------------------------------------------------


def test_a_season_is_no_trend_once_two_years_are_known() -> None:
    rng = np.random.default_rng(1)
    flat = np.tile(CHRISTMAS, 2) * rng.normal(1, 0.03, 24)
    year_to_christmas = judged(np.roll(CHRISTMAS, -1)[:11])
    assert (year_to_christmas["direction"], bool(year_to_christmas["season_is_removed"])) == ("up", False)
    row = judged(flat)
    assert (row["direction"], bool(row["season_is_removed"]), row["n_months"]) == ("no clear trend", True, 24)
    grown = judged(flat * 1.01 ** np.arange(24))
    assert grown["direction"] == "up"
    assert grown["slope_pct"] == pytest.approx(1.0, abs=0.35)
    assert judged(flat * 0.98 ** np.arange(24))["direction"] == "down"


@pytest.mark.parametrize(
    ("n", "rho", "most_pct"), [(12, 0.0, 7), (24, 0.0, 7), (36, 0.0, 7), (24, 0.3, 9), (36, 0.5, 12)]
)
def test_of_trendless_series_few_are_called_a_trend(n: int, rho: float, most_pct: float) -> None:
    rng = np.random.default_rng(n)
    panel = pd.concat([series(noise(n, rho, rng), str(k)) for k in range(300)])
    clear = trend_table(panel)["direction"] != "no clear trend"
    assert 100 * clear.mean() <= most_pct


def test_months_without_a_value_and_too_few_of_them() -> None:
    values = np.arange(10.0)
    values[[2, 5]] = np.nan
    row = judged(values)
    assert (row["n_months"], row["slope"], row["direction"]) == (8, 1.0, "up")
    short = judged([*values[:9], np.nan])
    assert (short["n_months"], short["reason"]) == (7, "fewer than 8 months with a value")
    assert short[["slope", "p_value", "direction", "mann_kendall_s", "has_robust_errors"]].isna().all()
    assert trend_table(series([np.nan] * 9)).empty


def test_the_order_of_the_rows_does_not_matter() -> None:
    panel = pd.concat([series(np.tile(CHRISTMAS, 2), "b"), series(np.arange(9.0), "a")])
    one, two = trend_table(panel), trend_table(panel.sample(frac=1, random_state=4))
    pd.testing.assert_frame_equal(one, two)
    assert one["unique_id"].tolist() == ["a", "b"]


@given(st.lists(st.floats(-1e6, 1e6), min_size=8, max_size=40), st.floats(0.5, 100))
@settings(deadline=None, max_examples=40)
def test_turned_over_a_rise_is_a_fall(values: list[float], scale: float) -> None:
    y = np.round(np.asarray(values), 3)
    up, down = judged(y), judged(-y)
    assert up["mann_kendall_s"] == -down["mann_kendall_s"]
    assert up["p_value"] == pytest.approx(down["p_value"])
    assert judged(y * scale)["mann_kendall_s"] == up["mann_kendall_s"]
    assert {up["direction"], down["direction"]} in ({"up", "down"}, {"no clear trend"})


def test_nothing_and_what_cannot_be_judged() -> None:
    empty = trend_table(series([]))
    assert list(empty.columns) == list(COLUMNS)
    twice = pd.concat([series([1.0, 2]), series([3.0])])
    for bad, why in (
        (twice, "2022-01-01 occurs twice"),
        (series([1.0, np.inf]), "infinite"),
        (series(np.zeros(61)), "more than 60 months"),
        (series([1.0]).assign(ds=pd.Timestamp("2024-01-02")), "not the first day"),
        (series([1.0]).drop(columns="y"), "no column 'y'"),
    ):
        with pytest.raises(PanelError, match=why):
            trend_table(bad)
    with pytest.raises(ValueError, match="alpha"):
        trend_table(series([1.0]), alpha=1.5)


def test_a_hundred_series_take_less_than_a_second() -> None:
    rng = np.random.default_rng(5)
    panel = pd.concat([series(noise(36, 0.5, rng), str(k)) for k in range(100)])
    began = time.process_time()
    trend_table(panel)
    assert time.process_time() - began < 1.5


def test_a_business_without_a_whole_month_has_no_trends() -> None:
    assert _trends(pd.DataFrame(columns=[*KEY, "ds", "y"])).empty
