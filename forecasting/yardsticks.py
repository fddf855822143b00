"""What errors are measured by, step by step: a series' noise, and where a month has its index, the index of the day.

Not here: the noise of one series (kernel/noise.py), the intervals made of it (intervals.py).
"""

import numpy as np

from forecasting.batch import Batch, Plan
from forecasting.kernel import monthdays
from forecasting.kernel.noise import noise_scales


def yardsticks(batch: Batch, plan: Plan, months: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Noise after each known[i, o] points, shape (series, origins, horizon, or 1 if no series has an index).

    The noise of a series with an index is that of its days without it, times the index of the day ahead: where the
    last day of a month is ten times as high, it misses by ten times as much, and the others do not. NaN where nothing
    is known.

    Args:
        months: each series' index as its forecasts know it, shape (series, 32), or (series, 0) for none.
        known: shape (series, origins).
    """
    having = np.flatnonzero(months[:, 0] > 0.0) if months.shape[1] else np.zeros(0, dtype=int)
    values = batch.values.copy() if len(having) else batch.values
    ahead = np.ones((*known.shape, plan.horizon if len(having) else 1))
    for i in having:
        begin, end = batch.offsets[i], batch.offsets[i + 1]
        index = np.empty(end - begin + plan.horizon)
        monthdays.factors(int(batch.first[i]), months[i], index)
        values[begin:end] /= index[: end - begin]
        ahead[i] = index[known[i][:, None] + np.arange(plan.horizon)]
    return noise_scales(values, batch.offsets, known, plan.short_season)[:, :, None] * ahead


def months_of(params: np.ndarray, plan: Plan) -> np.ndarray:
    """The index of the month in what series have learned, shape (series, 32); (series, 0) where periods are no days."""
    return params[:, params.shape[1] - monthdays.SIZE :] if plan.is_daily else params[:, :0]


def learned_months(batch: Batch, plan: Plan, known: np.ndarray) -> np.ndarray:
    """As :func:`months_of`, of the first ``known`` points of each series (shape (series,)), 0 for none."""
    months = np.zeros((len(batch), monthdays.SIZE if plan.is_daily else 0))
    for i in np.flatnonzero(known) if plan.is_daily else ():
        y = batch.values[batch.offsets[i] : batch.offsets[i] + known[i]]
        monthdays.fit(y / (np.abs(y).max() or 1.0), int(batch.first[i]), months[i])
    return months
