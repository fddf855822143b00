"""The stand-in: a forecast for the rare series that the engine's own models could not fit, by another library.

Not here: which series need it (stand_ins.py). statsforecast is imported with the first sick series: it costs 1.2 s and
290 MB, which a night without one must not pay.
"""

import warnings
from collections.abc import Callable, Iterator

import numpy as np

from forecasting.batch import LONGEST_STATE

REACH = 2.0  # a forecast farther outside the history than two of its ranges has diverged
FEWEST_POINTS = 4  # statsforecast's ETS and Theta raise on three
_LARGEST = float(np.finfo("float64").max)
_ROUNDING = 1e-9  # of the largest value: a constant's forecast may differ from it in the last digits
_LONGEST_HISTORY = 1000  # 2.7 years of days: the search with a season took 1.2 s on 2,000 points

Forecaster = Callable[[np.ndarray, int, int], np.ndarray]


def stand_in(y: np.ndarray, m: int, horizon: int, reason: str) -> tuple[np.ndarray, str, str]:
    """Forecast one series by the first of a chain of models that gives a believable forecast; it always gives one.

    The chain: automatic exponential smoothing, Theta and simple exponential smoothing of statsforecast, then the
    seasonal naive, then the last value. A forecast is believable when it is finite and within two ranges of the
    history; the last value always is. Nothing is negative where the history never was. Models see values near 1
    (divided by a power of two, so that no digit changes): 1e300 and 1e-300 are as good as 1.

    Statsforecast's model objects are called on an own writable array. Through its ``StatsForecast`` one of its models
    gets a read-only one from pandas 3 and fails.

    Args:
        y: finite, shape n ≥ 1, oldest first, in the series' unit; left as it is.
        m: periods of a season, 1 for none; estimated when 2 ≤ m ≤ 24 and two seasons are known.
        horizon: periods to forecast, ≥ 1.
        reason: why the engine's own models gave none, in plain words.

    Returns:
        The forecast of shape horizon in the series' unit; the name of the model that made it; ``reason``, followed by
        who stepped in and who had to pass.

    Raises:
        ValueError: y is empty or has a value that is not finite; m or horizon is below 1.

    >>> mean, name, why = stand_in(np.array([3.0, 4.0]), 12, 2, "no model could be fitted")
    >>> mean.tolist(), name
    ([4.0, 4.0], 'last_value')
    >>> why
    'no model could be fitted; the last value again instead (2 points are too few for a model)'
    """
    if not len(y) or not np.isfinite(y).all():
        raise ValueError("a stand-in needs at least one point, and finite ones only")
    if m < 1 or horizon < 1:
        raise ValueError(f"the season ({m}) and the horizon ({horizon}) must be at least 1 period")
    exponent = _exponent(y)
    scaled = np.ldexp(np.array(y, dtype="float64"), -exponent)
    passed: list[str] = []
    for name, words, model in _chain(len(y), m, passed):
        ahead, failure = _attempt(model, scaled, m, horizon)
        if ahead is not None:
            return _unscaled(ahead, scaled, exponent), name, _told(reason, words, passed)
        passed.append(f"{words} {failure}")
    return np.full(horizon, float(y[-1])), "last_value", _told(reason, "the last value again", passed)


def _chain(n: int, m: int, passed: list[str]) -> Iterator[tuple[str, str, Forecaster]]:
    """Name, plain words and function of each model in turn; what n does not suffice for goes to ``passed``."""
    if n >= FEWEST_POINTS:
        yield "statsforecast_ets", "automatic exponential smoothing", _auto_ets
        yield "statsforecast_theta", "the Theta method", _theta
        yield "statsforecast_ses", "simple exponential smoothing", _ses
    else:
        passed.append(f"{n} point{'s are' if n > 1 else ' is'} too few for a model")
    if 1 < m <= n:
        yield "seasonal_naive", "the last season again", seasonal_naive


def _attempt(model: Forecaster, y: np.ndarray, m: int, horizon: int) -> tuple[np.ndarray | None, str]:
    """The model's forecast, or None and what was wrong with it."""
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            # A copy for each: none of them may leave a changed history to the next.
            ahead = np.asarray(model(y[-_LONGEST_HISTORY:].copy(), m, horizon), dtype="float64")
    except Exception:  # numerical libraries raise anything; the next of the chain is there for it
        return None, "could not be fitted"
    if ahead.shape != (horizon,) or not np.isfinite(ahead).all():
        return None, "gave no number"
    reach = REACH * float(np.ptp(y)) + _ROUNDING
    if ahead.min() < y.min() - reach or ahead.max() > y.max() + reach:
        return None, "left the range of the history"
    return ahead, ""


def _told(reason: str, words: str, passed: list[str]) -> str:
    return f"{reason}; {words} instead" + (f" ({', '.join(passed)})" if passed else "")


def _exponent(y: np.ndarray) -> int:
    """The power of two that brings the largest |y| to between 0.5 and 1; 0 for nothing but zeros."""
    return int(np.frexp(np.abs(y).max())[1])


def _unscaled(ahead: np.ndarray, y: np.ndarray, exponent: int) -> np.ndarray:
    """In the unit of the series, not negative where it never was, and no larger than a number can be."""
    if y.min() >= 0:
        ahead = np.maximum(ahead, 0.0)
    with np.errstate(over="ignore"):
        return np.clip(np.ldexp(ahead, exponent), -_LARGEST, _LARGEST)


def _season(y: np.ndarray, m: int) -> int:
    return m if 2 <= m <= LONGEST_STATE and len(y) >= 2 * m else 1


def _auto_ets(y: np.ndarray, m: int, horizon: int) -> np.ndarray:
    from statsforecast.models import AutoETS

    return np.asarray(AutoETS(season_length=_season(y, m)).forecast(y, horizon)["mean"])


def _theta(y: np.ndarray, m: int, horizon: int) -> np.ndarray:
    from statsforecast.models import Theta

    return np.asarray(Theta(season_length=_season(y, m)).forecast(y, horizon)["mean"])


def _ses(y: np.ndarray, m: int, horizon: int) -> np.ndarray:
    from statsforecast.models import SimpleExponentialSmoothingOptimized

    return np.asarray(SimpleExponentialSmoothingOptimized().forecast(y, horizon)["mean"])


def seasonal_naive(y: np.ndarray, m: int, horizon: int) -> np.ndarray:
    """The last season again; the last value before a season is known.

    >>> seasonal_naive(np.array([1.0, 2.0, 3.0]), 2, 3).tolist()
    [2.0, 3.0, 2.0]
    """
    m = m if 1 <= m <= len(y) else 1
    return y[len(y) - m + np.arange(horizon) % m]
