"""Nights that remember: what is kept, filtered forward and learned anew, and the state in between.

Not here: how good the forecasts are (test_forecasting_engine.py).
"""

import numpy as np
import pandas as pd
import pytest

from forecasting import state as state_room
from forecasting.engine import forecast_panel
from forecasting.nightly import Night, forecast_night
from forecasting.passes import mapping
from forecasting.state import STATE_COLUMNS, ModelState
from tests.support.panels import panel_of

CHOICE = {"freq": "MS", "horizon": 4}
N = 72


def drawn(n: int = N) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(20240229)
    t = np.arange(n)
    series = {f"S{i:02}": 100 + 20 * np.sin(t * 2 * np.pi / 12 + i) + rng.normal(0, 6, n) for i in range(24)}
    series["rare"] = np.where(rng.random(n) < 0.3, rng.integers(1, 6, n), 0).astype("float64")
    series["short"] = rng.gamma(9, 10, n)[-30:]
    series["constant"] = np.full(n, 7.0)
    return series


def cut(series: dict[str, np.ndarray], ends: dict[str, int] | None = None) -> pd.DataFrame:
    """The panel without the last periods: one for each series, or as many as ``ends`` says. All begin as before."""
    whole = {name: y[: len(y) - (1 if ends is None else ends.get(name, 1))] for name, y in series.items()}
    return panel_of(whole, "MS")


@pytest.fixture(scope="module")
def first() -> Night:
    return forecast_night(cut(drawn()), **CHOICE)


def of(night: Night, *names: str) -> pd.DataFrame:
    return night.forecasts[night.forecasts["unique_id"].isin(names)].reset_index(drop=True)


def test_the_first_night_learns_all_and_says_what_forecast_panel_says(first: Night) -> None:
    assert (first.relearned, first.filtered, first.unchanged) == (27, 0, 0)
    pd.testing.assert_frame_equal(first.forecasts, forecast_panel(cut(drawn()), **CHOICE), check_exact=True)
    assert set(first.backtest["unique_id"]) == set(drawn())


def test_what_is_as_it_was_keeps_its_forecast_to_the_last_digit(first: Night) -> None:
    again = forecast_night(cut(drawn()), **CHOICE, state=first.state)
    assert (again.relearned, again.filtered, again.unchanged) == (0, 0, 27)
    pd.testing.assert_frame_equal(again.forecasts, first.forecasts, check_exact=True)
    pd.testing.assert_frame_equal(again.backtest, first.backtest, check_exact=True)


def test_a_new_period_is_filtered_and_a_short_series_learned_anew(first: Night) -> None:
    night = forecast_night(cut(drawn(), {"S03": 0, "short": 0}), **CHOICE, state=first.state)
    assert (night.relearned, night.filtered, night.unchanged) == (1, 1, 25)
    others = [name for name in drawn() if name not in ("S03", "short")]
    pd.testing.assert_frame_equal(of(night, *others), of(first, *others), check_exact=True)
    assert of(night, "S03")["ds"].iloc[0] == of(first, "S03")["ds"].iloc[1]
    fresh = forecast_panel(cut(drawn(), {"S03": 0, "short": 0}), **CHOICE)
    fresh = fresh[fresh["unique_id"] == "S03"].reset_index(drop=True)
    np.testing.assert_allclose(of(night, "S03")["mean"], fresh["mean"], rtol=0.03)  # nearly what learning would say
    at = list(night.state.ids).index("S03")
    assert night.state.n_fit[at] == N - 1
    assert night.state.n_periods[at] == N


def test_filtered_parameters_forecast_as_if_they_had_seen_the_period_at_once() -> None:
    """One period a night for two nights, and two periods in one night: the same forecast."""
    step = {name: (1 if name == "S03" else 2) for name in drawn(N + 1)}
    base = forecast_night(cut(drawn(N + 1), dict.fromkeys(step, 2)), **CHOICE)
    slow = forecast_night(cut(drawn(N + 1), step), **CHOICE, state=base.state)
    slow = forecast_night(cut(drawn(N + 1), step | {"S03": 0}), **CHOICE, state=slow.state)
    fast = forecast_night(cut(drawn(N + 1), step | {"S03": 0}), **CHOICE, state=base.state)
    assert (slow.filtered, fast.filtered) == (1, 1)
    pd.testing.assert_frame_equal(slow.forecasts, fast.forecasts, check_exact=True)


