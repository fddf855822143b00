"""The point-forecast models as plain functions of one history, for the suites that hold each of them to the same.

Not here: what is asked of them.
"""

from collections.abc import Callable

import numpy as np

from forecasting.models import MODELS, Model

Kernel = Callable[[np.ndarray, int, int], np.ndarray]
TOO_DEAR = {"arima"}  # seconds a series: the totals' own tests ask it


def _plain(model: Model) -> Kernel:
    return lambda y, m, horizon: model.predict(y, m, model.learn(y, m), horizon)


# The one line that knows where the models live.
KERNEL: dict[str, Kernel] = {name: _plain(model) for name, model in MODELS.items() if name not in TOO_DEAR}
