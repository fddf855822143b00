"""The point-forecast models, each as ``learn`` (parameters, costly) and ``predict`` (filter, extrapolate).

Not here: which series gets which model, fallbacks and scaling (series.py). Arrays in, arrays out, oldest
first.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.signal import lfilter
from statsmodels.tools.sm_exceptions import ConvergenceWarning
from statsmodels.tsa.exponential_smoothing.ets import ETSModel

from forecasting import arima
from forecasting.seasonality import LONGEST_STATE, short_season

_ALPHAS = np.linspace(0.02, 0.98, 25)


@dataclass(frozen=True)
class Model:
    """A model: ``learn(y, m)`` gives its parameters, ``predict(y, m, learned, horizon)`` shape horizon.

    What was learned on a shorter history may be used on a longer one: that is how a backtest avoids refitting
    at each origin without ever looking ahead.
    """

    name: str
    learn: Callable[[np.ndarray, int], Any]
    predict: Callable[[np.ndarray, int, Any, int], np.ndarray]


def seasonal_naive(y: np.ndarray, m: int, horizon: int) -> np.ndarray:
    """ŷ_(n+h) = y_(n+h−m·⌈h/m⌉): the last season again; the last value before a season is known.

    >>> seasonal_naive(np.array([1.0, 2.0, 3.0]), 2, 3).tolist()
    [2.0, 3.0, 2.0]
    """
    m = m if 1 <= m <= len(y) else 1
    return y[len(y) - m + np.arange(horizon) % m]


def ses_level(y: np.ndarray, alpha: float) -> np.ndarray:
    """Exponentially smoothed level, shape n: l_t = α·y_t + (1 − α)·l_(t−1), from the mean of the first 4.

    >>> ses_level(np.array([2.0, 4.0]), 0.5).tolist()
    [2.5, 3.25]
    """
    start = y[:4].mean()
    level, _ = lfilter([alpha], [1.0, alpha - 1.0], y, zi=[(1.0 - alpha) * start])
    return np.asarray(level)


def best_alpha(y: np.ndarray) -> float:
    """The α of 25 between 0.02 and 0.98 with the least squared one-step error; 0.5 for < 3 points."""
    if len(y) < 3:
        return 0.5
    costs = [float(np.square(y[1:] - ses_level(y, a)[:-1]).sum()) for a in _ALPHAS]
    return float(_ALPHAS[int(np.argmin(costs))])


def ses_predict(y: np.ndarray, m: int, alpha: float, horizon: int) -> np.ndarray:
    """Simple exponential smoothing: the last level, flat. Source: Brown (1959)."""
    return np.full(horizon, ses_level(y, alpha)[-1])


def theta_learn(y: np.ndarray, m: int) -> float:
    """The α of the deseasonalised series."""
    season = short_season(y, m, 0)
    return best_alpha(season.remove(y) if season else y)


def theta_predict(y: np.ndarray, m: int, alpha: float, horizon: int) -> np.ndarray:
    """The Theta method: exponential smoothing of the deseasonalised series, half its trend as drift.

    ŷ_(n+h) = l_n + b/2 · (h − 1 + (1 − (1−α)^n) / α), b = slope of y on t by least squares.

    Source: Hyndman & Billah (2003), "Unmasking the Theta method", IJF 19(2), 287–290, eq. 7.

    >>> theta_predict(np.arange(1.0, 11.0), 1, 0.98, 2).round(1).tolist()
    [10.5, 11.0]
    """
    n = len(y)
    season = short_season(y, m, horizon)
    flat = season.remove(y) if season else y
    t = np.arange(n) - (n - 1) / 2
    slope = float(t @ flat) / max(float(t @ t), 1.0)
    steps = np.arange(horizon) + (1.0 - (1.0 - alpha) ** n) / alpha
    ahead: np.ndarray = ses_level(flat, alpha)[-1] + slope / 2.0 * steps
    return season.restore(ahead, n) if season else ahead


def tsb_predict(y: np.ndarray, m: int, smoothing: float, horizon: int) -> np.ndarray:
    """Teunter–Syntetos–Babai: smoothed demand probability times smoothed demand size, flat.

    p_t = p_(t−1) + β(1[y_t≠0] − p_(t−1)) each period, z_t = z_(t−1) + α(y_t − z_(t−1)) only when demand
    occurs; α = β.

    Source: Teunter, Syntetos & Babai (2011), "Intermittent demand: Linking forecasting to inventory
    obsolescence", EJOR 214(3), 606–615.

    >>> tsb_predict(np.array([0.0, 0, 6, 0, 0, 6]), 1, 0.1, 1).round(2).tolist()
    [2.1]
    """
    occurs = (y != 0).astype("float64")
    keep = 1.0 - smoothing
    probability = lfilter([smoothing], [1.0, -keep], occurs, zi=[keep * occurs.mean()])[0][-1]
    sizes = y[y != 0]
    size = lfilter([smoothing], [1.0, -keep], sizes, zi=[keep * sizes.mean()])[0][-1] if len(sizes) else 0.0
    return np.full(horizon, probability * size)


def ets_season(y: np.ndarray, m: int) -> int:
    """The season length ETS may estimate: m when 2 ≤ m ≤ 24 and two full seasons are known, else 1."""
    return m if 2 <= m <= LONGEST_STATE and len(y) >= 2 * m else 1


def ets_learn(y: np.ndarray, m: int) -> np.ndarray:
    """Maximum-likelihood parameters of ETS(A,Ad,A), or ETS(A,Ad,N) without a season: with initial states.

    Source: Hyndman, Koehler, Ord & Snyder (2008), *Forecasting with Exponential Smoothing*. Raises what the
    optimiser raises; that it stopped at its iteration limit is no failure.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.simplefilter("ignore", RuntimeWarning)
        return np.asarray(_ets(y, m).fit(disp=False).params)


def ets_predict(y: np.ndarray, m: int, params: np.ndarray, horizon: int) -> np.ndarray:
    """Filter y with known parameters and extrapolate the damped trend and the season."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return np.asarray(_ets(y, m).smooth(params).forecast(horizon))


def _ets(y: np.ndarray, m: int) -> ETSModel:
    if m > 1:
        return ETSModel(y, error="add", trend="add", damped_trend=True, seasonal="add", seasonal_periods=m)
    return ETSModel(y, error="add", trend="add", damped_trend=True)


MODELS: dict[str, Model] = {
    "seasonal_naive": Model("seasonal_naive", lambda y, m: None, lambda y, m, _, h: seasonal_naive(y, m, h)),
    "ets": Model(
        "ets",
        lambda y, m: ets_learn(y, ets_season(y, m)),
        lambda y, m, learned, h: ets_predict(y, ets_season(y, m), learned, h),
    ),
    "theta": Model("theta", theta_learn, theta_predict),
    "arima": Model("arima", arima.learn, arima.predict),
    "ses": Model("ses", lambda y, m: best_alpha(y), ses_predict),
    "tsb": Model("tsb", lambda y, m: 0.1, tsb_predict),
}
