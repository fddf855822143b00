"""A smooth index of the year for daily and weekly series, taken out before the models see them.

Not here: seasons that models estimate period by period (decomposition.py, smoothing.py). ``params`` of a
fitted series: the number of harmonics (0 = there is no index), the period, the coefficients.
"""

import numpy as np

from forecasting.kernel.compiled import compiled
from forecasting.kernel.least_squares import solve

_MOST = 6
SIZE = 3 + 2 * _MOST
_HARMONICS = (1, 2, 3, 6)
# Of last year's variation, what the index of the years before must explain; noise explains less than 0.
_WORTH = 0.10
_LOWEST_FACTOR = 0.05


@compiled
def fit(y: np.ndarray, period: float, params: np.ndarray) -> bool:
    """Learn the index of y into ``params`` (shape SIZE); False where history does not prove one.

    y_t = (a + b·t) · (1 + Σ_k α_k cos 2πkt/P + β_k sin 2πkt/P), by least squares on blocks of P/52 periods.
    The number of harmonics k ∈ {1, 2, 3, 6} is the one that, learned without the last year, explains most of
    the last year, and at least 10 % of its variation: otherwise there is no index. Needs two full years, y ≥
    0 and a positive trend.

    Source: harmonic (dynamic) regression, Hyndman & Athanasopoulos (2021), *Forecasting: Principles and
    Practice*, §7.4.

    >>> t = np.arange(156)
    >>> params = np.zeros(SIZE)
    >>> bool(fit(100 + 50 * np.cos(2 * np.pi * t / 52.18), 52.18, params)), round(factor(26, params), 2)
    (True, 0.5)
    """
    params[:SIZE] = 0.0
    n = len(y)
    width = max(1, int(np.rint(period / 52.0)))
    blocks, year = n // width, int(period / width)
    if blocks < 2 * year or y.min() < 0.0:
        return False
    ratio, t = np.zeros(blocks), np.zeros(blocks)
    for i in range(blocks):
        begin = n - (blocks - i) * width
        t[i] = begin + 0.5 * width - 0.5
        for j in range(width):
            ratio[i] += y[begin + j] / width
    if not _remove_trend(ratio, t, period):
        return False
    best, explained = 0, _WORTH
    for k in _HARMONICS:
        gain = _explained(ratio, t, period, k, year)
        if gain > explained + (0.0 if best == 0 else 0.01):  # another harmonic must pay for itself
            best, explained = k, gain
    if best == 0:
        return False
    coefficients = _regress(ratio, _waves(t, period, best))
    if not coefficients[0] > 0.0:
        return False
    params[0], params[1] = best, period
    for i in range(1 + 2 * best):
        params[2 + i] = coefficients[i] / coefficients[0]
    return True


@compiled
def factor(t: int, params: np.ndarray) -> float:
    """The index at position t, around 1; 1 where there is none."""
    value = 1.0
    for k in range(1, int(params[0]) + 1):
        angle = 2.0 * np.pi * k * t / params[1]
        value += params[1 + 2 * k] * np.cos(angle) + params[2 + 2 * k] * np.sin(angle)
    return max(value, _LOWEST_FACTOR)


@compiled
def _waves(t: np.ndarray, period: float, harmonics: int) -> np.ndarray:
    """Design matrix, shape (n, 1 + 2·harmonics): 1, cos, sin, cos, sin, …"""
    design = np.ones((len(t), 1 + 2 * harmonics))
    for i in range(len(t)):
        for k in range(1, harmonics + 1):
            angle = 2.0 * np.pi * k * t[i] / period
            design[i, 2 * k - 1] = np.cos(angle)
            design[i, 2 * k] = np.sin(angle)
    return design


@compiled
def _regress(y: np.ndarray, design: np.ndarray) -> np.ndarray:
    k = design.shape[1]
    gram, target = np.zeros((k, k)), np.zeros(k)
    for t in range(len(y)):
        for i in range(k):
            target[i] += design[t, i] * y[t]
            for j in range(i + 1):
                gram[i, j] += design[t, i] * design[t, j]
    for i in range(k):
        gram[i, i] += 1e-9
    if not solve(gram, target):
        target[:] = 0.0
    return target


@compiled
def _remove_trend(y: np.ndarray, t: np.ndarray, period: float) -> bool:
    """Divide y by its straight line, estimated together with three harmonics so that no season tilts it."""
    n = len(y)
    design = np.ones((n, 8))
    waves = _waves(t, period, 3)
    centre = t.mean()
    for i in range(n):
        for j in range(7):
            design[i, j] = waves[i, j]
        design[i, 7] = (t[i] - centre) / n
    coefficients = _regress(y, design)
    floor = 0.1 * abs(y.mean())
    for i in range(n):
        line = coefficients[0] + coefficients[7] * design[i, 7]
        if line <= floor:
            return False
        y[i] /= line
    return True


@compiled
def _explained(ratio: np.ndarray, t: np.ndarray, period: float, harmonics: int, year: int) -> float:
    """Share of the last year's variation around the earlier level that waves learned before it explain."""
    cut = len(ratio) - year
    design = _waves(t, period, harmonics)
    coefficients = _regress(ratio[:cut], design[:cut])
    level = ratio[:cut].mean()
    variation, rest = 0.0, 0.0
    for i in range(cut, len(ratio)):
        expected = 0.0
        for j in range(len(coefficients)):
            expected += design[i, j] * coefficients[j]
        variation += (ratio[i] - level) ** 2
        rest += (ratio[i] - expected) ** 2
    return 1.0 - rest / variation if variation > 1e-12 else 0.0
