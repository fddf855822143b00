"""Auto-ARIMA's votes on totals: against statsmodels, without looking ahead, without a second search, whatever breaks.

Not here: the worker alone (test_forecasting_worker.py).
"""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from statsmodels.tsa.statespace.sarimax import SARIMAX

from forecasting.arima import ArimaState, NoArimaError, extrapolate, search
from forecasting.arima_work import Job, TotalState, vote
from forecasting.engine import backtest_panel, forecast_panel
from forecasting.panel import PanelError
from forecasting.recalibration import Behind
from forecasting.totals import TotalVotes, totals_votes
from forecasting.votes import Votes, with_arima
from tests.support.worker_calls import searched_again, vote_or_die

HORIZON = 4
N_ORIGINS = 3
AIRLINE = ArimaState((0, 1, 1), (0, 1, 1, 4), False, (-0.4, -0.5, 0.02), 100.0)


def quarterly_like(n: int = 60, seed: int = 4) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(size=n)
    return np.asarray(100 + np.arange(n) + 20 * np.sin(np.pi * np.arange(n) / 2) + 2 * noise)


def panel_of(**series: np.ndarray) -> pd.DataFrame:
    frames = [
        pd.DataFrame({"unique_id": name, "ds": pd.date_range("2020-01-01", periods=len(y), freq="MS"), "y": y})
        for name, y in series.items()
    ]
    return pd.concat(frames, ignore_index=True)


CHOICE: dict[str, Any] = {"freq": "MS", "horizon": HORIZON, "season_lengths": (4,)}


@pytest.fixture(scope="module")
def panel() -> pd.DataFrame:
    return panel_of(
        company=quarterly_like(),
        Käse=quarterly_like(50, 5),
        closed=np.zeros(50),
        new=quarterly_like(20),
        flat=np.full(50, 3.0),
    )


@pytest.fixture(scope="module")
def backtest(panel: pd.DataFrame) -> pd.DataFrame:
    return backtest_panel(panel, n_origins=N_ORIGINS, **CHOICE)


@pytest.fixture(scope="module")
def votes(panel: pd.DataFrame, backtest: pd.DataFrame) -> TotalVotes:
    return totals_votes(panel, backtest=backtest, **CHOICE)


# one series ---------------------------------------------------------------------------------------------------------


def test_the_filter_is_statsmodels_own_fit() -> None:
    y = quarterly_like()
    fit = SARIMAX(y / 100, order=(0, 1, 1), seasonal_order=(0, 1, 1, 4)).fit(disp=0)
    state = replace(AIRLINE, params=tuple(fit.params))
    np.testing.assert_allclose(extrapolate(y, state, 6), 100 * fit.forecast(6), rtol=1e-9)


def test_a_random_walk_by_hand() -> None:
    walk = ArimaState((0, 1, 0), (0, 0, 0, 0), False, (1.0,), 1.0)
    np.testing.assert_allclose(extrapolate(np.array([3.0, 5, 4, 8]), walk, 2), [8, 8], rtol=1e-5)


@pytest.mark.parametrize(
    ("y", "why"),
    [
        (np.arange(23.0), "needs 24 points, there are 23"),
        (np.array([]), "needs 24 points, there are 0"),
        (np.full(40, 5.0), "never changes"),
        (np.r_[np.arange(30.0), np.nan], "not finite"),
        (np.r_[np.arange(30.0), np.inf], "not finite"),
    ],
)
def test_a_series_without_an_arima_says_why(y: np.ndarray, why: str) -> None:
    with pytest.raises(NoArimaError, match=why):
        search(y, 4)


@pytest.mark.parametrize("n", [28, 29, 30, 31])
def test_two_seasons_and_a_little_are_enough_for_an_order(n: int) -> None:
    """The test for a seasonal difference raises on some series of up to 30 months."""
    for seed in range(8):
        y = 50 + np.random.default_rng(seed).normal(size=n).cumsum()
        assert (search(y, 12).seasonal_order[3] == 0) or n == 31