def test_a_revised_past_and_drift_learn_anew(first: Night) -> None:
    revised = drawn()
    revised["S05"][10] += 1e-9
    revised["S06"] = revised["S06"][1:]  # its first month is gone
    night = forecast_night(cut(revised), **CHOICE, state=first.state)
    assert (night.relearned, night.filtered) == (2, 0)
    drifted = drawn()
    drifted["S07"][-1] = 500.0
    night = forecast_night(cut(drifted, {"S07": 0}), **CHOICE, state=first.state)
    assert (night.relearned, night.filtered) == (1, 0)
    kept = dict(zip(night.state.ids, night.state.own, strict=True))
    before = dict(zip(first.state.ids, first.state.own, strict=True))
    assert kept["S07"][0] > 2 * before["S07"][0]  # its errors are measured against the panel's


def test_levels_in_other_words_keep_the_state(first: Night) -> None:
    assert forecast_night(cut(drawn()), state=first.state, **CHOICE, levels=np.array([95.0, 80.0])).relearned == 0


def test_new_series_are_learned_and_gone_ones_forgotten(first: Night) -> None:
    series = {name: y for name, y in drawn().items() if name != "S00"} | {"new €": drawn()["S01"][:20]}
    night = forecast_night(cut(series), **CHOICE, state=first.state)
    assert (night.relearned, night.filtered, night.unchanged) == (1, 0, 26)
    assert "S00" not in set(night.forecasts["unique_id"])
    assert night.forecasts["unique_id"].drop_duplicates().tolist() == sorted(series)


def test_a_night_tells_what_it_changed_in_the_state(first: Night) -> None:
    assert len(first.models.changed.ids) == 27
    series = {name: y for name, y in drawn().items() if name != "S00"} | {"new €": drawn()["S01"][:20]}
    night = forecast_night(cut(series, {"S03": 0, "short": 0}), **CHOICE, state=first.state)
    assert night.models.changed.ids.tolist() == ["S03", "new €", "short"]
    assert night.models.gone.tolist() == ["S00"]
    rows = night.models.changed.to_frame()
    before = first.state.to_frame()
    left = before[~before["unique_id"].isin([*rows["unique_id"], *night.models.gone])]
    written = ModelState.from_frame(pd.concat([left, rows]))
    assert written is not None
    pd.testing.assert_frame_equal(written.to_frame(), night.state.to_frame())


def test_without_an_interval_nobody_can_tell_drift_and_news_are_learned() -> None:
    choice = CHOICE | {"levels": ()}
    state = forecast_night(cut(drawn()), **choice).state
    night = forecast_night(cut(drawn(), {"S03": 0}), **choice, state=state)
    assert (night.relearned, night.filtered, night.unchanged) == (1, 0, 26)
    assert not [name for name in night.forecasts if name.startswith(("lo-", "hi-"))]


def test_only_what_changed_may_be_given(first: Night) -> None:
    series = {name: drawn()[name] for name in ("S03", "short")} | {"another": drawn()["S01"][:20]}
    part = cut(series, {"S03": 0, "short": 0})
    night = forecast_night(part, **CHOICE, state=first.state, only_changed=True)
    assert (night.relearned, night.filtered, night.unchanged) == (2, 1, 25)
    whole = cut(drawn() | {"another": series["another"]}, {"S03": 0, "short": 0})
    pd.testing.assert_frame_equal(
        night.forecasts, forecast_night(whole, **CHOICE, state=first.state).forecasts, check_exact=True
    )
    nothing = forecast_night(part.head(0), **CHOICE, state=first.state, only_changed=True)
    pd.testing.assert_frame_equal(nothing.forecasts, first.forecasts, check_exact=True)


