"""What past origins say of a hierarchy: their forecasts made coherent, and what levels missed before and after.

Not here: the nodes (nodes.py), what their errors weigh (level_weights.py) and widen (level_intervals.py).
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse

from forecasting.level_intervals import Judged
from forecasting.level_weights import Missed, variance_ratios
from forecasting.nodes import Cells, Nodes, ancestors
from forecasting.panel import require_columns

_ADDS_UP = 1e-6  # of Σ|y| of the leaves: what a parent's y may differ by from their sum
# Of what a node sold, below which the leaves that were forecast then are not its tree any more. Products too young to
# have been forecast are always missing: whole trees are 1 of 78 weeks of the demo's company, nine tenths of it all 78.
_LEAST_PRESENT = 0.9


@dataclass(frozen=True)
class Sold:
    """What every node sold: ``amounts`` of shape (nodes, days), 0 where there is no row; ``days`` rise."""

    days: np.ndarray
    amounts: np.ndarray

    @classmethod
    def of(cls, nodes: Nodes, history: pd.DataFrame) -> "Sold":
        """Of a frame ``unique_id, ds, y`` (``level``, where the links have it)."""
        require_columns(history, ("unique_id", "ds", "y"), "history")
        days, column = np.unique(history["ds"].to_numpy(), return_inverse=True)
        place = nodes.place(history)
        amounts = np.zeros((len(nodes.names), len(days)))
        amounts[place[place >= 0], column[place >= 0]] = history["y"].to_numpy(dtype="float64")[place >= 0]
        return cls(days, amounts)

    def before(self, cutoff: np.datetime64, periods: int) -> np.ndarray:
        """Of every node in the last periods until ``cutoff``, shape (nodes, 1)."""
        end = int(np.searchsorted(self.days, cutoff, side="right"))
        total: np.ndarray = self.amounts[:, max(end - periods, 0) : end].sum(axis=1, keepdims=True)
        return total


def coherent_by_origin(nodes: Nodes, backtest: pd.DataFrame, sold: Sold | None) -> tuple[np.ndarray, np.ndarray]:
    """The mean of every row, coherent where it takes part, and whether it does.

    Weights are those of the origin, which does not know later volumes. Of a node some of whose leaves are missing the
    share that the others had before the origin is made coherent, as if the rest had been forecast as they were.
    """
    lowest = np.full(len(nodes.names), np.inf)
    place = nodes.place(backtest)
    np.minimum.at(lowest, place, np.minimum(backtest["y"].to_numpy(), backtest["mean"].to_numpy()))
    above = ancestors(nodes)
    mean, takes_part = np.empty(len(backtest)), np.zeros(len(backtest), dtype=bool)
    past = learned(nodes, backtest, sold)[1] if nodes.weights == "errors" else None
    for number, rows in enumerate(backtest.groupby("cutoff", sort=True).indices.values()):
        nodes = nodes if past is None else nodes.believing(past[:, number])
        mine = backtest.iloc[rows]
        cells = Cells.of(nodes, mine)
        base, share = cells.matrix("mean"), _present_share(nodes, above, cells.matrix("y"), _before(mine, sold))
        part = np.isfinite(share)
        if part.any():
            heard = np.where(part, base * share, np.where(nodes.is_leaf[:, None], base, np.nan))
            base = np.where(part, nodes.coherent(heard, lowest >= 0) / share, base)
        mean[rows], takes_part[rows] = cells.back(base), cells.back(part)
    return mean, takes_part


def learned(nodes: Nodes, backtest: pd.DataFrame, sold: Sold | None) -> tuple[np.ndarray, np.ndarray]:
    """The ratio of each node's variance to that of its leaves, shape nodes, and as it was without each origin, shape
    (nodes, origins): of its level, where the backtest names levels.
    """
    above = ancestors(nodes)
    place = nodes.place(backtest)
    level_of = np.zeros(len(nodes.names), dtype=np.int64)
    if "level" in backtest:
        level_of[place] = pd.factorize(backtest["level"])[0]
    found, spans = [], []
    for origin, rows in enumerate(backtest.groupby("cutoff", sort=True).indices.values()):
        mine = backtest.iloc[rows]
        spans.append((mine["cutoff"].iloc[0], mine["ds"].max()))
        cells = Cells.of(nodes, mine)
        y, base = cells.matrix("y"), cells.matrix("mean")
        summed = nodes.sums(base) / _present_share(nodes, above, y, _before(mine, sold))
        is_judged = ~nodes.is_leaf[:, None] & np.isfinite(base) & np.isfinite(summed)
        node, came = np.nonzero(is_judged)[0], y[is_judged]
        own, parts = base[is_judged] - came, summed[is_judged] - came
        found.append(np.stack([node, np.full(len(node), origin), own, parts, came]))
    node, origin, own, parts, came = np.concatenate(found, axis=1)
    begins, ends = np.array(spans).T
    apart = (ends[:, None] <= begins) | (ends <= begins[:, None])
    windows = backtest["ds"].nunique() / max(backtest.groupby("cutoff")["ds"].nunique().max(), 1)
    who, when = node.astype(np.int64), origin.astype(np.int64)
    missed = Missed(level_of[who], who, when, own, parts, came, windows, apart)
    final, past = variance_ratios(missed, int(level_of.max()) + 1)
    return final[level_of], past[level_of]


def judged(nodes: Nodes, backtest: pd.DataFrame, sold: Sold | None) -> Judged:
    """The errors of the rows that take part; the others' did not change, and say nothing of what adding up does."""
    require_columns(backtest, ("unique_id", "cutoff", "ds", "y", "mean"), "backtest")
    known = backtest[nodes.place(backtest) >= 0]
    origin = pd.factorize(known["cutoff"])[0]
    place = nodes.place(known)
    order = np.lexsort((known["ds"].to_numpy(), origin, place))
    begins = np.r_[True, (np.diff(place[order]) != 0) | (np.diff(origin[order]) != 0)][: len(order)]
    step = np.empty(len(order), dtype=np.int64)
    first = np.maximum.accumulate(np.where(begins, np.arange(len(order)), 0))
    step[order] = np.arange(len(order)) - first
    y, mean = known["y"].to_numpy(dtype="float64"), known["mean"].to_numpy(dtype="float64")
    coherent, used = coherent_by_origin(nodes, known, sold)
    return Judged(place[used], step[used], (y - mean)[used], (y - coherent)[used])


