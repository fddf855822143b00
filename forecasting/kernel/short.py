"""Quarters and years too few for any model: the last year again, as far as it grew.

Not here: what is too short (classes.py), short histories of days, weeks and months, whose mean is all there is
(pool.py), series in which members have learned and lean on their last season (last_season.py).
"""

import numpy as np

from forecasting.kernel.compiled import SMALLEST, compiled

_LONGEST_YEAR = 4  # periods; of fewer than eight months no month has come twice
_FEWEST_YEARS = 3  # two have one difference, which says little of the next
_LARGEST_GROWTH = 2.0
# Half of the slope: on 450 windows each of M3's and M1's years, 4 to 7 of them known, errors of 11.6–12.0 and
# 11.2–12.2 % of the size with it, 12.0–12.5 and 13.2–14.4 % with the last year alone, 17–23 and 19–28 % with the mean.
_KEPT_SLOPE = 0.5
# Half the last year's season, a quarter its mean, a quarter its last quarter: 5 to 7 quarters known, M3 7.7–8.0 % where
# the mean of all had 10.2–11.0 %, M1 11.6–12.3 (14.5–16.0), M5's departments 9.9–10.9 (12.5–14.9), Superstore 42–43
# (48–50). The season alone lost to it everywhere but on Superstore.
_SEASON, _LEVEL, _LAST = 0.5, 0.25, 0.25
_REACH = 2.0  # no farther outside the history than two of its ranges


@compiled
def short_forecast(past: np.ndarray, year: int, mean: np.ndarray) -> bool:
    """The forecast of fewer than eight quarters or years (shape n, oldest first) into ``mean``; False for all others.

    ``year`` is the number of periods in a year. Years: ŷ_h = y_n + b·h/2 with b the slope of least squares, the last
    one where n < 3. Quarters, n > 4: ŷ_h = (g^p·y_(n−4+h) + (mean of the last four + y_n)/2) / 2, where g is the growth
    of the newest K = n − 4 over those a year before, between ½ and 2, and p = K / (K + 1). Not below 0 where the
    history was not.

    >>> mean = np.zeros(2)
    >>> bool(short_forecast(np.array([10.0, 12.0, 14.0, 16.0]), 1, mean)), mean.round(6).tolist()
    (True, [17.0, 18.0])
    >>> bool(short_forecast(np.array([8.0, 4.0, 4.0, 0.0, 8.0, 4.0]), 4, mean)), mean.round(6).tolist()
    (True, [4.0, 2.0])
    >>> bool(short_forecast(np.array([8.0, 4.0, 4.0]), 4, mean))
    False
    """
    n = len(past)
    if year > _LONGEST_YEAR or (year > 1 and n <= year):
        return False
    scale = max(np.abs(past).max(), SMALLEST)  # sums of values near the largest float would overflow
    flat = past / scale
    if year == 1:
        slope = _KEPT_SLOPE * _slope(flat) if n >= _FEWEST_YEARS else 0.0
        for h in range(len(mean)):
            mean[h] = flat[n - 1] + slope * (h + 1)
    else:
        level = _LEVEL * flat[n - year :].mean() + _LAST * flat[n - 1]
        growth = _SEASON * _growth(flat, year)
        for h in range(len(mean)):
            mean[h] = growth * flat[n - year + h % year] + level
    low, high = flat.min(), flat.max()
    reach = _REACH * (high - low)
    for h in range(len(mean)):
        value = min(max(mean[h], low - reach), high + reach)
        mean[h] = scale * (max(value, 0.0) if low >= 0.0 else value)
    return True


@compiled
def _slope(y: np.ndarray) -> float:
    n = len(y)
    centre = 0.5 * (n - 1)
    above, below = 0.0, 0.0
    for t in range(n):
        above += (t - centre) * y[t]
        below += (t - centre) ** 2
    return above / below


@compiled
def _growth(y: np.ndarray, year: int) -> float:
    n = len(y)
    shared = n - year
    now, before = y[year:].sum(), y[:shared].sum()
    if not (now > 0.0 and before > 0.0):
        return 1.0
    ratio = min(max(now / before, 1.0 / _LARGEST_GROWTH), _LARGEST_GROWTH)
    return float(ratio ** (shared / (shared + 0.25 * year)))
