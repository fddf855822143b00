"""The canonical panel: what is refused, by name, and how a calendar is completed. Not here: any model."""

from datetime import date
from random import Random

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.batch import Batch
from forecasting.panel import PanelError, buckets, complete_calendar, in_order, validate_panel
from forecasting.periods import MONTHS, WEEKDAYS, Frequency


def panel(days: list[str], y: list[object], unique_id: str = "A") -> pd.DataFrame:
    return pd.DataFrame({"unique_id": unique_id, "ds": pd.to_datetime(days), "y": y})


@pytest.mark.parametrize(
    ("frame", "freq", "message"),
    [
        (panel(["2024-02-28", "2024-03-01"], [1.0, 2.0]), "D", "series 'A': period 2024-02-29 is missing"),
        (panel(["2024-01-01", "2024-01-15"], [1.0, 2.0]), "W-MON", "period 2024-01-08 is missing"),
        (panel(["2024-01-01", "2024-03-01"], [1.0, 2.0]), "MS", "period 2024-02-01 is missing"),
        (
            panel(["2024-01-01", "2024-01-01"], [1.0, 2.0]),
            "D",
            "series 'A' at 2024-01-01: the period occurs twice",
        ),
        (panel(["2024-01-01", "2024-01-02"], [1.0, np.nan]), "D", "at 2024-01-02: y is missing"),
        (panel(["2024-01-01", "2024-01-02"], [1.0, np.inf]), "D", "at 2024-01-02: y is not a finite number"),
        (panel(["2024-01-02"], [1.0]), "W-MON", "ds is not the first day of a W-MON period"),
        (panel(["2024-01-01 06:00"], [1.0]), "D", "ds is not the first day of a D period"),
        (panel(["2024-01-02"], [1.0]), "MS", "ds is not the first day of a MS period"),
        (panel(["2024-02-01"], [1.0]), "QS", "ds is not the first day of a QS period"),
        (panel(["2023-04-01", "2024-10-01"], [1.0, 2.0]), "QS", "period 2023-07-01 is missing"),
        (panel(["2024-01-01"], [1.0]), "YS-APR", "ds is not the first day of a YS-APR period"),
        (panel(["2024-01-01"], ["1"]), "D", "y must be a real number"),
        (panel(["2024-01-01"], [True]), "D", "y must be a real number, not bool"),
        (panel(["2024-01-01"], [1.0]).assign(unique_id=7), "D", "unique_id must be text"),
        (panel(["2024-01-01"], [1.0]).assign(ds="2024-01-01"), "D", "ds must be a datetime"),
        (
            panel(["2024-01-01"], [1.0]).assign(ds=pd.Timestamp("2024-01-01", tz="UTC")),
            "D",
            "without time zone",
        ),
        (panel(["2024-01-01"], [1.0]).drop(columns="y"), "D", "panel has no column 'y'"),
        (panel(["2024-01-01", None], [1.0, 2.0]), "D", "series 'A' at no date: ds is missing"),
    ],
)
def test_a_broken_panel_is_refused_by_name(frame: pd.DataFrame, freq: str, message: str) -> None:
    with pytest.raises(PanelError, match=message):
        validate_panel(frame, freq)
    with pytest.raises(PanelError, match=message):
        Batch.of(frame, freq)


@pytest.mark.parametrize("column", ["unique_id", "ds", "y"])
def test_a_column_that_stands_twice_is_refused_by_name(column: str) -> None:
    frame = panel(["2024-01-01"], [1.0])
    with pytest.raises(PanelError, match=f"more than one column '{column}'"):
        validate_panel(pd.concat([frame, frame[column]], axis=1), "D")


def test_what_is_no_frame_is_refused_in_words() -> None:
    with pytest.raises(PanelError, match="must be a DataFrame, not dict"):
        validate_panel({"unique_id": ["A"], "ds": ["2024-01-01"], "y": [1.0]}, "D")


def test_categories_are_sorted_as_the_texts_they_are() -> None:
    days = ["2024-01-01", "2024-01-02"]
    frame = pd.concat([panel(days, [1.0, 2.0]).assign(unique_id=name) for name in ("é", "b", "Z")])
    declared = frame.assign(unique_id=pd.Categorical(frame["unique_id"], categories=["é", "b", "Z", "unused"]))
    pd.testing.assert_frame_equal(validate_panel(declared, "D"), validate_panel(frame, "D"))
    end = date(2024, 1, 3)
    pd.testing.assert_frame_equal(complete_calendar(declared, "D", end), complete_calendar(frame, "D", end))
    pd.testing.assert_frame_equal(buckets(declared, "MS"), buckets(frame, "MS"))


