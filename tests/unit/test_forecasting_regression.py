"""Regression votes: coefficients worked by hand, the regressors' contract, moving holidays, and the gate.

Not here: scenarios (test_forecasting_scenarios.py), short series (test_forecasting_profiles.py).
"""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.effects import pool_by_group, random_effects
from forecasting.fitting import Design, fit
from forecasting.gate import gate_votes
from forecasting.panel import PanelError
from forecasting.regression import RegressionVotes, regression_votes
from forecasting.regressors import Regressors, holiday_columns

N, H = 60, 4
WEEKS = pd.date_range("2023-01-02", periods=N + H, freq="W-MON").astype("datetime64[s]")
PROMOTED = (np.arange(N + H) % 5 == 2).astype("float64")
PRICE = np.where(np.arange(N + H) // 3 % 2 == 0, 2.0, 4.0)


def series(y: Any, unique_id: str = "A") -> pd.DataFrame:
    values = np.asarray(y, dtype="float64")
    return pd.DataFrame({"unique_id": unique_id, "ds": WEEKS[: len(values)], "y": values})


def known(unique_id: str = "A", **columns: Any) -> pd.DataFrame:
    return pd.DataFrame({"unique_id": unique_id, "ds": WEEKS, **columns})


def votes(panel: pd.DataFrame, regressors: pd.DataFrame | None, **others: Any) -> RegressionVotes:
    return regression_votes(panel, Regressors(regressors), freq="W-MON", horizon=H, **others)


def effect(found: RegressionVotes, regressor: str, column: str = "own_effect") -> float:
    return float(found.effects.set_index("regressor")[column][regressor])


# coefficients -------------------------------------------------------------------------------------------------------


def test_a_saturated_fit_has_the_means_of_its_cells() -> None:
    # off: 10, 14 (mean 12), on: 30, 42 (mean 36): log 36/12 = log 3 whatever the variance function
    y = np.array([[10.0, 14.0, 30.0, 42.0]]) / 24
    design = Design(np.ones((4, 1)), np.array([[[0.0], [0.0], [1.0], [1.0]]]), 1)
    prior = {"centre": np.zeros((1, 2)), "spread": np.full((1, 2), np.inf)}
    found = fit(y, np.ones((1, 4), dtype=bool), design, **prior, is_log=np.array([True]))
    assert found.coefficients[0] == pytest.approx([np.log(0.5), np.log(3.0)], abs=1e-6)
    plain = fit(y, np.ones((1, 4), dtype=bool), design, **prior, is_log=np.array([False]))
    assert plain.coefficients[0] == pytest.approx([0.5, 1.0], abs=1e-6)


def test_a_price_elasticity_is_found_and_used() -> None:
    found = votes(series(100 * PRICE[:N] ** -1.5), known(price=PRICE))
    assert effect(found, "price") == pytest.approx(-1.5, abs=0.02)
    assert found.forecasts["mean"].to_numpy() == pytest.approx(100 * PRICE[N:] ** -1.5, rel=0.02)


def test_a_promotion_does_not_lift_the_level_it_is_taken_out_of() -> None:
    y = 20 + 40 * PROMOTED[:N]
    found = votes(series(y), known(promotion=PROMOTED))
    assert effect(found, "promotion") == pytest.approx(np.log(3), abs=0.02)
    assert found.forecasts["mean"].to_numpy() == pytest.approx(20 + 40 * PROMOTED[N:], rel=0.02)


def test_a_drift_is_not_taken_for_the_effect_of_a_price_that_rises_with_it() -> None:
    rng = np.random.default_rng(3)
    price = np.linspace(2, 3, N + H) + rng.normal(0, 0.05, N + H)
    found = votes(series(np.linspace(10, 30, N) + rng.normal(0, 0.5, N)), known(price=price))
    assert abs(effect(found, "price", "effect")) < 1.0  # log-log on the raw levels says 2.7


def test_returns_are_explained_by_terms_and_not_by_factors() -> None:
    y = np.where(PROMOTED[:N] > 0, 15.0, -5.0)
    assert votes(series(y), known(promotion=PROMOTED)).forecasts["mean"].to_numpy() == pytest.approx(
        np.where(PROMOTED[N:] > 0, 15.0, -5.0), abs=0.5
    )


def test_what_one_series_does_not_tell_its_group_does() -> None:
    panels, columns = [], []
    for i in range(8):
        on = np.roll(PROMOTED, i) if i else np.where(np.arange(N + H) == N - 1, 1.0, 0.0)
        panels.append(series(20 * np.exp(on[:N]) * (1 if i else 1 - 0.5 * on[:N]), f"S{i}"))
        columns.append(known(f"S{i}", promotion=on))
    found = votes(pd.concat(panels), pd.concat(columns)).effects.set_index("unique_id")
    alone, shrunk = found.loc["S0", "own_effect"], found.loc["S0", "effect"]
    assert found.loc["S0", "group_effect"] == pytest.approx(1.0, abs=0.15)
    assert alone < shrunk


def test_a_group_that_tells_little_lends_little() -> None:
    centre, spread, _ = pool_by_group(np.array([-90.0, -110, -95, -105]), np.full(4, 1600.0), ["g"] * 4)
    assert (np.abs(centre) < 2).all()
    assert (spread > 1.8).all()


def test_effects_that_agree_have_no_spread() -> None:
    assert random_effects(np.array([1.0, 1.1, 0.9]), np.full(3, 0.5)).spread == 0


# contract -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"price": np.full(N + H, 3.0)}, "never changed in the history"),
        ({"promotion": np.zeros(N + H)}, "never changed in the history"),
        ({"promotion": np.r_[np.zeros(N), np.ones(H)]}, "never changed in the history"),
        ({"price": np.r_[PRICE[:N], np.full(H, np.nan)]}, "not known for the whole horizon"),
        ({"price": np.r_[np.full(9, np.nan), PRICE[9:]]}, "not known for the whole history"),
        ({"x": np.arange(N + H) * 1.0}, "moves with the trend or with a regressor before it"),
    ],
)
def test_what_cannot_be_learned_from_is_given_up_with_a_reason(columns: dict[str, Any], reason: str) -> None:
    found = votes(series(20 + 40 * PROMOTED[:N]), known(**columns))
    assert found.effects["reason"].tolist() == [reason]
    assert np.isnan(found.effects["effect"]).all()
    assert np.isfinite(found.forecasts["mean"]).all()


