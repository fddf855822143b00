"""Ridge autoregression of the first differences on as many lags as a season has, and one.

Not here: moving averages (arima.py). ``params`` of a fitted series: whether it is on logarithms, the number of
lags, the drift, the coefficients.
"""

import numpy as np

from forecasting.kernel.compiled import compiled
from forecasting.kernel.decomposition import suits_logarithms
from forecasting.kernel.least_squares import solve

MOST_LAGS = 13
SIZE = 3 + MOST_LAGS
_RIDGE = 0.02  # of the mean square of a difference: 13 coefficients on 40 points are mostly noise without it
_DRIFT_WEIGHT = 3.0  # the drift is pulled towards 0, as three times the history without growth would
_MARGIN = 10
_PER_LAG = 3  # points for each: on 23 months thirteen lags left the range of the history in 17 of 23 totals
_LARGEST_LOG = 700.0


@compiled
def fit_logs(y: np.ndarray, m: int, params: np.ndarray) -> bool:
    """Fit log y, or y where logarithms do not suit it, into ``params`` (shape SIZE); False for too short a history."""
    return _fit(y, m, suits_logarithms(y, m), params)


@compiled
def fit_levels(y: np.ndarray, m: int, params: np.ndarray) -> bool:
    """Fit y itself into ``params`` (shape SIZE); False for too short a history."""
    return _fit(y, m, False, params)


@compiled
def _fit(y: np.ndarray, m: int, uses_logs: bool, params: np.ndarray) -> bool:
    """∇z_t = c + Σ_(j ≤ L) a_j ∇z_(t−j), L = min(m + 1, 13) or 3 without a season, by ridge regression.

    Source: Hoerl & Kennard (1970), "Ridge regression", Technometrics 12(1), 55–67, eq. 2.1.
    """
    n = len(y)
    params[:SIZE] = 0.0
    lags = min(m + 1, MOST_LAGS) if m > 1 else 3
    if n < max(max(lags, m) + 1 + _MARGIN, _PER_LAG * lags):
        return False
    z = np.log(y) if uses_logs else y
    gram = np.zeros((lags + 1, lags + 1))
    target = np.zeros(lags + 1)
    x = np.ones(lags + 1)
    for t in range(lags + 1, n):
        for j in range(lags):
            x[j] = z[t - 1 - j] - z[t - 2 - j]
        step = z[t] - z[t - 1]
        for i in range(lags + 1):
            for j in range(i + 1):
                gram[i, j] += x[i] * x[j]
            target[i] += x[i] * step
    trace = 0.0
    for i in range(lags):
        trace += gram[i, i] / lags
    for i in range(lags):
        gram[i, i] += _RIDGE * trace + 1e-12
    gram[lags, lags] *= _DRIFT_WEIGHT
    if not solve(gram, target):
        return False
    params[0] = 1.0 if uses_logs else 0.0
    params[1] = lags
    params[2] = target[lags]
    params[3 : 3 + lags] = target[:lags]
    return True


@compiled
def emit(y: np.ndarray, m: int, n_fit: int, params: np.ndarray, known: np.ndarray, out: np.ndarray) -> None:
    """Forecasts after known[o] points into out[o, :]: each difference from those before it, summed up."""
    horizon = out.shape[1]
    uses_logs, lags = params[0] == 1.0, int(params[1])
    steps = np.empty(lags + horizon)
    for o in range(len(known)):
        n = known[o]
        if uses_logs and y[n - lags - 1 : n].min() <= 0.0:
            out[o, :] = np.nan
            continue
        for j in range(lags):
            now, before = y[n - lags + j], y[n - lags + j - 1]
            steps[j] = np.log(now) - np.log(before) if uses_logs else now - before
        level = np.log(y[n - 1]) if uses_logs else y[n - 1]
        for h in range(horizon):
            step = params[2]
            for j in range(lags):
                step += params[3 + j] * steps[lags + h - 1 - j]
            steps[lags + h] = step
            level += step
            out[o, h] = np.exp(min(level, _LARGEST_LOG)) if uses_logs else level
