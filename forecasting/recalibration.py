"""Intervals of forecasts that another model's vote has moved: calibrated anew, on what the moved forecasts missed.

Not here: the calibration itself (intervals.py), the widths of a batch (passes.py), the votes (votes.py).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from forecasting.batch import Batch, Plan
from forecasting.frames import bounds
from forecasting.intervals import calibrate, series_factors
from forecasting.kernel.classes import CLASSES, demand_class
from forecasting.panel import PanelError
from forecasting.passes import half_widths
from forecasting.yardsticks import learned_months, yardsticks

_MOVED = len(CLASSES)  # added to a class: forecasts with a vote in them are judged among themselves


@dataclass(frozen=True)
class Behind:
    """What stands behind forecasts: their panel (``unique_id, ds, y``), its frequency and its seasons."""

    panel: pd.DataFrame
    freq: str
    season_lengths: Sequence[int] | None = None


def recalibrated(
    forecasts: pd.DataFrame, is_moved: np.ndarray, backtest: pd.DataFrame, was_moved: np.ndarray, behind: Behind
) -> pd.DataFrame:
    """Bounds of the moved forecasts from the errors of moved backtests, as the engine makes its own.

    The pools are of the series' class at the origin, and of windows that were moved; a series is as wide as its own
    windows say, moved or not.

    Args:
        forecasts: of ``forecast_panel``, with any levels, and means that are moved already.
        is_moved: which rows, whole series.
        backtest: ``unique_id, cutoff, ds, y, mean``, means that are moved already; was_moved: which rows.
        behind: both.

    Returns:
        The forecasts with new ``lo-`` and ``hi-`` where they were moved, nested around the mean.

    Raises:
        PanelError: an origin lies outside the panel's history, or a moved series lacks periods.
    """
    if not is_moved.any():
        return forecasts
    plan = Plan.of(behind.freq, int(forecasts.groupby("unique_id").size().max()), behind.season_lengths)
    ids = set(forecasts.loc[is_moved, "unique_id"].unique()) | set(backtest.loc[was_moved, "unique_id"].unique())
    batch = Batch.of(behind.panel[behind.panel["unique_id"].isin(ids)], behind.freq)
    mine = backtest["unique_id"].isin(ids).to_numpy()
    known, errors, moved = _windows(batch, plan, backtest[mine], was_moved[mine])
    groups = _classes(batch, plan, known) + np.where(moved, _MOVED, 0)
    earliest = np.where(known > 0, known, batch.lengths[:, None]).min(axis=1)  # the engine learned there
    scales = yardsticks(batch, plan, learned_months(batch, plan, earliest), known)
    calibration, own = calibrate(errors, scales, groups, _apart(known, plan.horizon))
    rows = forecasts[is_moved].sort_values(["unique_id", "ds"])
    if len(rows) != plan.horizon * rows["unique_id"].nunique():
        raise PanelError("a series with a vote does not have as many periods as the others")
    mean = rows["mean"].to_numpy(dtype="float64").reshape(-1, plan.horizon)
    chosen = pd.Index(batch.ids).get_indexer(rows["unique_id"].to_numpy()[:: plan.horizon])
    if (chosen < 0).any():
        raise PanelError("a series with a vote has no history in the panel")
    ahead = batch.take(chosen)
    kinds = _classes(ahead, plan, ahead.lengths[:, None])[:, 0] + _MOVED
    levels = {float(name[3:]): name[3:] for name in forecasts.columns if re.fullmatch(r"lo-[\d.]+", name)}
    months, factors = learned_months(ahead, plan, ahead.lengths), series_factors(own[chosen])
    halves = half_widths(ahead, plan, kinds, calibration, factors, sorted(levels), months)
    result = forecasts.copy()
    for level, (low, high) in bounds(ahead, mean, halves).items():
        result.loc[rows.index, f"lo-{levels[level]}"] = low.ravel()
        result.loc[rows.index, f"hi-{levels[level]}"] = high.ravel()
    return result


def _windows(
    batch: Batch, plan: Plan, backtest: pd.DataFrame, was_moved: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A backtest's frame as arrays: points known and whether it was moved, each of shape (series, origins), the last
    origin last; and forecast − what came, of shape (series, origins, horizon), NaN where there is none.
    """
    row = pd.Index(batch.ids).get_indexer(backtest["unique_id"])
    if (row < 0).any():
        raise PanelError(f"series {backtest['unique_id'].to_numpy()[row < 0][0]!r} has no history in the panel")
    cutoff = plan.frequency.ordinals(backtest["cutoff"].to_numpy(dtype="datetime64[s]"))
    step = plan.frequency.ordinals(backtest["ds"].to_numpy(dtype="datetime64[s]")) - cutoff - 1
    points = cutoff + 1 - batch.first[row]
    outside = (points < 1) | (points >= batch.lengths[row])
    if outside.any():
        name = backtest["unique_id"].to_numpy()[outside][0]
        raise PanelError(f"series {name!r}: the backtest's origin lies outside the panel's history")
    pairs, which = np.unique(np.column_stack([row, points]), axis=0, return_inverse=True)
    which = which.ravel()
    from_last = pd.Series(pairs[:, 0]).groupby(pairs[:, 0]).cumcount(ascending=False).to_numpy()
    n_origins = int(from_last.max()) + 1 if len(pairs) else 1
    known = np.zeros((len(batch), n_origins), dtype="int64")
    known[pairs[:, 0], n_origins - 1 - from_last] = pairs[:, 1]
    errors = np.full((len(batch), n_origins, plan.horizon), np.nan)
    moved = np.zeros(known.shape, dtype=bool)
    inside = (step >= 0) & (step < plan.horizon)
    at = row[inside], n_origins - 1 - from_last[which[inside]]
    with np.errstate(over="ignore"):  # of values near the largest float; what is infinite has no score
        missed = backtest["mean"].to_numpy(dtype="float64") - backtest["y"].to_numpy(dtype="float64")
    errors[(*at, step[inside])] = missed[inside]
    moved[at] = was_moved[inside]
    return known, errors, moved


def _classes(batch: Batch, plan: Plan, known: np.ndarray) -> np.ndarray:
    """The class of each series after each number of points, shape (series, origins); 0 where none are known."""
    year, quarter = round(plan.frequency.year), plan.frequency.quarter
    classes = np.zeros(known.shape, dtype="int64")
    for i, o in zip(*np.nonzero(known), strict=True):
        begin = batch.offsets[i]
        classes[i, o] = demand_class(batch.values[begin : begin + known[i, o]], plan.short_season, year, quarter)
    return classes


def _apart(known: np.ndarray, horizon: int) -> int:
    """Origins between two whose windows share no period."""
    gaps = np.diff(known, axis=1)[known[:, :-1] > 0]
    return -(-horizon // int(gaps.min())) if len(gaps) else horizon
