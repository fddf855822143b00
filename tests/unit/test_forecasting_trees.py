"""Coherent totals against dense algebra and a library: trees, and two margins. Not here: frames and intervals."""

import numpy as np
import pytest
from hierarchicalforecast.methods import MinTraceSparse
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from forecasting.margins import Margins
from forecasting.panel import PanelError
from forecasting.tree import Tree
from tests.support.hierarchies import seeds, tree_of

M5_NODES = 3060


def m5_parents() -> np.ndarray:
    """Company, 3 categories, 7 departments, 3,049 products."""
    return np.r_[-1, np.zeros(3), 1 + np.arange(7) % 3, 4 + np.arange(3049) % 7].astype(np.int64)


def summing(parents: np.ndarray) -> np.ndarray:
    """The dense summing matrix: which leaves lie below which node."""
    leaves = np.setdiff1d(np.arange(len(parents)), parents)
    matrix = np.zeros((len(parents), len(leaves)))
    for column, leaf in enumerate(leaves):
        node = leaf
        while node >= 0:
            matrix[node, column] = 1
            node = parents[node]
    return matrix


def dense(s: np.ndarray, y: np.ndarray, v: np.ndarray) -> np.ndarray:
    """S (SᵀW⁻¹S)⁻¹ SᵀW⁻¹ y, as the textbook has it; rows that are NaN are left out."""
    known = ~np.isnan(y)
    weighted = s[known].T / v[known]
    return s @ np.linalg.solve(weighted @ s[known], weighted @ y[known])


def random_parents(rng: np.random.Generator, n: int) -> np.ndarray:
    """A forest of unequal depths, with chains and stars, in a random order of the nodes."""
    parents = np.array([-1, *(rng.integers(-1 if rng.random() < 0.1 else 0, i) for i in range(1, n))])
    shuffle = rng.permutation(n)
    result = np.full(n, -1)
    result[shuffle] = np.where(parents >= 0, shuffle[parents], -1)
    return result