def test_rows_and_back_make_the_same_night(first: Night) -> None:
    frame = first.state.to_frame()
    assert frame.columns.tolist() == list(STATE_COLUMNS)
    assert len(frame) == 28
    restored = ModelState.from_frame(frame.sample(frac=1, random_state=3))
    assert restored is not None
    panel = cut(drawn(), {"S03": 0, "short": 0, "rare": 0})
    one, other = (forecast_night(panel, **CHOICE, state=state) for state in (first.state, restored))
    assert other.unchanged == 24
    pd.testing.assert_frame_equal(one.forecasts, other.forecasts, check_exact=True)
    pd.testing.assert_frame_equal(one.state.to_frame(), other.state.to_frame())


@pytest.mark.parametrize(
    "changed", [{"horizon": 5}, {"levels": (50,)}, {"season_lengths": (4,)}, {"n_origins": 3}, {"freq": "QS"}]
)
def test_other_choices_begin_anew(first: Night, changed: dict[str, object]) -> None:
    panel = panel_of({"A": np.arange(60.0) % 7}, str(changed.get("freq", "MS")))
    assert forecast_night(panel, **(CHOICE | changed), state=first.state).relearned == 1


def test_another_version_begins_anew(first: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    frame = first.state.to_frame()
    monkeypatch.setattr(state_room, "ENGINE_VERSION", "another")
    assert ModelState.from_frame(frame) is None
    assert forecast_night(cut(drawn()), **CHOICE, state=first.state).relearned == 27


@pytest.mark.parametrize("lost", ["all", "shared", "some series"])
def test_a_lost_state_costs_time_and_nothing_else(first: Night, lost: str) -> None:
    frame = first.state.to_frame()
    frame = {"all": frame.head(0), "shared": frame.iloc[1:], "some series": frame.drop(index=[2, 5])}[lost]
    state = ModelState.from_frame(frame)
    assert (state is None) == (lost != "some series")
    night = forecast_night(cut(drawn()), **CHOICE, state=state)
    assert night.relearned == (2 if state else 27)
    assert night.forecasts["unique_id"].nunique() == 27
    if state:
        np.testing.assert_allclose(night.forecasts["mean"], first.forecasts["mean"], rtol=1e-12)


def test_a_quarter_later_everything_is_learned_again(first: Night) -> None:
    quarter = {name: y for name, y in drawn(N + 2).items() if name != "short"}
    night = forecast_night(panel_of(quarter, "MS"), **CHOICE, state=first.state)
    assert (night.relearned, night.filtered) == (26, 0)  # two months and one: the panel has moved on by three
    sooner = forecast_night(panel_of({k: y[:-1] for k, y in quarter.items()}, "MS"), **CHOICE, state=first.state)
    assert sooner.relearned < 26


def test_two_threads_and_another_order_say_the_same() -> None:
    series = drawn() | {f"T{i:04}": np.random.default_rng(i).gamma(9, 10, 30) for i in range(2100)}
    panel = panel_of(series, "MS")
    one = forecast_night(panel, **CHOICE)
    two = forecast_night(panel.sample(frac=1, random_state=5), **CHOICE, mapped=mapping(2, None, 0))
    pd.testing.assert_frame_equal(one.forecasts, two.forecasts, check_exact=True)
    pd.testing.assert_frame_equal(one.state.to_frame(), two.state.to_frame())


def test_a_business_without_anything_has_an_empty_night() -> None:
    empty = cut(drawn()).head(0)
    night = forecast_night(empty, **CHOICE)
    assert night.forecasts.empty
    restored = ModelState.from_frame(night.state.to_frame())
    assert restored is not None
    later = forecast_night(cut(drawn()), **CHOICE, state=restored)
    assert later.relearned == 27
    assert forecast_night(empty, **CHOICE, state=later.state).forecasts.empty
