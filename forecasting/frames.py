"""What the engine's arrays say, as frames: forecasts, backtests, and the names of who made them.

Not here: how the numbers come about (passes.py, kernel/).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from forecasting.batch import Batch, Plan, Votes
from forecasting.kernel.classes import CLASSES, CONSTANT, DEAD, INTERMITTENT, LUMPY, SHORT, SLEEPING
from forecasting.kernel.members import COUNT, MEMBERS
from forecasting.kernel.pool import LEANT, RARE_ROW, REGULAR_ROW, learned_members
from forecasting.weights import default_weights

BACKTEST_COLUMNS = ("unique_id", "cutoff", "ds", "y", "mean", "naive", "model_used")
_BITS = COUNT + 1  # of failed: a bit per member, and LEANT
_LARGEST = np.finfo("float64").max
_SIMPLE = {SHORT: "mean", CONSTANT: "constant", DEAD: "zero", SLEEPING: "seasonal_naive"}
_WHY = {
    SHORT: "fewer than 8 periods of history: the mean of what there is",
    DEAD: "no demand for a quarter and for four of its usual intervals: zero until it is sold again",
    SLEEPING: "silent for a quarter, as a year ago: last year's path",
}


@dataclass(frozen=True)
class Made:
    """One forecast per series: its mean (series, horizon), class, who made it, what was given up (or None)."""

    mean: np.ndarray
    classes: np.ndarray
    model_used: np.ndarray
    reasons: np.ndarray


def model_names(votes: Votes, origin: int, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Who made each series' forecast at an origin, and what had to be given up (None = nothing); object arrays."""
    where, names, reasons = _told(votes, weights)
    return names[where[:, origin]], reasons[where[:, origin]]


