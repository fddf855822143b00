"""Auto-ARIMA for a handful of totals: a bounded search, its memory given back.

Not here: everything that must be cheap. A search costs seconds, smoothing milliseconds.
"""

import ctypes
import warnings
from typing import Any

import numpy as np

from forecasting.seasonality import LONGEST_STATE

# 1,000 points are 2.7 years of days; a longer history made the search slower, not better.
LONGEST_HISTORY = 1000
SHORTEST_HISTORY = 24


def learn(y: np.ndarray, m: int) -> Any:
    """Choose (p,d,q)(P,D,Q)_m stepwise by AIC with p, q ≤ 2, P, Q ≤ 1, and estimate it: 5 s for 730 days.

    Source: Hyndman & Khandakar (2008), "Automatic time series forecasting", JSS 27(3).

    Raises:
        ValueError: fewer than 24 points.
    """
    if len(y) < SHORTEST_HISTORY:
        raise ValueError(f"auto-ARIMA needs {SHORTEST_HISTORY} points, there are {len(y)}")
    import pmdarima  # a second to import: only a night that asks for ARIMA pays for it

    season = m if 2 <= m <= LONGEST_STATE and len(y) >= 2 * m + 2 else 1
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = pmdarima.auto_arima(
                y[-LONGEST_HISTORY:], m=season, seasonal=season > 1, stepwise=True, maxiter=20,
                max_p=2, max_q=2, max_P=1, max_Q=1, max_D=1, max_order=4,
                suppress_warnings=True, error_action="ignore",
            )  # fmt: skip
        return found.arima_res_
    finally:
        _give_memory_back()


def predict(y: np.ndarray, m: int, learned: Any, horizon: int) -> np.ndarray:
    """Filter y with the learned orders and parameters, and forecast; shape horizon."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return np.asarray(learned.apply(y[-LONGEST_HISTORY:], refit=False).forecast(horizon))


def _give_memory_back() -> None:
    """Ask glibc to return freed pages: the search leaves 170–560 MB behind after each daily fit."""
    try:
        trim = ctypes.CDLL("libc.so.6").malloc_trim
    except (OSError, AttributeError):  # not glibc: nothing to trim
        return
    trim(0)