def test_of_two_regressors_that_move_together_the_first_is_kept() -> None:
    found = votes(series(20 + 40 * PROMOTED[:N]), known(promotion=PROMOTED, leaflet=3 * PROMOTED))
    assert found.effects.set_index("regressor")["reason"].isna().to_dict() == {"promotion": True, "leaflet": False}
    assert effect(found, "promotion") == pytest.approx(np.log(3), abs=0.02)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (np.nan, "'price' of series 'A' at 2023-01-16: it is missing"),
        (np.inf, "'price' of series 'A' at 2023-01-16: it is infinite"),
        (0.0, "'price' of series 'A' at 2023-01-16: it is a price, but not above 0"),
    ],
)
def test_a_broken_regressor_is_refused_by_name(value: float, message: str) -> None:
    price = PRICE.copy()
    price[2] = value
    with pytest.raises(PanelError, match=message):
        votes(series(np.ones(N)), known(price=price))


def test_a_regressor_given_twice_is_refused() -> None:
    twice = pd.concat([known(price=PRICE), known(price=PRICE).head(1)])
    with pytest.raises(PanelError, match="given twice"):
        votes(series(np.ones(N)), twice)


# awkward series -----------------------------------------------------------------------------------------------------


def test_nothing_in_nothing_out() -> None:
    found = votes(series([]).astype({"unique_id": "str"}), None)
    assert (len(found.forecasts), len(found.backtest), len(found.effects), len(found.silent)) == (0, 0, 0, 0)


