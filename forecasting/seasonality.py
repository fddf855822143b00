"""Seasons taken out of a series before a model sees it, and put back into its forecast.

Not here: the season that ETS estimates by itself (models.py).
"""

from dataclasses import dataclass

import numpy as np

LONGEST_STATE = 24  # ETS carries one state per period of the season; beyond a day of hours it starves for data
HARMONICS = (1, 2, 3, 6)
# Of last year's variation, what the index of the years before must explain; noise explains less than 0.
_WORTH_PCT = 10.0
_LOWEST_FACTOR = 0.05


@dataclass(frozen=True)
class Season:
    """Factors (or terms) of shape n + horizon: ``remove`` takes n out, ``restore`` puts the rest back."""

    factors: np.ndarray
    multiplicative: bool

    def remove(self, y: np.ndarray) -> np.ndarray:
        """The series of shape n without this season."""
        known = self.factors[: len(y)]
        return y / known if self.multiplicative else y - known

    def restore(self, forecast: np.ndarray, n: int) -> np.ndarray:
        """The forecast of shape horizon, made after n periods, with this season."""
        ahead = self.factors[n : n + len(forecast)]
        return forecast * ahead if self.multiplicative else forecast + ahead


def short_season(y: np.ndarray, length: int, horizon: int) -> Season | None:
    """Classical decomposition by centred moving averages, for 2 ≤ length ≤ 24 and n ≥ 2 · length; else None.

    y_t = trend_t · s_(t mod m) where y > 0, y_t = trend_t + s_(t mod m) elsewhere; s is the mean over the
    years. None as well when autocorrelation at lag m is not above its 90 % limit (the test of the M4
    competition).

    Source: Makridakis, Wheelwright & Hyndman (1998), *Forecasting*, §3/4.

    >>> season = short_season(np.tile([1.0, 1.0, 4.0, 2.0], 6), 4, 2)
    >>> season.factors[-2:].round(3).tolist()
    [0.5, 0.5]
    """
    n = len(y)
    if not 2 <= length <= LONGEST_STATE or n < 2 * length or not _is_seasonal(y, length):
        return None
    weights = np.full(length, 1.0 / length)
    if length % 2 == 0:
        weights = np.r_[0.5, np.ones(length - 1), 0.5] / length
    half = len(weights) // 2
    trend = np.convolve(y, weights, "valid")
    middle = y[half : n - half]
    multiplicative = bool(y.min() > 0)
    detrended = middle / trend if multiplicative else middle - trend
    position = np.arange(half, n - half) % length
    counts = np.bincount(position, minlength=length)
    if counts.min() == 0:
        return None
    figure = np.bincount(position, detrended, minlength=length) / counts
    figure = figure / figure.mean() if multiplicative else figure - figure.mean()
    return Season(figure[np.arange(n + horizon) % length], multiplicative)


def yearly_index(y: np.ndarray, period: float, horizon: int) -> Season | None:
    """A smooth multiplicative index of a long season (52 weeks, 365 days), where history proves it.

    y_t = (a + b·t) · (1 + Σ_k α_k cos 2πkt/P + β_k sin 2πkt/P), by least squares on blocks of P/52 periods.
    The number of harmonics k ∈ {1, 2, 3, 6} is the one that, learned without the last year, explains most of
    the last year, and at least 10 % of its variation: otherwise there is no index. Needs two full years, y ≥
    0 and a positive trend.

    Source: harmonic (dynamic) regression, Hyndman & Athanasopoulos (2021), *Forecasting: Principles and
    Practice*, §7.4.

    >>> t = np.arange(156)
    >>> season = yearly_index(100 + 50 * np.cos(2 * np.pi * t / 52.18), 52.18, 26)
    >>> bool(season.factors[156:].min() < 0.6)
    True
    """
    n = len(y)
    width = max(1, round(period / 52))
    blocks = n // width
    year = int(period / width)
    if blocks < 2 * year or y.min() < 0:
        return None
    tail = y[n - blocks * width :].reshape(blocks, width).mean(axis=1)
    t = n - blocks * width + (np.arange(blocks) + 0.5) * width - 0.5
    trend = _trend(tail, t, period)
    if trend is None:
        return None
    ratio = tail / trend
    best, explained_pct = 0, _WORTH_PCT
    for k in HARMONICS:
        gain = _explained_pct(ratio, _waves(t, period, k), year)
        if gain > explained_pct + (0.0 if best == 0 else 1.0):  # another harmonic must pay for itself
            best, explained_pct = k, gain
    if best == 0:
        return None
    coefficients = np.linalg.lstsq(_waves(t, period, best), ratio, rcond=None)[0]
    factors = _waves(np.arange(n + horizon), period, best) @ coefficients
    return Season(np.maximum(factors / coefficients[0], _LOWEST_FACTOR), True)


def _waves(t: np.ndarray, period: float, harmonics: int) -> np.ndarray:
    angle = 2 * np.pi * np.outer(t, np.arange(1, harmonics + 1)) / period
    return np.column_stack([np.ones(len(t)), np.cos(angle), np.sin(angle)])


def _trend(y: np.ndarray, t: np.ndarray, period: float) -> np.ndarray | None:
    """The straight line, estimated together with three harmonics so that no season tilts it."""
    design = np.column_stack([_waves(t, period, 3), t])
    coefficients = np.linalg.lstsq(design, y, rcond=None)[0]
    line: np.ndarray = coefficients[0] + coefficients[-1] * t
    return line if line.min() > 0.1 * abs(y.mean()) else None


def _explained_pct(ratio: np.ndarray, waves: np.ndarray, year: int) -> float:
    """Share of the last year's variation around the earlier level that waves learned before it explain."""
    before, after = slice(None, len(ratio) - year), slice(len(ratio) - year, None)
    coefficients = np.linalg.lstsq(waves[before], ratio[before], rcond=None)[0]
    variation = ((ratio[after] - ratio[before].mean()) ** 2).sum()
    if variation <= 1e-12:
        return 0.0
    error = ratio[after] - waves[after] @ coefficients
    return float(100.0 * (1.0 - (error**2).sum() / variation))


def _is_seasonal(y: np.ndarray, m: int) -> bool:
    """|r_m| > 1.645 √((1 + 2 Σ_(k<m) r_k²) / n): the 90 % test of the M4 competition's Naive2."""
    centred = y - y.mean()
    total = float(centred @ centred)
    if total <= 0:
        return False
    r = np.array([float(centred[k:] @ centred[:-k]) for k in range(1, m + 1)]) / total
    limit = 1.645 * np.sqrt((1.0 + 2.0 * float((r[:-1] ** 2).sum())) / len(y))
    return bool(abs(r[-1]) > limit)
