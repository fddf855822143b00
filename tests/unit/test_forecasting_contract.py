"""One contract over every model, class of demand and frequency: what comes out of the engine, whatever goes in.

Not here: whether a forecast is a good one (test_forecasting_oracle.py, the benchmarks), the stand-in's own tests.
"""

import re
from functools import cache

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.engine import backtest_panel, forecast_panel
from forecasting.frames import BACKTEST_COLUMNS
from forecasting.kernel.classes import CLASSES
from forecasting.panel import PanelError
from forecasting.periods import Frequency
from tests.support.awkward_series import awkward
from tests.support.kernel_models import KERNEL

STARTS = {"D": "2022-12-01", "W-MON": "2019-12-30", "MS": "1996-01-01", "QS": "1990-01-01"}
STARTS["YS"] = "1900-01-01"
HORIZONS = (1, 2, 13, 24)
NUMBERS = ["lo-95", "lo-80", "mean", "hi-80", "hi-95"]
COLUMNS = ["unique_id", "ds", "mean", "lo-80", "hi-80", "lo-95", "hi-95", "model_used", "demand_class"]
COLUMNS.append("fallback_reason")
READABLE = re.compile(r"[^\n<>]{10,400}")
PROGRAMMERS = re.compile(r"Traceback|\w(Error|Exception|Warning)\b|\bnan\b|\bNone\b|array\(|0x[0-9a-f]{6}")


def is_known(freq: str) -> bool:
    try:
        Frequency.parse(freq)
    except ValueError:
        return False
    return True


FREQUENCIES = [freq for freq in STARTS if is_known(freq)]
each_frequency = pytest.mark.parametrize("freq", FREQUENCIES)
each_horizon = pytest.mark.parametrize("horizon", HORIZONS)


def panel_of(series: dict[str, np.ndarray], freq: str, start: str | None = None) -> pd.DataFrame:
    frequency = Frequency.parse(freq)
    first = np.array([start or STARTS[freq]], dtype="datetime64[s]")
    number = int(frequency.ordinals(first)[0])
    frames = [
        pd.DataFrame({"unique_id": name, "ds": frequency.labels(number + np.arange(len(y))), "y": y})
        for name, y in series.items()
    ]
    return pd.concat(frames, ignore_index=True)


@cache
def histories(freq: str) -> dict[str, np.ndarray]:
    return awkward(round(Frequency.parse(freq).year))


@cache
def forecast_of(freq: str, horizon: int) -> pd.DataFrame:
    return forecast_panel(panel_of(histories(freq), freq), freq=freq, horizon=horizon)


def few(freq: str) -> dict[str, np.ndarray]:
    """One series of each kind: for the questions that ask for several forecasts of the same."""
    kinds = ("constant", "two points", "new", "seasonal", "negative", "intermittent", "lumpy", "dead", "one return")
    return {name: histories(freq)[name] for name in kinds}


def assert_contract(forecast: pd.DataFrame, panel: pd.DataFrame, freq: str, horizon: int) -> None:
    assert forecast.columns.tolist() == COLUMNS
    wrong = forecast[~np.isfinite(forecast[NUMBERS].to_numpy()).all(axis=1)]
    assert wrong.empty, wrong
    rising = forecast[NUMBERS].to_numpy()
    wrong = forecast[(rising[:, 1:] < rising[:, :-1]).any(axis=1)]
    assert wrong.empty, wrong
    assert forecast["unique_id"].drop_duplicates().tolist() == sorted(panel["unique_id"].unique())
    frequency = Frequency.parse(freq)
    last = panel.groupby("unique_id")["ds"].max()
    number = frequency.ordinals(last.to_numpy(dtype="datetime64[s]"))
    due = frequency.labels((number[:, None] + 1 + np.arange(horizon)).ravel())
    np.testing.assert_array_equal(forecast["ds"].to_numpy(dtype="datetime64[s]"), due)
    lowest = forecast["unique_id"].map(panel.groupby("unique_id")["y"].min())
    assert (forecast.loc[lowest >= 0, NUMBERS] >= 0).all(axis=None)
    words = forecast[["unique_id", "model_used", "demand_class", "fallback_reason"]].drop_duplicates()
    assert not words["unique_id"].duplicated().any(), "one series, one model, one class, one reason"
    assert words["model_used"].str.len().gt(0).all()
    assert set(words["demand_class"]) <= set(CLASSES)
    reasons = words["fallback_reason"].dropna()
    assert reasons[~reasons.map(lambda reason: bool(READABLE.fullmatch(reason)))].tolist() == []
    assert reasons[reasons.map(lambda reason: bool(PROGRAMMERS.search(reason)))].tolist() == []