def _before(origin: pd.DataFrame, sold: Sold | None) -> np.ndarray | None:
    """What the nodes sold in one horizon before this origin, where a history tells."""
    if sold is None:
        return None
    return sold.before(origin["cutoff"].to_numpy()[0], origin["ds"].nunique())


def _present_share(nodes: Nodes, above: sparse.csr_array, y: np.ndarray, before: np.ndarray | None) -> np.ndarray:
    """How much of a node its present leaves are, of the shape of ``y``: actuals of (nodes, columns), NaN for no row.

    By what was sold before, from nine tenths on; where nobody tells, 1 where the actuals add up. Of leaves and of nodes
    without any row below them 1; NaN where a row takes no part: too little of the node is known, or no node above it
    knows enough. A node that stands in no link has nothing to add up to, and always takes part.
    """
    present = ~np.isnan(y)
    has_below = (above.T @ present.astype("float64")) > 0
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        if before is None:
            part = np.where(np.abs(y - nodes.sums(y)) <= _ADDS_UP * nodes.sums(np.abs(y)), 1.0, np.nan)
        else:
            known = nodes.sums(np.where(present & nodes.is_leaf[:, None], before, np.nan))
            part = np.where(known == before, 1.0, known / before)
            part = np.where((part >= _LEAST_PRESENT) & (part <= 1.0 + _ADDS_UP), np.minimum(part, 1.0), np.nan)
    is_known = has_below & np.isfinite(part)
    alone = np.ones(len(nodes.names), dtype=bool)
    alone[nodes.pairs.ravel()] = False
    heard = (above @ is_known.astype("float64")) > 0
    takes_part = present & np.where(has_below, is_known, heard | alone[:, None])
    return np.where(takes_part, np.where(has_below, part, 1.0), np.nan)
