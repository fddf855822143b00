"""Growth in proportion: the logarithms smoothed, with the whole of their slope as drift, and no season.

Not here: slopes in units (theta.py, smoothing.py), which series it votes on (members.py). ``params`` of a fitted
series: whether it is on logarithms, α.
"""

import numpy as np

from forecasting.kernel.compiled import compiled
from forecasting.kernel.theta import best_alpha

SIZE = 2
_START = 4
_LARGEST_LOG = 700.0


@compiled
def fit(y: np.ndarray, m: int, params: np.ndarray) -> bool:
    """Learn α of log y, or of y where it is not positive, into ``params`` (shape SIZE); False for n < 3."""
    params[:SIZE] = 0.0
    if len(y) < 3:
        return False
    params[0] = 1.0 if y.min() > 0.0 else 0.0
    params[1] = best_alpha(np.log(y) if params[0] == 1.0 else y)
    return True


@compiled
def emit(y: np.ndarray, m: int, n_fit: int, params: np.ndarray, known: np.ndarray, out: np.ndarray) -> None:
    """Forecasts after known[o] points into out[o, :], for increasing origins, in one pass.

    z_(n+h) = l_n + b · (h − 1 + (1 − (1−α)^n) / α), z = log y, b = slope of z on t by least squares: Theta's smoothing
    and its drift, of which Theta takes half. From a zero on that came after the fit, logarithms have no say any more.

    Source: Hyndman & Billah (2003), "Unmasking the Theta method", IJF 19(2), 287–290, eq. 7.
    """
    uses_logs, alpha = params[0] == 1.0, params[1]
    out[:, :] = np.nan
    count = min(n_fit, _START)
    level = 0.0
    for t in range(count):
        level += (np.log(y[t]) if uses_logs else y[t]) / count
    sz, stz = 0.0, 0.0
    o = 0
    for t in range(known[len(known) - 1]):
        if uses_logs and y[t] <= 0.0:
            break
        z = np.log(y[t]) if uses_logs else y[t]
        level += alpha * (z - level)
        sz += z
        stz += t * z
        if t + 1 == known[o]:
            n = t + 1
            spread = n * (n * n - 1.0) / 12.0
            slope = (stz - sz * (n - 1.0) / 2.0) / spread if spread > 0.0 else 0.0
            start = (1.0 - (1.0 - alpha) ** n) / alpha
            for h in range(out.shape[1]):
                ahead = level + slope * (h + start)
                out[o, h] = np.exp(min(ahead, _LARGEST_LOG)) if uses_logs else ahead
            o += 1
