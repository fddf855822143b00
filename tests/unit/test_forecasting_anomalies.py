"""Anomalies: found, not invented, and never judged by themselves. Not here: alerts."""

import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.anomalies import COLUMNS, kpi_anomalies, trailing_median
from forecasting.panel import PanelError


def shop(days: int = 400, seed: int = 1, noise: float = 5.0) -> pd.DataFrame:
    """A shop closed on Sundays, busy on Saturdays, growing."""
    rng = np.random.default_rng(seed)
    day = pd.date_range("2023-01-02", periods=days)
    week = np.array([100.0, 105, 110, 115, 130, 180, 0])[day.dayofweek]
    value = np.where(week > 0, week * (1 + np.arange(days) / 2000) + rng.normal(0, noise, days), 0.0)
    return pd.DataFrame({"kpi": "revenue", "day": day, "value": value})


def with_value(frame: pd.DataFrame, day: str, value: float) -> pd.DataFrame:
    return frame.assign(value=frame["value"].where(frame["day"] != pd.Timestamp(day), value))


@pytest.mark.parametrize(("value", "direction"), [(20.0, "low"), (400.0, "high"), (0.0, "low")])
def test_a_strange_day_is_found_with_its_band(value: float, direction: str) -> None:
    found = kpi_anomalies(with_value(shop(), "2024-01-10", value)).set_index("day").loc["2024-01-10"]
    assert found["direction"] == direction
    assert found["value"] == value
    assert not found["lo"] <= value <= found["hi"]
    assert found["lo"] < found["expected"] < found["hi"]
    assert found["expected"] == pytest.approx(110 * (1 + 373 / 2000), rel=0.08)


@pytest.mark.parametrize(("shift", "is_floored"), [(0.0, True), (-1000.0, False)])
def test_a_kpi_that_was_never_negative_is_not_expected_to_be(shift: float, is_floored: bool) -> None:
    wild = with_value(shop(noise=60.0).assign(value=lambda f: f["value"].clip(lower=0.0)), "2024-01-10", 5_000.0)
    found = kpi_anomalies(wild.assign(value=wild["value"] + shift)).set_index("day").loc["2024-01-10"]
    assert (found["lo"] == 0.0) == is_floored
    assert found["lo"] < found["expected"] < found["hi"] < found["value"]


def test_the_judged_point_is_not_in_its_own_baseline() -> None:
    bands = []
    for value in (500.0, 5_000.0, 5e9):
        found = kpi_anomalies(with_value(shop(), "2024-01-10", value)).set_index("day").loc["2024-01-10"]
        bands.append(found[["expected", "lo", "hi"]].astype(float).tolist())
    assert bands[0] == bands[1] == bands[2]


@given(st.lists(st.floats(-1e6, 1e6), min_size=20, max_size=60), st.floats(-1e6, 1e6))
@settings(deadline=None, max_examples=50)
def test_no_later_day_moves_an_earlier_judgement(values: list[float], later: float) -> None:
    frame = pd.DataFrame({"kpi": "k", "day": pd.date_range("2024-01-01", periods=len(values)), "value": values})
    changed = frame.assign(value=[*values[:-1], later])
    before_last = frame["day"].iloc[-1]
    one, two = (kpi_anomalies(f, season_length=1) for f in (frame, changed))
    pd.testing.assert_frame_equal(one[one["day"] < before_last], two[two["day"] < before_last])


def test_quiet_days_and_closed_sundays_are_not_reported() -> None:
    found = pd.concat([kpi_anomalies(shop(seed=s)) for s in range(10)])
    judged_days = 10 * (400 - 70)
    assert len(found) / judged_days < 0.02  # 3.5 on normal noise with an estimated spread
    assert not (found["day"].dt.dayofweek == 6).any()


def test_a_sunday_opening_is_news() -> None:
    found = kpi_anomalies(with_value(shop(), "2024-01-14", 150.0)).set_index("day").loc["2024-01-14"]
    assert (found["direction"], found["expected"]) == ("high", 0.0)
    assert np.isfinite(found["score"])


def test_closed_days_may_be_missing_or_empty_instead_of_zero() -> None:
    frame = with_value(shop(), "2024-01-10", 20.0)
    sunday = frame["day"].dt.dayofweek == 6
    missing = kpi_anomalies(frame[~sunday])
    empty = kpi_anomalies(frame.assign(value=frame["value"].mask(sunday)))
    pd.testing.assert_frame_equal(missing, empty)
    assert pd.Timestamp("2024-01-10") in set(missing["day"])