AWKWARD = {
    "negative": -quarterly_like(40),
    "huge": 1e300 * quarterly_like(40),
    "tiny": 1e-300 * quarterly_like(40),
    "exploding": 2.0 ** np.arange(40),
    "one spike": np.r_[np.zeros(39), 5.0],
    "line": np.arange(40.0),
}


@pytest.mark.parametrize("name", AWKWARD)
def test_awkward_series_get_a_finite_vote_within_reach_or_a_reason(name: str) -> None:
    y = AWKWARD[name]
    answer = vote(Job(y, (30, 34), HORIZON, 4, (None, None, None)))
    if isinstance(answer, str):
        assert len(answer) > 10
        return
    whole = np.r_[answer.mean, answer.origins.ravel()]
    assert np.isfinite(whole).all()
    assert (y.min() < 0) or (whole >= 0).all()


# all of them --------------------------------------------------------------------------------------------------------


def test_every_total_has_a_vote_or_a_reason(votes: TotalVotes) -> None:
    outcomes = votes.outcomes.set_index("unique_id")
    assert set(outcomes.index) == {"company", "Käse", "closed", "new", "flat"}
    assert outcomes["model"].notna().to_dict() == {
        "company": True, "Käse": True, "closed": False, "new": False, "flat": False,
    }  # fmt: skip
    reasons = votes.silent.set_index("unique_id")["reason"]
    assert reasons["new"] == "auto-ARIMA needs 24 periods, there are 20"
    assert "never changes" in reasons["flat"]
    assert "never changes" in reasons["closed"]
    assert outcomes.loc["company", "model"].startswith("ARIMA(")
    assert votes.forecasts.groupby("unique_id").size().to_dict() == {"company": HORIZON, "Käse": HORIZON}
    assert votes.backtest.groupby("unique_id").size().to_dict() == dict.fromkeys(("company", "Käse"), 3 * HORIZON)
    assert set(votes.states) == {"company", "Käse"}


def test_the_votes_do_not_depend_on_how_many_workers_there_are(
    panel: pd.DataFrame, backtest: pd.DataFrame, votes: TotalVotes
) -> None:
    told: list[tuple[int, int]] = []
    other = totals_votes(panel, backtest=backtest, n_jobs=2, on_progress=lambda *at: told.append(at), **CHOICE)
    pd.testing.assert_frame_equal(other.forecasts, votes.forecasts)
    pd.testing.assert_frame_equal(other.backtest, votes.backtest)
    assert sorted(told) == [(k, 5) for k in range(1, 6)]


def test_no_origin_sees_its_future(panel: pd.DataFrame, backtest: pd.DataFrame, votes: TotalVotes) -> None:
    """What comes after an origin may change as it likes: what was said there stays."""
    first = backtest.loc[backtest["unique_id"] == "company", "cutoff"].min()
    own = panel[panel["unique_id"] == "company"]
    later = own.assign(y=own["y"].where(own["ds"] <= first, own["y"] * 1.5))
    other = totals_votes(later, backtest=backtest[backtest["unique_id"] == "company"], **CHOICE)
    before, after = (
        one[(one["unique_id"] == "company") & (one["cutoff"] == first)]["mean"].to_numpy()
        for one in (votes.backtest, other.backtest)
    )
    np.testing.assert_array_equal(before, after)


def test_the_next_night_filters_forward_and_searches_nothing(
    panel: pd.DataFrame, backtest: pd.DataFrame, votes: TotalVotes
) -> None:
    kept = {name: TotalState.from_json(state.to_json()) for name, state in votes.states.items()}
    again = totals_votes(panel, backtest=backtest, states=kept, work=searched_again, **CHOICE)
    pd.testing.assert_frame_equal(again.forecasts, votes.forecasts)
    pd.testing.assert_frame_equal(again.backtest, votes.backtest)
    assert not again.outcomes["is_searched"].any()
    assert again.states == votes.states
    # the counter-check: without the states the same work is refused
    refused = totals_votes(panel, backtest=backtest, work=searched_again, **CHOICE).silent.set_index("unique_id")
    assert "searched again" in refused.loc["company", "reason"]


