"""The Theta method: simple exponential smoothing of the deseasonalised series, half its slope as drift.

Not here: smoothing with a slope or a season of its own (smoothing.py). ``params`` of a fitted series:
α, the kind of season (0 none, 1 additive, 2 multiplicative), the seasonal figure.
"""

import numpy as np

from forecasting.kernel.compiled import compiled
from forecasting.kernel.decomposition import is_seasonal, seasonal_figure

LONGEST_SEASON = 60
SIZE = 2 + LONGEST_SEASON
# A season drifts: a figure of the last 8 years lowered the OWA of 100 tourism series from .883 to .814, and
# left those of the M3 competition, which are shorter, as they were.
_FIGURE_SEASONS = 8
_START = 4


@compiled
def fit(y: np.ndarray, m: int, params: np.ndarray) -> bool:
    """Learn the season and α of y (shape n ≥ 1) into ``params`` (shape SIZE)."""
    n = len(y)
    params[:SIZE] = 0.0
    if 1 < m <= LONGEST_SEASON and is_seasonal(y, m):
        start = max(0, (n // m - _FIGURE_SEASONS) * m)
        figure = params[2 : 2 + m]
        if y.min() > 0.0 and seasonal_figure(y, m, True, start, figure):
            params[1] = 2.0
        elif seasonal_figure(y, m, False, start, figure):
            params[1] = 1.0
    flat = np.empty(n)
    for t in range(n):
        flat[t] = _without_season(y[t], t, m, params)
    params[0] = best_alpha(flat)
    return True


@compiled
def emit(y: np.ndarray, m: int, n_fit: int, params: np.ndarray, known: np.ndarray, out: np.ndarray) -> None:
    """Forecasts after known[o] points into out[o, :], for increasing origins, in one pass.

    ŷ_(n+h) = l_n + b/2 · (h − 1 + (1 − (1−α)^n) / α), b = slope of y on t by least squares; the season put
    back.

    Source: Hyndman & Billah (2003), "Unmasking the Theta method", IJF 19(2), 287–290, eq. 7.
    """
    alpha = params[0]
    count = min(n_fit, _START)
    level = 0.0
    for t in range(count):
        level += _without_season(y[t], t, m, params) / count
    sv, stv = 0.0, 0.0
    o = 0
    for t in range(known[len(known) - 1]):
        v = _without_season(y[t], t, m, params)
        level += alpha * (v - level)
        sv += v
        stv += t * v
        if t + 1 == known[o]:
            n = t + 1
            spread = n * (n * n - 1.0) / 12.0
            slope = (stv - sv * (n - 1.0) / 2.0) / spread if spread > 0.0 else 0.0
            start = (1.0 - (1.0 - alpha) ** n) / alpha
            for h in range(out.shape[1]):
                out[o, h] = _with_season(level + slope / 2.0 * (h + start), n + h, m, params)
            o += 1


@compiled
def _without_season(value: float, t: int, m: int, params: np.ndarray) -> float:
    if params[1] == 2.0:
        return value / params[2 + t % m]
    if params[1] == 1.0:
        return value - params[2 + t % m]
    return value


@compiled
def _with_season(value: float, t: int, m: int, params: np.ndarray) -> float:
    if params[1] == 2.0:
        return value * params[2 + t % m]
    if params[1] == 1.0:
        return value + params[2 + t % m]
    return value


@compiled
def best_alpha(y: np.ndarray) -> float:
    """The α of simple exponential smoothing with the least Σe² of a coarse and a fine grid; 0.5 for n < 3.

    >>> bool(best_alpha(np.cumsum(np.tile([1.0, 2.0], 20))) > 0.9), best_alpha(np.array([1.0, 2.0]))
    (True, 0.5)
    """
    if len(y) < 3:
        return 0.5
    best, least = 0.5, np.inf
    for i in range(13):
        alpha = 0.02 + 0.08 * i
        cost = _squares(y, alpha)
        if cost < least:
            best, least = alpha, cost
    centre = best
    for i in range(-3, 4):
        alpha = min(max(centre + 0.02 * i, 0.01), 0.995)
        cost = _squares(y, alpha)
        if cost < least:
            best, least = alpha, cost
    return best


@compiled
def _squares(y: np.ndarray, alpha: float) -> float:
    count = min(len(y), _START)
    level = 0.0
    for t in range(count):
        level += y[t] / count
    total = 0.0
    for t in range(len(y)):
        e = y[t] - level
        total += e * e
        level += alpha * e
    return total
