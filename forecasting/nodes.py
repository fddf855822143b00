"""The nodes of a hierarchy, as forecasts and links name them, and where the rows of a frame stand among them.

Not here: the algebra (tree.py, margins.py), what happens to the rows (hierarchy.py, past_trees.py).
"""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import sparse

from forecasting.margins import Margins
from forecasting.panel import PanelError, require_columns
from forecasting.tree import NO_PARENT, Tree, refuse

WEIGHTS = ("volume", "leaves", "errors")
_SEPARATOR = "\x1f"  # between level and id, where ids are unique within their level only


@dataclass(frozen=True)
class Nodes:
    """All nodes of forecasts and links, in one order, the solver of their shape, and whose errors weigh how much."""

    names: list[str]
    keys: pd.Index
    with_level: bool
    is_leaf: np.ndarray
    pairs: np.ndarray  # of shape (links, 2): child and parent
    solver: Tree | Margins
    weights: str
    given: np.ndarray | None = None  # variances, in the order of the names
    ratio: np.ndarray | None = None  # of a node's variance to the sum of its leaves', in the same order

    @classmethod
    def of(cls, frame: pd.DataFrame, links: pd.DataFrame, weights: str, variances: pd.DataFrame | None) -> "Nodes":
        """Those of a frame and its links, weighed as for :func:`forecasting.hierarchy.reconcile`."""
        if weights not in WEIGHTS:
            raise ValueError(f"weights {weights!r}: choose from {', '.join(WEIGHTS)}")
        with_level = "level" in links
        require_columns(links, ("unique_id", "parent_id", *(["parent_level"] if with_level else [])), "links")
        links = links[links["parent_id"].notna()]
        child = _keys(links, "unique_id", "level", with_level)
        parent = _keys(links, "parent_id", "parent_level", with_level)
        codes, unique = pd.factorize(np.concatenate([child, parent, _keys(frame, "unique_id", "level", with_level)]))
        names = [str(key).replace(_SEPARATOR, " ") for key in unique]
        pairs = np.unique(np.stack([codes[: len(child)], codes[len(child) : 2 * len(child)]], axis=1), axis=0)
        is_leaf = np.ones(len(names), dtype=bool)
        is_leaf[pairs[:, 1]] = False
        nodes = cls(names, pd.Index(unique), with_level, is_leaf, pairs, _solver(names, pairs), weights)
        return nodes if variances is None else replace(nodes, given=nodes.own_variances(frame, variances))

    def place(self, frame: pd.DataFrame) -> np.ndarray:
        """Each row's node as its place in ``names``, -1 where it is none of them."""
        return self.keys.get_indexer(_keys(frame, "unique_id", "level", self.with_level))

    def own_variances(self, frame: pd.DataFrame, variances: pd.DataFrame) -> np.ndarray:
        """The variances named, refused where a series with a forecast has none."""
        require_columns(variances, ("unique_id", "variance"), "variances")
        place = self.place(variances)
        given = np.full(len(self.names), np.nan)
        given[place[place >= 0]] = variances["variance"].to_numpy(dtype="float64")[place >= 0]
        has_forecast = np.zeros(len(self.names), dtype=bool)
        has_forecast[self.place(frame)] = True
        refuse(self.names, has_forecast & np.isnan(given), "it has no variance")
        return given

    def believing(self, ratio: np.ndarray) -> "Nodes":
        """The same nodes, with these ratios of variances."""
        return replace(self, ratio=ratio)

    def coherent(self, base: np.ndarray, floored: np.ndarray) -> np.ndarray:
        """Coherent values of base values of shape (nodes, columns)."""
        if self.given is not None or self.weights == "leaves":
            return self.solver.reconcile(base, variance=self.given, floored=floored)
        variance = self._by_volume(base)
        held = (base == 0) & ~np.isnan(variance)[:, None]
        some = np.flatnonzero(held.any(axis=1) & ~held.all(axis=1))
        patterns, pattern_of = np.unique(held[some], axis=1, return_inverse=True)
        result = np.empty_like(base)
        for number in range(patterns.shape[1]):  # the periods in which the same leaves are held at zero
            columns = np.flatnonzero(pattern_of.ravel() == number)
            own = self._of_inner(np.where(held[:, columns[0]], 0.0, variance))
            result[:, columns] = self.solver.reconcile(base[:, columns], variance=own, floored=floored)
        return result

    def _of_inner(self, variance: np.ndarray) -> np.ndarray:
        """The variances, with those of nodes above leaves where their ratio is known."""
        if self.ratio is None:
            return variance
        own = self.ratio * self.sums(variance[:, None]).ravel()
        return np.where(~self.is_leaf & np.isnan(variance) & (own > 0), own, variance)

    def sums(self, base: np.ndarray) -> np.ndarray:
        """What the leaves below each node add up to: nobody may move, and over held leaves it is they who count."""
        held = 0.0 if isinstance(self.solver, Tree) else np.nan
        return self.solver.reconcile(base, variance=np.where(self.is_leaf, 0.0, held))

    def _by_volume(self, base: np.ndarray) -> np.ndarray:
        """Mean |base| of leaves over their periods, and of nodes of a tree none of whose leaves has a forecast.

        Those are the leaves of this base; beside two margins the solver leaves them where they are. NaN for the rest.
        """
        size = np.nanmax(np.abs(base), initial=0.0) or 1.0  # a sum of values near the largest float would overflow
        known = ~np.isnan(base)
        volume = np.where(known, np.abs(base / size), 0.0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
        leaves = np.where(self.is_leaf & known.any(axis=1), volume, np.nan)
        if isinstance(self.solver, Margins) or not np.isnan(leaves[self.is_leaf]).any():
            return leaves
        bare = np.isnan(self.solver.reconcile(leaves[:, None]).ravel())
        return np.where(bare, volume, leaves)


@dataclass(frozen=True)
class Cells:
    """Where each row of a frame stands in a matrix of nodes and periods."""

    nodes: Nodes
    frame: pd.DataFrame
    place: np.ndarray
    column: np.ndarray
    columns: int

    @classmethod
    def of(cls, nodes: Nodes, frame: pd.DataFrame) -> "Cells":
        """Those of a frame's rows."""
        column, periods = pd.factorize(frame["ds"], sort=True)
        return cls(nodes, frame, nodes.place(frame), column, len(periods))

    def matrix(self, name: str) -> np.ndarray:
        """The numbers of one column of the frame, NaN where there is no row. Refuses NaN, infinity and duplicates."""
        require_columns(self.frame, (name,), "forecasts")
        values = self.frame[name].to_numpy(dtype="float64")
        wrong = np.flatnonzero(~np.isfinite(values))
        if len(wrong):
            raise PanelError(f"series {self.nodes.names[self.place[wrong[0]]]!r}: {name} is not a finite number")
        cell = self.place * self.columns + self.column
        twice = np.bincount(cell, minlength=len(self.nodes.names) * self.columns).reshape(-1, self.columns) > 1
        refuse(self.nodes.names, twice.any(axis=1), "a period occurs twice")
        matrix = np.full((len(self.nodes.names), self.columns), np.nan)
        matrix[self.place, self.column] = values
        return matrix

    def refuse_incomplete(self) -> None:
        """Raise PanelError where a series lacks a period that another one has."""
        rows = np.bincount(self.place, minlength=len(self.nodes.names))
        refuse(self.nodes.names, (rows > 0) & (rows < self.columns), "it lacks a period that other series have")

    def back(self, matrix: np.ndarray) -> np.ndarray:
        """The matrix's numbers in the order of the frame's rows."""
        return matrix[self.place, self.column]


def ancestors(nodes: Nodes) -> sparse.csr_array:
    """CSR of shape (nodes, nodes), 1 where the column lies above the row, at any height."""
    n = len(nodes.names)
    links = sparse.csr_array((np.ones(len(nodes.pairs)), (nodes.pairs[:, 0], nodes.pairs[:, 1])), shape=(n, n))
    reach, before = links, -1
    while reach.nnz != before:  # a generation more at each turn
        before = reach.nnz
        reach = links + links @ reach
        reach.data[:] = 1.0
    return reach


def _solver(names: list[str], pairs: np.ndarray) -> Tree | Margins:
    """A tree if no node has two parents; pairs of shape (links, 2): child and parent."""
    if len(np.unique(pairs[:, 0])) < len(pairs):
        return Margins.of(names, pairs[:, 0], pairs[:, 1])
    above = np.full(len(names), NO_PARENT)
    above[pairs[:, 0]] = pairs[:, 1]
    return Tree.of(names, above)


def _keys(frame: pd.DataFrame, name: str, level: str, with_level: bool) -> np.ndarray:
    ids = frame[name].astype("str")
    if not with_level:
        return ids.to_numpy(dtype=object)
    require_columns(frame, (level,), "every frame, as links have one,")
    return (frame[level].astype("str") + _SEPARATOR + ids).to_numpy(dtype=object)
