"""Seasonal figures by classical decomposition, and whether there is a season at all.

Not here: the yearly index of long seasons (yearly.py). All functions work in periods, on float64 arrays,
oldest first.
"""

import numpy as np

from forecasting.kernel.compiled import compiled

_LOWEST_FACTOR = 0.01
# Of log(y_t / y_(t−7)) of days. What is forecast on logarithms is a median: with a spike on one day of 30 (variance
# 1.1) it was 65 % below the mean. On weeks medians are worth more: promoted juice lost 1 to 9 % of OWA without.
_WEEK, _WILDEST_RATIOS = 7, 1.0


@compiled
def is_seasonal(y: np.ndarray, m: int) -> bool:
    """|r_m| > 1.645 √((1 + 2 Σ_(k<m) r_k²) / n), for n ≥ 3m: the 90 % test of the M4 competition's Naive2.

    >>> bool(is_seasonal(np.tile([1.0, 2.0, 4.0, 2.0], 6), 4)), bool(is_seasonal(np.arange(24.0) % 5, 4))
    (True, False)
    """
    n = len(y)
    if m <= 1 or n < 3 * m:
        return False
    centre = y.mean()
    total = 0.0
    for t in range(n):
        total += (y[t] - centre) ** 2
    if total <= 0.0:
        return False
    squares, r = 0.0, 0.0
    for k in range(1, m + 1):
        r = 0.0
        for t in range(k, n):
            r += (y[t] - centre) * (y[t - k] - centre)
        r /= total
        if k < m:
            squares += r * r
    return bool(abs(r) > 1.645 * np.sqrt((1.0 + 2.0 * squares) / n))


@compiled
def seasonal_figure(y: np.ndarray, m: int, multiplicative: bool, start: int, figure: np.ndarray) -> bool:
    """The season of y[start:] by position t mod m into ``figure`` (shape m); False where it cannot be told.

    Centred moving average of length m as the trend; the figure is the mean over the years of y / trend (or y
    − trend), scaled to mean 1 (or 0).

    Source: Makridakis, Wheelwright & Hyndman (1998), *Forecasting*, §3/4.

    >>> figure = np.zeros(4)
    >>> bool(seasonal_figure(np.tile([1.0, 1.0, 4.0, 2.0], 6), 4, True, 0, figure)), figure.tolist()
    (True, [0.5, 0.5, 2.0, 1.0])
    """
    n = len(y)
    half = m // 2
    if n - start < 2 * m:
        return False
    counts = np.zeros(m)
    figure[:] = 0.0
    window = 0.0
    for t in range(start, start + 2 * half + 1):
        window += y[t]
    for t in range(start + half, n - half):
        if t > start + half:
            window += y[t + half] - y[t - half - 1]
        trend = window / m if m % 2 else (window - 0.5 * (y[t - half] + y[t + half])) / m
        if multiplicative:
            if trend <= 0.0:
                return False
            figure[t % m] += y[t] / trend
        else:
            figure[t % m] += y[t] - trend
        counts[t % m] += 1.0
    return _centre(figure, counts, multiplicative)


@compiled
def _centre(figure: np.ndarray, counts: np.ndarray, multiplicative: bool) -> bool:
    m = len(figure)
    mean = 0.0
    for i in range(m):
        if counts[i] == 0.0:
            return False
        figure[i] /= counts[i]
        mean += figure[i] / m
    if multiplicative and not mean > 0.0:
        return False
    for i in range(m):
        figure[i] = max(figure[i] / mean, _LOWEST_FACTOR) if multiplicative else figure[i] - mean
    return True


@compiled
def suits_logarithms(y: np.ndarray, m: int) -> bool:
    """Is y positive, and, of days (m = 7), the variance of log(y_t / y_(t−m)) at most 1?

    >>> spikes = np.where(np.arange(60) % 20 == 0, 100.0, 1.0)
    >>> bool(suits_logarithms(1.0 + np.arange(60.0) % 7, 7)), bool(suits_logarithms(spikes, 7))
    (True, False)
    """
    n = len(y)
    if not y.min() > 0.0:
        return False
    if m != _WEEK:
        return True
    total, squares = 0.0, 0.0
    for t in range(m, n):
        step = np.log(y[t] / y[t - m])
        total += step
        squares += step * step
    k = max(n - m, 1)
    return squares / k - (total / k) ** 2 <= _WILDEST_RATIOS
