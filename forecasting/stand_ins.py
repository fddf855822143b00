"""The forecast of a series for which no member of the kernel had a plausible vote, and of everyone else.

Not here: the models that stand in (fallback.py).
"""

import numpy as np

from forecasting.batch import Batch, Plan, Votes
from forecasting.frames import Made, model_names


def completed(batch: Batch, plan: Plan, votes: Votes, weights: np.ndarray) -> Made:
    """The forecasts after the last point, with a stand-in wherever the kernel left none."""
    names, reasons = model_names(votes, votes.classes.shape[1] - 1, weights)
    mean = votes.means[:, -1].copy()
    for i in np.flatnonzero(~np.isfinite(mean).all(axis=1)):
        from forecasting.fallback import stand_in  # a second and 300 MB: only a sick series pays for it

        y = batch.values[batch.offsets[i] : batch.offsets[i + 1]]
        mean[i], names[i], reasons[i] = stand_in(y, plan.naive_season, plan.horizon, reasons[i] or "no model fits")
    return Made(mean, votes.classes[:, -1], names, reasons)
