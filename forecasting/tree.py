"""Coherent values on a tree, as one pass up and one pass down in compiled code: arrays in, arrays out.

Not here: frames and intervals (hierarchy.py), or shapes that are not a tree (margins.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numba import njit

from forecasting.panel import PanelError

NO_PARENT = -1
_Nodes = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]  # parent, leaves, inner, each inner node's place there
# What the passes keep of each inner node and column.
_TOTAL, _SPREAD = 0, 1  # Σx and Σv of its children
_LEAVES = 2  # with a forecast below it; without any it is a leaf itself
_GIVEN = 3  # Σ of their variances before anybody was heard
_OWN = 4  # its v, once its children have been heard
_SHARE = 5  # what each unit of its children's variance takes on
_KEPT = 6
_NEARLY_TOO_LARGE = 1e290
_NO_VARIANCE = 1e-60  # of the largest one: dividing by less overflows


@dataclass(frozen=True)
class Tree:
    """Nodes with at most one parent each; several roots are several trees.

    Attributes:
        names: of the n nodes, in the caller's order; only for messages.
        parent: int64 of shape n, the parent's place in ``names``, or -1 for a root.
        leaves: int64, the places of the nodes without children.
        inner: int64, those of the others, every child before its parent.
    """

    names: Sequence[str]
    parent: np.ndarray
    leaves: np.ndarray
    inner: np.ndarray

    @classmethod
    def of(cls, names: Sequence[str], parent: np.ndarray) -> "Tree":
        """The tree of these parents.

        Raises:
            PanelError: a node is its own ancestor.

        >>> Tree.of(["company", "A", "B"], np.array([-1, 0, 0])).leaves.tolist()
        [1, 2]
        """
        parent = np.ascontiguousarray(parent, dtype=np.int64)
        order = _children_first(parent)
        if len(order) < len(parent):
            stuck = np.setdiff1d(np.arange(len(parent)), order)[0]
            raise PanelError(f"node {names[stuck]!r} is its own ancestor: the links form a ring")
        is_parent = np.zeros(len(parent), dtype=np.bool_)
        is_parent[parent[parent >= 0]] = True
        return cls(names, parent, np.flatnonzero(~is_parent), order[is_parent[order]])

    def reconcile(
        self, base: np.ndarray, *, variance: np.ndarray | None = None, floored: np.ndarray | None = None
    ) -> np.ndarray:
        """The coherent values nearest to ``base`` in weighted least squares: every node the sum of its children.

        Going up, a parent's estimate is its own value and the sum of its children's estimates, each weighted by
        the other's variance: x_p ← Σx_c + (x_p − Σx_c)·V/(V + v_p), with V = Σv_c, and its variance becomes
        V·v_p/(V + v_p). Going down, what a parent has more than its children is spread over them in proportion
        to v_c. This solves min Σ(x̃ − x)²/v under the sums exactly, as a tree's Gaussian messages do (Pearl 1988,
        *Probabilistic Reasoning in Intelligent Systems*, §4.3; the problem: Hyndman et al. 2016,
        *Computational Statistics & Data Analysis* 97).

        Args:
            base: float64 of shape (n, columns), columns being steps ahead, of several origins if one likes. NaN is
                "no base forecast": such a node with children is their sum, such a leaf counts for nothing.
            variance: of shape n, ≥ 0, only their ratios count. 0 holds a node where it is, unless its children,
                all held too, say another sum. NaN is 1 for a leaf and the sum of its leaves' for any other node;
                so the default, all NaN, is the number of leaves below a node ("struct").
            floored: bool of shape n, leaves that may not become negative: they are clipped at 0, and what stands
                above them is the sum of the clipped.

        Returns:
            The same shape; NaN for a leaf that had no base forecast.

        Raises:
            PanelError: a base value or a variance is infinite, a variance is negative, or a sum is beyond the
                largest float.

        >>> tree = Tree.of(["company", "A", "B"], np.array([-1, 0, 0]))
        >>> tree.reconcile(np.array([[13.0], [4.0], [5.0]])).ravel().round(12).tolist()
        [11.0, 5.0, 6.0]
        """
        base = np.ascontiguousarray(base, dtype=np.float64)
        refuse(self.names, np.isinf(base).any(axis=1), "its base forecast is infinite")
        spread = checked_variance(self.names, variance)
        floor = np.zeros(len(self.parent), dtype=np.bool_) if floored is None else floored.astype(np.bool_)
        slot = np.full(len(self.parent), NO_PARENT)
        slot[self.inner] = np.arange(len(self.inner))
        # Sums of the largest floats overflow on their way even where the answer would not.
        unit = 2.0**64 if np.nanmax(np.abs(base), initial=0.0) > _NEARLY_TOO_LARGE else 1.0
        values = _reconcile(base / unit, (self.parent, self.leaves, self.inner, slot), spread, floor)
        with np.errstate(over="ignore"):
            values = values * unit
        refuse(self.names, np.isinf(values).any(axis=1), "the sum of its leaves is beyond the largest float")
        return values


def checked_variance(names: Sequence[str], variance: np.ndarray | None) -> np.ndarray:
    """Variances of shape n as a share of the largest, NaN where none is given.

    Raises:
        PanelError: one is negative or infinite.

    >>> checked_variance(["A", "B"], np.array([4.0, np.nan])).tolist()
    [1.0, nan]
    """
    if variance is None:
        return np.full(len(names), np.nan)
    given = np.ascontiguousarray(variance, dtype=np.float64)
    refuse(names, np.isinf(given) | (given < 0), "its variance is not a finite number ≥ 0")
    largest = np.nanmax(given, initial=0.0)
    share = given / largest if largest > 0 else given  # the squares of 1e200 would overflow when added
    return np.where(share < _NO_VARIANCE, 0.0, share)


def refuse(names: Sequence[str], bad: np.ndarray | np.bool_, why: str) -> None:
    """Raise PanelError for the first of the bad nodes (bool of shape n), by its name.

    >>> refuse(["A", "B"], np.array([False, True]), "its base forecast is infinite")
    Traceback (most recent call last):
    forecasting.panel.PanelError: series 'B': its base forecast is infinite
    """
    wrong = np.flatnonzero(bad)
    if len(wrong):
        more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
        raise PanelError(f"series {names[wrong[0]]!r}: {why}{more}")


@njit(cache=True)
def _children_first(parent: np.ndarray) -> np.ndarray:
    """Kahn's order from the leaves up; shorter than ``parent`` where there is a ring."""
    n = len(parent)
    waiting = np.zeros(n, dtype=np.int64)
    for node in range(n):
        if parent[node] >= 0:
            waiting[parent[node]] += 1
    order = np.empty(n, dtype=np.int64)
    found = 0
    for node in range(n):
        if waiting[node] == 0:
            order[found] = node
            found += 1
    taken = 0
    while taken < found:
        above = parent[order[taken]]
        taken += 1
        if above >= 0:
            waiting[above] -= 1
            if waiting[above] == 0:
                order[found] = above
                found += 1
    return order[:found]


