"""What kind of demand a series shows, because a model that suits one kind misleads on another.

Not here: the models that each class gets (pool.py).
"""

import numpy as np

from forecasting.kernel.compiled import SMALLEST, compiled

INTERMITTENT_ADI = 1.32  # Syntetos & Boylan (2005): above it Croston-type methods beat exponential smoothing
LUMPY_CV2 = 0.49  # the other cut-off of the same paper
MIN_POINTS = 8  # fewer points than the parameters of a damped trend and its error can be told apart from
DEAD_INTERVALS = 4.0  # silence of 4 mean intervals has a chance of e^-4 = 2 % if demand goes on as before

CLASSES = ("short", "constant", "dead", "sleeping", "intermittent", "lumpy", "regular")
SHORT, CONSTANT, DEAD, SLEEPING, INTERMITTENT, LUMPY, REGULAR = range(7)


@compiled
def demand_class(y: np.ndarray, m: int, year: int, quarter: int) -> int:
    """The index into CLASSES for a series of shape n ≥ 1, oldest first.

    In this order: ``short`` (n < 8), ``sleeping`` (no demand for a quarter, but the same quarter a year ago
    was silent too and demand came after it), ``dead`` (none for a quarter and for 4 mean intervals),
    ``constant``, then by ADI = periods / periods with demand and CV² of the demand sizes: ``lumpy`` (ADI ≥
    1.32, CV² ≥ 0.49), ``intermittent`` (ADI ≥ 1.32), ``regular``. Periods in which the business is always
    closed (a weekday without sales) do not count towards ADI. ``m``, ``year`` and ``quarter`` are periods in
    a season, a year and a quarter.

    Source: Syntetos, Boylan & Croston (2005), "On the categorization of demand patterns", JORS 56(5),
    495–503.

    >>> CLASSES[demand_class(np.array([0, 0, 4.0, 0, 0, 0, 5, 0, 0, 4]), 52, 52, 13)]
    'intermittent'
    >>> CLASSES[demand_class(np.concatenate((np.arange(1.0, 40.0), np.zeros(13))), 52, 52, 13)]
    'dead'
    >>> CLASSES[demand_class(np.full(8, 3.0), 52, 52, 13)]
    'constant'
    """
    n = len(y)
    if n < MIN_POINTS:
        return SHORT
    last, sold, total, squares, largest = -1, 0, 0.0, 0.0, max(np.abs(y).max(), SMALLEST)
    for t in range(n):
        if y[t] != 0.0:
            last = t
            sold += 1
            total += y[t] / largest
            squares += (y[t] / largest) ** 2
    if sold == 0:
        return DEAD
    silence = n - 1 - last
    interval = _mean_interval(y, m)
    if silence >= quarter and _slept_before(y, year, quarter):
        return SLEEPING
    if silence >= max(float(quarter), DEAD_INTERVALS * interval):
        return DEAD
    if y.min() == y.max():
        return CONSTANT
    if interval < INTERMITTENT_ADI or y.min() < 0.0:
        return REGULAR
    mean = total / sold
    return LUMPY if squares / sold - mean * mean >= LUMPY_CV2 * mean * mean else INTERMITTENT


@compiled
def _mean_interval(y: np.ndarray, m: int) -> float:
    """Average demand interval, over the positions of the season that are ever open (no Sundays)."""
    n = len(y)
    m = m if 1 < m <= n // 4 else 1
    periods, sold = np.zeros(m), np.zeros(m)
    for t in range(n):
        periods[t % m] += 1.0
        sold[t % m] += y[t] != 0.0
    open_periods, demands = 0.0, 0.0
    for q in range(m):
        if m == 1 or sold[q] / periods[q] > 0.1:  # one stock-taking Sunday a year does not make it a selling day
            open_periods += periods[q]
            demands += sold[q]
    return float(open_periods / max(demands, 1.0))


@compiled
def _slept_before(y: np.ndarray, year: int, quarter: int) -> bool:
    """Was the same quarter a year ago silent as well, with demand between then and now?"""
    begin = len(y) - year
    if begin < quarter:
        return False
    for t in range(begin - quarter, begin):
        if y[t] != 0.0:
            return False
    for t in range(begin, len(y)):
        if y[t] != 0.0:
            return True
    return False
