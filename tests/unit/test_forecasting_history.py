"""From days to the panel that a forecast learns from: what is filled, cut and told. Not here: the panel's contract."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.history import EVERY_SERIES, prepare_history
from forecasting.outliers import cap_outliers
from forecasting.panel import PanelError, validate_panel
from forecasting.uncensoring import closed_days, day_profile, expected_demand, stockout_shares

MONDAY = "2024-01-01"


def days(y: list[float], start: str = MONDAY, unique_id: str = "A", out: list[int] | None = None) -> pd.DataFrame:
    """One row per day; ``out``: the places of the days without stock."""
    ds = pd.date_range(start, periods=len(y)).astype("datetime64[s]")
    frame = pd.DataFrame({"unique_id": unique_id, "ds": ds, "y": y, "out_of_stock": False})
    frame.loc[out or [], "out_of_stock"] = True
    return frame


def last_day(frame: pd.DataFrame) -> date:
    day: date = frame["ds"].max().date()
    return day


def every_day(frame: pd.DataFrame, orders: int = 20) -> pd.DataFrame:
    return pd.DataFrame({"ds": frame["ds"].unique(), "orders": orders})


# what is refused ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (days([1.0, np.nan]), "series 'A' at 2024-01-02: y is missing"),
        (days([1.0, np.inf]), "series 'A' at 2024-01-02: y is not a finite number"),
        (pd.concat([days([1.0]), days([2.0])]), "series 'A' at 2024-01-01: the period occurs twice"),
        (days([1.0], start="2024-01-01 06:00"), "ds is not the first day of a D period"),
        (days([1.0] * 11), "series 'A' at 2024-01-11: the period begins after 2024-01-10"),
        (days([1.0]).drop(columns="y"), "has no column 'y'"),
    ],
)
def test_bad_days_are_refused_by_name(frame: pd.DataFrame, message: str) -> None:
    with pytest.raises(PanelError, match=message):
        prepare_history(frame, freq="D", end=date(2024, 1, 10))


def test_orders_without_a_number_are_refused() -> None:
    frame = days([1.0] * 3)
    with pytest.raises(PanelError, match="orders: a day occurs twice or has no number"):
        prepare_history(frame, freq="D", end=last_day(frame), orders=every_day(frame).assign(orders=np.nan))


# awkward histories ----------------------------------------------------------------------------------------------------


def test_nothing_at_all() -> None:
    prepared = prepare_history(days([]), freq="W-MON", end=date(2024, 1, 10))
    assert list(prepared.panel.columns) == ["unique_id", "ds", "y", "y_observed"]
    assert list(prepared.notes.columns) == ["unique_id", "ds", "kind", "observed", "used"]
    assert len(prepared.panel) == len(prepared.notes) == 0


@pytest.mark.parametrize("freq", ["D", "W-MON", "MS"])
def test_one_day(freq: str) -> None:
    prepared = prepare_history(days([7.0]), freq=freq, end=date(2024, 1, 31))
    assert prepared.panel["y"].tolist()[0] == 7.0
    assert prepared.panel["y"].sum() == 7.0


def test_a_leap_day_is_a_day_of_its_month() -> None:
    frame = days([1.0] * 91)
    prepared = prepare_history(frame, freq="MS", end=date(2024, 3, 31))
    assert prepared.panel["y"].tolist() == [31.0, 29.0, 31.0]


def test_periods_that_are_not_whole_are_left_out_at_both_ends() -> None:
    frame = days([1.0] * 60, start="2024-01-17")  # a Wednesday, in the middle of the month, to 16 March
    assert prepare_history(frame, freq="MS", end=last_day(frame)).panel["y"].tolist() == [29.0]
    assert prepare_history(frame, freq="W-MON", end=last_day(frame)).panel["ds"].min() == pd.Timestamp("2024-01-22")


def test_books_that_begin_after_new_years_day_have_the_whole_january() -> None:
    frame = days([1.0] * 30, start="2024-01-02")
    assert prepare_history(frame, freq="MS", end=last_day(frame)).panel["y"].tolist() == [30.0]


def test_out_of_stock_all_the_time_stays_as_it_is() -> None:
    frame = days([1.0] + [0.0] * 69, out=list(range(70)))
    prepared = prepare_history(frame, freq="W-MON", end=last_day(frame))
    assert prepared.panel["y"].tolist() == [1.0] + [0.0] * 9
    assert len(prepared.notes) == 0


def test_never_open_is_no_holiday() -> None:
    frame = days([5.0, 5, 5, 5, 5, 0, 0] * 20)
    prepared = prepare_history(frame, freq="D", end=last_day(frame), orders=every_day(frame.query("y > 0")))
    assert prepared.panel["y"].tolist() == frame["y"].tolist()


def test_a_holiday_takes_its_weekdays_demand_in_a_daily_series_and_nothing_in_a_weekly_one() -> None:
    y = [float(5 + k % 7) for k in range(140)]
    y[72] = 0.0  # a Wednesday
    frame = days(y)
    orders = every_day(frame[frame["y"] > 0])
    daily = prepare_history(frame, freq="D", end=last_day(frame), orders=orders)
    assert daily.panel["y"][72] == pytest.approx(7.0, rel=0.05)
    note = daily.notes.to_dict("records")
    assert [(n["unique_id"], n["kind"], n["observed"]) for n in note] == [(EVERY_SERIES, "closed", 0.0)]
    weekly = prepare_history(frame, freq="W-MON", end=last_day(frame), orders=orders)
    assert weekly.panel["y"].tolist() == weekly.panel["y_observed"].tolist()


def test_a_week_that_was_mostly_closed_is_filled() -> None:
    y = [10.0] * 140
    y[70:75] = [0.0] * 5
    frame = days(y)
    prepared = prepare_history(frame, freq="W-MON", end=last_day(frame), orders=every_day(frame[frame["y"] > 0]))
    assert prepared.panel["y"].to_numpy() == pytest.approx(np.full(20, 70.0))
    assert prepared.panel["y_observed"][10] == 20.0


def test_a_series_may_begin_inside_a_closed_week() -> None:
    old = days([10.0] * 140)
    closed = [*range(70, 75)]
    old.loc[closed, "y"] = 0.0
    new = days([4.0] * 65, start="2024-03-16", unique_id="B")  # the Saturday after the closed days
    frame = pd.concat([old, new], ignore_index=True)
    orders = every_day(old[old["y"] > 0])
    panel = prepare_history(frame, freq="W-MON", end=last_day(frame), orders=orders).panel.set_index("unique_id")
    assert panel.loc["B", "y"].tolist() == [8.0] + [28.0] * 9


@pytest.mark.parametrize(("freq", "ends"), [("W-MON", (139, 140, 145)), ("MS", (151, 152, 180))])
def test_days_of_the_running_period_change_nothing_of_those_that_are_over(freq: str, ends: tuple[int, ...]) -> None:
    """Or every series that was ever without stock would be learned anew every night."""
    rng = np.random.default_rng(5)
    names = "ABC"
    sold = {name: rng.poisson(9.0, 200).astype("float64") for name in names}
    sold["A"][60:75] = 0.0
    frame = pd.concat([days(list(sold[name]), MONDAY, name, list(range(60, 75)) * (name == "A")) for name in names])
    first, *others = (
        prepare_history(known, freq=freq, end=last_day(known))
        for known in (frame[frame["ds"] <= pd.Timestamp(MONDAY) + pd.Timedelta(days=end)] for end in ends)
    )
    assert "stockout" in set(first.notes["kind"])
    for other in others:
        pd.testing.assert_frame_equal(other.panel, first.panel, check_exact=True)
        pd.testing.assert_frame_equal(other.notes, first.notes, check_exact=True)


def test_sales_lost_for_want_of_stock_come_back_with_their_weekday() -> None:
    y = [float(10 * (1 + k % 7)) for k in range(140)]
    true = list(y)
    y[70:80] = [3.0] + [0.0] * 9
    frame = days(y, out=list(range(70, 80)))
    other = days(true, unique_id="B")
    prepared = prepare_history(pd.concat([frame, other]), freq="D", end=last_day(frame))
    assert prepared.panel["y"].to_numpy()[70:80] == pytest.approx(true[70:80], rel=0.1)
    assert set(prepared.notes["kind"]) == {"stockout"}
    assert prepared.panel["y_observed"].to_numpy()[:140].tolist() == y


def test_what_is_out_for_half_a_year_is_not_carried() -> None:
    frame = days([5.0] * 100 + [0.0] * 182, out=list(range(100, 282)))
    assert prepare_history(frame, freq="D", end=last_day(frame)).panel["y"].tolist() == frame["y"].tolist()


def test_negative_values_are_kept() -> None:
    frame = days([-3.0, 4.0] * 35, out=[20])
    prepared = prepare_history(frame, freq="D", end=last_day(frame))
    assert prepared.panel["y"].min() == -3.0
    validate_panel(prepared.panel, "D")


def test_ids_that_are_not_ascii_and_rows_in_any_order() -> None:
    frame = pd.concat([days([1.0] * 7, unique_id="Łódź"), days([2.0] * 7, unique_id="ä")])
    panel = prepare_history(frame.iloc[::-1], freq="W-MON", end=date(2024, 1, 7)).panel
    assert dict(zip(panel["unique_id"], panel["y"], strict=True)) == {"Łódź": 7.0, "ä": 14.0}


def test_more_series_than_one_chunk_holds_are_as_one_by_one() -> None:
    draw = np.random.default_rng(3).poisson(3.0, (1_001, 28)).astype(float)
    frame = pd.concat([days(list(y), unique_id=f"P{k:04d}") for k, y in enumerate(draw)])
    panel = prepare_history(frame, freq="W-MON", end=last_day(frame), outliers=False).panel
    assert panel["y"].sum() == draw.sum()
    assert panel["unique_id"].is_monotonic_increasing
    assert panel.groupby("unique_id")["y"].sum().to_numpy().tolist() == draw.sum(axis=1).tolist()


# outliers -------------------------------------------------------------------------------------------------------------


def weeks(y: list[float] | np.ndarray) -> np.ndarray:
    return np.asarray(y, dtype="float64")[None, :]


def noisy(n: int, level: float = 100.0, spread: float = 10.0) -> np.ndarray:
    return np.random.default_rng(5).normal(level, spread, n)


def test_one_order_of_81_thousand_is_cut_and_no_other_week_is() -> None:
    y = noisy(52)
    y[30] = 80_995.0
    capped = cap_outliers(weeks(y), lag=1, season=52)[0]
    assert 150.0 < capped[30] < 400.0
    assert np.delete(capped, 30).tolist() == np.delete(y, 30).tolist()


def test_a_week_that_fell_out_is_raised_to_the_band() -> None:
    y = noisy(52)
    y[30] = 0.0
    assert 0.0 < cap_outliers(weeks(y), lag=1, season=52)[0, 30] < 100.0


def test_a_level_that_shifts_is_kept() -> None:
    y = np.concatenate([noisy(40), noisy(40) * 20])
    assert cap_outliers(weeks(y), lag=1, season=52)[0].tolist() == y.tolist()


def test_christmas_that_comes_again_is_kept_and_once_is_not() -> None:
    y = noisy(157)
    y[[50, 102]] = 2_000.0
    assert cap_outliers(weeks(y), lag=1, season=52)[0].tolist() == y.tolist()
    y[102] = 100.0
    assert cap_outliers(weeks(y), lag=1, season=52)[0, 50] < 500.0


def test_a_promotion_explains_a_spike() -> None:
    frame = days([10.0] * 280).assign(on_promotion=False)
    frame.loc[140:146, "y"] = 500.0
    end = last_day(frame)
    assert prepare_history(frame, freq="W-MON", end=end).panel["y"][20] < 500.0
    frame.loc[143, "on_promotion"] = True
    assert prepare_history(frame, freq="W-MON", end=end).panel["y"][20] == 3_500.0


def test_a_series_with_many_is_wild_and_a_short_one_unknown() -> None:
    y = noisy(50)
    y[[5, 20, 35]] = 5_000.0
    assert cap_outliers(weeks(y), lag=1, season=52)[0].tolist() == y.tolist()
    short = np.full(11, 10.0)
    short[4] = 5_000.0
    assert cap_outliers(weeks(short), lag=1, season=52)[0].tolist() == short.tolist()


def test_rare_sales_are_judged_by_their_sizes() -> None:
    y = np.zeros(100)
    y[::7] = 2.0
    y[14], y[49] = 9.0, 5_000.0
    capped = cap_outliers(weeks(y), lag=1, season=52)[0]
    assert capped[14] == 9.0
    assert 9.0 < capped[49] < 100.0
    assert (capped[y == 0] == 0).all()


@pytest.mark.parametrize("y", [np.zeros(60), np.full(60, 1e15), np.full(60, 1e-15), np.full(60, -5.0)])
def test_constant_series_stay(y: np.ndarray) -> None:
    assert cap_outliers(weeks(y), lag=1, season=52)[0].tolist() == y.tolist()


# properties -----------------------------------------------------------------------------------------------------------

HISTORY = st.lists(st.tuples(st.integers(0, 50), st.booleans()), min_size=1, max_size=120)


@given(HISTORY, st.sampled_from(["D", "W-MON", "W-SUN", "MS"]))
@settings(max_examples=60, deadline=None)
def test_never_below_what_was_sold_when_out_of_stock(history: list[tuple[int, bool]], freq: str) -> None:
    frame = days([float(y) for y, _ in history], out=[k for k, (_, out) in enumerate(history) if out])
    prepared = prepare_history(frame, freq=freq, end=last_day(frame), outliers=False)
    panel = validate_panel(prepared.panel, freq)
    assert (panel["y"] >= prepared.panel["y_observed"]).all()
    assert len(prepared.notes) == (panel["y"] != prepared.panel["y_observed"]).sum()


@given(HISTORY)
@settings(max_examples=60, deadline=None)
def test_untouched_series_keep_their_total(history: list[tuple[int, bool]]) -> None:
    frame = days([float(y) for y, _ in history] + [0.0] * (-len(history) % 7))
    prepared = prepare_history(frame, freq="W-MON", end=last_day(frame), outliers=False)
    assert prepared.panel["y"].sum() == frame["y"].sum()
    assert len(prepared.notes) == 0


@given(HISTORY)
@settings(max_examples=60, deadline=None)
def test_what_was_prepared_stays_as_it_is(history: list[tuple[int, bool]]) -> None:
    frame = days([float(y) for y, _ in history], out=[k for k, (_, out) in enumerate(history) if out])
    once = prepare_history(frame, freq="D", end=last_day(frame), outliers=False).panel
    again = prepare_history(once[["unique_id", "ds", "y"]], freq="D", end=last_day(frame), outliers=False)
    assert again.panel["y"].tolist() == once["y"].tolist()
    assert len(again.notes) == 0


@given(st.lists(st.floats(0, 1e9, allow_nan=False), min_size=1, max_size=120))
@settings(max_examples=100, deadline=None)
def test_cutting_keeps_nearly_everything_and_stays_in_range(values: list[float]) -> None:
    y = weeks(values)
    capped = cap_outliers(y, lag=1, season=52)
    assert (capped != y).sum() <= max(2, 0.02 * y.size)
    assert np.isfinite(capped).all()
    assert capped.max() <= y.max()


# the parts ------------------------------------------------------------------------------------------------------------


def test_a_quiet_business_is_not_closed_on_a_day_without_orders() -> None:
    orders = np.tile([2, 3, 1, 2, 4, 0, 0], 30)
    orders[70] = 0
    assert not closed_days(orders, np.arange(len(orders)) % 7).any()


def test_a_profile_of_nothing_is_flat() -> None:
    assert day_profile(np.zeros(40), np.arange(40) % 7, np.ones(40, dtype=bool)).tolist() == [1.0] * 40


def test_expectation_is_unknown_where_too_little_is_known() -> None:
    usable = np.zeros((1, 60), dtype=bool)
    usable[0, :13] = True
    assert np.isnan(expected_demand(np.ones((1, 60)), usable, np.ones(60))).all()


def test_one_wild_day_does_not_raise_the_days_around_it() -> None:
    y = np.full((1, 120), 2.0)
    y[0, 60] = 80_995.0
    assert expected_demand(y, np.ones((1, 120), dtype=bool), np.ones(120))[0, 65] < 3.0


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 250)), min_size=1, max_size=6))
def test_a_run_is_filled_as_its_length_says(runs: list[tuple[bool, int]]) -> None:
    flags = np.concatenate([np.full(length, flag) for flag, length in runs])
    shares = stockout_shares(flags[None, :])[0]
    edges = np.flatnonzero(np.diff(np.r_[False, flags, False].astype(int)))
    expected = np.zeros(len(flags))
    for first, after in edges.reshape(-1, 2):
        expected[first:after] = min(max((182 - (after - first)) / 91, 0), 1)
    assert shares == pytest.approx(expected, abs=1e-8)
    assert (shares[~flags] == 0).all()


def test_what_is_out_for_long_fades_and_does_not_fall_overnight() -> None:
    """A product of 3 a day; its last quarter's demand, night after night of a stockout that does not end."""
    calendar = pd.date_range("2023-01-02", periods=600)
    other = pd.DataFrame({"unique_id": "B", "ds": calendar, "y": 3e6, "out_of_stock": False})
    last_quarter = []
    for out in (0, 60, 90, 91, 92, 93, 120, 181, 182, 250):
        daily = pd.DataFrame({"unique_id": "A", "ds": calendar, "y": 3.0, "out_of_stock": False})
        daily.loc[600 - out :, ["y", "out_of_stock"]] = [0.0, True]
        panel = prepare_history(pd.concat([daily, other]), freq="D", end=calendar[-1]).panel
        last_quarter.append(panel.loc[panel["unique_id"] == "A", "y"].tail(91).sum() / 273)
    assert last_quarter == pytest.approx([1, 1, 1, 1, 90 / 91, 89 / 91, 62 / 91, 1 / 91, 0, 0], abs=1e-4)


def test_a_closed_day_of_a_product_that_is_not_carried_stays_empty() -> None:
    frame = days([5.0] * 100 + [0.0] * 200, out=list(range(100, 300)))
    other = days([7.0] * 200 + [0.0] + [7.0] * 99, unique_id="B")
    orders = pd.DataFrame({"ds": other["ds"], "orders": np.where(other["y"] > 0, 9, 0)})
    panel = prepare_history(pd.concat([frame, other]), freq="D", end=last_day(frame), orders=orders).panel
    assert panel.loc[panel["unique_id"] == "A", "y"].tolist() == frame["y"].tolist()
    assert panel.loc[panel["unique_id"] == "B", "y"].iloc[200] == pytest.approx(7.0)
