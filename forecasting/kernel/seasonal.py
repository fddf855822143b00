"""Every position of the season smoothed for itself: the seasonal naive with a memory.

Not here: models that separate level and season (smoothing.py). ``params`` of a fitted series: α, the season
length used.
"""

import numpy as np

from forecasting.kernel.compiled import compiled

SIZE = 2
_START_SEASONS = 3
_ALPHAS = np.array([0.02, 0.04, 0.07, 0.1, 0.15, 0.2, 0.3, 0.4, 0.55, 0.75])


@compiled
def fit(y: np.ndarray, m: int, params: np.ndarray) -> bool:
    """The α with the least squared error one season ahead into ``params``; False for m = 1 or n < 2m.

    Judged a season ahead, and not one step, it averages over many weeks: on 111 series of cash withdrawals
    that alone had an OWA of .737, where one-step likelihood led all other smoothing to .78.
    """
    params[:SIZE] = 0.0
    n = len(y)
    if m <= 1 or n < 2 * m:
        return False
    best = np.inf
    season = np.empty(m)
    for alpha in _ALPHAS:
        _start(y, n, m, season)
        cost = 0.0
        for t in range(n):
            e = y[t] - season[t % m]
            if t >= m:
                cost += e * e
            season[t % m] += alpha * e
        if cost < best:
            best = cost
            params[0] = alpha
    params[1] = m
    return True


@compiled
def _start(y: np.ndarray, n: int, m: int, season: np.ndarray) -> None:
    seasons = min(_START_SEASONS, n // m)
    for q in range(m):
        season[q] = 0.0
        for j in range(seasons):
            season[q] += y[q + j * m] / seasons


@compiled
def emit(y: np.ndarray, m: int, n_fit: int, params: np.ndarray, known: np.ndarray, out: np.ndarray) -> None:
    """Forecasts after known[o] points into out[o, :], for increasing origins: s_q ← s_q + α(y_t − s_q), q = t mod m."""
    season = np.empty(m)
    _start(y, n_fit, m, season)
    o = 0
    for t in range(known[len(known) - 1]):
        season[t % m] += params[0] * (y[t] - season[t % m])
        if t + 1 == known[o]:
            for h in range(out.shape[1]):
                out[o, h] = season[(t + 1 + h) % m]
            o += 1