@each_frequency
@each_horizon
def test_every_awkward_history_keeps_the_contract(freq: str, horizon: int) -> None:
    assert_contract(forecast_of(freq, horizon), panel_of(histories(freq), freq), freq, horizon)


def test_every_class_of_demand_is_among_them() -> None:
    shown = set().union(*(forecast_of(freq, 13)["demand_class"] for freq in FREQUENCIES))
    assert shown == set(CLASSES)


@each_frequency
def test_what_needs_no_model_is_what_it_must_be(freq: str) -> None:
    forecast = forecast_of(freq, 13).set_index("unique_id")
    for name, value in {"constant": 7.0, "zero": 0.0, "one zero": 0.0}.items():
        assert forecast.loc[name, ["lo-95", "mean", "hi-95"]].drop_duplicates().to_numpy().tolist() == [[value] * 3]
    assert (forecast.loc["one point", "mean"] == 12).all()
    assert forecast.loc["two points", "mean"].between(3, 4).all()
    assert (forecast.loc["dead", "mean"] == 0).all()
    assert (forecast.loc["negative", "mean"] < 0).all()


@each_frequency
def test_no_mean_leaves_the_sight_of_its_history(freq: str) -> None:
    """Two ranges, beside the numbers that have no range; 1.7e308 and 5e-324 among them."""
    forecast = forecast_of(freq, 24)
    for name, y in histories(freq).items():
        mean = forecast.loc[forecast["unique_id"] == name, "mean"].to_numpy()
        scale = np.abs(y).max() or 1.0
        low, high = y.min() / scale, y.max() / scale
        reach = 2 * (high - low) + 1e-9
        assert (mean / scale >= low - reach).all(), name
        assert (mean / scale <= high + reach).all(), name


@each_frequency
def test_the_same_twice_and_the_input_as_it_was(freq: str) -> None:
    panel = panel_of(few(freq), freq)
    before = panel.copy()
    once, twice = (forecast_panel(panel, freq=freq, horizon=13) for _ in range(2))
    pd.testing.assert_frame_equal(once, twice, check_exact=True)
    pd.testing.assert_frame_equal(panel, before)


@each_frequency
def test_neither_the_order_of_rows_nor_that_of_series_matters(freq: str) -> None:
    series = few(freq)
    names = sorted(series)
    other = dict(zip(names, reversed(names), strict=True))  # the first by name becomes the last
    straight = forecast_panel(panel_of(series, freq), freq=freq, horizon=13)
    turned = panel_of({other[name]: y for name, y in series.items()}, freq).sample(frac=1, random_state=5)
    back = forecast_panel(turned, freq=freq, horizon=13)
    back = back.assign(unique_id=back["unique_id"].map(other)).sort_values(["unique_id", "ds"], ignore_index=True)
    pd.testing.assert_frame_equal(straight, back, check_dtype=False, rtol=1e-9, atol=1e-12)


