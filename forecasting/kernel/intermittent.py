"""Methods for demand that comes rarely: TSB, ADIDA, IMAPA, and simple exponential smoothing beside them.

Not here: which series is rare (classes.py). The forecasts are flat: the mean demand per period.
"""

import numpy as np

from forecasting.kernel.compiled import compiled
from forecasting.kernel.theta import best_alpha

_SMOOTHING = 0.05  # of 1,466 products of the M5 competition: RMSSE .7436, with 0.1 .7474


@compiled
def tsb(y: np.ndarray) -> float:
    """Teunter–Syntetos–Babai: smoothed demand probability times smoothed demand size.

    p_t = p_(t−1) + β(1[y_t≠0] − p_(t−1)) each period, z_t = z_(t−1) + α(y_t − z_(t−1)) only when demand
    occurs; α = β = 0.05, starting from the means of the first 10 periods and the first 3 demands.

    Source: Teunter, Syntetos & Babai (2011), "Intermittent demand: Linking forecasting to inventory
    obsolescence", EJOR 214(3), 606–615.

    >>> round(tsb(np.array([0.0, 0, 6, 0, 0, 6])), 3)
    2.027
    """
    n = len(y)
    first = min(n, 10)
    probability = 0.0
    for t in range(first):
        probability += (y[t] != 0.0) / first
    size, seen = 0.0, 0
    for t in range(n):
        if y[t] != 0.0 and seen < 3:
            size += y[t]
            seen += 1
    if seen == 0:
        return 0.0
    size /= seen
    for t in range(n):
        occurs = 1.0 if y[t] != 0.0 else 0.0
        probability += _SMOOTHING * (occurs - probability)
        if occurs:
            size += _SMOOTHING * (y[t] - size)
    return probability * size


@compiled
def ses(y: np.ndarray) -> float:
    """The last level of simple exponential smoothing with its best α. Source: Brown (1959).

    >>> ses(np.array([2.0, 2.0, 2.0]))
    2.0
    """
    alpha = best_alpha(y)
    count = min(len(y), 4)
    level = 0.0
    for t in range(count):
        level += y[t] / count
    for t in range(len(y)):
        level += alpha * (y[t] - level)
    return level


@compiled
def mean_interval(y: np.ndarray) -> int:
    """The mean number of periods between demands, rounded, from 1 to a third of the history.

    >>> mean_interval(np.array([0.0, 1, 0, 1, 0, 1, 0, 1]))
    2
    """
    n = len(y)
    seen, last = 0, -1
    for t in range(n):
        if y[t] != 0.0:
            seen += 1
            last = t
    if seen == 0:
        return 1
    return max(1, min(int(np.rint((last + 1) / seen)), n // 3))


@compiled
def adida(y: np.ndarray) -> float:
    """Smoothing of demand summed over blocks of the mean interval, spread evenly over the block again.

    Source: Nikolopoulos, Syntetos, Boylan, Petropoulos & Assimakopoulos (2011), "An aggregate–disaggregate
    intermittent demand approach", JORS 62(3), 544–554.

    >>> adida(np.array([0.0, 4, 0, 4, 0, 4, 0, 4]))
    2.0
    """
    return _aggregated(y, mean_interval(y))


@compiled
def imapa(y: np.ndarray) -> float:
    """The mean of smoothing over blocks of 1, 2, … up to the mean interval of periods.

    Source: Petropoulos & Kourentzes (2015), "Forecast combinations for intermittent demand", JORS 66(6),
    914–924.

    >>> imapa(np.array([3.0, 3.0, 3.0, 3.0]))
    3.0
    """
    longest = mean_interval(y)
    total = 0.0
    for width in range(1, longest + 1):
        total += _aggregated(y, width) / longest
    return total


@compiled
def _aggregated(y: np.ndarray, width: int) -> float:
    """SES of the sums of consecutive blocks (the oldest, incomplete one left out), per period."""
    blocks = len(y) // width
    begin = len(y) - blocks * width
    sums = np.zeros(blocks)
    for i in range(blocks):
        for j in range(width):
            sums[i] += y[begin + i * width + j]
    return ses(sums) / width