@given(seed=seeds, n=st.integers(1, 40))
@settings(max_examples=60, deadline=None)
def test_a_tree_is_solved_as_the_dense_algebra_solves_it(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    parents = random_parents(rng, n)
    s = summing(parents)
    y = rng.normal(50, 40, (n, 3))
    v = rng.gamma(1, 10, n) + 0.01
    assert np.allclose(tree_of(parents).reconcile(y, variance=v), np.stack([dense(s, c, v) for c in y.T], axis=1))
    assert np.allclose(tree_of(parents).reconcile(y), np.stack([dense(s, c, s.sum(axis=1)) for c in y.T], axis=1))


@given(seed=seeds, n=st.integers(2, 40))
@settings(max_examples=60, deadline=None)
def test_nodes_without_a_base_forecast_are_left_out_of_the_equations(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    parents = random_parents(rng, n)
    s = summing(parents)
    is_leaf = np.bincount(parents[parents >= 0], minlength=n) == 0
    y = np.where(is_leaf | (rng.random(n) < 0.6), rng.normal(50, 40, n), np.nan)
    v = rng.gamma(1, 10, n) + 0.01
    assert np.allclose(tree_of(parents).reconcile(y[:, None], variance=v).ravel(), dense(s, y, v))


@given(seed=seeds, n=st.integers(1, 60))
@settings(max_examples=60, deadline=None)
def test_coherent_idempotent_and_linear(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    parents = random_parents(rng, n)
    tree, s = tree_of(parents), summing(parents)
    leaves = tree.leaves
    one, two = rng.normal(0, 1e3, (n, 2)), rng.normal(0, 1e-3, (n, 2))
    first, second = tree.reconcile(one), tree.reconcile(two)
    assert np.allclose(first, s @ first[leaves], rtol=0, atol=1e-9 * np.abs(first[leaves]).sum(axis=0).max())
    assert np.allclose(tree.reconcile(first), first)
    assert np.allclose(tree.reconcile(3 * one - two), 3 * first - second, atol=1e-6)


@pytest.fixture(scope="module")
def library() -> tuple[np.ndarray, np.ndarray]:
    """A base of M5's shape, and what hierarchicalforecast makes of it."""
    s = sparse.csr_matrix(summing(m5_parents()))
    y = s @ np.random.default_rng(7).gamma(1, 20, (3049, 6))
    y *= 1 + 0.1 * np.random.default_rng(8).normal(size=y.shape)
    reconciler = MinTraceSparse(method="wls_struct")
    return y, reconciler.fit(S=s, y_hat=y).predict(S=s, y_hat=y)["mean"]


def test_the_shape_of_m5_as_the_library_solves_it(library: tuple[np.ndarray, np.ndarray]) -> None:
    y, theirs = library
    tree = tree_of(m5_parents()).reconcile(y)
    # Their solver stops at a relative residual of 1e-5.
    assert np.allclose(tree, theirs, rtol=1e-4, atol=1e-2)
    margins = Margins.of([str(i) for i in range(M5_NODES)], np.arange(1, M5_NODES), m5_parents()[1:]).reconcile(y)
    assert np.allclose(tree, margins, rtol=1e-9)


@pytest.mark.parametrize("scale", [1e15, 1e-12, 1e150, 1.0])
def test_scale_changes_nothing_but_the_scale(scale: float) -> None:
    rng = np.random.default_rng(3)
    parents = random_parents(rng, 50)
    y = rng.gamma(1, 10, (50, 4))
    tree = tree_of(parents)
    variance = rng.gamma(1, 1, 50)
    expected = tree.reconcile(y, variance=variance)
    assert np.allclose(tree.reconcile(y * scale, variance=variance * scale**2) / scale, expected, rtol=1e-9)


def test_huge_and_tiny_leaves_below_one_parent_stay_coherent() -> None:
    tree = tree_of(np.array([-1, 0, 0, 0]))
    result = tree.reconcile(np.array([[3e15], [1e15], [1e-9], [1e15]]))
    assert result[0, 0] == pytest.approx(result[1:, 0].sum(), rel=1e-15)


def test_one_child_shares_its_parents_value() -> None:
    assert tree_of(np.array([-1, 0])).reconcile(np.array([[4.0], [2.0]])).ravel().tolist() == [3.0, 3.0]


def test_no_variance_holds_a_node() -> None:
    tree = tree_of(np.array([-1, 0, 0]))
    base = np.array([[10.0], [2.0], [3.0]])
    assert tree.reconcile(base, variance=np.array([0.0, 1, 1])).ravel().tolist() == [10.0, 4.5, 5.5]
    assert tree.reconcile(base, variance=np.array([1.0, 0, 1]))[1, 0] == 2.0
    # All of them held, and at odds: the leaves count.
    assert tree.reconcile(base, variance=np.zeros(3)).ravel().tolist() == [5.0, 2.0, 3.0]


def test_a_leaf_without_a_forecast_counts_for_nothing_and_a_node_without_leaves_is_one() -> None:
    tree = tree_of(np.array([-1, 0, 0, 1, 2]))  # 3 below 1, 4 below 2
    base = np.array([[9.0], [4.0], [3.0], [np.nan], [3.0]])
    assert tree.reconcile(base).ravel().tolist()[:3] == pytest.approx([8.0, 4.5, 3.5], abs=0.5)
    result = tree.reconcile(base).ravel()
    assert np.isnan(result[3])
    assert result[0] == pytest.approx(result[1] + result[4])
    nothing = tree.reconcile(np.full((5, 1), np.nan))
    assert np.isnan(nothing).all()


def test_clipped_leaves_are_summed_again() -> None:
    tree = tree_of(np.array([-1, 0, 0]))
    result = tree.reconcile(np.array([[1.0], [0.0], [10.0]]), floored=np.array([False, True, False]))
    assert result[1, 0] == 0.0
    assert result[0, 0] == result[2, 0] == 7.75


@pytest.mark.parametrize(
    ("base", "variance", "said"),
    [
        ([1.0, np.inf], [1.0, 1.0], "'B': its base forecast is infinite"),
        ([1.0, 1.0], [1.0, -1.0], "'B': its variance is not"),
        ([1.0, 1.0], [np.inf, 1.0], "'A': its variance is not"),
    ],
)
def test_what_is_no_number_is_refused_by_name(base: list[float], variance: list[float], said: str) -> None:
    with pytest.raises(PanelError, match=said):
        Tree.of(["A", "B"], np.array([-1, 0])).reconcile(np.array(base)[:, None], variance=np.array(variance))


def test_a_sum_beyond_the_largest_float_is_refused_by_name() -> None:
    with pytest.raises(PanelError, match="'all': the sum of its leaves is beyond"):
        Tree.of(["all", "A", "B"], np.array([-1, 0, 0])).reconcile(np.full((3, 1), 1.7e308))


@pytest.mark.parametrize("parents", [[0], [1, 0], [-1, 2, 3, 1]])
def test_a_ring_is_refused(parents: list[int]) -> None:
    with pytest.raises(PanelError, match="is its own ancestor"):
        tree_of(np.array(parents))
    child = np.flatnonzero(np.array(parents) >= 0)
    with pytest.raises(PanelError, match="is its own ancestor"):
        Margins.of([f"n{i}" for i in range(len(parents))], child, np.array(parents)[child])


# Two margins ----------------------------------------------------------------------------------------------------------


def grid(products: int, places: int, rng: np.random.Generator) -> tuple[Margins, np.ndarray]:
    """all → categories → products → cells ← places ← all; a fifth of the cells are missing."""
    names = ["all", "c0", "c1", *(f"p{i}" for i in range(products)), *(f"l{i}" for i in range(places))]
    links = [(1, 0), (2, 0), *((3 + i, 1 + i % 2) for i in range(products))]
    links += [(3 + products + i, 0) for i in range(places)]
    for i in range(products):
        for j in range(places):
            if j == i % places or rng.random() < 0.8:
                links += [(len(names), 3 + i), (len(names), 3 + products + j)]
                names.append(f"p{i} at l{j}")
    child, parent = np.array(links).T
    margins = Margins.of(names, child, parent)
    return margins, margins.summing.toarray()


@given(seed=seeds, products=st.integers(1, 8), places=st.integers(1, 6))
@settings(max_examples=30, deadline=None)
def test_two_margins_are_solved_as_the_dense_algebra_solves_them(seed: int, products: int, places: int) -> None:
    rng = np.random.default_rng(seed)
    margins, s = grid(products, places, rng)
    y = rng.gamma(1, 50, (len(s), 2))
    weights = np.full(len(s), np.nan)
    weights[margins.leaves] = rng.gamma(1, 10, len(margins.leaves)) + 0.01
    for variance in (None, weights):
        v = s @ (np.ones(s.shape[1]) if variance is None else variance[margins.leaves])
        expected = np.stack([dense(s, column, v) for column in y.T], axis=1)
        result = margins.reconcile(y, variance=variance)
        assert np.allclose(result, expected, rtol=1e-7, atol=1e-7 * y.max())
        assert np.allclose(margins.reconcile(result, variance=variance), result, rtol=1e-9, atol=1e-9 * y.max())


def test_margins_with_missing_held_and_floored_nodes() -> None:
    rng = np.random.default_rng(1)
    margins, s = grid(4, 3, rng)
    y = rng.gamma(1, 50, (len(s), 3))
    held, gone = margins.leaves[:2]
    y[gone, 0] = np.nan
    y[1, 1] = np.nan
    variance = np.full(len(s), np.nan)
    variance[held] = 0
    result = margins.reconcile(y, variance=variance, floored=np.ones(len(s), dtype=bool))
    assert np.isnan(result).sum() == 1
    assert np.isnan(result[gone, 0])
    assert (result[held] == y[held]).all()
    assert np.nanmin(result) >= 0
    assert np.allclose(np.nan_to_num(result), s @ np.nan_to_num(result[margins.leaves]), rtol=1e-12)


def test_margins_refuse_what_they_cannot_hold() -> None:
    margins, s = grid(2, 2, np.random.default_rng(0))
    variance = np.full(len(s), np.nan)
    variance[0] = 0
    with pytest.raises(PanelError, match="'all': only leaves can be held"):
        margins.reconcile(np.ones((len(s), 1)), variance=variance)
