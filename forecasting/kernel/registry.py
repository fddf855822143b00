"""Every model of the kernel by its name, as a plain function of one history.

Not here: the batch that the engine runs (pool.py). These are for whoever asks one model alone: tests, notebooks.
"""

from collections.abc import Callable

import numpy as np

from forecasting.kernel import arima, autoregression, growth, intermittent, seasonal, smoothing, theta

Model = Callable[[np.ndarray, int, int], np.ndarray]


def _fitted(fit: Callable[..., bool], emit: Callable[..., None], size: int) -> Model:
    """The model that learns a whole history and forecasts from its end."""

    def model(y: np.ndarray, m: int, horizon: int) -> np.ndarray:
        history = np.array(y, dtype="float64")
        _refuse(history, m, horizon)
        params = np.zeros(size)
        if not fit(history, m, params):
            raise ValueError(f"{len(history)} points are too few, or the season of {m} is none for this model")
        out = np.zeros((1, horizon))
        emit(history, m, len(history), params, np.array([len(history)]), out)
        return out[0]

    return model


def _flat(level: Callable[[np.ndarray], float]) -> Model:
    """The model that forecasts one number for every period to come."""

    def model(y: np.ndarray, m: int, horizon: int) -> np.ndarray:
        history = np.array(y, dtype="float64")
        _refuse(history, m, horizon)
        return np.full(horizon, level(history))

    return model


def _refuse(y: np.ndarray, m: int, horizon: int) -> None:
    if not len(y) or not np.isfinite(y).all():
        raise ValueError("a model needs at least one point, and finite ones only")
    if m < 1 or horizon < 1:
        raise ValueError(f"the season ({m}) and the horizon ({horizon}) must be at least 1 period")


# A history of shape n (oldest first, of a size near 1: the engine divides by the mean), the periods in a season (1 =
# none) and the horizon; the forecast has shape horizon. ValueError where the model cannot have one.
MODELS: dict[str, Model] = {
    "ets": _fitted(smoothing.fit, smoothing.emit, smoothing.SIZE),
    "theta": _fitted(theta.fit, theta.emit, theta.SIZE),
    "sarima": _fitted(arima.fit, arima.emit, arima.SIZE),
    "ar_log": _fitted(autoregression.fit_logs, autoregression.emit, autoregression.SIZE),
    "ar": _fitted(autoregression.fit_levels, autoregression.emit, autoregression.SIZE),
    "seasonal": _fitted(seasonal.fit, seasonal.emit, seasonal.SIZE),
    "growth": _fitted(growth.fit, growth.emit, growth.SIZE),
    "tsb": _flat(intermittent.tsb),
    "imapa": _flat(intermittent.imapa),
    "adida": _flat(intermittent.adida),
    "ses": _flat(intermittent.ses),
}