def test_missing_id_is_refused() -> None:
    frame = panel(["2024-01-01", "2024-01-02"], [1.0, 2.0])
    frame["unique_id"] = pd.Series(["A", None], dtype="str")
    with pytest.raises(PanelError, match="unique_id is missing"):
        validate_panel(frame, "D")


def test_valid_panel_is_sorted_and_not_changed_in_place() -> None:
    frame = pd.concat([panel(["2024-01-02", "2024-01-01"], [2, 1], "ß"), panel(["2024-01-01"], [3], "A")])
    before = frame.copy()
    result = validate_panel(frame, "D")
    assert result["unique_id"].tolist() == ["A", "ß", "ß"]
    assert result["y"].tolist() == [3.0, 1.0, 2.0]
    assert result["y"].dtype == "float64"
    pd.testing.assert_frame_equal(frame, before)


@given(
    st.dictionaries(st.text(min_size=1, max_size=3), st.tuples(st.integers(-30, 30), st.integers(1, 9)), min_size=1),
    st.sampled_from(["D", "W-SUN", "MS", "QS-FEB", "YS-APR"]),
    st.sampled_from(["str", "object", "category"]),
    st.randoms(use_true_random=False),
)
@settings(max_examples=60, deadline=None)
def test_a_panel_in_order_is_read_as_the_same_in_any_other(
    spans: dict[str, tuple[int, int]], freq: str, kind: str, random: Random
) -> None:
    frequency = Frequency.parse(freq)
    rows = [(name, begin + k, 10.0 * begin + k) for name, (begin, n) in spans.items() for k in range(n)]
    names, periods, y = zip(*rows, strict=True)
    frame = pd.DataFrame({"unique_id": names, "ds": frequency.labels(np.array(periods)), "y": y})
    mixed = frame.astype({"unique_id": kind}).sample(frac=1, random_state=random.randrange(1000))
    batch, other = Batch.of(frame.sort_values(["unique_id", "ds"]), freq), Batch.of(mixed, freq)
    assert in_order(validate_panel(mixed, freq), frequency) is not None
    assert batch.ids.tolist() == other.ids.tolist() == sorted(spans)
    for name, first, length in zip(batch.ids, batch.first, batch.lengths, strict=True):
        assert (first, length) == spans[name]
    assert batch.values.tolist() == other.values.tolist() == validate_panel(mixed, freq)["y"].tolist()


@pytest.mark.parametrize("freq", ["D", "W-SUN", "MS", "QS-FEB", "YS"])
def test_empty_panel_stays_empty(freq: str) -> None:
    empty = pd.DataFrame({"unique_id": [], "ds": [], "y": []})
    assert validate_panel(empty, freq).columns.tolist() == ["unique_id", "ds", "y"]
    assert len(complete_calendar(empty, freq, date(2024, 1, 1))) == 0
    assert len(buckets(empty, freq)) == 0
    assert len(Batch.of(empty, freq)) == 0


@given(
    st.dates(date(1900, 1, 1), date(2200, 12, 31)),
    st.sampled_from(
        ["D", "MS", "QS", "YS", *(f"W-{d}" for d in WEEKDAYS), *(f"{u}-{m}" for u in ("QS", "YS") for m in MONTHS)]
    ),
)
def test_labels_undo_ordinals(day: date, freq: str) -> None:
    frequency = Frequency.parse(freq)
    stamp = np.array([np.datetime64(day, "s")])
    label = frequency.labels(frequency.ordinals(stamp))
    assert frequency.starts_period(label).all()
    assert label[0] <= stamp[0] < frequency.labels(frequency.ordinals(label) + 1)[0]
    if freq.startswith("W-"):
        assert pd.Timestamp(label[0]).day_name()[:3].upper() == freq[2:]
    if freq[:2] in ("MS", "QS", "YS"):  # pandas names and cuts them alike
        assert label[0] == np.datetime64(pd.tseries.frequencies.to_offset(freq).rollback(pd.Timestamp(day)), "s")


@given(
    st.lists(st.tuples(st.sampled_from("AB"), st.integers(0, 60)), min_size=1, max_size=20, unique=True),
    st.integers(0, 20),
)
@settings(deadline=None, max_examples=60)
def test_completed_calendar_is_valid_and_keeps_every_unit(cells: list[tuple[str, int]], later: int) -> None:
    start = pd.Timestamp("2023-12-25")
    frame = pd.DataFrame(
        {
            "unique_id": [c[0] for c in cells],
            "ds": [start + pd.Timedelta(days=c[1]) for c in cells],
            "y": [float(i + 1) for i in range(len(cells))],
        }
    )
    end = frame["ds"].max() + pd.Timedelta(days=later)
    full = validate_panel(complete_calendar(frame, "D", end), "D")
    assert full["y"].sum() == frame["y"].sum()
    assert (full.groupby("unique_id")["ds"].max() == end).all()
    assert full.groupby("unique_id")["ds"].min().to_dict() == frame.groupby("unique_id")["ds"].min().to_dict()