def test_two_threads_forecast_as_one_does() -> None:
    series = {f"{name} {number}": y for name, y in few("W-MON").items() for number in range(8)}
    panel = panel_of(series, "W-MON")
    one, two = (forecast_panel(panel, freq="W-MON", horizon=4, n_jobs=n_jobs) for n_jobs in (1, 2))
    pd.testing.assert_frame_equal(one, two, check_exact=True)


@each_frequency
@pytest.mark.parametrize("exponent", [-30, 20])
def test_another_unit_is_another_unit_and_nothing_else(freq: str, exponent: int) -> None:
    """Pieces or thousands (1,024) of them: a power of two changes no digit of y."""
    series = few(freq)
    plain = forecast_panel(panel_of(series, freq), freq=freq, horizon=13)
    scaled = forecast_panel(
        panel_of({k: np.ldexp(y, exponent) for k, y in series.items()}, freq), freq=freq, horizon=13
    )
    np.testing.assert_allclose(scaled[NUMBERS], np.ldexp(plain[NUMBERS], exponent), rtol=1e-9)
    words = ["model_used", "demand_class", "fallback_reason"]
    pd.testing.assert_frame_equal(plain[words], scaled[words])


@pytest.mark.parametrize(
    ("freq", "start", "first"),
    [
        ("D", "2023-12-31", ["2024-02-29", "2024-03-01"]),
        ("D", "2022-12-31", ["2023-03-01", "2023-03-02"]),
        ("W-MON", "2023-01-09", ["2024-03-04", "2024-03-11"]),
        ("W-SUN", "2023-01-08", ["2024-03-03", "2024-03-10"]),
        ("MS", "2019-02-01", ["2024-02-01", "2024-03-01"]),
        ("QS", "2009-01-01", ["2024-01-01", "2024-04-01"]),
        ("YS", "1964-01-01", ["2024-01-01", "2025-01-01"]),
    ],
)
def test_leap_years_have_their_day(freq: str, start: str, first: list[str]) -> None:
    if not is_known(freq):
        pytest.skip(f"the engine has no frequency {freq}")
    y = np.random.default_rng(2).poisson(20, 60).astype("float64")
    forecast = forecast_panel(panel_of({"A": y}, freq, start), freq=freq, horizon=2)
    assert forecast["ds"].dt.strftime("%Y-%m-%d").tolist() == first


def test_five_thousand_days_are_forecast_as_well() -> None:
    t = np.arange(5000)
    y = 100 + t / 50 + 20 * (t % 7 == 5) + np.random.default_rng(3).normal(0, 4, 5000)
    panel = panel_of({"long": y}, "D", "2011-01-01")
    forecast = forecast_panel(panel, freq="D", horizon=24)
    assert_contract(forecast, panel, "D", 24)
    saturday = (5000 + np.arange(24)) % 7 == 5
    assert np.abs(forecast["mean"].to_numpy() - (200 + 20 * saturday)).max() < 12


@each_frequency
def test_a_gap_and_what_is_no_number_are_refused_by_name(freq: str) -> None:
    panel = panel_of({"good": np.arange(9.0), "bad €": np.arange(20.0)}, freq)
    row = panel.index[panel["unique_id"] == "bad €"][4]
    day = f"{panel.loc[row, 'ds']:%Y-%m-%d}"
    refused = [
        ("is missing", panel.drop(index=row)),
        ("twice", pd.concat([panel, panel.loc[[row]]])),
        ("y is missing", panel.assign(y=panel["y"].mask(panel.index == row))),
    ]
    infinite = (panel.assign(y=panel["y"].mask(panel.index == row, value)) for value in (np.inf, -np.inf))
    refused += [("not a finite number", wrong) for wrong in infinite]
    for words, wrong in refused:
        for ask in (forecast_panel, backtest_panel):
            with pytest.raises(PanelError, match=f"'bad €'.*{day}.*{words}"):
                ask(wrong, freq=freq, horizon=2)