@njit(cache=True)
def _reconcile(base: np.ndarray, nodes: _Nodes, variance: np.ndarray, floored: np.ndarray) -> np.ndarray:
    """Only the few nodes with children need memory of their own: it stays in the cache at 100,000 nodes × 6."""
    x = base.copy()
    kept = np.zeros((_KEPT, len(nodes[2]), x.shape[1]))
    _hear_leaves(nodes, variance, x, kept)
    _go_up(nodes, variance, x, kept)
    _go_down(nodes, x, kept)
    kept[_TOTAL] = 0.0
    _tell_leaves(nodes, variance, floored, x, kept)
    _sum_up(nodes, floored, x, kept)
    return x


@njit(cache=True)
def _hear_leaves(nodes: _Nodes, variance: np.ndarray, x: np.ndarray, kept: np.ndarray) -> None:
    parent, leaves, _, slot = nodes
    for node in leaves:
        if parent[node] < 0:
            continue
        s = slot[parent[node]]
        v = 1.0 if np.isnan(variance[node]) else variance[node]
        for j in range(x.shape[1]):
            if not np.isnan(x[node, j]):
                kept[_TOTAL, s, j] += x[node, j]
                kept[_SPREAD, s, j] += v
                kept[_GIVEN, s, j] += v
                kept[_LEAVES, s, j] += 1.0


