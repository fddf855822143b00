"""Periods that were sold and should not teach: a single value far outside its series' own band is cut to the band.

Not here: days of KPIs that people are told of (anomalies.py), or days on which nothing could be sold (uncensoring.py).
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

_MAD_TO_SD = 0.6745  # Φ⁻¹(0.75)
THRESHOLD = 6.0
_REACH = 6  # neighbours on either side: a level that lasts longer than these is followed
_LONGEST_RUN = 2  # three periods in a row are a level, a season or a promotion, no accident
_FEWEST = 12
_FEWEST_SIZES = 6
# Least spread of the transformed values: a band from 0.2 to 2.4 medians; where zeros rule, up to thirteen usual sizes
# (sizes of 1, 1, 1, 2 have no spread, and 3 is no accident).
_SCALE_FLOOR, _RARE_SCALE_FLOOR = 0.12, 0.4
_LARGEST_SHARE = 0.02


def cap_outliers(y: np.ndarray, *, lag: int, season: int, keep_high: np.ndarray | None = None) -> np.ndarray:
    """The values of shape (series, periods) with one-off outliers cut to the edge of their band.

    With z = asinh(y / c), c the series' median size, which is linear below c and logarithmic above:

    - base_t = median of z over the six neighbours on either side, ``lag`` apart, never z_t itself;
    - s = median |z − base| / 0.6745, at least 0.12 (0.4 where zeros rule);
    - the band is base_t ± 6 s, and its edge is what is used.

    Of a series that is zero on most periods only the periods with demand are judged, against their own median
    and spread, and only upwards: a zero is as usual as anything.

    What is outside the band stays as it is where it may be more than an accident: three or more periods in a row
    on that side (a level that shifted), the same season of another year as far out by half, a promotion
    (``keep_high``), or more than 2 % of the periods (one or two of a short series): such a series is wild.

    Source: the Hampel identifier, Davies & Gather (1993), JASA 88, 782–792, on the modified z-score of Iglewicz &
    Hoaglin (1993).

    Args:
        y: finite from each series' first period on, NaN before it.
        lag: periods between neighbours: 7 of days, so that Mondays meet Mondays; else 1.
        season: periods in a year.
        keep_high: booleans of that shape; high values there are explained.

    >>> y = np.tile([9.0, 10.0, 11.0, 10.0], 10)[None, :].copy()
    >>> y[0, 20] = 80_995.0
    >>> float(cap_outliers(y, lag=1, season=52)[0, 20].round(0))
    24.0
    """
    n_periods = y.shape[1]
    if not len(y) or n_periods < _FEWEST:
        return y.copy()
    known = np.isfinite(y)
    size = _median(np.where(known & (y != 0), np.abs(y), np.nan))
    size = np.where(np.isfinite(size), size, 1.0)[:, None]
    z = np.arcsinh(y / size)
    rare = ((y == 0).sum(axis=1) > known.sum(axis=1) / 2)[:, None]
    judged = known & (~rare | (y != 0))
    seen = np.where(judged, z, np.nan)
    base = np.where(rare, _median(seen)[:, None], _neighbours(seen, lag))
    residual = seen - base
    floor = np.where(rare, _RARE_SCALE_FLOOR, _SCALE_FLOOR)
    scale = np.maximum(_median(np.abs(residual))[:, None] / _MAD_TO_SD, floor)
    score = np.nan_to_num(residual / scale)
    outside = _accidents(score, lag, season) & judged & ~(rare & (score < 0))
    if keep_high is not None:
        outside &= ~(keep_high & (score > 0))
    outside &= ~_is_wild(outside, known, np.where(rare[:, 0], judged.sum(axis=1) >= _FEWEST_SIZES, True))[:, None]
    edge = size * np.sinh(np.clip(base + np.sign(score) * THRESHOLD * scale, -700.0, 700.0))
    return np.where(outside, edge, y)


def _accidents(score: np.ndarray, lag: int, season: int) -> np.ndarray:
    """Scores beyond the threshold that neither last nor come again a year later."""
    outside = np.abs(score) > THRESHOLD
    side = np.where(np.abs(score) > THRESHOLD / 2, np.sign(score), 0.0)
    lasting = np.zeros(score.shape, dtype=bool)
    for step in {1, lag}:
        lasting |= _in_run(side, step)
    again = np.zeros(score.shape, dtype=bool)
    for shift in {season - 1, season, season + 1} if season > 1 else set():
        if shift < score.shape[1]:
            alike = (score[:, shift:] * score[:, :-shift] > 0) & (
                np.minimum(np.abs(score[:, shift:]), np.abs(score[:, :-shift])) > THRESHOLD / 2
            )
            again[:, shift:] |= alike
            again[:, :-shift] |= alike
    return outside & ~lasting & ~again


def _in_run(side: np.ndarray, step: int) -> np.ndarray:
    """Which periods stand in a run of more than two on one side, taken ``step`` periods apart."""
    length = _LONGEST_RUN + 1
    n = side.shape[1]
    found = np.zeros(side.shape, dtype=bool)
    if n < (length - 1) * step + 1:
        return found
    last = n - (length - 1) * step
    total = sum(side[:, k * step : k * step + last] for k in range(length))
    whole = np.abs(np.asarray(total)) == length
    for k in range(length):
        found[:, k * step : k * step + last] |= whole
    return found


def _is_wild(outside: np.ndarray, known: np.ndarray, enough: np.ndarray) -> np.ndarray:
    """Series with more outliers than an accident explains, or too short to tell; shape series."""
    n = known.sum(axis=1)
    allowed = np.maximum(np.where(n < 2 * _FEWEST, 1, 2), np.floor(_LARGEST_SHARE * n))
    return (outside.sum(axis=1) > allowed) | (n < _FEWEST) | ~enough


def _neighbours(z: np.ndarray, lag: int) -> np.ndarray:
    """Median over the six neighbours on either side, ``lag`` apart, without the period itself; NaN if under four."""
    reach = _REACH * lag
    padded = np.pad(z, ((0, 0), (reach, reach)), constant_values=np.nan)
    windows = sliding_window_view(padded, 2 * reach + 1, axis=1)[:, :, ::lag]
    others = np.delete(np.arange(2 * _REACH + 1), _REACH)
    return _median(windows[:, :, others], fewest=4)


def _median(values: np.ndarray, fewest: int = 1) -> np.ndarray:
    """nanmedian over the last axis, by sorting: NaN goes last, and numpy's own is a hundred times slower."""
    ordered = np.sort(values, axis=-1)
    known = np.isfinite(values).sum(axis=-1)
    low, high = np.maximum(known - 1, 0) // 2, np.minimum(known // 2, values.shape[-1] - 1)
    middle = (
        np.take_along_axis(ordered, low[..., None], -1) / 2 + np.take_along_axis(ordered, high[..., None], -1) / 2
    )[..., 0]
    return np.where(known >= fewest, middle, np.nan)
