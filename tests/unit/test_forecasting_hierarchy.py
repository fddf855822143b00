"""Coherent frames of forecasts, the intervals around them, and what adding up costs on M5.

Not here: the algebra (test_forecasting_trees.py), frames that are spoilt or empty (test_forecasting_links.py).
"""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.hierarchy import incoherence, reconcile, reconcile_backtest
from forecasting.level_intervals import Band, Judged, width_factors
from forecasting.panel import PanelError
from orchestration.settings import PROJECT_ROOT
from tests.support.hierarchies import BASE, LINKS, backtest_of, frame, seeds, tree_of

M5 = PROJECT_ROOT.parent / "shared" / "data" / "m5" / "sales_monthly_2011_2016_3stores.parquet"


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


def test_a_level_of_one_series_is_judged_by_its_mean_square_beside_what_its_intervals_expect() -> None:
    base = frame({**BASE, "all": 90.0, "Essen": 50.0, "Trinken": 40.0})
    backtest = backtest_of(0.0, base)
    company = backtest["level"] == "company"
    backtest.loc[company, "mean"] += np.tile([8.0, -8.0], int(company.sum()) // 2)
    coherent = reconcile_backtest(backtest, LINKS)
    share = (coherent["y"] - coherent["mean"])[company].abs().iloc[0] / 8
    assert 0 < share < 1
    result = reconcile(base, LINKS, backtest)
    top = result["level"] == "company"
    prior = 10 / 1.2815515655446004**2  # windows that miss as the interval of ± 2 expects
    factor = np.sqrt((6 * (8 * share / 2) ** 2 + prior) / (6 * (8 / 2) ** 2 + prior))
    assert np.allclose((result["hi-80"] - result["mean"])[top], 2 * factor)


@pytest.mark.parametrize(("before", "after"), [(8.0, 0.01), (0.1, 8.0), (0.0, 1e300), (1e-300, 1e300)])
def test_one_complete_week_does_not_say_how_wide_the_company_is(before: float, after: float) -> None:
    band = Band(95, np.full((1, 13), 8.0), np.full((1, 13), 8.0), np.zeros((1, 13), dtype=bool))
    judged = Judged(np.zeros(1, int), np.zeros(1, int), np.array([before]), np.array([after]))
    factor = width_factors([band], judged, np.zeros(1, int)).item()
    assert 0.8 < factor < 1.25


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


def sold_before(backtest: pd.DataFrame, wine: float) -> pd.DataFrame:
    """What everything sold in the weeks before the first origin: cheese 20, bread 30, wine as said."""
    sold = {"Käse": 20.0, "Brot": 30.0, "Wein": wine, "Essen": 50.0, "Trinken": wine, "all": 50.0 + wine}
    weeks = pd.date_range("2022-10-03", backtest["cutoff"].max(), freq="W-MON")
    level_of = backtest.drop_duplicates("unique_id").set_index("unique_id")["level"]
    rows = [(name, week, y, level_of[name]) for name, y in sold.items() for week in weeks]
    return pd.DataFrame(rows, columns=["unique_id", "ds", "y", "level"])


@pytest.mark.parametrize(("wine", "takes_part"), [(0.0, True), (5.0, True), (6.0, False), (40.0, False)])
def test_past_origins_need_nine_tenths_of_the_tree(wine: float, takes_part: bool) -> None:
    """Wine, and drinks with it, were too young to be forecast then; of what came they are most."""
    backtest = backtest_of(3.0, frame(BASE))
    young = backtest["unique_id"].isin(["Wein", "Trinken"])
    known = backtest[~young]
    found = reconcile_backtest(known, LINKS, history=sold_before(backtest, wine))
    company = known["unique_id"] == "all"
    assert (found["mean"] != known["mean"])[company].all() == takes_part
    means = found.pivot(index=["cutoff", "ds"], columns="unique_id", values="mean")
    if takes_part:
        assert np.allclose(means["Essen"], means["Käse"] + means["Brot"], rtol=1e-12)
        assert np.allclose(means["all"] * 50 / (50 + wine), means["Essen"], rtol=1e-12)


def test_what_came_does_not_move_what_was_said_before() -> None:
    backtest = backtest_of(3.0, frame(BASE))
    known, sold = backtest[backtest["unique_id"] != "Wein"], sold_before(backtest, 5.0)
    said = reconcile_backtest(known, LINKS, history=sold)["mean"]
    came = known.assign(y=known["y"] * np.where(known["unique_id"] == "all", 1.08, 0.97))
    pd.testing.assert_series_equal(reconcile_backtest(came, LINKS, history=sold)["mean"], said)
    assert (said != known["mean"]).any()


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
