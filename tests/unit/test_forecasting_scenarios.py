"""What-ifs worked by hand, and scenarios.yaml with its mistakes.

Not here: how effects are estimated (test_forecasting_regression.py).
"""

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.scenarios import Promotion, Scenario, Shock, scenario_forecasts
from orchestration.business import load_business
from orchestration.errors import ConfigurationError
from orchestration.forecasts.what_if import ScenariosFile, WhatIf
from orchestration.settings import PROJECT_ROOT
from orchestration.yaml_files import load_model

WEEKS = pd.date_range("2024-02-19", periods=3, freq="W-MON").astype("datetime64[s]")
BASE = pd.DataFrame(
    {"unique_id": "A", "ds": WEEKS, "mean": 100.0, "lo-80": 90.0, "hi-80": 120.0, "lo-95": 80.0, "hi-95": 140.0}
)


def effects(effect: float, se: float = 0.0, *, regressor: str = "price", **others: Any) -> pd.DataFrame:
    row = {"unique_id": "A", "regressor": regressor, "effect": effect, "se": se, "group_effect": np.nan,
           "group_se": np.nan, "reason": None, **others}  # fmt: skip
    return pd.DataFrame([row])


def under(scenario: Scenario, known: pd.DataFrame, base: pd.DataFrame = BASE) -> pd.DataFrame:
    return scenario_forecasts(base, known, [scenario], freq="W-MON")


def test_a_dearer_product_sells_less_by_its_elasticity() -> None:
    found = under(Scenario("s", price_change=0.21), effects(-0.5))
    assert found["mean"].to_numpy() == pytest.approx(100 / 1.1)  # 1.21^-0.5
    assert found["base"].tolist() == [100.0] * 3
    assert found.loc[0, ["lo-80", "hi-80", "lo-95", "hi-95"]].to_list() == pytest.approx(
        [90 / 1.1, 120 / 1.1, 80 / 1.1, 140 / 1.1]
    )


def test_a_price_that_changes_within_a_week_counts_for_the_days_that_are_left() -> None:
    found = under(Scenario("s", price_change=1.0, price_from=date(2024, 2, 29)), effects(-1.0))
    # the week of 26 February has four days from the leap day on
    assert found["mean"].to_numpy() == pytest.approx([100, 100 * 2 ** (-4 / 7), 50])


def test_a_promotion_counts_for_its_days() -> None:
    promotion = Promotion(date(2024, 2, 26), date(2024, 2, 27), 0.2)
    found = under(Scenario("s", promotion=promotion), effects(5.0, regressor="promotion"))
    assert found["mean"].to_numpy() == pytest.approx([100, 100 * np.exp(5 * 0.2 * 2 / 7), 100])


def test_a_shock_fades_by_its_half_life() -> None:
    base = pd.DataFrame({"unique_id": "A", "ds": pd.date_range("2024-03-01", periods=4), "mean": 10.0})
    shock = Shock(date(2024, 3, 1), date(2024, 3, 2), -0.4, half_life_days=1)
    asked = [Scenario("s", shock=shock)]
    found = scenario_forecasts(base, effects(-1.0), asked, freq="D", levels=[])
    assert found["mean"].to_numpy() == pytest.approx([6, 6, 8, 9])  # −40 %, −40 %, −20 %, −10 %
    ended = Scenario("s", shock=Shock(date(2024, 3, 1), date(2024, 3, 2), -0.4))
    found = scenario_forecasts(base, effects(-1.0), [ended], freq="D", levels=[])
    assert found["mean"].to_numpy() == pytest.approx([6, 6, 10, 10])


def test_what_is_not_known_of_an_effect_widens_the_interval() -> None:
    found = under(Scenario("s", price_change=np.expm1(0.5)), effects(-2.0, 0.4))
    # log F = −1, its standard error 0.5 · 0.4 = 0.2: half = √(20² + (1.2816 · 100 · 0.2)²) · e⁻¹
    assert found.loc[0, "hi-80"] == pytest.approx(np.exp(-1) * (100 + np.hypot(20, 1.28155 * 20)), rel=1e-4)


@pytest.mark.parametrize(
    ("known", "note"),
    [
        (effects(np.nan, np.nan, reason="never changed in the history"), "it never changed in the history"),
        (effects(3.0, 0.1), "the history shows none of the expected sign"),
        (effects(-1.0, 1.5), "the history shows none of the expected sign"),
        (effects(-1.0).iloc[:0], "not in the data"),
    ],
)
def test_an_effect_that_is_not_estimable_is_not_invented(known: pd.DataFrame, note: str) -> None:
    found = under(Scenario("s", price_change=0.1), known)
    assert found["note"].unique().tolist() == [f"price effect not estimable: {note}"]
    assert found[["mean", "lo-80", "hi-95"]].to_numpy().tolist() == BASE[["mean", "lo-80", "hi-95"]].to_numpy().tolist()


def test_the_group_lends_its_effect_to_a_series_without_one() -> None:
    lent = effects(np.nan, np.nan, group_effect=-2.0, group_se=0.5, reason="never changed in the history")
    found = under(Scenario("s", price_change=1.0), lent)
    assert found["mean"].to_numpy() == pytest.approx(25.0)
    assert found["note"][0] == "price elasticity -2.00 of its category (its own never changed in the history)"


