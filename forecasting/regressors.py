"""What drives demand from outside: the contract of regressors, public holidays among them, and the design they make.

Not here: the regression (regression.py), whether it is worth its vote (gate.py), where the values come from.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import holidays
import numpy as np
import pandas as pd

from forecasting.panel import PanelError, require_columns
from forecasting.periods import EPOCH_WEEKDAY, Frequency

PRICE = "price"  # a column of this name, or beginning with it and an underscore, enters as a logarithm
_KEYS = ("unique_id", "ds")
_SAME_PCT = 1e-6  # of a column's own variation, what others must leave unexplained


@dataclass(frozen=True)
class Regressors:
    """What is known about each period, past and future, besides demand itself.

    Attributes:
        by_series: ``unique_id, ds`` and a column per regressor, one row per series and period, over the history
            and the whole horizon. ``price`` and ``price_…`` are > 0, in any money, and enter as logarithms; any
            other column enters as it is (a promotion as 0/1, or as the share of the price that is taken off).
        shared: ``ds`` and a column per regressor, the same for every series (see :func:`holiday_columns`).
        groups: the group (category) of a series; effects are pooled within it.
        unplanned: regressors whose future nobody plans, so that by_series holds a guess there (the last price paid).
            Past origins must not know better: they carry the value of their last period forward.
    """

    by_series: pd.DataFrame | None = None
    shared: pd.DataFrame | None = None
    groups: Mapping[str, str] = field(default_factory=dict)
    unplanned: frozenset[str] = frozenset()

    @property
    def names(self) -> list[str]:
        """All regressors, those of the series first."""
        own = [] if self.by_series is None else [c for c in self.by_series.columns if c not in _KEYS]
        return own + ([] if self.shared is None else [c for c in self.shared.columns if c not in _KEYS])


def holiday_columns(
    ds: Sequence[pd.Timestamp] | pd.DatetimeIndex, *, freq: str, country: str, subdivision: str | None = None
) -> pd.DataFrame:
    """Public holidays as regressors, moving ones (Easter, Eid, Thanksgiving) where they fall in each year.

    Daily: a column per holiday (1 on the day), ``before_holiday`` and ``after_holiday`` (1 on the nearest day on
    each side that is no holiday itself). Weekly: a column per holiday with the number of its days in the week.
    Monthly: the same of those that do not fall into the same month every year. Weekly and monthly also have
    ``holiday_weekdays``, the days from Monday to Friday that are holidays.

    Args:
        ds: first days of consecutive periods.
        freq: as for :func:`forecasting.panel.validate_panel`.
        country: ISO 3166 code, ``DE``.
        subdivision: its part's code, ``BY``; None for what all parts share.

    Raises:
        ValueError: a country or subdivision without a calendar, by name.

    >>> easter = holiday_columns(pd.date_range("2024-03-01", periods=3, freq="MS"), freq="MS", country="DE")
    >>> easter["Easter Monday"].tolist(), easter["holiday_weekdays"].tolist()
    ([0.0, 1.0, 0.0], [1.0, 1.0, 3.0])
    """
    frequency = Frequency.parse(freq)
    starts = np.asarray(ds, dtype="datetime64[s]")
    if not len(starts):
        return pd.DataFrame({"ds": starts})
    ends = frequency.labels(frequency.ordinals(starts) + 1)
    first, last = starts.min().astype("datetime64[D]"), ends.max().astype("datetime64[D]")
    days = np.arange(first, last)
    named = _named_days(days, country, subdivision)
    if frequency.unit == "D":
        return pd.DataFrame({"ds": starts, **_daily(named)}).astype({"ds": "datetime64[s]"})
    period = np.searchsorted(starts, days.astype("datetime64[s]"), side="right") - 1
    is_weekday = (days.astype(np.int64) + EPOCH_WEEKDAY) % 7 < 5
    any_day = np.max(list(named.values()), axis=0) if named else np.zeros(len(days))
    kept = (
        named if frequency.unit == "W" else {name: named[name] for name in _moving(days, country, subdivision, named)}
    )
    columns = {name: np.bincount(period, flags, len(starts)) for name, flags in kept.items()}
    columns["holiday_weekdays"] = np.bincount(period, any_day * is_weekday, len(starts))
    return pd.DataFrame({"ds": starts, **columns})


def _named_days(days: np.ndarray, country: str, subdivision: str | None) -> dict[str, np.ndarray]:
    """0/1 over the days for every holiday that falls into them, by its English name."""
    years = range(int(str(days[0])[:4]), int(str(days[-1])[:4]) + 1)
    named: dict[str, np.ndarray] = {}
    for day, name in _dated(years, country, subdivision):
        at = int((day - days[0]).astype(int))
        if 0 <= at < len(days):
            named.setdefault(name, np.zeros(len(days)))[at] = 1.0
    return named


def _dated(years: range, country: str, subdivision: str | None) -> list[tuple[np.datetime64, str]]:
    """The holidays of those years, in order; a holiday observed on another day keeps its name."""
    try:
        calendar = holidays.country_holidays(country, subdiv=subdivision, years=years, language="en_US")
    except NotImplementedError:
        place = f"{country} {subdivision}" if subdivision else country
        raise ValueError(f"there is no calendar of public holidays for {place!r}") from None
    notes = re.compile(r" \((observed|estimated|observed, estimated)\)$")
    return [
        (np.datetime64(day, "D"), notes.sub("", name)) for day in sorted(calendar) for name in calendar.get_list(day)
    ]


def _moving(days: np.ndarray, country: str, subdivision: str | None, names: Iterable[str]) -> list[str]:
    """The holidays that fall into another month in some year; the season knows the others."""
    middle = int(str(days[len(days) // 2])[:4])
    months: dict[str, set[int]] = {}
    for day, name in _dated(range(middle - 10, middle + 11), country, subdivision):
        months.setdefault(name, set()).add(int(day.astype("datetime64[M]").astype(int)) % 12)
    return [name for name in names if len(months.get(name, ())) > 1]


def _daily(named: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    if not named:
        return {}
    free = 1.0 - np.max(list(named.values()), axis=0)
    before = np.r_[1.0 - free[1:], 0.0] * free
    after = np.r_[0.0, 1.0 - free[:-1]] * free
    return {**named, "before_holiday": before, "after_holiday": after}


def column_values(
    regressors: Regressors, ids: Sequence[str], periods: np.ndarray, frequency: Frequency
) -> dict[str, np.ndarray]:
    """Every regressor on the grid of ``periods`` (ordinals, shape series × periods), NaN where it is not known.

    Raises:
        PanelError: a regressor is no number, infinite, NaN between known periods, given twice, or a price is ≤ 0;
            the message names series, regressor and period.
    """
    values: dict[str, np.ndarray] = {}
    if regressors.by_series is not None:
        frame = _checked(regressors.by_series, _KEYS, frequency)
        known = frame[frame["unique_id"].isin(set(ids))]
        row = pd.Index(ids).get_indexer(known["unique_id"])
        place = frequency.ordinals(known["ds"].to_numpy()) - periods[row, 0]
        inside = (place >= 0) & (place < periods.shape[1])
        for name in (c for c in frame.columns if c not in _KEYS):
            grid = np.full(periods.shape, np.nan)
            grid[row[inside], place[inside]] = known[name].to_numpy(dtype="float64")[inside]
            values[name] = grid
    if regressors.shared is not None:
        frame = _checked(regressors.shared, ("ds",), frequency).sort_values("ds")
        at = frequency.ordinals(frame["ds"].to_numpy())
        for name in (c for c in frame.columns if c != "ds"):
            place = np.searchsorted(at, periods).clip(max=max(len(at) - 1, 0))
            hit = at[place] == periods if len(at) else np.zeros(periods.shape, dtype=bool)
            column = frame[name].to_numpy(dtype="float64")
            values[name] = np.where(hit, column[place], np.nan) if len(at) else np.full(periods.shape, np.nan)
    for name, grid in values.items():
        _refuse_wrong(name, grid, ids, periods, frequency)
    return values


def _checked(frame: pd.DataFrame, keys: tuple[str, ...], frequency: Frequency) -> pd.DataFrame:
    require_columns(frame, keys, "regressors")
    if frame.empty:
        return frame
    for name in (c for c in frame.columns if c not in keys):
        if not pd.api.types.is_numeric_dtype(frame[name]):
            raise PanelError(f"regressor {name!r} must be a number, not {frame[name].dtype}")
    ds = frame["ds"].to_numpy(dtype="datetime64[s]")
    wrong = ~frequency.starts_period(ds) | frame.duplicated(list(keys)).to_numpy()
    if wrong.any():
        bad = frame.iloc[int(np.flatnonzero(wrong)[0])]
        who = f" of series {bad['unique_id']!r}" if "unique_id" in keys else ""
        raise PanelError(f"regressors{who} at {bad['ds']:%Y-%m-%d}: not the first day of a period, or given twice")
    return frame


def _refuse_wrong(name: str, grid: np.ndarray, ids: Sequence[str], periods: np.ndarray, frequency: Frequency) -> None:
    """A hole in what is known is a mistake of whoever made the frame; a missing beginning or end is ignorance."""
    known = np.isfinite(grid)
    after_first = np.maximum.accumulate(known, axis=1)
    before_last = np.maximum.accumulate(known[:, ::-1], axis=1)[:, ::-1]
    for wrong, why in (
        (np.isinf(grid), "is infinite"),
        (np.isnan(grid) & after_first & before_last, "is missing (NaN)"),
        (known & (grid <= 0) & is_price(name), "is a price, but not above 0"),
    ):
        if wrong.any():
            s, t = (int(i) for i in np.argwhere(wrong)[0])
            day = frequency.labels(periods[s, t : t + 1])[0].astype("datetime64[D]")
            raise PanelError(f"regressor {name!r} of series {ids[s]!r} at {day}: it {why}")


def usable(values: dict[str, np.ndarray], known: np.ndarray, ids: Sequence[str]) -> tuple[np.ndarray, pd.DataFrame]:
    """Which regressors each series can learn from, centred where needed; and why it cannot from the others.

    A regressor is given up for a series that does not know it for the whole history and horizon, in whose history
    it never changes, or whose changes the trend or the regressors before it already explain.

    Args:
        values: per regressor a grid of series × (history + horizon), as from :func:`column_values`.
        known: which periods of the history each series has, series × history; all false for none.
        ids: the series.

    Returns:
        The columns, series × (history + horizon) × regressors, 0 where given up; and ``unique_id, regressor,
        reason``, one row per series and regressor given up.
    """
    n_history = known.shape[1]
    wide = next(iter(values.values())).shape[1] if values else n_history
    columns = np.zeros((len(ids), wide, len(values)))
    basis = [known.astype("float64"), known * np.linspace(0, 1, max(n_history, 1))[:n_history]]
    basis[1] = _orthogonal(basis[1], basis[:1])
    reasons: list[pd.DataFrame] = []
    for j, (name, grid) in enumerate(values.items()):
        column = np.log(grid, where=np.isfinite(grid), out=np.full(grid.shape, np.nan)) if is_price(name) else grid
        lacks_future = np.isnan(column[:, n_history:]).any(axis=1)
        lacks_past = (np.isnan(column[:, :n_history]) & known).any(axis=1)
        past = np.where(known, np.nan_to_num(column[:, :n_history]), 0.0)
        left = _orthogonal(past, basis[:1])
        own = np.square(left).sum(axis=1)
        flat = own <= 1e-12 * np.maximum(np.square(past).sum(axis=1), 1e-300)
        new = _orthogonal(left, basis[1:])
        same = np.square(new).sum(axis=1) <= _SAME_PCT * own
        why = np.select(
            [lacks_future, lacks_past, flat, same],
            ["not known for the whole horizon", "not known for the whole history",
             "never changed in the history", "moves with the trend or with a regressor before it"],
            default="",
        )  # fmt: skip
        given_up = why != ""
        basis.append(np.where(given_up[:, None], 0.0, new))
        centre = past.sum(axis=1) / np.maximum(known.sum(axis=1), 1)
        shift = centre[:, None] if is_price(name) else 0.0
        columns[:, :, j] = np.where(given_up[:, None], 0.0, np.nan_to_num(column - shift))
        reasons.append(pd.DataFrame({"unique_id": ids, "regressor": name, "reason": why})[given_up])
    empty = pd.DataFrame({c: pd.Series(dtype="str") for c in ("unique_id", "regressor", "reason")})
    return columns, pd.concat(reasons, ignore_index=True) if reasons else empty


def is_price(name: str) -> bool:
    """Does a column of that name enter as a logarithm?"""
    return name == PRICE or name.startswith(f"{PRICE}_")


def _orthogonal(column: np.ndarray, basis: Sequence[np.ndarray]) -> np.ndarray:
    """The part of each row of ``column`` that no row of the basis (pairwise orthogonal) explains."""
    for direction in basis:
        size = np.square(direction).sum(axis=1)
        share = (column * direction).sum(axis=1) / np.where(size > 0, size, 1.0)
        column = column - share[:, None] * direction
    return column
