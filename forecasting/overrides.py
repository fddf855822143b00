"""Overrides in a tree of forecasts: what else must change so that the parts still add up to the whole.

Not here: which overrides there are, and the statistical forecast (engine.py, hierarchy.py).
"""

from collections import defaultdict
from collections.abc import Mapping

import numpy as np
import pandas as pd

from forecasting.panel import require_columns

ADDS_UP = 1e-6  # relative: what counts as a parent that is the sum of its parts


def apply_overrides(forecasts: pd.DataFrame, overrides: pd.DataFrame, parents: Mapping[str, str]) -> pd.DataFrame:
    """The forecasts that overrides change: those overridden, and those that follow so that sums stay sums.

    A node that is overridden has the planner's value. What is above it grows or shrinks with it; what is below it is
    scaled to fill it, in proportion to the statistical forecast (equally where that is 0). Where both a node and one of
    its parts are overridden the part keeps its value and the others fill the rest; where the parts that are fixed leave
    no room, the finer override wins and the node is their sum. A parent that was not the sum of its parts before is no
    parent of theirs in that period: each then changes alone.

    Args:
        forecasts: ``node, ds, mean`` of one measure and period length, a row per node and period.
        overrides: ``node, ds, value``, at most one per node and period; those without a forecast are ignored.
        parents: the parent of each node that has one; a tree.

    Returns:
        ``node, ds, mean, statistical_mean, is_direct``: only rows that were overridden (``is_direct``) or changed with
        one. Sums hold to a relative 1e-6 wherever they held before.

    Raises:
        ValueError: a node and period occurs twice, an override is not finite, or the parents form a ring.

    >>> week = pd.Timestamp("2024-01-01")
    >>> forecasts = pd.DataFrame({"node": ["all", "A", "B"], "ds": week, "mean": [10.0, 4.0, 6.0]})
    >>> overrides = pd.DataFrame({"node": ["A"], "ds": week, "value": [7.0]})
    >>> apply_overrides(forecasts, overrides, {"A": "all", "B": "all"})[["node", "mean"]].to_dict("list")
    {'node': ['A', 'all'], 'mean': [7.0, 13.0]}
    """
    require_columns(forecasts, ("node", "ds", "mean"), "forecasts")
    require_columns(overrides, ("node", "ds", "value"), "overrides")
    for frame in (forecasts, overrides):
        if frame.duplicated(["node", "ds"]).any():
            raise ValueError("a node and period occurs twice")
    if not np.isfinite(overrides["value"].to_numpy(dtype="float64")).all():
        raise ValueError("an override is not a finite number")
    changed = []
    by_period = dict(list(forecasts[forecasts["ds"].isin(overrides["ds"])].groupby("ds")))
    for ds, wanted in overrides.groupby("ds", sort=True):
        if ds not in by_period:
            continue
        mean = dict(zip(by_period[ds]["node"], by_period[ds]["mean"].astype("float64"), strict=True))
        pins = {n: float(v) for n, v in zip(wanted["node"], wanted["value"], strict=True) if n in mean}
        settled = _Tree(mean, pins, parents).settled()
        changed += [
            (node, ds, settled[node], mean[node], node in pins)
            for node in sorted(mean)
            if node in pins or abs(settled[node] - mean[node]) > 1e-9 * max(1.0, abs(mean[node]))
        ]
    return pd.DataFrame(changed, columns=["node", "ds", "mean", "statistical_mean", "is_direct"])


class _Tree:
    """One period's forecasts, and what is fixed of them."""

    def __init__(self, mean: Mapping[str, float], pins: Mapping[str, float], parents: Mapping[str, str]) -> None:
        self.mean, self.pins = mean, pins
        self.children = self._that_add_up(parents)
        below = {child for children in self.children.values() for child in children}
        self.order: list[str] = [node for node in mean if node not in below]  # parents before their parts
        for node in self.order:
            self.order += self.children.get(node, [])
        if len(self.order) != len(mean):
            raise ValueError("the parents form a ring")

    def _that_add_up(self, parents: Mapping[str, str]) -> dict[str, list[str]]:
        children: dict[str, list[str]] = defaultdict(list)
        for node in self.mean:
            if parents.get(node) in self.mean:
                children[parents[node]].append(node)
        return {
            node: parts
            for node, parts in children.items()
            if abs(sum(self.mean[part] for part in parts) - self.mean[node]) <= ADDS_UP * max(1.0, abs(self.mean[node]))
        }

    def settled(self) -> dict[str, float]:
        """Every node's value: wishes upwards, what is left of them downwards, and the sums upwards again."""
        wish, is_free = dict(self.mean), {node: node not in self.pins for node in self.mean}
        for node in reversed(self.order):
            parts = self.children.get(node, [])
            if parts:
                wish[node] = sum(wish[part] for part in parts)
                is_free[node] = is_free[node] and any(is_free[part] for part in parts)
            wish[node] = self.pins.get(node, wish[node])
        for node in self.order:
            self._fill(node, wish, is_free)
        for node in reversed(self.order):
            if node in self.children:
                wish[node] = sum(wish[part] for part in self.children[node])
        return wish

    def _fill(self, node: str, value: dict[str, float], is_free: Mapping[str, bool]) -> None:
        """Give the node's free parts what its value leaves them."""
        parts = self.children.get(node, [])
        missing = value[node] - sum(value[part] for part in parts)
        free = [part for part in parts if is_free[part]]
        if not free or abs(missing) <= 1e-12 * max(1.0, abs(value[node])):
            return
        theirs = sum(value[part] for part in free)
        for part in free:
            share = value[part] / theirs if theirs > 0 else 1 / len(free)
            value[part] = share * max(theirs + missing, 0.0)