def test_new_days_are_filtered_for_a_week_and_then_learned() -> None:
    days = pd.date_range("2024-01-01", periods=60)
    frame = pd.DataFrame({"unique_id": "company", "ds": days, "y": quarterly_like()})
    choice: dict[str, Any] = {"freq": "D", "horizon": 2, "season_lengths": (4,)}

    def night(n: int, states: dict[str, TotalState] | None) -> TotalVotes:
        known = frame.head(n)
        return totals_votes(known, backtest=backtest_panel(known, n_origins=2, **choice), states=states, **choice)

    first = night(50, None)
    second, week = night(51, first.states), night(57, first.states)
    assert [one.outcomes["is_searched"].item() for one in (first, second, week)] == [True, False, True]
    assert second.states == first.states
    assert second.forecasts["ds"].min() == pd.Timestamp("2024-02-21")
    assert week.states["company"].newest_until == "2024-02-26"
    # a state of another season, or younger than the first origin, is not this night's
    other = {"company": replace(first.states["company"], season_length=7)}
    assert night(51, other).outcomes["is_searched"].item()
    ahead = {"company": replace(first.states["company"], past_until="2024-02-19")}
    assert night(51, ahead).outcomes["is_searched"].item()


def test_one_that_hangs_and_one_that_dies_cost_only_their_own_votes(votes: TotalVotes) -> None:
    dying, hanging = quarterly_like(), quarterly_like()
    dying[0], hanging[0] = 666, 999
    panel = panel_of(a_dying=dying, b_hanging=hanging, company=quarterly_like())
    backtest = backtest_panel(panel, n_origins=N_ORIGINS, **CHOICE)
    found = totals_votes(panel, backtest=backtest, seconds_per_series=20, work=vote_or_die, **CHOICE)
    assert found.silent["reason"].tolist()[:2] == [
        "auto-ARIMA: its process died with exit code 9",
        "auto-ARIMA: took longer than 20 s",
    ]
    mean = votes.forecasts.loc[votes.forecasts["unique_id"] == "company", "mean"].to_numpy()
    np.testing.assert_array_equal(found.forecasts["mean"].to_numpy(), mean)


def test_a_real_search_that_is_too_slow_is_a_reason(panel: pd.DataFrame, backtest: pd.DataFrame) -> None:
    found = totals_votes(panel, backtest=backtest, seconds_per_series=0.001, **CHOICE)
    reasons = found.silent.set_index("unique_id")["reason"]
    assert reasons["company"] == reasons["Käse"] == "auto-ARIMA: took longer than 0.001 s"
    assert found.forecasts.empty
    forecasts = forecast_panel(panel, **CHOICE)
    ahead, past = with_arima(forecasts, backtest, found, Behind(panel, "MS", (4,)))
    pd.testing.assert_frame_equal(past, backtest)
    pd.testing.assert_frame_equal(ahead.drop(columns="fallback_reason"), forecasts.drop(columns="fallback_reason"))
    company = ahead.loc[ahead["unique_id"] == "company", "fallback_reason"]
    assert set(company) == {"auto-ARIMA: took longer than 0.001 s"}


def test_nothing_in_is_nothing_out() -> None:
    empty = panel_of(a=np.array([]))
    backtest = backtest_panel(empty, **CHOICE)
    none = totals_votes(empty, backtest=backtest, **CHOICE)
    assert (len(none.forecasts), len(none.outcomes), none.states) == (0, 0, {})
    forecasts = forecast_panel(empty, **CHOICE)
    ahead, past = with_arima(forecasts, backtest, none, Behind(empty, "MS", (4,)))
    assert (len(ahead), len(past), list(ahead.columns)) == (0, 0, list(forecasts.columns))


def test_an_origin_outside_the_history_is_refused(panel: pd.DataFrame, backtest: pd.DataFrame) -> None:
    moved = backtest.assign(cutoff=backtest["cutoff"] + pd.DateOffset(years=9))
    with pytest.raises(PanelError, match="origin lies outside"):
        totals_votes(panel, backtest=moved, **CHOICE)


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", '{"version": 1}', '{"version": 2, "past": {}}'])
def test_a_state_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no state of a total"):
        TotalState.from_json(text)


