"""Which series adds up to which: a second parent, ids that repeat, links without series, businesses without anything.

Not here: what coherent forecasts look like (test_forecasting_hierarchy.py).
"""

import numpy as np
import pandas as pd
import pytest

from forecasting.hierarchy import incoherence, reconcile, reconcile_backtest
from forecasting.panel import PanelError
from tests.support.hierarchies import BASE, LINKS, backtest_of, frame


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
