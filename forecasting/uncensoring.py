"""What would have been asked for on days when nothing could be bought: closed days and stockouts, on a daily grid.

Not here: rows and calendars (history.py), or sales that were made and are hard to believe (outliers.py).
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

WEEK = 7
# An order a day is chance; where five are usual a day without one comes by chance once in 150 (e⁻⁵).
_FEWEST_USUAL_ORDERS = 5
_WEEKS_AROUND = 26
# What is out for a quarter comes back; what is out for two is not carried any more. In between nobody knows, and what
# is filled shrinks by a ninety-first a day: with one limit a product's whole quarter fell to nothing overnight.
PASSING_DAYS, LASTING_DAYS = 91, 182
_REACHES_DAYS = (28, 91)  # of the level on either side: the nearest that knows enough
_FEWEST_DAYS = 14
_WILD = 5.0  # times the 95th percentile of the days with demand: such a day says nothing of the level around it


def closed_days(orders: np.ndarray, weekday: np.ndarray) -> np.ndarray:
    """Which days the business was closed on that it is usually open: holidays, stocktaking, a strike.

    A day without any order is closed where the same weekday of the half years before and after brings, in the
    median, at least five orders. A weekday that never opens is none of these: its zero is its season.

    Args:
        orders: of the whole business on each day of a gapless calendar, shape n.
        weekday: of these days, 0 … 6, shape n.

    Returns:
        Booleans of shape n.

    >>> orders = np.tile([9, 9, 9, 9, 9, 3, 0], 20)
    >>> orders[[8, 12]] = 0  # a Tuesday and a Saturday
    >>> np.flatnonzero(closed_days(orders, np.arange(140) % 7)).tolist()
    [8]
    """
    closed = np.zeros(len(orders), dtype=bool)
    for day in range(WEEK):
        at = np.flatnonzero(weekday == day)
        if not len(at):
            continue
        padded = np.pad(orders[at].astype("float64"), _WEEKS_AROUND, constant_values=np.nan)
        usual = np.nanmedian(sliding_window_view(padded, 2 * _WEEKS_AROUND + 1), axis=1)
        closed[at] = (orders[at] == 0) & (usual >= _FEWEST_USUAL_ORDERS)
    return closed


def day_profile(total: np.ndarray, weekday: np.ndarray, known: np.ndarray) -> np.ndarray:
    """What a day brings relative to others: weekday times season, of all series together, shape n, mean about 1.

    The weekday's part is the median of its days' ratios to the mean of the week around them; the season's is the
    running median of five weekly means. Medians, because one order of 80,995 pieces is no season.

    Args:
        total: demand of all series on each day of a gapless calendar, shape n.
        weekday: of these days, 0 … 6, shape n.
        known: booleans of shape n: days that can be learned from.

    >>> days = np.arange(70)
    >>> day_profile(np.where(days % 7 == 6, 0.0, 70.0), days % 7, days >= 0)[:7].round(2).tolist()
    [1.17, 1.17, 1.17, 1.17, 1.17, 1.17, 0.0]
    """
    n = len(total)
    size = np.where(known, np.maximum(total, 0.0), np.nan)
    if n < 2 * WEEK or not np.nansum(size) > 0:
        return np.ones(n)
    index = np.ones(WEEK)
    week_mean = _centred(size, WEEK // 2, np.nanmean)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(week_mean > 0, size / week_mean, np.nan)
    for day in range(WEEK):
        of_day = ratio[(weekday == day) & np.isfinite(ratio)]
        index[day] = np.median(of_day) if len(of_day) else 1.0
    index = index / index.mean() if index.sum() > 0 else np.ones(WEEK)
    smooth = _centred(week_mean, 2 * WEEK, np.nanmedian)
    smooth = np.where(smooth > 0, smooth, np.nan)
    season = np.nan_to_num(smooth / np.nanmean(smooth), nan=1.0) if np.isfinite(smooth).any() else np.ones(n)
    return index[weekday] * season


def expected_demand(y: np.ndarray, usable: np.ndarray, profile: np.ndarray) -> np.ndarray:
    """What each series would have sold on each day, by its usable days around it; NaN where they are too few.

    With profile w and usable days U within 28 days (else 91, else all):

        ŷ_t = w_t · Σ_(s∈U) y_s / Σ_(s∈U) w_s

    a ratio estimator, which a series with many zeros does not bias. It is the mean of the open periods that
    "mean imputation" puts in the place of a closed one, with the season kept.

    Source: Weatherford & Pölt (2002), *Better unconstraining of airline demand data*, Journal of Revenue and
    Pricing Management 1(3), 234–254; ratio estimation: Cochran (1977), *Sampling Techniques*, ch. 6.

    Args:
        y: demand, shape (series, days).
        usable: booleans of that shape.
        profile: of the days, shape days.

    >>> y = np.tile([4.0, 2.0], (1, 20))
    >>> usable = np.ones((1, 40), dtype=bool); usable[0, 10] = False
    >>> expected_demand(y, usable, np.tile([4.0, 2.0], 20))[0, 10].round(6)
    np.float64(4.0)
    """
    tamed = np.where(usable, np.minimum(y, _highest_believed(y, usable)[:, None]), 0.0)
    sums = [_running(part) for part in (tamed, usable * profile, usable.astype("float64"))]
    level = np.full(y.shape, np.nan)
    n = y.shape[1]
    for reach in (*_REACHES_DAYS, n):
        first = np.maximum(np.arange(n) - reach, 0)
        last = np.minimum(np.arange(n) + reach + 1, n)
        sold, weight, days = (part[:, last] - part[:, first] for part in sums)
        with np.errstate(divide="ignore", invalid="ignore"):
            nearby = np.where((days >= _FEWEST_DAYS) & (weight > 1e-9), sold / weight, np.nan)
        level = np.where(np.isnan(level), nearby, level)
    return level * profile


def stockout_shares(out_of_stock: np.ndarray) -> np.ndarray:
    """How much of what each day lacks is filled, by the length L of the run it lies in; shape (series, days).

    (182 − L) / 91, between 0 (a product that is not carried any more) and 1 (L ≤ 91: it comes back); 0 for other days.

    Args:
        out_of_stock: booleans of shape (series, days), of a gapless calendar.

    >>> days = np.arange(300)
    >>> shares = stockout_shares(((days < 10) | (days > 208))[None, :] | (days[None, :] % 150 == 100))
    >>> shares[0, [5, 50, 100, 250]].tolist(), stockout_shares(days[None, :] < 140)[0, 0].round(2)
    ([1.0, 0.0, 1.0, 1.0], np.float64(0.46))
    """
    n = out_of_stock.shape[1]
    edge = np.diff(np.pad(out_of_stock, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    row, first = np.nonzero(edge == 1)
    _, after = np.nonzero(edge == -1)
    share = np.clip((LASTING_DAYS - (after - first)) / (LASTING_DAYS - PASSING_DAYS), 0.0, 1.0)
    steps = np.zeros((len(out_of_stock), n + 1))
    np.add.at(steps, (row, first), share)
    np.add.at(steps, (row, after), -share)
    # sums of steps may miss zero and one by a rounding
    return np.where(out_of_stock, np.clip(np.cumsum(steps, axis=1)[:, :n].round(9), 0.0, 1.0), 0.0)


def _highest_believed(y: np.ndarray, usable: np.ndarray) -> np.ndarray:
    """Per series five times the 95th percentile of its usable days with demand, by sorting; shape series."""
    lively = np.where(usable & (y > 0), y, np.inf)
    counts = np.isfinite(lively).sum(axis=1)
    ordered = np.sort(lively, axis=1)
    at = np.maximum(np.ceil(0.95 * counts).astype(np.int64) - 1, 0)
    highest: np.ndarray = _WILD * np.take_along_axis(ordered, at[:, None], axis=1)[:, 0]
    return np.where(counts > 0, highest, np.inf)


def _running(values: np.ndarray) -> np.ndarray:
    """Sums of the first 0 … n days, shape (series, n + 1)."""
    return np.pad(np.cumsum(values, axis=1), ((0, 0), (1, 0)))


def _centred(values: np.ndarray, reach: int, statistic: Callable[..., Any]) -> np.ndarray:
    """The statistic of each day and ``reach`` days on either side, NaN skipped; NaN where all are."""
    windows = sliding_window_view(np.pad(values, reach, constant_values=np.nan), 2 * reach + 1)
    result = np.full(len(values), np.nan)
    some = np.isfinite(windows).any(axis=1)
    result[some] = statistic(windows[some], axis=1)
    return result
