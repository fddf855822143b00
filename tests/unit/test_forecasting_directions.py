"""Directions of many series at once: the same answers as one at a time, and the awkward ones. Not here: forecasts."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.directions import COLUMNS, direction_table
from forecasting.panel import PanelError, empty_panel
from forecasting.trends import DOWN, UNCLEAR, UP, least_squares, mann_kendall, theil_sen


def panel(series: dict[str, np.ndarray], freq: str = "MS", start: str = "2020-01-01") -> pd.DataFrame:
    frames = [
        pd.DataFrame({"unique_id": name, "ds": pd.date_range(start, periods=len(y), freq=freq), "y": y})
        for name, y in series.items()
    ]
    return pd.concat(frames, ignore_index=True)


@pytest.mark.parametrize("n", [8, 13, 23, 24, 30, 39])
def test_many_at_once_is_one_at_a_time(n: int) -> None:
    rng = np.random.default_rng(n)
    t = np.arange(n)
    walks = {f"s{k}": np.round(np.cumsum(rng.normal(0.1 * k, 1, n)), 1 if k % 2 else 0) for k in range(8)}
    table = direction_table(panel(walks), freq="MS").set_index("unique_id")
    season = 12 if n >= 24 else 1
    for name, y in walks.items():
        rho = float(np.clip(least_squares(y, t, season_length=season).autocorrelation, 0.0, 0.95))
        alone = mann_kendall(y, t, season_length=season, rho=rho)
        # the variance between two autocorrelations of the grid is a straight line
        assert table.loc[name, "p_value"] == pytest.approx(alone.p_value, rel=0.03, abs=1e-6)
        expected = 1200 * theil_sen(y, t, season_length=season) / abs(y.mean())
        assert table.loc[name, "slope_pct"] == pytest.approx(expected)
        if table.loc[name, "direction"] in (UP, DOWN):
            assert (table.loc[name, "direction"] == UP) == (alone.s > 0)


def test_awkward_series() -> None:
    series = {
        "constant": np.full(30, 3.0),
        "zero": np.zeros(30),
        "one point": np.ones(1),
        "short": np.arange(7.0),
        "ß huge": np.linspace(1e300, 1e307, 30),
        "tiny": np.linspace(1e-300, 1e-299, 30),
        "negative": -np.arange(30.0),
    }
    table = direction_table(panel(series), freq="MS").set_index("unique_id")
    assert table["direction"].fillna("unknown").to_dict() == {
        "constant": UNCLEAR, "zero": UNCLEAR, "one point": "unknown", "short": "unknown", "ß huge": UP, "tiny": UP,
        "negative": DOWN,
    }  # fmt: skip
    assert table.loc["constant", ["p_value", "slope_pct"]].tolist() == [1.0, 0.0]
    assert np.isnan(table.loc["zero", "slope_pct"])
    assert np.isfinite(table.loc["ß huge", "slope_pct"])


def test_an_empty_panel_and_a_broken_one() -> None:
    assert direction_table(empty_panel(), freq="W-MON").columns.tolist() == list(COLUMNS)
    gap = panel({"A": np.arange(9.0)}).drop(index=4)
    with pytest.raises(PanelError, match="2020-05-01 is missing"):
        direction_table(gap, freq="MS")


@pytest.mark.parametrize(
    ("freq", "n", "step"), [("D", 28 * 20, 0.01), ("W-MON", 80, 0.1), ("QS", 10, 5.0), ("YS", 9, 9)]
)
def test_every_frequency_has_its_blocks(freq: str, n: int, step: float) -> None:
    start = "2020-01-06" if freq == "W-MON" else "2020-01-01"
    table = direction_table(panel({"A": 100 + step * np.arange(n)}, freq, start), freq=freq)
    per_year = {"D": 365.25, "W-MON": 365.25 / 7, "QS": 4, "YS": 1}[freq]
    whole = n - n % {"D": 28, "W-MON": 4}.get(freq, 1)
    mean = 100 + step * (n - 1 - (whole - 1) / 2)
    assert table["direction"].tolist() == [UP]
    assert table["slope_pct"].iloc[0] == pytest.approx(100 * step * per_year / mean)


def test_a_season_is_no_trend() -> None:
    """Two years that end in their season's peak: the raw comparison would call it a rise."""
    months = np.arange(30)
    y = 10 + 5 * np.sin(2 * np.pi * (months - 5) / 12) + 0.01 * np.random.default_rng(1).normal(size=30)
    assert direction_table(panel({"A": y}), freq="MS")["direction"].tolist() == [UNCLEAR]


@given(st.integers(0, 10**6), st.floats(1e-3, 1e3))
@settings(deadline=None, max_examples=25)
def test_turned_upside_down_it_falls_and_scaled_it_stays(seed: int, factor: float) -> None:
    y = np.random.default_rng(seed).normal(5, 1, 26) + 0.05 * np.arange(26)
    table = direction_table(panel({"a": y, "b": y * factor, "c": -y}), freq="MS").set_index("unique_id")
    assert table.loc["a", "p_value"] == pytest.approx(table.loc["b", "p_value"])
    assert table.loc["a", "slope_pct"] == pytest.approx(table.loc["b", "slope_pct"])
    assert table.loc["c", "slope_pct"] == pytest.approx(-table.loc["a", "slope_pct"])


def test_chance_alone_is_called_a_trend_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(7)
    noise = {f"{k:04}": rng.normal(100, 10, 112) for k in range(600)}
    table = direction_table(panel(noise, "W-MON", "2023-01-02"), freq="W-MON")
    assert 0.01 <= table["direction"].isin([UP, DOWN]).mean() <= 0.08