def _told(votes: Votes, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where in the lists of names and of reasons stand those of each series and origin, and the two lists."""
    learned = learned_members(votes.learned.params)[:, None]
    keys = (learned << _BITS | votes.failed) * len(CLASSES) + votes.classes
    where, kinds = pd.factorize(keys.ravel())
    names, reasons = np.empty(len(kinds), dtype=object), np.empty(len(kinds), dtype=object)
    for i, key in enumerate(kinds.tolist()):
        bits, kind = divmod(key, len(CLASSES))
        names[i], reasons[i] = _described(kind, bits % (1 << _BITS), bits >> _BITS, weights)
    return where.reshape(keys.shape), names, reasons


def _described(kind: int, failed: int, learned: int, weights: np.ndarray) -> tuple[str, str | None]:
    if kind == SHORT and failed & LEANT:
        return "last_season", "fewer than 8 periods of history: the last year again, as far as it grew"
    if kind in _SIMPLE:
        return _SIMPLE[kind], _WHY.get(kind)
    row = weights[RARE_ROW if kind in (INTERMITTENT, LUMPY) else REGULAR_ROW]
    voting = [j for j in range(COUNT) if row[j] > 0.0]
    names = "+".join(MEMBERS[j] for j in voting if not failed >> j & 1)
    names += "+last_season" if failed & LEANT else ""
    lost = [MEMBERS[j] for j in voting if failed >> j & 1 and learned >> j & 1]
    if not lost:
        return names, None
    return names, f"{', '.join(lost)}: left out, the forecast left the range of the history"


def bounds(
    batch: Batch, mean: np.ndarray, halves: Mapping[float, np.ndarray]
) -> dict[float, tuple[np.ndarray, np.ndarray]]:
    """Lower and upper bounds by level: mean ± half width, finite, and not negative where no history was."""
    starts = batch.offsets[:-1]
    is_demand = np.minimum.reduceat(batch.values, starts) >= 0 if len(batch) else np.zeros(0, dtype=bool)
    floor = np.where(is_demand, 0.0, -_LARGEST)[:, None]
    with np.errstate(over="ignore"):
        return {
            level: (np.clip(mean - half, floor, _LARGEST), np.clip(mean + half, -_LARGEST, _LARGEST))
            for level, half in halves.items()
        }


def values_frame(
    ids: np.ndarray,
    next_period: np.ndarray,
    values: np.ndarray,
    labels: np.ndarray,
    plan: Plan,
    levels: Sequence[float],
) -> pd.DataFrame:
    """The forecasts as :func:`forecast_panel` returns them, ``horizon`` rows per series.

    ``values`` have the shape (series, 1 + 2 · levels, horizon): the mean, then lo and hi of each level;
    ``labels`` (series, 3): model_used, demand_class, fallback_reason.
    """
    names = ["mean", *(f"{side}-{level:g}" for level in levels for side in ("lo", "hi"))]
    series = np.repeat(np.arange(len(ids)), plan.horizon)
    columns: dict[str, object] = {
        "unique_id": _texts(ids, series),
        "ds": _calendar(plan, next_period[:, None] + np.arange(plan.horizon)).ravel(),
    }
    columns |= {name: values[:, i].ravel() for i, name in enumerate(names)}
    for i, name in enumerate(("model_used", "demand_class", "fallback_reason")):
        codes, words = pd.factorize(labels[:, i], use_na_sentinel=True)
        columns[name] = _texts(words, codes[series])
    return pd.DataFrame(columns, copy=False)


def _texts(words: np.ndarray, where: np.ndarray) -> pd.Series:
    """words[where] as a column of text, missing where it is −1: each word is turned into text once, not each row."""
    return pd.Series(pd.array(words, dtype="str").take(where, allow_fill=True))


def silent_members(weights: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Bits of the members that have no weight in a forecast of these classes, which usually have one; their shape."""
    bits = (((weights <= 0.0) & (default_weights() > 0.0)) << np.arange(COUNT)).sum(axis=1)
    return np.where(np.isin(classes, (INTERMITTENT, LUMPY)), bits[RARE_ROW], bits[REGULAR_ROW])


def backtest_frame(batch: Batch, plan: Plan, known: np.ndarray, votes: Votes) -> pd.DataFrame:
    """What was said at every origin beside what came, as :func:`backtest_panel` returns it."""
    is_origin = known > 0
    labels = _labels(batch, plan, known)
    where, names, _ = _told(votes, default_weights())  # who has no weight in this panel is among those who failed
    series = np.repeat(np.arange(len(batch)), is_origin.sum(axis=1) * plan.horizon)
    columns = {
        "unique_id": _texts(batch.ids, series),
        "cutoff": np.repeat(labels[is_origin][:, 0], plan.horizon),
        "ds": labels[is_origin][:, 1:].ravel(),
        "y": batch.after(known, plan.horizon)[is_origin].ravel(),
        "mean": votes.means[is_origin].ravel(),
        "naive": _naive(batch, plan, known)[is_origin].ravel(),
        "model_used": _texts(names, np.repeat(where[is_origin], plan.horizon)),
    }
    frame = pd.DataFrame(columns, columns=BACKTEST_COLUMNS, copy=False)
    is_said = np.isfinite(frame["mean"].to_numpy())
    return frame if is_said.all() else frame[is_said].reset_index(drop=True)


def _labels(batch: Batch, plan: Plan, known: np.ndarray) -> np.ndarray:
    """First days of the last period known and of the horizon after it, shape (series, origins, 1 + horizon)."""
    return _calendar(plan, batch.first[:, None, None] + known[:, :, None] - 1 + np.arange(plan.horizon + 1))


def _calendar(plan: Plan, periods: np.ndarray) -> np.ndarray:
    """The first day of each period, in the shape of ``periods``."""
    if not periods.size:
        return np.zeros(periods.shape, dtype="datetime64[s]")
    low = int(periods.min())
    calendar = plan.frequency.labels(np.arange(low, int(periods.max()) + 1))
    labels: np.ndarray = calendar[periods - low]
    return labels


def _naive(batch: Batch, plan: Plan, known: np.ndarray) -> np.ndarray:
    """The last season again, or the last value before a season is known; shape (series, origins, horizon)."""
    season = np.where(known >= plan.naive_season, plan.naive_season, 1)[:, :, None]
    at = batch.offsets[:-1, None, None] + known[:, :, None] - season + np.arange(plan.horizon) % season
    naive: np.ndarray = batch.values[np.where(known[:, :, None] > 0, at, 0)]
    return naive