def test_a_state_with_a_broken_number_is_refused() -> None:
    state = TotalState(AIRLINE, AIRLINE, "2024-01-01", "2024-02-01", 4)
    values = json.loads(state.to_json())
    assert TotalState.from_json(json.dumps(values)) == state
    for broken in ({"params": [float("nan")]}, {"scale": 0}, {"order": [0, 1]}, {"seasonal_order": None}):
        with pytest.raises(ValueError, match="no state of a total"):
            TotalState.from_json(json.dumps(values | {"newest": values["newest"] | broken}))


# the combination ----------------------------------------------------------------------------------------------------


def test_the_vote_moves_the_mean_and_the_intervals_follow(
    panel: pd.DataFrame, backtest: pd.DataFrame, votes: TotalVotes
) -> None:
    forecasts = forecast_panel(panel, levels=(50, 80, 95), **CHOICE)
    ahead, past = with_arima(forecasts, backtest, votes, Behind(panel, "MS", (4,)))
    assert list(ahead.columns) == list(forecasts.columns)
    assert list(past.columns) == list(backtest.columns)
    voted = ahead["unique_id"].isin(["company", "Käse"])
    assert ahead["model_used"].str.endswith("+arima").equals(voted)
    pd.testing.assert_frame_equal(
        ahead[~voted].drop(columns="fallback_reason"), forecasts[~voted].drop(columns="fallback_reason")
    )
    for lower, upper in (
        ("lo-95", "lo-80"),
        ("lo-80", "lo-50"),
        ("lo-50", "mean"),
        ("mean", "hi-50"),
        ("hi-50", "hi-95"),
    ):
        assert (ahead[lower] <= ahead[upper]).all()
    both = forecasts.merge(votes.forecasts, on=["unique_id", "ds"], suffixes=("", "_arima")).merge(
        ahead[["unique_id", "ds", "mean"]], on=["unique_id", "ds"], suffixes=("", "_both")
    )
    weight = (both["mean_both"] - both["mean"]) / (both["mean_arima"] - both["mean"])
    assert weight.between(1 / 17 - 1e-6, 1 / 2 + 1e-6).all()
    assert weight.groupby(both["unique_id"]).agg(np.ptp).max() < 1e-6


def test_the_weight_by_hand() -> None:
    """ARIMA missed half as much at the only origin: odds 2² / 4, a weight of 1/2; at the origin itself, 1/5."""
    days = pd.date_range("2024-01-01", periods=5)
    panel = pd.DataFrame({"unique_id": "A", "ds": days, "y": [1.0, 5, 2, 6, 4]})
    when = {"unique_id": ["A"], "cutoff": days[3], "ds": days[4]}
    backtest = pd.DataFrame({**when, "y": 4.0, "mean": 8.0, "naive": 6.0, "model_used": "ets"})
    ahead = {"unique_id": ["A"], "ds": pd.Timestamp("2024-01-06")}
    forecasts = pd.DataFrame(
        {
            **ahead,
            "mean": 9.0,
            "lo-80": 8.0,
            "hi-80": 10.0,
            "model_used": "ets",
            "demand_class": "regular",
            "fallback_reason": None,
        }
    )
    votes = Votes(
        pd.DataFrame({**ahead, "mean": 6.0}),
        pd.DataFrame({**when, "mean": 6.0}),
        pd.DataFrame({"unique_id": [], "reason": []}, dtype="str"),
    )
    found, past = with_arima(forecasts, backtest, votes, Behind(panel, "D", (1,)))
    assert found["mean"].item() == pytest.approx(9 / 2 + 6 / 2)
    assert past["mean"].item() == pytest.approx(8 * 4 / 5 + 6 * 1 / 5)
    assert found["lo-80"].item() <= found["mean"].item() <= found["hi-80"].item()
    strange = replace(votes, forecasts=votes.forecasts.assign(unique_id="B"))
    with pytest.raises(PanelError, match="'B' has a vote, but no forecast"):
        with_arima(forecasts, backtest, strange, Behind(panel, "D", (1,)))
    late = replace(votes, forecasts=votes.forecasts.assign(ds=pd.Timestamp("2025-01-06")))
    with pytest.raises(PanelError, match="other periods"):
        with_arima(forecasts, backtest, late, Behind(panel, "D", (1,)))
