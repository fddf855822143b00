"""How right forecasts were: measures from sums, value added, drift, and overrides in a tree.

Not here: how the sums are read (tests/integration/test_forecast_outcomes.py).
"""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.accuracy import MEASURES, SUMS, error_measures, error_terms
from forecasting.drift import LIMIT, cusum, drift_table, standard_errors
from forecasting.overrides import apply_overrides
from forecasting.value_added import VALUE_COLUMNS, value_added

WEEK = pd.Timestamp("2024-02-26")  # its Thursday is a leap day
amounts = st.floats(-1e6, 1e6) | st.just(0.0)


def outcomes(
    y: list[float], mean: list[float], naive: list[float], *, half: float = 1, scale: float = 2
) -> pd.DataFrame:
    frame = pd.DataFrame({"y": y, "mean": mean, "naive": naive}, dtype="float64")
    return frame.assign(lo_80=frame["mean"] - half, hi_80=frame["mean"] + half, lo_95=frame["mean"] - 2 * half,
                        hi_95=frame["mean"] + 2 * half, scale=scale, square_scale=scale**2)  # fmt: skip


def measured(frame: pd.DataFrame) -> pd.Series:
    return error_measures(error_terms(frame).sum().to_frame().T).iloc[0]


# measures -----------------------------------------------------------------------------------------------------------


def test_measures_by_hand() -> None:
    found = measured(outcomes([10, 0, -5], [8, 3, -5], [10, 0, 0]))
    assert found["wape_pct"] == pytest.approx(100 * 5 / 15)
    assert found["naive_wape_pct"] == pytest.approx(100 * 5 / 15)
    assert found["value_added_pct"] == pytest.approx(0)
    assert found["mape_pct"] == pytest.approx((20 + 0) / 2)  # the period of 0 has no percentage
    assert found["bias_pct"] == pytest.approx(100 * 1 / 15)
    assert found["improved_share_pct"] == pytest.approx(100 / 3)
    assert found["mase"] == pytest.approx((1 + 1.5 + 0) / 3)
    assert found["rmsse"] == pytest.approx(np.sqrt((1 + 2.25 + 0) / 3))
    assert (found["coverage_80_pct"], found["coverage_95_pct"]) == (pytest.approx(100 / 3), pytest.approx(200 / 3))
    assert found["interval_score_95_pct"] == pytest.approx(100 * (4 + (4 + 40 * 1) + 4) / 15)


def test_of_nothing_that_came_there_is_no_percentage() -> None:
    found = measured(outcomes([0, 0], [1, 0], [0, 0], scale=0))
    assert found[["mape_pct", "wape_pct", "value_added_pct", "bias_pct", "mase", "rmsse"]].isna().all()
    assert (found["coverage_95_pct"], found["n_forecasts"]) == (100, 2)


def test_no_forecast_has_no_terms_but_their_columns() -> None:
    assert list(error_terms(outcomes([], [], []))) == list(SUMS)
    assert error_measures(error_terms(outcomes([], [], []))).empty


def test_huge_and_tiny_values_stay_finite_where_they_can() -> None:
    found = measured(outcomes([1e200, 1e-300], [1e200, 0], [0, 0], scale=1e-3))
    assert np.isfinite(found[["wape_pct", "mape_pct", "mase"]].astype(float)).all()


@given(st.lists(st.tuples(amounts, amounts, amounts), min_size=1, max_size=12), st.integers(0, 12))
@settings(max_examples=60, deadline=None)
def test_sums_of_parts_are_the_sum_of_the_whole(rows: list[tuple[float, float, float]], cut: int) -> None:
    frame = outcomes(*map(list, zip(*rows, strict=True)))
    terms = error_terms(frame)
    parts = pd.concat([terms.iloc[:cut].sum(), terms.iloc[cut:].sum()], axis=1).sum(axis=1)
    whole = measured(frame)
    again = error_measures(parts.to_frame().T).iloc[0]
    np.testing.assert_allclose(whole[list(MEASURES)].astype(float), again[list(MEASURES)].astype(float), rtol=1e-9)
    assert whole["coverage_80_pct"] <= whole["coverage_95_pct"]


