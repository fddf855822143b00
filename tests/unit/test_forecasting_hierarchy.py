"""Coherent forecasts against dense algebra and a library, and the intervals around them. Not here: base forecasts."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hierarchicalforecast.methods import MinTraceSparse
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from forecasting.hierarchy import incoherence, reconcile, reconcile_backtest
from forecasting.margins import Margins
from forecasting.panel import PanelError
from forecasting.tree import Tree
from orchestration.settings import PROJECT_ROOT

M5 = PROJECT_ROOT.parent / "shared" / "data" / "m5" / "sales_monthly_2011_2016_3stores.parquet"
M5_NODES = 3060


def m5_parents() -> np.ndarray:
    """Company, 3 categories, 7 departments, 3,049 products."""
    return np.r_[-1, np.zeros(3), 1 + np.arange(7) % 3, 4 + np.arange(3049) % 7].astype(np.int64)


def tree_of(parents: np.ndarray) -> Tree:
    return Tree.of([f"n{i}" for i in range(len(parents))], parents)


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


seeds = st.integers(0, 2**32 - 1)


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


# Frames ---------------------------------------------------------------------------------------------------------------

LINKS = pd.DataFrame(
    {
        "unique_id": ["Käse", "Wein", "Brot", "Essen", "Trinken"],
        "parent_id": ["Essen", "Trinken", "Essen", "all", "all"],
    }
)
LEVEL = {"all": "company", "Essen": "category", "Trinken": "category"}


def frame(means: dict[str, float], half: float = 2.0, horizon: int = 3) -> pd.DataFrame:
    weeks = pd.date_range("2024-01-01", periods=horizon, freq="W-MON").astype("datetime64[s]")
    result = pd.DataFrame(
        [(name, week, mean) for name, mean in means.items() for week in weeks], columns=["unique_id", "ds", "mean"]
    )
    for level, wide in (("80", half), ("95", 2 * half)):
        result[f"lo-{level}"] = (result["mean"] - wide).clip(lower=0.0)
        result[f"hi-{level}"] = result["mean"] + wide
    level_of = result["unique_id"].map(LEVEL).fillna("product")
    return result.assign(level=level_of, model_used="ets", fallback_reason=None)


BASE = {"all": 100.0, "Essen": 60.0, "Trinken": 50.0, "Käse": 20.0, "Brot": 30.0, "Wein": 40.0}


def backtest_of(base_error: float, sums: pd.DataFrame, origins: int = 6, horizon: int = 3) -> pd.DataFrame:
    """Truth coherent and steady; the base forecasts of products miss it by turns, those of totals never."""
    series = sums.drop_duplicates("unique_id")[["unique_id", "level", "mean"]].rename(columns={"mean": "y"})
    sold = series[series["level"] == "product"].set_index("unique_id")["y"]
    if len(sold):
        food = ["Käse", "Brot"]
        totals = {"all": sold.sum(), "Essen": sold[food].sum(), "Trinken": sold.drop(food).sum()}
        series["y"] = series["unique_id"].map(totals).fillna(series["y"])
    at = pd.DataFrame(
        [(number, step) for number in range(origins) for step in range(1, horizon + 1)], columns=["number", "step"]
    )
    every = series.merge(at, how="cross")
    cutoff = pd.Timestamp("2023-01-02") + pd.to_timedelta(7 * every["number"], unit="D")
    miss = np.where(every["level"] == "product", base_error * (-1.0) ** (every["number"] + every["step"]), 0.0)
    every = every.assign(
        cutoff=cutoff, ds=cutoff + pd.to_timedelta(7 * every["step"], unit="D"), mean=every["y"] + miss
    )
    return every[["unique_id", "level", "cutoff", "ds", "y", "mean"]]


def test_rows_come_back_in_their_order_and_add_up() -> None:
    base = frame(BASE).sample(frac=1, random_state=4)
    before = base.copy(deep=True)
    result = reconcile(base, LINKS)
    pd.testing.assert_frame_equal(base, before)
    assert list(result.columns) == list(base.columns)
    assert result.index.equals(base.index)
    same = [c for c in base.columns if c not in ("mean", "lo-80", "hi-80", "lo-95", "hi-95")]
    pd.testing.assert_frame_equal(result[same], base[same])
    assert incoherence(base, LINKS) > 0.1
    assert incoherence(result, LINKS) < 1e-12


def test_without_a_backtest_intervals_move_with_their_mean() -> None:
    base = frame(BASE)
    result = reconcile(base, LINKS)
    assert np.allclose(result["hi-95"] - result["mean"], base["hi-95"] - base["mean"])
    assert np.allclose(result["mean"] - result["lo-80"], base["mean"] - base["lo-80"])


def test_volumes_distribute_and_zero_stays_zero() -> None:
    means = reconcile(frame({**BASE, "Brot": 0.0}), LINKS).groupby("unique_id")["mean"].first()
    assert means["Brot"] == 0.0
    assert means["Käse"] == means["Essen"] > 20
    leaves = reconcile(frame({**BASE, "Brot": 0.0}), LINKS, weights="leaves").groupby("unique_id")["mean"].first()
    assert leaves["Brot"] > 0


def test_volume_and_leaves_are_the_variances_they_say() -> None:
    base = frame(BASE)
    for weights, values in (
        ("volume", {"all": 90, "Essen": 50, "Trinken": 40, "Käse": 20, "Brot": 30, "Wein": 40}),
        ("leaves", {"all": 3, "Essen": 2, "Trinken": 1, "Käse": 1, "Brot": 1, "Wein": 1}),
    ):
        named = pd.DataFrame({"unique_id": values.keys(), "variance": [float(v) for v in values.values()]})
        expected = reconcile(base, LINKS, variances=named)["mean"]
        assert np.allclose(reconcile(base, LINKS, weights=weights)["mean"], expected)
    with pytest.raises(PanelError, match="'Wein': it has no variance"):
        reconcile(base, LINKS, variances=named[:-1])


def test_intervals_narrow_at_the_level_whose_errors_did() -> None:
    base = frame({**BASE, "all": 90.0, "Essen": 50.0, "Trinken": 40.0})
    backtest = backtest_of(3.0, base)
    coherent = reconcile_backtest(backtest, LINKS)
    result = reconcile(base, LINKS, backtest)
    was, now = (base["hi-95"] - base["mean"]), (result["hi-95"] - result["mean"])
    product = base["level"] == "product"
    error = (coherent["y"] - coherent["mean"]).abs()[coherent["level"] == "product"]
    assert error.max() < 3.0
    assert now[product].max() < was[product].min()
    # Totals never missed before and do now: against widths of nothing there is no ratio, so they keep theirs.
    assert np.allclose(now[~product], was[~product])


def test_a_level_of_one_series_is_judged_by_its_mean_square() -> None:
    base = frame({**BASE, "all": 90.0, "Essen": 50.0, "Trinken": 40.0})
    backtest = backtest_of(0.0, base)
    company = backtest["level"] == "company"
    backtest.loc[company, "mean"] += np.tile([8.0, -8.0], int(company.sum()) // 2)
    coherent = reconcile_backtest(backtest, LINKS)
    share = (coherent["y"] - coherent["mean"])[company].abs().iloc[0] / 8
    assert 0 < share < 1
    result = reconcile(base, LINKS, backtest)
    top = result["level"] == "company"
    assert np.allclose((result["hi-80"] - result["mean"])[top], 2 * share)


def test_an_origin_does_not_know_what_came_later() -> None:
    base = frame(BASE)
    backtest = backtest_of(3.0, base)
    late = backtest["cutoff"] == backtest["cutoff"].max()
    changed = backtest.assign(mean=np.where(late, backtest["mean"] * 9, backtest["mean"]))
    before, after = reconcile_backtest(backtest, LINKS), reconcile_backtest(changed, LINKS)
    assert before["mean"][~late].tolist() == after["mean"][~late].tolist()


def test_where_a_leaf_has_no_row_its_parents_do_not_take_part() -> None:
    base = frame({**BASE, "all": 90.0, "Essen": 50.0, "Trinken": 40.0})
    backtest = backtest_of(3.0, base)
    early = backtest["cutoff"] < backtest["cutoff"].max()
    young = backtest[~((backtest["unique_id"] == "Brot") & early)]  # learned again later than the others
    result = reconcile_backtest(young, LINKS)
    early = early[young.index]
    pd.testing.assert_series_equal(
        result["mean"][~early], reconcile_backtest(backtest, LINKS)["mean"][young.index][~early]
    )
    drinks = young["unique_id"].isin(["Trinken", "Wein"])
    assert result["mean"][early & ~drinks].tolist() == young["mean"][early & ~drinks].tolist()
    # One category is complete without the company: it adds up by itself.
    means = result[early & drinks].pivot(index=["cutoff", "ds"], columns="unique_id", values="mean")
    assert np.allclose(means["Trinken"], means["Wein"], rtol=1e-12)
    assert (result["mean"] != young["mean"])[early & drinks].all()


def test_a_category_without_its_leaves_is_a_leaf_of_the_company() -> None:
    base = frame({**BASE, "all": 90.0, "Essen": 50.0, "Trinken": 40.0})
    backtest = backtest_of(3.0, base)
    result = reconcile_backtest(backtest[backtest["unique_id"] != "Wein"], LINKS)
    means = result.pivot(index=["cutoff", "ds"], columns="unique_id", values="mean")
    assert np.allclose(means["all"], means["Brot"] + means["Käse"] + means["Trinken"], rtol=1e-12)


@pytest.mark.parametrize("unit", [1.0, 1e-9, 1e12])
def test_a_tree_is_complete_to_a_millionth_whatever_its_unit(unit: float) -> None:
    base = frame({**BASE, "all": 90.0, "Essen": 50.0, "Trinken": 40.0})
    backtest = backtest_of(3.0, base)
    backtest[["y", "mean"]] *= unit
    company = backtest["level"] == "company"
    for off, moves in ((0.9e-6, True), (1.1e-6, False)):
        named = backtest.assign(y=np.where(company, backtest["y"] * (1 + off), backtest["y"]))
        assert (reconcile_backtest(named, LINKS)["mean"] != named["mean"])[company].all() == moves


def test_incomplete_origins_do_not_judge_widths() -> None:
    base = frame({**BASE, "all": 90.0, "Essen": 50.0, "Trinken": 40.0})
    backtest = backtest_of(3.0, base, origins=12)
    late = backtest["cutoff"] > backtest["cutoff"].unique()[5]
    gone = backtest["unique_id"].isin(["Brot", "Wein"])
    nowhere_complete = reconcile(base, LINKS, backtest[~gone])
    bounds = [name for name in base if name.startswith(("lo-", "hi-"))]
    pd.testing.assert_frame_equal(nowhere_complete[bounds], reconcile(base, LINKS)[bounds])
    only_late = backtest[late | ~(gone | (backtest["unique_id"] == "Trinken"))]
    expected = reconcile(base, LINKS, backtest[late])
    assert (expected["hi-95"] - expected["mean"] < base["hi-95"] - base["mean"]).any()
    pd.testing.assert_frame_equal(reconcile(base, LINKS, only_late), expected)


def test_series_learned_on_different_nights_keep_the_company_where_it_was() -> None:
    base = frame({**BASE, "all": 90.0, "Essen": 50.0, "Trinken": 40.0})
    backtest = backtest_of(1.0, base, origins=12)
    shifted = backtest["unique_id"].eq("Brot") & (backtest["cutoff"] < backtest["cutoff"].unique()[9])
    result = reconcile_backtest(backtest[~shifted], LINKS)
    company = result[result["level"] == "company"]
    assert abs(company["mean"].sum() / company["y"].sum() - 1) < 0.01
    was, now = base["hi-95"] - base["lo-95"], reconcile(base, LINKS, backtest[~shifted]).eval("`hi-95` - `lo-95`")
    assert (now <= was * 1.01).all()


def test_two_margins_are_complete_or_not_each_on_their_own() -> None:
    two = pd.concat([LINKS, pd.DataFrame({"unique_id": ["Käse", "Brot", "Wein"], "parent_id": ["Nord", "Süd", "Süd"]})])
    backtest = backtest_of(3.0, frame({**BASE, "Nord": 20.0, "Süd": 70.0}))
    backtest = backtest[backtest["unique_id"] != "Wein"]
    backtest.loc[backtest["unique_id"].isin(["Nord", "Süd"]), "level"] = "place"
    backtest.loc[backtest["unique_id"] == "Nord", ["y", "mean"]] = 20.0
    backtest.loc[backtest["unique_id"] == "Süd", ["y", "mean"]] = 70.0
    backtest.loc[backtest["unique_id"] == "all", "y"] = 90.0
    backtest.loc[backtest["unique_id"] == "Essen", "y"] = 50.0
    backtest.loc[backtest["unique_id"] == "Trinken", ["y", "mean"]] = 40.0
    result = reconcile_backtest(backtest, two).pivot(index=["cutoff", "ds"], columns="unique_id", values="mean")
    assert np.allclose(result["Essen"], result["Käse"] + result["Brot"])
    assert np.allclose(result["Nord"], result["Käse"])
    assert (result["Süd"] == 70.0).all()
    assert (result["Trinken"] == 40.0).all()


def test_a_zero_of_one_period_stays_zero() -> None:
    base = frame({"all": 20.0, "Käse": 5.0, "Wein": 5.0}, horizon=2)
    second = base["ds"] == base["ds"].max()
    base.loc[second & (base["unique_id"] == "Käse"), ["mean", "lo-80", "lo-95"]] = 0.0
    result = reconcile(base, LINKS)
    means = result.pivot(index="ds", columns="unique_id", values="mean").iloc[1]
    assert means["Käse"] == 0.0
    assert means["Wein"] == pytest.approx(means["all"], rel=1e-12)
    assert means["all"] > 5
    nothing = base["ds"].eq(base["ds"].max()) & (base["level"] == "product")
    base.loc[nothing, ["mean", "lo-80", "lo-95"]] = 0.0
    means = reconcile(base, LINKS).pivot(index="ds", columns="unique_id", values="mean")
    assert means.iloc[1].tolist() == [0.0, 0.0, 0.0]
    assert means.iloc[0].min() > 5


@given(seed=seeds, margins=st.booleans())
@settings(max_examples=25, deadline=None)
def test_zero_cells_stay_zero_and_everything_adds_up(seed: int, margins: bool) -> None:
    rng = np.random.default_rng(seed)
    links = LINKS
    if margins:
        places = pd.DataFrame({"unique_id": ["Käse", "Brot", "Wein"], "parent_id": ["Nord", "Süd", "Süd"]})
        links = pd.concat([LINKS, places])
    base = frame({**BASE, "Nord": 20.0, "Süd": 70.0} if margins else BASE, horizon=6)
    base["mean"] *= rng.gamma(1, 1, len(base)) + 0.01
    base.loc[rng.random(len(base)) < 0.4, "mean"] = 0.0
    base = base[["unique_id", "level", "ds", "mean"]]
    result = reconcile(base, links)
    leaf = base["unique_id"].isin(["Käse", "Brot", "Wein"])
    assert (result["mean"][leaf & (base["mean"] == 0)] == 0).all()
    assert incoherence(result, links) < 1e-6


def test_a_node_without_leaves_and_without_volume_beside_two_margins() -> None:
    two = pd.DataFrame({"unique_id": ["Käse", "Käse", "Wein"], "parent_id": ["Essen", "Nord", "Trinken"]})
    base = frame({"Käse": 4.0, "Essen": 6.0, "Nord": 5.0, "Trinken": 0.0})
    means = reconcile(base, two).groupby("unique_id")["mean"].first()
    assert means["Trinken"] == 0.0
    assert means["Käse"] == pytest.approx(means["Nord"])


@given(seed=seeds)
@settings(max_examples=25, deadline=None)
def test_the_contract_of_the_intervals(seed: int) -> None:
    rng = np.random.default_rng(seed)
    base = frame({name: float(rng.gamma(0.3, 100)) for name in BASE}, half=float(rng.gamma(1, 10)))
    if rng.random() < 0.5:
        base.loc[base["unique_id"] == "Wein", ["mean", "lo-80", "lo-95"]] -= 200.0
    backtest = backtest_of(float(rng.gamma(1, 5)), base)
    backtest["mean"] += rng.normal(0, 5, len(backtest))
    result = reconcile(base, LINKS, backtest)
    ordered = result[["lo-95", "lo-80", "mean", "hi-80", "hi-95"]].to_numpy()
    assert np.isfinite(ordered).all()
    assert (np.diff(ordered, axis=1) >= 0).all()
    never = (base["level"] == "product") & (base.groupby("unique_id")["lo-95"].transform("min") >= 0)
    assert (ordered[never] >= 0).all()
    assert incoherence(result, LINKS) < 1e-6


def test_a_second_parent_selects_the_sparse_way_and_adds_up_on_both_margins() -> None:
    two = pd.concat(
        [
            LINKS,
            pd.DataFrame(
                {
                    "unique_id": ["Käse", "Brot", "Wein", "Nord", "Süd"],
                    "parent_id": ["Nord", "Süd", "Süd", "all", "all"],
                }
            ),
        ]
    )
    base = frame({**BASE, "Nord": 25.0, "Süd": 60.0})
    result = reconcile(base, two)
    assert incoherence(base, two) > 0.05
    assert incoherence(result, two) < 1e-6
    means = result.groupby("unique_id")["mean"].first()
    assert means["Nord"] == pytest.approx(means["Käse"], rel=1e-9)
    assert means["all"] == pytest.approx(means["Nord"] + means["Süd"], rel=1e-9)


def test_ids_may_repeat_between_levels_that_are_named() -> None:
    links = pd.DataFrame(
        {
            "unique_id": ["1", "2", "1"], "level": ["product", "product", "category"],
            "parent_id": ["1", "1", "all"], "parent_level": ["category", "category", "company"],
        }
    )  # fmt: skip
    base = pd.DataFrame(
        {
            "unique_id": ["1", "2", "1", "all"], "level": ["product", "product", "category", "company"],
            "ds": pd.Timestamp("2024-01-01"), "mean": [4.0, 6.0, 10.0, 13.0],
        }
    )  # fmt: skip
    result = reconcile(base, links)
    assert result["mean"].tolist() == pytest.approx([4.4, 6.6, 11.0, 11.0])
    with pytest.raises(PanelError, match="parent_level"):
        reconcile(base, links.drop(columns="parent_level"))


def test_series_outside_the_links_and_links_without_series_are_left_alone() -> None:
    base = frame({"Käse": 3.0, "all": 5.0, "elsewhere": 9.0})  # no category has a forecast
    result = reconcile(base, LINKS).groupby("unique_id")["mean"].first()
    assert result["elsewhere"] == 9.0
    assert result["Käse"] == pytest.approx(result["all"])
    assert len(result) == 3


@pytest.mark.parametrize("links", [LINKS, LINKS[:0], pd.DataFrame({"unique_id": ["all"], "parent_id": [None]})])
def test_an_empty_business_and_one_without_links_get_through(links: pd.DataFrame) -> None:
    empty = frame(BASE)[:0]
    assert reconcile(empty, links, backtest_of(1.0, frame(BASE))[:0]).empty
    assert reconcile_backtest(backtest_of(1.0, frame(BASE))[:0], links).empty
    assert incoherence(empty, links) == 0.0
    one = frame({"all": 5.0})
    pd.testing.assert_frame_equal(reconcile(one, links, backtest_of(1.0, one)), one)


def test_forecasts_of_nothing_at_all_add_up() -> None:
    zero = frame(dict.fromkeys(BASE, 0.0), half=0.0)
    pd.testing.assert_frame_equal(reconcile(zero, LINKS, backtest_of(0.0, zero)), zero)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda f: f.assign(mean=f["mean"].where(f.index != 4)), "'Essen': mean is not a finite number"),
        (lambda f: f.assign(**{"hi-95": f["hi-95"].where(f.index != 0, np.inf)}), "'all': hi-95 is not a finite"),
        (lambda f: f.drop(index=17), "'Wein': it lacks a period"),
        (lambda f: pd.concat([f, f[5:6]]), "'Essen': a period occurs twice"),
        (lambda f: f.drop(columns="hi-80"), "no column 'hi-80'"),
        (lambda f: f.drop(columns="mean"), "no column 'mean'"),
    ],
)
def test_a_spoilt_frame_is_refused_by_name(spoil, said: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(PanelError, match=said):
        reconcile(spoil(frame(BASE)), LINKS)


def test_unknown_weights_are_refused() -> None:
    with pytest.raises(ValueError, match="choose from volume, leaves"):
        reconcile(frame(BASE), LINKS, weights="ols")


# Real demand ----------------------------------------------------------------------------------------------------------


def simple_forecast(y: np.ndarray, leaf: np.ndarray, horizon: int) -> np.ndarray:
    """Last year's months and an exponential mean, for totals with last year's growth: good enough to add up."""
    level = y[:, :12].mean(axis=1)
    for t in range(12, y.shape[1]):
        level = 0.25 * y[:, t] + 0.75 * level
    year = y[:, -12:][:, :horizon]
    growth = np.clip(y[:, -12:].sum(axis=1) / np.maximum(y[:, -24:-12].sum(axis=1), 1e-9), 0.7, 1.4)
    totals = 0.6 * year * growth[:, None] + 0.4 * level[:, None]
    return np.where(leaf[:, None], 0.5 * year + 0.5 * level[:, None], totals)


@pytest.mark.skipif(not M5.exists(), reason="the M5 data are not beside this folder")
def test_adding_up_costs_no_accuracy_on_m5(record_property: Callable[[str, object], None]) -> None:
    sold = pd.read_parquet(M5)
    sold = sold[(sold["month_start"] >= "2011-02-01") & (sold["month_start"] <= "2016-03-01")]  # the whole months
    months = sold.pivot_table(
        index=["cat_id", "dept_id", "item_id"], columns="month_start", values="sales", aggfunc="sum", observed=True
    ).fillna(0.0)
    months = months[(months.iloc[:, :24] > 0).any(axis=1)]
    categories, departments = (pd.factorize(months.index.get_level_values(i))[0] for i in (0, 1))
    n_dept = departments.max() + 1
    dept_category = np.array([categories[departments == d][0] for d in range(n_dept)])
    parents = np.r_[-1, np.zeros(3), 1 + dept_category, 4 + departments].astype(np.int64)
    level = np.repeat([0, 1, 2, 3], [1, 3, n_dept, len(months)])
    tree = tree_of(parents)
    leaves = np.full((len(parents), months.shape[1]), np.nan)
    leaves[level == 3] = months.to_numpy()
    truth = tree.reconcile(leaves)
    errors = []
    for origin in range(truth.shape[1] - 28, truth.shape[1] - 5, 2):
        base = simple_forecast(truth[:, :origin], level == 3, 6)
        variance = np.where(level == 3, base.mean(axis=1), np.nan)
        coherent = tree.reconcile(base, variance=variance, floored=np.ones(len(parents), dtype=bool))
        came = truth[:, origin : origin + 6]
        errors.append(
            [
                [np.abs(f[level == k] - came[level == k]).sum() / came[level == k].sum() for k in range(4)]
                for f in (base, coherent)
            ]
        )
    base_wape, coherent_wape = np.mean(errors, axis=0)
    record_property("wape", {"base": base_wape.round(4).tolist(), "coherent": coherent_wape.round(4).tolist()})
    assert (coherent_wape <= base_wape * 1.01).all()
    assert coherent_wape[0] < base_wape[0]
    assert coherent_wape[2] < base_wape[2]