@pytest.mark.parametrize(
    ("y", "reason"), [([5.0], "fewer than 8 periods"), ([1.0] * 7, "fewer than 8 periods"), ([0.0] * 20, "no demand")]
)
def test_who_cannot_be_explained_is_silent_with_a_reason(y: list[float], reason: str) -> None:
    found = votes(series(y), None)
    assert found.forecasts.empty
    assert found.silent["reason"].tolist() == [reason]


@pytest.mark.parametrize(
    "y",
    [
        np.full(N, 3.0),
        np.r_[np.zeros(N - 1), 1.0],
        1e300 * (1 + PROMOTED[:N]),
        1e-300 * (1 + PROMOTED[:N]),
        np.exp(np.arange(N) * 0.5),
        np.where(np.arange(N) % 9 == 0, 1e9, 1.0),
        -np.ones(N),
    ],
)
def test_votes_are_finite_and_keep_their_sign(y: np.ndarray) -> None:
    panel = pd.concat([series(y), series(np.ones(N), "B")])
    found = votes(panel, known(price=PRICE, promotion=PROMOTED), origins=origins(panel)).forecasts
    mine = found.loc[found["unique_id"] == "A", "mean"].to_numpy()
    assert len(mine) == H
    assert np.isfinite(mine).all()
    assert (mine >= 0).all() if y.min() >= 0 else (mine < 0).all()


def origins(panel: pd.DataFrame, cutoffs: tuple[int, ...] = (40, 50)) -> pd.DataFrame:
    ids = panel["unique_id"].unique()
    return pd.DataFrame({"unique_id": np.repeat(ids, len(cutoffs)), "cutoff": np.tile(WEEKS[list(cutoffs)], len(ids))})


@given(st.floats(1e-6, 1e6), st.integers(0, 9))
@settings(max_examples=15, deadline=None)
def test_scaling_a_series_scales_its_forecast(factor: float, seed: int) -> None:
    y = np.random.default_rng(seed).poisson(4 * np.exp(PROMOTED[:N])).astype("float64")
    one = votes(series(y), known(promotion=PROMOTED)).forecasts["mean"].to_numpy()
    many = votes(series(factor * y), known(promotion=PROMOTED)).forecasts["mean"].to_numpy()
    assert many == pytest.approx(factor * one, rel=1e-6)


def test_what_has_long_ceased_to_sell_is_nothing_and_no_tiny_number() -> None:
    y = np.where(np.arange(N) < 20, 30 / PRICE[:N] + np.arange(N) % 3, 0.0)
    found = votes(series(y), known(price=PRICE)).forecasts
    assert found["mean"].tolist() == [0.0] * H


def test_an_origin_does_not_see_its_future() -> None:
    y = 20 + 40 * PROMOTED[:N] + np.random.default_rng(1).normal(0, 1, N)
    changed = y.copy()
    changed[45:] = 999.0
    regressors = known(promotion=PROMOTED)
    first, second = (
        votes(series(v), regressors, origins=origins(series(v), (44,))).backtest["mean"].to_numpy()
        for v in (y, changed)
    )
    # the scale alone may move a last digit
    assert first == pytest.approx(second, rel=1e-9)


def test_an_origin_does_not_know_a_price_that_nobody_planned() -> None:
    y, price = 100 * PRICE[:N] ** -1.5, known(price_paid=PRICE)
    at = origins(series(y), (50,))
    assert set(PRICE[51:55]) == {2.0, 4.0}
    for unplanned, expected in ((frozenset[str](), PRICE[51:55]), (frozenset({"price_paid"}), np.full(H, PRICE[50]))):
        regressors = Regressors(price, unplanned=unplanned)
        found = regression_votes(series(y), regressors, freq="W-MON", horizon=H, origins=at).backtest
        assert found["mean"].to_numpy() == pytest.approx(100 * expected**-1.5, rel=0.05)


# holidays -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("country", "name", "days"),
    [
        ("DE", "Easter Monday", ["2024-04-01", "2025-04-21"]),
        ("US", "Thanksgiving Day", ["2024-11-28", "2025-11-27"]),
        ("TR", "Eid al-Fitr", ["2024-04-10", "2025-03-30"]),
    ],
)
def test_moving_holidays_fall_where_they_do_in_each_year(country: str, name: str, days: list[str]) -> None:
    calendar = holiday_columns(pd.date_range("2024-01-01", "2025-12-31"), freq="D", country=country)
    found = calendar.loc[calendar[name] == 1, "ds"].dt.strftime("%Y-%m-%d").tolist()
    assert set(days) <= set(found)