# value added --------------------------------------------------------------------------------------------------------


def test_only_what_both_have_said_is_compared() -> None:
    pairs = pd.DataFrame({"rep": ["Zoë", "Zoë", "Ünal"], "y": [10.0, 10, 0], "baseline": [20.0, None, 1],
                          "forecast": [10.0, 99, 0]})  # fmt: skip
    found = value_added(pairs, ["rep"]).set_index("rep")
    assert found.loc["Zoë", ["n_forecasts", "value_added_pct"]].tolist() == [1, 100]
    assert np.isnan(found.loc["Ünal", "wape_pct"])  # nothing came
    assert found.loc["Ünal", "improved_share_pct"] == 100
    assert list(value_added(pairs.iloc[:0], ["rep"])) == ["rep", *VALUE_COLUMNS]


@given(st.lists(st.tuples(amounts, amounts, amounts), min_size=1, max_size=9))
@settings(deadline=None)
def test_what_one_step_adds_the_way_back_takes(rows: list[tuple[float, float, float]]) -> None:
    pairs = pd.DataFrame(rows, columns=["y", "baseline", "forecast"]).assign(k=1)
    there, back = (value_added(p, ["k"]).iloc[0] for p in (
        pairs, pairs.rename(columns={"baseline": "forecast", "forecast": "baseline"})
    ))  # fmt: skip
    assert there["improved_share_pct"] + back["improved_share_pct"] == pytest.approx(100)
    if not np.isnan(there["value_added_pct"]):
        assert there["value_added_pct"] == pytest.approx(-back["value_added_pct"], abs=1e-6)


# drift --------------------------------------------------------------------------------------------------------------


def steps(z: list[float], unique_id: str = "A") -> pd.DataFrame:
    """One-step errors of so many expected sizes, of a forecast of 100 ± 10."""
    ds = pd.date_range(WEEK, periods=len(z), freq="W-MON")
    y = 100 + 10 * np.asarray(z, dtype="float64")
    bounds = {"hi_80": 112.8, "hi_95": 100 + 10 * 1.959963984540054}
    return pd.DataFrame({"unique_id": unique_id, "ds": ds, "y": y, "mean": 100.0}).assign(**bounds)


@pytest.mark.parametrize(
    ("z", "drifts"),
    [
        ([], None), ([9], False), ([9, 9], False), ([9, 9, 9], True), ([-1.5] * 6, True), ([0.5] * 99, False),
        ([2, -2] * 20, False), ([9, 9, 9, 0, 0, 0, 0, 0], False), ([9, 9, 9, 0], True), ([0] * 9, False),
    ],
)  # fmt: skip
def test_when_a_series_drifts(z: list[float], drifts: bool | None) -> None:
    found = drift_table(steps(z))
    assert found["is_drifting"].tolist() == ([] if drifts is None else [drifts])


def test_series_are_judged_apart_and_in_the_order_of_time() -> None:
    both = pd.concat([steps([3, 3, 3], "B"), steps([0, -3], "Ä"), steps([1], "A")]).sample(frac=1, random_state=1)
    found = drift_table(both).set_index("unique_id")
    assert found.loc["B", ["n_periods", "cusum", "drift_direction"]].tolist() == [3, 7, "too low"]
    assert found.loc["Ä", ["n_periods", "cusum", "drift_direction"]].tolist() == [2, -2.5, None]
    assert found.loc["A", "tracking_signal"] == 1


def test_an_interval_without_width_is_right_or_three_sizes_off() -> None:
    frame = steps([0, 1, -1]).assign(hi_80=100.0, hi_95=100.0)
    assert standard_errors(frame).tolist() == [0, 3, -3]


