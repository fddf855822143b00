"""What kind of demand a series shows, because a model that suits one kind misleads on another.

Not here: the models that each class gets (series.py).
"""

import numpy as np

INTERMITTENT_ADI = 1.32  # Syntetos & Boylan (2005): above it Croston-type methods beat exponential smoothing
LUMPY_CV2 = 0.49  # the other cut-off of the same paper
MIN_POINTS = 8  # fewer points than the parameters of a damped trend and its error can be told apart from
DEAD_INTERVALS = 4.0  # silence of 4 mean intervals has a chance of e^-4 = 2 % if demand goes on as before

CLASSES = ("constant", "dead", "sleeping", "short", "intermittent", "lumpy", "regular")


def demand_class(y: np.ndarray, *, season_length: int, year_length: int, quarter_length: int) -> str:
    """Classify one series of shape n (n ≥ 1), oldest first.

    In this order: ``short`` (n < 8), ``sleeping`` (no demand for a quarter, but the same quarter a year ago
    was silent too and demand came after it), ``dead`` (none for a quarter and for 4 mean intervals),
    ``constant``, then by ADI = periods / periods with demand and CV² of the demand sizes: ``lumpy`` (ADI ≥
    1.32, CV² ≥ 0.49), ``intermittent`` (ADI ≥ 1.32), ``regular``. Periods in which the business is always
    closed (a weekday without sales) do not count towards ADI.

    Source: Syntetos, Boylan & Croston (2005), "On the categorization of demand patterns", JORS 56(5),
    495–503.

    >>> usual = {"season_length": 52, "year_length": 52, "quarter_length": 13}
    >>> demand_class(np.array([0, 0, 4.0, 0, 0, 0, 5, 0, 0, 4]), **usual)
    'intermittent'
    >>> demand_class(np.r_[np.arange(1.0, 40.0), np.zeros(13)], **usual)
    'dead'
    >>> demand_class(np.full(8, 3.0), **usual)
    'constant'
    """
    n = len(y)
    if n < MIN_POINTS:
        return "short"
    sold = np.flatnonzero(y)
    if not len(sold):
        return "dead"
    interval = _mean_interval(y, season_length)
    silence = n - 1 - int(sold[-1])
    if silence >= quarter_length and _slept_before(y, year_length, quarter_length):
        return "sleeping"
    if silence >= max(quarter_length, DEAD_INTERVALS * interval):
        return "dead"
    if np.ptp(y) == 0:
        return "constant"
    if interval < INTERMITTENT_ADI or y.min() < 0:
        return "regular"
    sizes = y[sold] / np.abs(y).max()
    return "lumpy" if np.var(sizes) / np.mean(sizes) ** 2 >= LUMPY_CV2 else "intermittent"


def _mean_interval(y: np.ndarray, season_length: int) -> float:
    """Average demand interval, over the positions of the season that are ever open (no Sundays)."""
    n = len(y)
    positive = y != 0
    if 1 < season_length <= n // 4:
        position = np.arange(n) % season_length
        share = np.bincount(position, positive) / np.bincount(position)
        positive = positive[share[position] > 0.1]  # one stock-taking Sunday a year does not make it a selling day
    return float(len(positive) / max(positive.sum(), 1))


def _slept_before(y: np.ndarray, year_length: int, quarter_length: int) -> bool:
    """Was the same quarter a year ago silent as well, with demand between then and now?"""
    n = len(y)
    if n < year_length + quarter_length:
        return False
    a_year_ago = n - year_length
    return not y[a_year_ago - quarter_length : a_year_ago].any() and bool(y[a_year_ago:].any())