@njit(cache=True)
def _go_up(nodes: _Nodes, variance: np.ndarray, x: np.ndarray, kept: np.ndarray) -> None:
    parent, _, inner, slot = nodes
    for s in range(len(inner)):
        node, above = inner[s], parent[inner[s]]
        for j in range(x.shape[1]):
            leaves = kept[_LEAVES, s, j]
            if leaves == 0 and np.isnan(x[node, j]):
                continue
            given = kept[_GIVEN, s, j] if leaves > 0 else 1.0
            v = given if np.isnan(variance[node]) else variance[node]
            given = given if leaves > 0 else v
            if leaves > 0:
                x[node, j], v = _weighed(x[node, j], v, kept[_TOTAL, s, j], kept[_SPREAD, s, j])
            kept[_OWN, s, j] = v
            if above >= 0:
                kept[_TOTAL, slot[above], j] += x[node, j]
                kept[_SPREAD, slot[above], j] += v
                kept[_GIVEN, slot[above], j] += given
                kept[_LEAVES, slot[above], j] += max(leaves, 1.0)


@njit(cache=True)
def _weighed(own: float, variance: float, children: float, spread: float) -> tuple[float, float]:
    """A parent's estimate and variance from its own value, if it has one, and the sum of its children."""
    if np.isnan(own):
        return children, spread
    both = spread + variance
    if both == 0:  # held, over children that are held: the children count
        return children, 0.0
    return children + (own - children) * (spread / both), spread * (variance / both)


@njit(cache=True)
def _go_down(nodes: _Nodes, x: np.ndarray, kept: np.ndarray) -> None:
    parent, _, inner, slot = nodes
    for s in range(len(inner) - 1, -1, -1):
        node, above = inner[s], parent[inner[s]]
        for j in range(x.shape[1]):
            if above >= 0 and kept[_OWN, s, j] > 0:
                x[node, j] += kept[_SHARE, slot[above], j] * kept[_OWN, s, j]
            if kept[_SPREAD, s, j] > 0:
                kept[_SHARE, s, j] = (x[node, j] - kept[_TOTAL, s, j]) / kept[_SPREAD, s, j]


@njit(cache=True)
def _tell_leaves(nodes: _Nodes, variance: np.ndarray, floored: np.ndarray, x: np.ndarray, kept: np.ndarray) -> None:
    parent, leaves, _, slot = nodes
    for node in leaves:
        s = slot[parent[node]] if parent[node] >= 0 else NO_PARENT
        v = 1.0 if np.isnan(variance[node]) else variance[node]
        for j in range(x.shape[1]):
            if np.isnan(x[node, j]):
                continue
            if s >= 0 and v > 0:
                x[node, j] += kept[_SHARE, s, j] * v
            if floored[node] and x[node, j] < 0:
                x[node, j] = 0.0
            if s >= 0:
                kept[_TOTAL, s, j] += x[node, j]


@njit(cache=True)
def _sum_up(nodes: _Nodes, floored: np.ndarray, x: np.ndarray, kept: np.ndarray) -> None:
    """Plain sums of the leaves as they are now: what was clipped counts, and sums are exact."""
    parent, _, inner, slot = nodes
    for s in range(len(inner)):
        node, above = inner[s], parent[inner[s]]
        for j in range(x.shape[1]):
            if kept[_LEAVES, s, j] > 0:
                x[node, j] = kept[_TOTAL, s, j]
            elif floored[node] and x[node, j] < 0:
                x[node, j] = 0.0
            if above >= 0 and not np.isnan(x[node, j]):
                kept[_TOTAL, slot[above], j] += x[node, j]
