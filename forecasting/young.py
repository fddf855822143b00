"""What the engine and a category would have said of series while they were young, and what came: the only evidence on
how to forecast those that are young now.

Not here: what a category knows (profiles.py), what the evidence decides (gate.py, votes.py).
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from forecasting.batch import Batch, Learned, Plan, joined, tasks, work
from forecasting.frames import backtest_frame
from forecasting.kernel.classes import MIN_POINTS
from forecasting.profiles import profile_votes
from forecasting.votes import Votes
from forecasting.weights import default_weights

_AGES = (2, 4, 6)  # periods known: the engine takes the mean of fewer than eight
_CHUNK = 1000
# Evidence is taken at no more days than these: each costs a look at the whole panel (36 ms at 3,000 weekly series).
_MOST_CUTOFFS = 24
_YEARS = 2  # an older one says what categories knew when the books had hardly begun


def young_backtest(panel: pd.DataFrame, *, freq: str, horizon: int) -> pd.DataFrame:
    """What the engine would have said of each series 2, 4 and 6 periods after it began, as ``backtest_panel`` does.

    Only of series that began inside the panel (of the others nobody knows how old they were), and only at 24 periods
    of the last two years in which there was one.

    >>> months = pd.date_range("2024-01-01", periods=9, freq="MS")
    >>> old = pd.DataFrame({"unique_id": "A", "ds": months, "y": 9.0})
    >>> new = pd.DataFrame({"unique_id": "B", "ds": months[4:], "y": [1.0, 3, 4, 5, 5]})
    >>> young_backtest(pd.concat([old, new]), freq="MS", horizon=1)[["unique_id", "y", "mean"]].to_numpy().tolist()
    [['B', 4.0, 2.0], ['B', 5.0, 3.25]]
    """
    plan = Plan.of(freq, horizon, None)
    batch = Batch.of(panel, freq)
    began = batch.first > (batch.first.min() if len(batch) else 0)
    ages = np.array(_AGES)
    known = np.sort(np.where(began[:, None] & (batch.lengths[:, None] >= ages + horizon), ages, 0), axis=1)
    known = np.sort(np.where(_at_chosen_times(batch, known, plan.frequency.year), known, 0), axis=1)
    told = np.flatnonzero(known.any(axis=1))
    batch, known = batch.take(told), np.ascontiguousarray(known[told])
    weights = default_weights()
    chunks = tasks(batch, plan, weights, known, Learned.nothing(len(batch), plan), _CHUNK)
    said = joined([work(chunk) for chunk in chunks], len(_AGES), plan)
    return backtest_frame(batch, plan, known, said)


def _at_chosen_times(batch: Batch, known: np.ndarray, year: float) -> np.ndarray:
    """Which origins, of shape (series, ages), lie at one of 24 periods spread over the two years to the last origin."""
    at = batch.first[:, None] + known
    times = np.unique(at[known > 0])
    times = times[times > (times.max() if len(times) else 0) - _YEARS * year]
    spread = np.linspace(0, len(times) - 1, min(len(times), _MOST_CUTOFFS)).round().astype(int)
    return np.isin(at, times[spread]) & (known > 0)


def young_votes(
    panel: pd.DataFrame, groups: Mapping[str, str], *, freq: str, horizon: int, young: pd.DataFrame
) -> Votes:
    """What categories say of the series that are young now, and would have said at the origins of ``young``.

    Args:
        panel, groups, freq, horizon: as for :func:`forecasting.profiles.profile_votes`.
        young: of :func:`young_backtest`.
    """
    length = panel.groupby("unique_id").size()
    now = profile_votes(panel, groups, freq=freq, horizon=horizon) if (length < MIN_POINTS).any() else None
    if now is None or young.empty:
        nothing = pd.DataFrame({"unique_id": pd.Series(dtype="str"), "ds": pd.Series(dtype="datetime64[s]")})
        nothing["mean"] = 0.0
        past = nothing.assign(cutoff=nothing["ds"])
        return Votes(nothing, past, pd.DataFrame({"unique_id": [], "reason": []}, dtype="str"))
    own = now[now["unique_id"].isin(length.index[length < MIN_POINTS])]
    past = profile_votes(panel, groups, freq=freq, horizon=horizon, origins=young[["unique_id", "cutoff"]])
    return Votes(
        own[["unique_id", "ds", "mean"]].reset_index(drop=True),
        past[["unique_id", "cutoff", "ds", "mean"]],
        pd.DataFrame({"unique_id": [], "reason": []}, dtype="str"),
    )