def test_partial_week_is_dropped_and_a_whole_one_kept() -> None:
    weeks = panel(["2024-01-01", "2024-01-08"], [5.0, 1.0])
    assert complete_calendar(weeks, "W-MON", date(2024, 1, 13))["y"].tolist() == [5.0]
    assert complete_calendar(weeks, "W-MON", date(2024, 1, 14))["y"].tolist() == [5.0, 1.0]


def test_a_month_is_over_on_leap_day_and_not_before() -> None:
    months = panel(["2024-01-01", "2024-02-01"], [5.0, 1.0])
    assert len(complete_calendar(months, "MS", date(2024, 2, 28))) == 1
    assert len(complete_calendar(months, "MS", date(2024, 2, 29))) == 2


def test_rows_after_the_end_are_refused_and_not_dropped() -> None:
    with pytest.raises(PanelError, match="begins after 2024-01-01"):
        complete_calendar(panel(["2024-01-02"], [1.0]), "D", date(2024, 1, 1))


def test_a_quarter_and_a_year_are_over_on_their_last_day() -> None:
    quarters = panel(["2023-10-01", "2024-01-01"], [5.0, 1.0])
    assert complete_calendar(quarters, "QS", date(2024, 3, 30))["y"].tolist() == [5.0]
    assert complete_calendar(quarters, "QS", date(2024, 3, 31))["y"].tolist() == [5.0, 1.0]
    years = panel(["2023-03-01"], [5.0])
    assert len(complete_calendar(years, "YS-MAR", date(2024, 2, 28))) == 0
    assert complete_calendar(years, "YS-MAR", date(2024, 2, 29))["y"].tolist() == [5.0]


def test_what_was_sold_before_the_first_whole_period_is_no_history_of_it() -> None:
    """The books begin on a Wednesday: that week is no week of little demand."""
    weeks = pd.concat([panel(["2024-01-01", "2024-01-15"], [2.0, 7.0]), panel(["2024-01-01"], [9.0], "only then")])
    known = {"end": date(2024, 1, 21), "start": date(2024, 1, 3)}
    full = complete_calendar(weeks, "W-MON", **known)
    assert full.groupby("unique_id")["y"].apply(list).to_dict() == {"A": [0.0, 7.0], "only then": [0.0, 0.0]}
    assert full["ds"].min() == pd.Timestamp("2024-01-08")
    assert len(complete_calendar(weeks, "W-MON", date(2024, 1, 21), start=date(2024, 1, 1))) == 6
    assert len(complete_calendar(weeks, "W-MON", date(2024, 1, 21), start=date(2024, 1, 16))) == 0


@pytest.mark.parametrize("weekday", WEEKDAYS)
def test_weeks_begin_on_the_asked_weekday_and_lose_nothing(weekday: str) -> None:
    days = pd.date_range("2024-02-20", periods=20)
    daily = pd.DataFrame({"unique_id": "A", "ds": days, "y": np.arange(20.0)})
    weeks = buckets(daily, f"W-{weekday}")
    assert weeks["y"].sum() == daily["y"].sum()
    assert set(weeks["ds"].dt.day_name().str[:3].str.upper()) == {weekday}
    validate_panel(weeks, f"W-{weekday}")


@pytest.mark.parametrize(
    ("freq", "starts", "counts"),
    [
        ("MS", ["2023-12-01", "2024-01-01", "2024-02-01", "2024-03-01"], [1, 31, 29, 1]),
        ("QS", ["2023-10-01", "2024-01-01"], [1, 61]),
        ("QS-FEB", ["2023-11-01", "2024-02-01"], [32, 30]),
        ("YS", ["2023-01-01", "2024-01-01"], [1, 61]),
        ("YS-MAR", ["2023-03-01", "2024-03-01"], [61, 1]),
    ],
)
def test_buckets_over_a_year_end_and_a_leap_day(freq: str, starts: list[str], counts: list[int]) -> None:
    daily = pd.DataFrame({"unique_id": "Ø", "ds": pd.date_range("2023-12-31", "2024-03-01"), "y": 1})
    sums = buckets(daily, freq)
    assert sums["ds"].dt.strftime("%Y-%m-%d").tolist() == starts
    assert sums["y"].tolist() == counts


def test_duplicated_days_are_summed_but_an_unknown_frequency_is_refused() -> None:
    daily = panel(["2024-01-01", "2024-01-01"], [1.0, 2.0])
    assert buckets(daily, "W-MON")["y"].tolist() == [3.0]
    for unknown in ("W-Monday", "W", "QS-", "MS-FEB", "YE", "D-MON"):
        with pytest.raises(ValueError, match=f"'{unknown}' is not one of D"):
            buckets(daily, unknown)