def test_steady_growth_is_not_an_anomaly() -> None:
    found = kpi_anomalies(shop(days=700, noise=2.0))
    assert len(found) < 0.02 * 630


def test_a_kpi_that_never_moved_gets_a_finite_score() -> None:
    flat = pd.DataFrame({"kpi": "k", "day": pd.date_range("2024-01-01", periods=120), "value": 0.0})
    found = kpi_anomalies(with_value(flat, "2024-04-25", 1.0))
    assert found[["value", "expected", "score"]].to_numpy().tolist() == [[1.0, 0.0, 999.0]]
    assert len(kpi_anomalies(flat)) == 0
    steady = flat.assign(value=100.0)
    assert len(kpi_anomalies(with_value(steady, "2024-04-25", 104.0))) == 0
    assert len(kpi_anomalies(with_value(steady, "2024-04-25", 94.0))) == 1


def test_a_kpi_of_a_sale_now_and_then_has_no_unusual_days() -> None:
    sparse = pd.DataFrame({"kpi": "k", "day": pd.date_range("2024-01-01", periods=365), "value": 0.0})
    sparse.loc[::4, "value"] = 400.0
    assert len(kpi_anomalies(sparse)) == 0


def test_a_young_kpi_is_not_judged() -> None:
    assert len(kpi_anomalies(with_value(shop(days=60), "2023-02-20", 9e9))) == 0


def test_several_kpis_are_judged_apart_in_any_row_order() -> None:
    one = with_value(shop(seed=3), "2024-01-10", 20.0)
    two = shop(seed=4).assign(kpi="Bestellungen €", value=lambda f: f["value"] / 1e6)
    both = kpi_anomalies(pd.concat([two, one]).sample(frac=1, random_state=1))
    apart = pd.concat([kpi_anomalies(two), kpi_anomalies(one)], ignore_index=True)
    pd.testing.assert_frame_equal(both, apart)


def test_band_score_and_direction_say_the_same() -> None:
    found = kpi_anomalies(shop(noise=30.0), threshold=2.0)
    assert len(found) > 5
    above, below = found["value"] > found["hi"], found["value"] < found["lo"]
    assert (above == (found["direction"] == "high")).all()
    assert (below == (found["direction"] == "low")).all()
    assert (found["score"].abs() > 2.0).all()
    assert np.isfinite(found[["expected", "lo", "hi", "score"]].to_numpy()).all()


def test_six_kpis_of_three_years_take_less_than_two_seconds() -> None:
    frame = pd.concat([shop(days=1096, seed=s).assign(kpi=f"k{s}") for s in range(6)])
    began = time.process_time()
    kpi_anomalies(frame)
    assert time.process_time() - began < 2.0


def test_nothing_in_nothing_out() -> None:
    found = kpi_anomalies(shop().head(0))
    assert found.columns.tolist() == list(COLUMNS)
    assert len(found) == 0
    assert len(kpi_anomalies(shop().assign(value=np.nan))) == 0


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (pd.concat([shop(9), shop(9).head(1)]), "kpi 'revenue', day 2023-01-02 00:00:00: occurs twice"),
        (with_value(shop(9), "2023-01-04", np.inf), "has an infinite value"),
        (shop(9).drop(columns="kpi"), "daily has no column 'kpi'"),
        (shop(9).assign(day=pd.date_range("2023-01-01 01:00", periods=9)), "has a time of day"),
        (shop(9).assign(day=pd.NaT).head(1), "has no kpi or no day"),
    ],
)
def test_what_cannot_be_judged_is_refused(frame: pd.DataFrame, message: str) -> None:
    with pytest.raises(PanelError, match=message):
        kpi_anomalies(frame)


@pytest.mark.parametrize(
    "choice", [{"season_length": 0}, {"threshold": 0}, {"window_seasons": 3}, {"scale_seasons": 5}]
)
def test_wrong_choices_are_refused(choice: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"must (be|span) at least"):
        kpi_anomalies(shop(9), **choice)


@given(st.lists(st.one_of(st.floats(-1e9, 1e9), st.just(np.nan)), min_size=1, max_size=30), st.integers(1, 9))
def test_trailing_median_is_numpys_over_the_days_before(values: list[float], window: int) -> None:
    result = trailing_median(np.array([values]), window, 1)[0]
    for i, got in enumerate(result):
        before = [v for v in values[max(0, i - window) : i] if not np.isnan(v)]
        assert np.isnan(got) if not before else got == pytest.approx(np.median(before))