def test_a_promotion_effect_is_said_as_demand() -> None:
    sale = Promotion(date(2024, 1, 1), date(2024, 12, 31), 0.2)
    found = under(Scenario("s", promotion=sale), effects(2.0, regressor="promotion"))
    assert found["mean"].to_numpy() == pytest.approx(100 * np.exp(0.4))
    assert found["note"][0] == "promotion effect 2.00 (10 % off: demand +22 %)"


def test_a_price_paid_stands_in_for_a_list_price_and_says_so() -> None:
    found = under(Scenario("s", price_change=1.0), effects(-1.0, regressor="price_paid"))
    assert found["mean"].to_numpy() == pytest.approx(50.0)
    assert found["note"][0] == "elasticity to the price paid -1.00"


def test_a_scenario_concerns_only_its_series_and_no_forecast_is_no_row() -> None:
    assert under(Scenario("s", price_change=0.1, unique_ids=frozenset({"B"})), effects(-1.0)).empty
    assert scenario_forecasts(BASE.iloc[:0], effects(-1.0), [Scenario("s", price_change=0.1)], freq="W-MON").empty
    assert list(scenario_forecasts(BASE, effects(-1.0), [], freq="W-MON").columns)[-1] == "note"


def test_impossible_changes_are_refused() -> None:
    with pytest.raises(ValueError, match="a price cannot fall by 100%"):
        under(Scenario("s", price_change=-1.0), effects(-1.0))
    with pytest.raises(ValueError, match="demand cannot fall by 150%"):
        under(Scenario("s", shock=Shock(date(2024, 2, 19), date(2024, 2, 25), -1.5)), effects(-1.0))


@given(st.floats(1e-9, 1e12), st.floats(-0.9, 4.0), st.floats(-6, -0.1), st.floats(0, 0.09))
@settings(deadline=None)
def test_scaling_the_base_scales_the_scenario_and_intervals_stay_nested(
    factor: float, change: float, elasticity: float, se: float
) -> None:
    numbers = ["mean", "lo-80", "hi-80", "lo-95", "hi-95"]
    asked = Scenario("s", price_change=change)
    one = under(asked, effects(elasticity, se))
    many = under(asked, effects(elasticity, se), BASE.assign(**{c: factor * BASE[c] for c in numbers}))
    assert many[numbers].to_numpy() == pytest.approx(factor * one[numbers].to_numpy(), rel=1e-9)
    inside = np.diff(one[["lo-95", "lo-80", "mean", "hi-80", "hi-95"]].to_numpy(), axis=1)
    assert (inside >= -1e-9 * one["hi-95"].to_numpy()[:, None]).all()


# scenarios.yaml -----------------------------------------------------------------------------------------------------


def test_the_demo_asks_three_things() -> None:
    asked = load_business(PROJECT_ROOT / "examples" / "demo").scenarios
    assert [(s.price_change_pct, s.promotion is None, s.shock is None) for s in asked] == [
        (5.0, True, True),
        (None, False, True),
        (None, True, False),
    ]


def test_a_scenario_on_a_night() -> None:
    spec = WhatIf.model_validate(
        {"name": "x", "price_change_pct": "5", "categories": ["Öle"], "products": ["P9"],
         "promotion": {"discount_pct": "20", "starts_in_days": "2", "lasts_days": "3"},
         "shock": {"change_pct": "-10", "starts_on": "2024-03-05"}}
    )  # fmt: skip
    found = spec.on(date(2024, 2, 27), {"P1": "Öle", "P2": "Käse", "P9": "Käse"})
    assert found.price_change == pytest.approx(0.05)
    assert found.price_from == date(2024, 2, 28)
    assert found.promotion == Promotion(date(2024, 2, 29), date(2024, 3, 2), 0.2)
    assert found.shock == Shock(date(2024, 3, 5), date(2024, 4, 1), -0.1)
    assert found.unique_ids == {"P1", "P9"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("scenarios:\n  - name: a\n", r"yaml:2: scenarios.0: nothing changes: give price_change_pct"),
        ("scenarios:\n  - name: a\n    price_change_pct: -95\n", r"yaml:3: scenarios.0.price_change_pct: Input should"),
        ("scenarios:\n  - name: a\n    price_changes: 5\n", r"yaml:3: scenarios.0.price_changes: unknown key; did you"),
        (
            "scenarios:\n  - name: a\n    shock: {change_pct: 5, starts_on: 2024-01-01,\n      starts_in_days: 3}\n",
            r"yaml:4: scenarios.0.shock.starts_in_days: starts_on says when it begins already",
        ),
        (
            "scenarios:\n  - {name: a, price_change_pct: 1}\n  - {name: a, price_change_pct: 2}\n",
            r"yaml:3: scenarios.1.name: 'a' is the name of another scenario already",
        ),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_file_line_and_key(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "scenarios.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError, match=message):
        load_model(path, ScenariosFile)