@each_frequency
def test_backtests_of_all_of_them_know_their_past_alone(freq: str) -> None:
    panel = panel_of(few(freq), freq)
    backtest = backtest_panel(panel, freq=freq, horizon=3, n_origins=3)
    assert backtest.columns.tolist()[: len(BACKTEST_COLUMNS)] == list(BACKTEST_COLUMNS)
    assert np.isfinite(backtest[["y", "mean", "naive"]].to_numpy()).all()
    assert (backtest["ds"] > backtest["cutoff"]).all()
    assert (backtest.groupby(["unique_id", "cutoff"]).size() == 3).all()
    joined = backtest.merge(panel, on=["unique_id", "ds"], validate="m:1", suffixes=("", "_known"))
    assert len(joined) == len(backtest)
    assert (joined["y"] == joined["y_known"]).all()


VALUES = st.one_of(
    st.integers(0, 5).map(float),
    st.floats(0, 1e9),
    st.floats(-1e6, 1e6),
    st.floats(allow_nan=False, allow_infinity=False),
)


@given(st.lists(st.lists(VALUES, min_size=1, max_size=30), min_size=1, max_size=4), st.data())
@settings(deadline=None, max_examples=25)
def test_any_panel_keeps_the_contract(series: list[list[float]], data: st.DataObject) -> None:
    freq = data.draw(st.sampled_from(FREQUENCIES))
    horizon = data.draw(st.integers(1, 30))
    panel = panel_of({f"S{number}": np.array(y) for number, y in enumerate(series)}, freq)
    assert_contract(forecast_panel(panel, freq=freq, horizon=horizon), panel, freq, horizon)


# Each model by itself, on histories as the engine hands them to it: divided by a power of two near their largest value.


def scaled(y: np.ndarray) -> np.ndarray:
    return np.ldexp(y, -int(np.frexp(np.abs(y).max())[1]))


def asked(name: str, y: np.ndarray, m: int, horizon: int) -> np.ndarray | None:
    """What the model forecasts, or None where it says that it cannot."""
    try:
        with np.errstate(all="ignore"):
            ahead = KERNEL[name](y, m, horizon)
    except (ValueError, IndexError, ZeroDivisionError, np.linalg.LinAlgError):
        return None
    assert ahead.shape == (horizon,)
    assert ahead.dtype == np.float64
    return None if np.isnan(ahead).all() else ahead


each_model = pytest.mark.parametrize("name", KERNEL)


@each_model
@pytest.mark.parametrize("m", [1, 12])
def test_a_model_gives_all_of_its_forecast_or_none(name: str, m: int) -> None:
    for label, history in histories("MS").items():
        y = scaled(history)
        y.setflags(write=False)  # pandas 3 hands such ones out, and a model must not change its input
        ahead = asked(name, y, m, 13)
        if ahead is not None:
            assert not np.isnan(ahead).any(), label


@each_model
@pytest.mark.parametrize(
    "label", ["seasonal", "trend", "negative", "mixed sign", "level shift", "alternating", "lumpy"]
)
def test_a_model_fits_what_is_fit_to_be_forecast(name: str, label: str) -> None:
    y = scaled(histories("MS")[label])
    once, twice = asked(name, y, 12, 13), asked(name, y, 12, 13)
    assert once is not None
    assert np.isfinite(once).all()
    np.testing.assert_array_equal(once, twice)


@each_model
@pytest.mark.parametrize("value", [0.0, 0.875])
def test_a_constant_stays_what_it_is(name: str, value: float) -> None:
    ahead = asked(name, np.full(40, value), 12, 24)
    if ahead is not None:
        np.testing.assert_allclose(ahead, value, atol=1e-6)


@each_model
def test_a_shorter_horizon_is_the_beginning_of_a_longer_one(name: str) -> None:
    y = scaled(histories("MS")["seasonal"])
    short, long = asked(name, y, 12, 5), asked(name, y, 12, 24)
    np.testing.assert_allclose(short, long[:5], rtol=1e-12)