def test_the_days_around_a_holiday_and_a_leap_day() -> None:
    calendar = holiday_columns(pd.date_range("2024-02-28", "2024-04-03"), freq="D", country="DE").set_index("ds")
    assert calendar.index[1] == pd.Timestamp("2024-02-29")
    assert calendar.loc["2024-03-28", "before_holiday"] == 1  # Thursday before Good Friday
    assert calendar.loc["2024-04-02", "after_holiday"] == 1  # Tuesday after Easter Monday
    assert calendar["before_holiday"].sum() == 2  # and the Sunday before Easter Monday, which is no public holiday


def test_weeks_and_months_count_holidays() -> None:
    weeks = holiday_columns(pd.date_range("2024-03-25", periods=2, freq="W-MON"), freq="W-MON", country="DE")
    assert weeks["holiday_weekdays"].tolist() == [1.0, 1.0]
    months = holiday_columns(pd.date_range("2024-01-01", periods=12, freq="MS"), freq="MS", country="DE")
    assert "Christmas Day" not in months.columns  # the season knows it


def test_a_country_without_a_calendar_is_named() -> None:
    with pytest.raises(ValueError, match="'XX'"):
        holiday_columns(WEEKS, freq="W-MON", country="XX")


# the gate -----------------------------------------------------------------------------------------------------------


def judged(engine: Any, vote: Any, n_series: int = 12, seed: int = 0) -> pd.DataFrame:
    """A gate over series of six origins a week apart, whose errors have these scales."""
    rng = np.random.default_rng(seed)
    rows = [(f"S{i}", WEEKS[k], WEEKS[k + 1 + s]) for i in range(n_series) for k in range(6) for s in range(H)]
    past = pd.DataFrame(rows, columns=["unique_id", "cutoff", "ds"]).assign(y=100.0)
    past["unique_id"] = past["unique_id"].astype("str")
    past["mean"] = 100 + rng.normal(0, engine, len(past))
    said = past[["unique_id", "cutoff", "ds"]].assign(mean=100 + rng.normal(0, vote, len(past)))
    return gate_votes(past, said, groups={})


def test_a_vote_that_is_right_is_taken_whole_and_one_that_is_wrong_not_at_all() -> None:
    assert (judged(20, 0.1)["weight"] == 1).all()
    assert (judged(2, 40)["weight"] == 0).all()


def test_votes_without_gain_are_rarely_kept() -> None:
    """Votes that repeat the engine with as much noise again gain nothing at any weight."""
    kept = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        rows = [(f"S{i}", WEEKS[k], WEEKS[k + 1]) for i in range(10) for k in range(6)]
        past = pd.DataFrame(rows, columns=["unique_id", "cutoff", "ds"]).assign(y=100.0)
        past["mean"] = 100 + rng.normal(0, 10, len(past))
        said = past[["unique_id", "cutoff", "ds"]].assign(mean=past["mean"] + rng.normal(0, 10, len(past)))
        kept.append((gate_votes(past, said, groups={})["weight"] > 0).mean())
    assert np.mean(kept) < 0.1


def test_one_origin_is_no_evidence_and_a_perfect_engine_needs_no_vote() -> None:
    past = pd.DataFrame({"unique_id": ["A"], "cutoff": WEEKS[:1], "ds": WEEKS[1:2], "y": 1.0, "mean": 9.0})
    assert gate_votes(past, past.assign(mean=1.0), groups={})["reason"].tolist() == [
        "fewer than 2 past origins to compare"
    ]
    perfect = pd.DataFrame({"unique_id": "A", "cutoff": WEEKS[:5], "ds": WEEKS[1:6], "y": 1.0, "mean": 1.0})
    assert gate_votes(perfect, perfect, groups={})["reason"].tolist() == ["the engine made no error"]
