"""Auto-ARIMA of one series: a bounded search for its orders, their parameters, and a filter that needs no search.

Not here: which series deserve it, and the process it runs in (totals.py, worker.py). A search costs seconds.
"""

import ctypes
import warnings
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

LONGEST_SEASON = 24  # one state per period of the season: at m = 365 a search never ends
# 1,000 points are 2.7 years of days; a longer history made the search slower, not better.
LONGEST_HISTORY = 1000
SHORTEST_HISTORY = 24
# Beyond two seasons: with fewer pmdarima's test for a seasonal difference (OCSB) has nothing left to regress on, and
# raises (9 of 60 monthly series of M3 at their first origin).
_SPARE_PERIODS = 7
_MAX_ITERATIONS = 20  # of the optimiser, per candidate


class NoArimaError(ValueError):
    """A series that auto-ARIMA has no forecast for; the message says why."""


@dataclass(frozen=True)
class ArimaState:
    """What was learned of one series: enough to forecast it with new data, without another search.

    ``order`` is (p, d, q), ``seasonal_order`` (P, D, Q, m), or (0, 0, 0, 0); ``params`` are statsmodels' own of
    that model, of the history divided by ``scale`` (its unit).
    """

    order: tuple[int, ...]
    seasonal_order: tuple[int, ...]
    has_constant: bool
    params: tuple[float, ...]
    scale: float

    @property
    def label(self) -> str:
        """The model in the usual notation.

        >>> ArimaState((0, 1, 1), (0, 1, 1, 12), False, (), 1.0).label
        'ARIMA(0,1,1)(0,1,1)[12]'
        >>> ArimaState((1, 0, 0), (0, 0, 0, 0), True, (), 1.0).label
        'ARIMA(1,0,0) with constant'
        """
        *seasonal, m = self.seasonal_order
        season = f"({','.join(map(str, seasonal))})[{m}]" if m else ""
        return f"ARIMA({','.join(map(str, self.order))}){season}" + (" with constant" if self.has_constant else "")

    def as_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "ArimaState":
        """The state that :meth:`as_dict` gave. Raises ValueError where it is not one.

        >>> state = ArimaState((0, 1, 1), (0, 0, 0, 0), False, (-0.5, 0.01), 10.0)
        >>> ArimaState.from_dict(state.as_dict()) == state
        True
        """
        try:
            orders = {name: tuple(int(k) for k in values[name]) for name in ("order", "seasonal_order")}
            params, scale = tuple(float(p) for p in values["params"]), float(values["scale"])
            is_one = len(orders["order"]) == 3 and len(orders["seasonal_order"]) == 4
            if not (is_one and np.isfinite([*params, scale]).all() and scale > 0):
                raise ValueError("orders or parameters are incomplete")
            return cls(**orders, has_constant=bool(values["has_constant"]), params=params, scale=scale)
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"no ARIMA state: {error}") from None


def search(y: np.ndarray, m: int) -> ArimaState:
    """Choose (p,d,q)(P,D,Q)_m stepwise by AIC with p, q ≤ 2 and P, D, Q ≤ 1, and estimate it.

    Costs seconds, and holds every candidate in memory until it ends: 170–560 MB for daily series.

    Source: Hyndman & Khandakar (2008), "Automatic time series forecasting", JSS 27(3).

    Args:
        y: the history, shape n, oldest first; only the last 1,000 points are looked at.
        m: periods of a season; none is estimated where m > 24 or fewer than 2 m + 7 points are known.

    Raises:
        NoArimaError: fewer than 24 points, nothing that varies, or no candidate could be estimated.
    """
    _refuse_what_teaches_nothing(y)
    import pmdarima  # a second to import: only a night that asks for ARIMA pays for it

    y = y[-LONGEST_HISTORY:]
    scale = float(np.abs(y).max())
    season = m if 2 <= m <= LONGEST_SEASON and len(y) >= 2 * m + _SPARE_PERIODS else 1
    try:
        with threadpool_limits(1), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = pmdarima.auto_arima(
                y / scale, m=season, seasonal=season > 1, stepwise=True, maxiter=_MAX_ITERATIONS,
                max_p=2, max_q=2, max_P=1, max_Q=1, max_D=1, max_order=4,
                suppress_warnings=True, error_action="ignore",
            )  # fmt: skip
    except Exception as error:  # what it raises of a straight line is an IndexError, a LinAlgError, a ValueError, …
        raise NoArimaError(f"no order could be estimated ({type(error).__name__}: {str(error)[:120]})") from None
    else:
        fit = found.arima_res_
        has_constant = bool(fit.model.k_trend)
        return _checked(ArimaState(found.order, found.seasonal_order, has_constant, tuple(fit.params.tolist()), scale))
    finally:
        give_memory_back()


def extrapolate(y: np.ndarray, state: ArimaState, horizon: int) -> np.ndarray:
    """Filter y (shape n, oldest first) with the state's parameters, and forecast; shape horizon, in y's unit.

    Raises:
        NoArimaError: the forecast is not finite.
    """
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ahead = np.asarray(_model(y, state).filter(np.asarray(state.params)).forecast(horizon)) * state.scale
    if not np.isfinite(ahead).all():
        raise NoArimaError(f"the forecast of {state.label} is not finite")
    return ahead


def give_memory_back() -> None:
    """Ask glibc to return freed pages: 677 MB of a process came down to 288 MB."""
    try:
        trim = ctypes.CDLL("libc.so.6").malloc_trim
    except (OSError, AttributeError):  # not glibc: nothing to trim
        return
    trim(0)


def _model(y: np.ndarray, state: ArimaState) -> Any:
    from statsmodels.tsa.statespace.sarimax import SARIMAX

    return SARIMAX(
        y[-LONGEST_HISTORY:] / state.scale,
        order=state.order,
        seasonal_order=state.seasonal_order,
        trend="c" if state.has_constant else None,
    )


def _refuse_what_teaches_nothing(y: np.ndarray) -> None:
    if len(y) < SHORTEST_HISTORY:
        raise NoArimaError(f"auto-ARIMA needs {SHORTEST_HISTORY} points, there are {len(y)}")
    if not np.isfinite(y).all():
        raise NoArimaError("the history holds a value that is not finite")
    if y[-LONGEST_HISTORY:].max() == y[-LONGEST_HISTORY:].min():
        raise NoArimaError("the history never changes: there is nothing to learn")


def _checked(state: ArimaState) -> ArimaState:
    if not np.isfinite(state.params).all():
        raise NoArimaError(f"the parameters of {state.label} are not finite")
    return replace(state, order=tuple(map(int, state.order)), seasonal_order=_season(state.seasonal_order))


def _season(order: tuple[int, ...]) -> tuple[int, ...]:
    """(P, D, Q, m), with m = 0 where nothing is seasonal: pmdarima writes 1 there, which statsmodels refuses."""
    return tuple(map(int, order)) if any(order[:3]) else (0, 0, 0, 0)
