"""Days ahead on which nothing will be sold: weekdays and public holidays on which nothing ever is.

Not here: closed days of the past, which demand does not take at their word (history.py); holidays as something that
moves demand (regressors.py).
"""

import numpy as np
import pandas as pd

from forecasting.panel import require_columns
from forecasting.periods import Frequency

_WEEKS = 8  # without a sale on a weekday; eight chances of ½ are 0.4 %
_BUSY = 0.5  # of the other days of those weeks: a slow seller's Sunday says nothing
_OPEN = 0.9  # of the year's ordinary days: then a holiday without a sale was no accident
_NO_HOLIDAYS = ("ds", "before_holiday", "after_holiday", "holiday_weekdays")


def without_closed_days(
    forecasts: pd.DataFrame, backtest: pd.DataFrame, panel: pd.DataFrame, holidays: pd.DataFrame | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Daily forecasts and backtests with 0, and no interval, on days on which the series is closed.

    A weekday is closed if none of the last eight brought anything while half of the other days did; a holiday if it
    brought nothing in any year that is known, on a weekday that is open, while nine of ten ordinary days of the last
    year that are open brought something. A smoothed week never forgets an opening hour quite: of a wholesaler that
    has never sold on a Sunday the 91 days ahead had 3,000 to 8,000 EUR on each, and 46,000 on Christmas Day.

    Args:
        forecasts: ``unique_id, ds, mean``, any ``lo-``/``hi-`` pairs; days.
        backtest: ``unique_id, cutoff, ds, mean``; each origin judges by what it knew.
        panel: ``unique_id, ds, y``, without gaps, as the forecasts were made from it: a holiday that was filled there
            (:mod:`forecasting.history`) is not closed.
        holidays: of :func:`forecasting.regressors.holiday_columns`, from the panel's first day to the last one
            forecast; None knows none.

    >>> days = pd.date_range("2024-01-01", periods=70)
    >>> panel = pd.DataFrame({"unique_id": "A", "ds": days, "y": (days.dayofweek < 6) * 5.0})
    >>> ahead = pd.DataFrame({"unique_id": "A", "ds": days[:7] + pd.Timedelta(days=70), "mean": 4.0})
    >>> without_closed_days(ahead, ahead.assign(cutoff=days[-1]), panel)[0]["mean"].tolist()
    [4.0, 4.0, 4.0, 4.0, 4.0, 4.0, 0.0]
    """
    require_columns(forecasts, ("unique_id", "ds", "mean"), "forecasts")
    require_columns(backtest, ("unique_id", "cutoff", "ds", "mean"), "backtest")
    require_columns(panel, ("unique_id", "ds", "y"), "panel")
    ends = panel.groupby("unique_id")["ds"].max()
    ahead = _closed(forecasts.assign(cutoff=forecasts["unique_id"].map(ends)), panel, holidays)
    return _zeroed(forecasts, ahead), _zeroed(backtest, _closed(backtest, panel, holidays))


def _closed(rows: pd.DataFrame, panel: pd.DataFrame, holidays: pd.DataFrame | None) -> np.ndarray:
    """Whether each row's series is closed on its ``ds``, as far as its ``cutoff`` knew."""
    closed = np.zeros(len(rows), dtype=bool)
    if rows.empty:
        return closed
    day, cutoff = _days(rows["ds"]), _days(rows["cutoff"])
    if holidays is None or holidays.empty:
        names, named = np.array([], dtype="int64"), np.zeros((0, 0), dtype=bool)
    else:
        names = _days(holidays["ds"])
        named = holidays.drop(columns=list(_NO_HOLIDAYS), errors="ignore").to_numpy() > 0
    first = int(names[0]) if len(names) else 0
    known = {name: (_days(own["ds"]), own["y"].to_numpy(dtype="float64")) for name, own in panel.groupby("unique_id")}
    for (name, _), at in rows.groupby(["unique_id", "cutoff"]).indices.items():
        days, y = known[name]
        is_known = days <= cutoff[at[0]]
        days, sold = days[is_known], y[is_known] != 0
        weekdays = _closed_weekdays(days, sold)
        closed[at] = weekdays[day[at] % 7]
        if len(names) and len(days) and days[0] >= first and day[at].max() - first < len(named):
            feasts = _closed_holidays(named[days - first], sold, weekdays[days % 7])
            closed[at] |= (named[day[at] - first] & feasts).any(axis=1)
    return closed


def _closed_weekdays(days: np.ndarray, sold: np.ndarray) -> np.ndarray:
    """Whether each day of the week (ordinal modulo 7) is closed."""
    if len(days) < 7 * _WEEKS:
        return np.zeros(7, dtype=bool)
    weeks = sold[-7 * _WEEKS :].reshape(_WEEKS, 7)
    closed = np.zeros(7, dtype=bool)
    closed[days[-7:] % 7] = ~weeks.any(axis=0)
    busy = weeks[:, weeks.any(axis=0)]
    return closed if busy.size and busy.mean() >= _BUSY else np.zeros(7, dtype=bool)


def _closed_holidays(named: np.ndarray, sold: np.ndarray, is_closed_weekday: np.ndarray) -> np.ndarray:
    """Whether each holiday is closed; ``named`` of shape (days, holidays)."""
    ordinary = ~(named.any(axis=1) | is_closed_weekday)[-364:]
    if not ordinary.any() or sold[-364:][ordinary].mean() < _OPEN:
        return np.zeros(named.shape[1], dtype=bool)
    told = named & ~is_closed_weekday[:, None]
    closed: np.ndarray = told.any(axis=0) & ~(told & sold[:, None]).any(axis=0)
    return closed


def _zeroed(frame: pd.DataFrame, closed: np.ndarray) -> pd.DataFrame:
    if not closed.any():
        return frame
    changed = frame.copy()
    changed.loc[closed, [name for name in frame if name == "mean" or str(name).startswith(("lo-", "hi-"))]] = 0.0
    return changed


def _days(stamps: pd.Series) -> np.ndarray:
    return Frequency.parse("D").ordinals(stamps.to_numpy(dtype="datetime64[s]"))
