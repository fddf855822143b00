"""A series as trend, seasons and what is left, and how strong each is.

Not here: seasons taken out before a model sees them (kernel/yearly.py), tests of stationarity and errors (quality.py).
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

FEWEST_PERIODS = 8
LONGEST_STATE = 24  # a longer season is harmonics: 365 free values from two years of noise "explained" 99.9 % of it
_HARMONICS = 3
_WINDOW = 35  # rounds that a season's shape is smoothed over: at the usual 7 or 11 it swallows noise
_LOESS_SHARE = 1 / 3  # of the history that a trend without a season is smoothed over
_NOTHING = 1e-12  # of the largest value: spreads below it are rounding


@dataclass(frozen=True)
class Decomposition:
    """y = trend + Σ seasons + remainder, each of shape n in the unit of y; ``seasons`` by length in periods."""

    trend: np.ndarray
    seasons: dict[int, np.ndarray]
    remainder: np.ndarray

    @property
    def seasonal(self) -> np.ndarray:
        """The sum of the seasons, shape n; zero where none could be estimated."""
        return np.sum(list(self.seasons.values()), axis=0) if self.seasons else np.zeros(len(self.trend))

    @property
    def trend_strength(self) -> float | None:
        """:func:`strength` of the trend."""
        return strength(self.trend, self.remainder)

    def season_strength(self, length: int) -> float | None:
        """:func:`strength` of the season of that length; None where it was not estimated."""
        return strength(self.seasons[length], self.remainder) if length in self.seasons else None


def decompose(y: np.ndarray, season_lengths: Sequence[int]) -> Decomposition:
    """Trend, seasons and remainder by LOESS: MSTL, which with one season is STL, robust against single days.

    A season needs two whole rounds of it. One longer than 24 periods is taken out first, as three harmonics fitted by
    least squares beside a straight line. Without a shorter one, the trend is LOESS over a third of the history.

    Source: Cleveland et al. (1990), "STL", J. Official Statistics 6(1); Bandara, Hyndman & Bergmeir (2021), "MSTL";
    harmonics: Hyndman & Athanasopoulos (2021), *Forecasting: Principles and Practice*, §7.4.

    Args:
        y: finite, shape n ≥ 8, oldest first.
        season_lengths: those looked for, in periods; lengths below 2 are no season.

    Raises:
        ValueError: fewer than 8 periods, or a value that is not finite.

    >>> week = np.tile([0.0, 0, 0, 0, 7, 0, 0], 6)
    >>> parts = decompose(week + 10, (7,))
    >>> parts.seasons[7][:7].round(6).tolist(), float(parts.trend[0].round(6))
    ([-1.0, -1.0, -1.0, -1.0, 6.0, -1.0, -1.0], 11.0)
    """
    n = len(y)
    if n < FEWEST_PERIODS or not np.isfinite(y).all():
        raise ValueError(f"a decomposition needs {FEWEST_PERIODS} finite periods, there are {np.isfinite(y).sum()}")
    size = float(np.abs(y).max())
    if np.ptp(y / (size or 1.0)) <= _NOTHING:
        return Decomposition(y.copy(), {}, np.zeros(n))
    x = y / size  # near 1: the squares of 1e200 would overflow
    lengths = sorted({int(m) for m in season_lengths if m >= 2 and n > 2 * m})
    long = {m: _harmonics(x, m) for m in lengths if m > LONGEST_STATE}
    flat = x - np.sum([*long.values(), np.zeros(n)], axis=0)
    short = [m for m in lengths if m <= LONGEST_STATE]
    trend, seasons = _mstl(flat, short) if short else (_loess(flat), {})
    seasons = {m: season * size for m, season in (seasons | long).items()}
    trend = trend * size
    return Decomposition(trend, seasons, y - trend - np.sum([*seasons.values(), np.zeros(n)], axis=0))


def strength(component: np.ndarray, remainder: np.ndarray) -> float | None:
    """max(0, 1 − Var(R) / Var(C + R)), from 0 (none) to 1 (nothing else); None where neither moves.

    Source: Hyndman & Athanasopoulos (2021), *Forecasting: Principles and Practice*, §4.3.

    Args:
        component: trend or season, shape n. remainder: what is left, shape n, in the same unit.

    >>> strength(np.array([3.0, -3, 3, -3]), np.array([1.0, 1, -1, -1]))
    0.9
    """
    size = max(float(np.abs(component).max()), float(np.abs(remainder).max()))
    if size == 0:
        return None
    both, left = float(np.var((component + remainder) / size)), float(np.var(remainder / size))
    if both <= _NOTHING**2:
        return None
    return max(0.0, 1.0 - left / both)


def _mstl(x: np.ndarray, lengths: list[int]) -> tuple[np.ndarray, dict[int, np.ndarray]]:
    from statsmodels.tsa.seasonal import MSTL  # half a second to import, which only the report pays

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        choice = {"robust": True, "seasonal_deg": 0}
        found = MSTL(x, periods=lengths, windows=[_WINDOW] * len(lengths), stl_kwargs=choice).fit()
    seasons = np.asarray(found.seasonal).reshape(len(x), -1)
    return np.asarray(found.trend), {m: seasons[:, k] for k, m in enumerate(lengths)}


def _harmonics(x: np.ndarray, length: int) -> np.ndarray:
    """The waves of a long season, whose mean over whole rounds is zero."""
    t = np.arange(len(x), dtype="float64")
    angle = 2 * np.pi * np.outer(t, np.arange(1, _HARMONICS + 1)) / length
    waves = np.column_stack([np.cos(angle), np.sin(angle)])
    design = np.column_stack([waves, np.ones(len(x)), t / len(x)])
    coefficients = np.linalg.lstsq(design, x, rcond=None)[0]
    season: np.ndarray = waves @ coefficients[: waves.shape[1]]
    return season


def _loess(x: np.ndarray) -> np.ndarray:
    from statsmodels.nonparametric.smoothers_lowess import lowess

    share = max(_LOESS_SHARE, min(1.0, FEWEST_PERIODS / len(x)))
    return np.asarray(lowess(x, np.arange(len(x), dtype="float64"), frac=share, it=0, return_sorted=False))
