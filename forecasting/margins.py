"""Coherent values where the hierarchy is not a tree: two margins over common leaves, as product and location.

Not here: trees, which are 100 times cheaper (tree.py), or frames and intervals (hierarchy.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from forecasting.panel import PanelError
from forecasting.tree import checked_variance, refuse

_SCALE = 1e6  # the library's solver stops at residuals of 1e-5, so columns are brought near a million first
_MOST_ROUNDS = 12  # each gains about five digits; well-conditioned hierarchies need two or three
_ENOUGH = 1e-11  # of the largest value of a column


@dataclass(frozen=True)
class Margins:
    """Nodes with any number of parents; a node's value is the sum of the leaves below it, each counted once.

    Attributes:
        names: of the n nodes, in the caller's order; only for messages.
        leaves: places in ``names`` of the nodes without children.
        summing: CSR of shape (n, leaves), 1 where a leaf is the node or lies below it.
    """

    names: Sequence[str]
    leaves: np.ndarray
    summing: sparse.csr_array

    @classmethod
    def of(cls, names: Sequence[str], child: np.ndarray, parent: np.ndarray) -> "Margins":
        """The hierarchy of these links, each a place in ``names`` and the place of one of its parents.

        Raises:
            PanelError: a node is its own ancestor.

        >>> Margins.of(["P", "L", "P at L"], np.array([2, 2]), np.array([0, 1])).summing.toarray().tolist()
        [[1.0], [1.0], [1.0]]
        """
        n = len(names)
        links = sparse.csr_array((np.ones(len(child)), (parent, child)), shape=(n, n))
        _refuse_rings(names, links)
        leaves = np.setdiff1d(np.arange(n), parent)
        reach = sparse.csr_array((np.ones(len(leaves)), (leaves, np.arange(len(leaves)))), shape=(n, len(leaves)))
        before = -1
        while reach.nnz != before:  # a generation more at each turn
            before = reach.nnz
            reach = reach + links @ reach
            reach.data[:] = 1.0
        return cls(names, leaves, reach)

    def reconcile(
        self, base: np.ndarray, *, variance: np.ndarray | None = None, floored: np.ndarray | None = None
    ) -> np.ndarray:
        """The coherent values nearest to ``base`` in weighted least squares, as for a :class:`~forecasting.tree.Tree`.

        By MinTraceSparse of hierarchicalforecast, on values divided by their standard deviations, for which its "ols"
        is this problem and its solver needs a handful of steps; what it left over is given back to it until nothing
        changes, because one call is right to five digits only. Its ``nonnegative`` is not used: with "wls_var" it gave
        twice the error without saying that it had not converged.

        Args:
            base: float64 of shape (n, columns); NaN is "no base forecast". Such a leaf counts for nothing; such a
                node with leaves is their sum; a node none of whose leaves has one is left as it is.
            variance: of shape n, ≥ 0, only their ratios count. 0 holds a leaf where it is. NaN is 1 for a leaf and the
                sum of its leaves' for any other node; the default, all NaN, is "wls_struct".
            floored: bool of shape n, leaves that may not become negative: they are clipped at 0 and summed again.

        Returns:
            The same shape; NaN for a leaf that had no base forecast.

        Raises:
            PanelError: a base value or a variance is infinite, a variance is negative, or 0 for a node with leaves; a
                sum is beyond the largest float; the solver does not converge.
        """
        result = np.array(base, dtype="float64")
        refuse(self.names, np.isinf(result).any(axis=1), "its base forecast is infinite")
        given = checked_variance(self.names, variance)
        is_leaf = np.zeros(len(self.names), dtype=bool)
        is_leaf[self.leaves] = True
        refuse(self.names, ~is_leaf & (given == 0), "only leaves can be held by a variance of 0")
        given = np.where(is_leaf & np.isnan(given), 1.0, given)
        floor = np.zeros(len(self.names), dtype=bool) if floored is None else floored
        patterns, pattern_of = np.unique(~np.isnan(result), axis=1, return_inverse=True)
        for number in range(patterns.shape[1]):  # the columns in which the same nodes have a base forecast
            columns = np.flatnonzero(pattern_of.ravel() == number)
            result[:, columns] = self._one_pattern(result[:, columns], patterns[:, number], given, floor)
        refuse(self.names, np.isinf(result).any(axis=1), "the sum of its leaves is beyond the largest float")
        return result

    def _one_pattern(self, y: np.ndarray, known: np.ndarray, given: np.ndarray, floored: np.ndarray) -> np.ndarray:
        present = np.flatnonzero(known[self.leaves])
        if not len(present):
            return y
        below, leaves = self.summing[:, present], self.leaves[present]
        coupled = below @ np.ones(len(present)) > 0
        bottom, free = y[leaves], given[leaves] > 0
        if free.any():
            held = below[:, ~free] @ bottom[~free]
            spread = below[:, free] @ given[leaves[free]]
            spread = np.where(np.isnan(given), spread, given)
            used = known & (below[:, free] @ np.ones(int(free.sum())) > 0)
            bottom[free] = _solve(below[:, free][used], (y - held)[used], given[leaves[free]], spread[used])
        bottom = np.where(floored[leaves, None] & (bottom < 0), 0.0, bottom)
        return np.where(coupled[:, None], below @ bottom, y)


def _solve(summing: sparse.csr_array, y: np.ndarray, leaf_variance: np.ndarray, variance: np.ndarray) -> np.ndarray:
    """Leaves b that minimise Σ(y − S·b)²/v, for every column."""
    from hierarchicalforecast.methods import MinTraceSparse  # type: ignore[import-untyped]  # 2 s, and trees need none

    size = np.abs(y).max(axis=0)
    size[size == 0] = 1.0
    leaf_sd, sd = np.sqrt(leaf_variance), np.sqrt(variance)
    white = sparse.csr_matrix(sparse.diags_array(1 / sd) @ summing @ sparse.diags_array(leaf_sd))
    wanted = y / size / sd[:, None]
    reconciler = MinTraceSparse(method="ols")
    reconciler.fit(S=white, y_hat=wanted)
    bottom = np.zeros((white.shape[1], y.shape[1]))
    for _ in range(_MOST_ROUNDS):
        left = wanted - white @ bottom
        most = np.abs(left).max(axis=0)
        most[most == 0] = 1.0
        change = (reconciler.P @ (left / most * _SCALE)) * (most / _SCALE)
        bottom += change
        if np.abs(leaf_sd[:, None] * change).max() <= _ENOUGH:
            return bottom * leaf_sd[:, None] * size
    raise PanelError("the hierarchy could not be reconciled: the solver did not converge")


def _refuse_rings(names: Sequence[str], links: sparse.csr_array) -> None:
    _, component = sparse.csgraph.connected_components(links, directed=True, connection="strong")
    own = np.flatnonzero(links.diagonal())
    ring = own if len(own) else np.flatnonzero(np.bincount(component)[component] > 1)
    if len(ring):
        raise PanelError(f"node {names[ring[0]]!r} is its own ancestor: the links form a ring")