def test_false_alarms_are_as_rare_as_is_said() -> None:
    """Of 2,000 series of 26 right forecasts 4 % drifted on the way, and of demand with long tails fewer."""
    rng = np.random.default_rng(3)
    poisson = (rng.poisson(0.5, (2000, 26)) - 0.5) / (1.5 / 1.96)
    for z, most in (
        (rng.standard_normal((2000, 26)), 0.055),
        (poisson, 0.05),
        (rng.standard_t(4, (2000, 26)) / 1.416, 0.05),
    ):
        alarms = np.zeros(len(z), dtype=bool)
        for k in range(1, 27):
            alarms |= np.maximum(*cusum(np.clip(z[:, :k], -3, 3))) > LIMIT
        assert alarms.mean() < most
    shifted = np.maximum(*cusum(np.clip(rng.standard_normal((2000, 26)) + 1, -3, 3))) > LIMIT
    assert shifted.mean() > 0.9


# overrides ----------------------------------------------------------------------------------------------------------


def tree(**mean: float) -> pd.DataFrame:
    return pd.DataFrame({"node": list(mean), "ds": WEEK, "mean": list(mean.values())})


def pins(**value: float) -> pd.DataFrame:
    return pd.DataFrame({"node": list(value), "ds": WEEK, "value": list(value.values())})


PARENTS = {"a": "X", "b": "X", "c": "Y", "X": "all", "Y": "all"}
SHOP = {"a": 6.0, "b": 4.0, "c": 5.0, "X": 10.0, "Y": 5.0, "all": 15.0}


def changed(wanted: pd.DataFrame, **mean: float) -> dict[str, float]:
    found = apply_overrides(tree(**(mean or SHOP)), wanted, PARENTS)
    return dict(zip(found["node"], found["mean"], strict=True))


def test_overrides_by_hand() -> None:
    assert changed(pins(a=9)) == {"a": 9, "X": 13, "all": 18}
    assert changed(pins(all=30)) == {"a": 12, "b": 8, "c": 10, "X": 20, "Y": 10, "all": 30}
    assert changed(pins(X=0)) == {"a": 0, "b": 0, "X": 0, "all": 5}
    assert changed(pins(a=6)) == {"a": 6}  # said, and nothing changes
    assert changed(pins(nobody=6)) == {}


def test_the_finer_override_wins_where_both_cannot_hold() -> None:
    assert changed(pins(a=12, X=10)) == {"a": 12, "b": 0, "X": 12, "all": 17}
    assert changed(pins(a=1, b=1, X=99)) == {"a": 1, "b": 1, "X": 2, "all": 7}
    assert changed(pins(a=2, all=20))["all"] == pytest.approx(20)


def test_of_nothing_the_parts_get_equal_shares() -> None:
    assert changed(pins(X=8), a=0, b=0, X=0) == {"a": 4, "b": 4, "X": 8}


def test_a_parent_that_is_no_sum_is_no_parent() -> None:
    assert changed(pins(a=9), **(SHOP | {"X": 11.0, "all": 16.0})) == {"a": 9}


@pytest.mark.parametrize(
    ("forecasts", "wanted", "parents", "said"),
    [
        (tree(a=1), pd.concat([pins(a=1), pins(a=2)]), {}, "twice"),
        (tree(a=1), pins(a=float("nan")), {}, "finite"),
        (tree(a=1, b=1), pins(a=2), {"a": "b", "b": "a"}, "ring"),
    ],
)
def test_what_cannot_be_is_refused(
    forecasts: pd.DataFrame, wanted: pd.DataFrame, parents: dict[str, str], said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        apply_overrides(forecasts, wanted, parents)


@given(
    st.lists(st.floats(0, 1e6), min_size=3, max_size=3),
    st.dictionaries(st.sampled_from(["a", "b", "c", "X", "Y", "all"]), st.floats(0, 1e6), max_size=6),
)
@settings(max_examples=150)
def test_the_parts_add_up_whatever_is_overridden(leaves: list[float], wanted: dict[str, float]) -> None:
    a, b, c = leaves
    mean = {"a": a, "b": b, "c": c, "X": a + b, "Y": c, "all": a + b + c}
    after = mean | changed(pins(**wanted), **mean)
    for whole, parts in {"X": ("a", "b"), "Y": ("c",), "all": ("X", "Y")}.items():
        assert after[whole] == pytest.approx(sum(after[part] for part in parts), rel=1e-6, abs=1e-6)
    assert min(after.values()) >= 0
    for leaf in {"a", "b", "c"} & wanted.keys():
        assert after[leaf] == wanted[leaf]
