"""Levels of a hierarchy are believed beside the sum of their parts by what both missed at past origins.

Not here: hierarchies whose weights are their volume (test_forecasting_hierarchy.py).
"""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecasting.hierarchy import incoherence, reconcile, reconcile_backtest
from forecasting.level_weights import Missed, variance_ratios
from tests.support.hierarchies import BASE, LINKS, backtest_of, frame


@given(st.integers(1, 6), st.integers(1, 3), st.integers(0, 2**32 - 1), st.sampled_from([1e-200, 1.0, 1e100]))
def test_ratios_lie_between_a_quarter_and_four_in_any_unit(n: int, levels: int, seed: int, unit: float) -> None:
    rng = np.random.default_rng(seed)
    rows = 5 * n
    level, origin = rng.integers(0, levels, rows), rng.integers(0, n, rows)
    own, summed, size = rng.normal(size=rows), 3 * rng.normal(size=rows), rng.gamma(2.0, size=rows)
    apart = np.abs(np.subtract.outer(np.arange(n), np.arange(n))) > 2
    found = [
        variance_ratios(Missed(level, level, origin, k * own, k * summed, k * size, 2.0, apart), levels)
        for k in (1.0, unit)
    ]
    for one, other in zip(*found, strict=True):
        assert np.allclose(one, other)
        assert (one >= 0.25 - 1e-12).all()
        assert (one <= 4.0 + 1e-12).all()


@pytest.mark.parametrize("size", [0.0, 5.0])
def test_no_row_and_no_size_say_nothing(size: float) -> None:
    nobody = np.zeros(0, dtype=int)
    empty = Missed(nobody, nobody, nobody, np.zeros(0), np.zeros(0), np.zeros(0), 1.0, np.zeros((2, 2), dtype=bool))
    assert [ratio.tolist() for ratio in variance_ratios(empty, 2)] == [[1.0, 1.0], [[1.0, 1.0], [1.0, 1.0]]]
    zero, one = np.zeros(3, dtype=int), np.ones(3)
    flat = Missed(zero, zero, zero, one, one, size * one, 1.0, np.zeros((1, 1), dtype=bool))
    assert variance_ratios(flat, 1)[0].tolist() == [1.0]


def test_a_level_that_missed_less_before_is_believed_more() -> None:
    """The products missed by 3 each, the totals by nothing: they stay nearer to what they said, in the past too."""
    base = frame({**BASE, "all": 110.0, "Essen": 60.0, "Trinken": 50.0})
    backtest = backtest_of(3.0, base, origins=12)
    by_volume, by_errors = (reconcile(base, LINKS, backtest, weights=name) for name in ("volume", "errors"))
    category = base["level"] == "category"
    moved = [(one["mean"] - base["mean"])[category].abs().sum() for one in (by_volume, by_errors)]
    assert moved[1] < 0.8 * moved[0]
    assert incoherence(by_errors, LINKS) < 1e-6
    past = [reconcile_backtest(backtest, LINKS, weights=name) for name in ("volume", "errors")]
    missed = [(one["mean"] - one["y"]).abs()[one["level"] != "product"].sum() for one in past]
    assert missed[1] < 0.8 * missed[0]


def test_a_level_as_good_as_its_parts_counts_as_much() -> None:
    base = frame(BASE)
    backtest = backtest_of(0.0, base)
    leaves = backtest["unique_id"].map({"all": 3.0, "Essen": 2.0}).fillna(1.0)
    backtest["mean"] = backtest["y"] + np.sqrt(leaves) * np.random.default_rng(1).normal(size=len(backtest))
    pd.testing.assert_series_equal(
        reconcile(base, LINKS, backtest, weights="errors")["mean"], reconcile(base, LINKS, backtest)["mean"]
    )


def test_no_origin_weighs_its_own_errors() -> None:
    base = frame({**BASE, "all": 90.0})
    backtest = backtest_of(3.0, base, origins=12)
    late = backtest["cutoff"] == backtest["cutoff"].max()
    company = backtest["level"] == "company"
    changed = backtest.assign(mean=backtest["mean"].mask(late & company, backtest["mean"] + 5.0))
    before, after = (reconcile_backtest(one, LINKS, weights="errors") for one in (backtest, changed))
    nodes = ["all", "Essen", "Trinken"]
    for name in nodes:  # the last origin's weights are the same, so the whole moves by a fixed share of what was added
        rows = late & (before["unique_id"] == name)
        share = (after["mean"] - before["mean"])[rows].to_numpy() / 5.0
        assert np.ptp(share) < 1e-9
        assert 0 < share[0] < 1


@pytest.mark.parametrize("spoiled", ["nothing known", "one origin", "all the same"])
def test_errors_that_say_nothing_leave_the_volume(spoiled: str) -> None:
    base, backtest = frame(BASE), backtest_of(3.0, frame(BASE))
    if spoiled == "nothing known":  # no tree is complete
        backtest = backtest[~backtest["unique_id"].isin(["Brot", "Wein"])]
    elif spoiled == "one origin":
        backtest = backtest[backtest["cutoff"] == backtest["cutoff"].min()]
    else:
        backtest = backtest.assign(mean=backtest["y"])
    pd.testing.assert_series_equal(
        reconcile(base, LINKS, backtest, weights="errors")["mean"], reconcile(base, LINKS, backtest)["mean"]
    )


def test_leaves_without_demand_stay_there_by_errors_too() -> None:
    base = frame({**BASE, "Brot": 0.0, "Käse": 0.0})
    backtest = backtest_of(3.0, frame(BASE), origins=12)
    result = reconcile(base, LINKS, backtest, weights="errors").groupby("unique_id")["mean"].first()
    assert result[["Brot", "Käse", "Essen"]].tolist() == [0.0, 0.0, 0.0]
    assert result["all"] == pytest.approx(result["Trinken"])


def test_weights_by_errors_need_a_backtest() -> None:
    with pytest.raises(ValueError, match='weights "errors" are learned from a backtest'):
        reconcile(frame(BASE), LINKS, weights="errors")
