"""Seasonal ARIMA (1,0,0)(0,1,1)m with drift by conditional sums of squares, on logarithms where they suit.

Not here: the search for orders, which costs a thousand times as much and is for totals (../totals.py).

``params`` of a fitted series: whether it is on logarithms, the drift, then the kept candidates.
"""

import numpy as np

from forecasting.kernel.compiled import LANES, compiled, keep_best
from forecasting.kernel.decomposition import suits_logarithms

# One fixed order: a year that grows, surprises that fade, a season that drifts. It reverts to last year's path where
# smoothing extrapolates, so the two err in different ways: their mean was 4 % better than either on the M3 competition.
FIELDS = 3  # φ, Θ, weight
SIZE = 2 + LANES * FIELDS
_MARGIN = 4  # differences that must be left beyond one season
_LARGEST_LOG = 700.0
_PHIS = (0.1, 0.3, 0.45, 0.6, 0.7, 0.8, 0.9, 0.96)
_THETAS = (-0.15, -0.4, -0.65, -0.85)
GRID = np.array([(phi, theta) for phi in _PHIS for theta in _THETAS])


@compiled
def fit(y: np.ndarray, m: int, params: np.ndarray) -> bool:
    """Weigh the candidates by exp(−Δ(n log Σe²) / 4) into ``params`` (shape SIZE); False for m = 1, n < 2m + 4."""
    params[:SIZE] = 0.0
    if m <= 1 or len(y) < 2 * m + _MARGIN:
        return False
    params[0] = 1.0 if suits_logarithms(y, m) else 0.0
    w = _differences(y, m, params[0] == 1.0)
    params[1] = w.mean()
    n, rows = len(w), len(GRID)
    errors = np.zeros((n, LANES))
    squares = np.zeros(LANES)
    scores = np.zeros(rows)
    lanes = np.zeros((2, LANES))
    for first in range(0, rows, LANES):
        for k in range(LANES):
            lanes[0, k], lanes[1, k] = GRID[first + k, 0], GRID[first + k, 1]
        _errors(w, m, params[1], lanes, errors, squares)
        for k in range(LANES):
            scores[first + k] = n * np.log(squares[k] / n + 1e-12)
    weights = np.zeros(rows)
    for i in range(rows):
        weights[i] = np.exp((scores.min() - scores[i]) / 4.0)
    return keep_best(GRID, weights, params[2:])


@compiled
def _differences(y: np.ndarray, m: int, uses_logs: bool) -> np.ndarray:
    """w_t = z_t − z_(t−m) for z = y or log y, shape n − m."""
    w = np.empty(len(y) - m)
    for t in range(m, len(y)):
        w[t - m] = np.log(y[t] / y[t - m]) if uses_logs else y[t] - y[t - m]
    return w


@compiled
def _errors(w: np.ndarray, m: int, drift: float, lanes: np.ndarray, errors: np.ndarray, squares: np.ndarray) -> None:
    """One-step errors of every lane, shape (n, LANES), and their sums of squares; nothing known before w[0].

    e_t = (w_t − μ) − φ(w_(t−1) − μ) − Θ e_(t−m).

    Source: Box, Jenkins & Reinsel (1994), *Time Series Analysis*, §7.1 and §9.2.
    """
    nothing = np.zeros(LANES)
    phi, theta = lanes[0], lanes[1]
    squares[:] = 0.0
    for t in range(len(w)):
        now = w[t] - drift
        before = w[t - 1] - drift if t else 0.0
        e = errors[t]
        seasonal = errors[t - m] if t >= m else nothing
        for k in range(LANES):
            e[k] = now - phi[k] * before - theta[k] * seasonal[k]
            squares[k] += e[k] * e[k]


@compiled
def emit(y: np.ndarray, m: int, n_fit: int, params: np.ndarray, known: np.ndarray, out: np.ndarray) -> None:
    """Forecasts after known[o] points into out[o, :], for increasing origins, in one pass."""
    last = known[len(known) - 1]
    uses_logs = params[0] == 1.0
    if uses_logs:  # from a zero on that came after the fit, logarithms have no say any more
        for t in range(last):
            if y[t] <= 0.0:
                last = t
                break
    out[:, :] = np.nan
    if last < known[0]:
        return
    w = _differences(y[:last], m, uses_logs)
    lanes = np.zeros((2, LANES))
    for k in range(LANES):
        lanes[0, k], lanes[1, k] = params[2 + k * FIELDS], params[3 + k * FIELDS]
    errors = np.zeros((len(w), LANES))
    squares = np.zeros(LANES)
    _errors(w, m, params[1], lanes, errors, squares)
    for o in range(len(known)):
        if known[o] > last:
            break
        out[o, :] = 0.0
        for k in range(LANES):
            weight = params[4 + k * FIELDS]
            if weight >= 1e-4:
                _extrapolate(y, m, known[o], params, k, w, errors, out[o])


@compiled
def _extrapolate(
    y: np.ndarray, m: int, n: int, params: np.ndarray, k: int, w: np.ndarray, errors: np.ndarray, out: np.ndarray
) -> None:
    """Add one lane's weighted forecast after n points: differences first, then summed up season by season."""
    uses_logs, drift = params[0] == 1.0, params[1]
    phi, theta, weight = params[2 + k * FIELDS], params[3 + k * FIELDS], params[4 + k * FIELDS]
    begin = n - m  # of w, the differences from here on are unknown
    step = w[begin - 1] - drift
    z = np.empty(m + len(out))
    for i in range(m):
        z[i] = np.log(y[n - m + i]) if uses_logs else y[n - m + i]
    for h in range(len(out)):
        step *= phi
        if h < m <= begin + h:  # of the season before, errors are known
            step += theta * errors[begin + h - m, k]
        z[m + h] = step + drift + z[h]
        out[h] += weight * (np.exp(min(z[m + h], _LARGEST_LOG)) if uses_logs else z[m + h])
