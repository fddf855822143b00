"""Votes in the engine's forecasts: what they count, what they leave alone, and intervals of what the mix missed.

Not here: where votes come from (test_forecasting_totals.py, test_forecasting_regression.py,
test_forecasting_profiles.py).
"""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.engine import backtest_panel, forecast_panel
from forecasting.gate import error_weights, gate_weights, group_weights
from forecasting.panel import PanelError, empty_panel
from forecasting.recalibration import Behind
from forecasting.votes import Votes, with_arima, with_profiles, with_regression
from forecasting.young import young_backtest, young_votes

MONTHS = pd.date_range("2018-01-01", periods=72, freq="MS").astype("datetime64[s]")
H = 6
SILENT = pd.DataFrame({"unique_id": [], "reason": []}, dtype="str")
CHRISTMAS = np.tile(np.r_[np.full(11, 9.0), 21.0], 6) / 10.0
BOUNDS = ["lo-80", "hi-80", "lo-95", "hi-95"]


def panel_of(n_series: int, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frames = [
        pd.DataFrame({"unique_id": f"S{i:02d}", "ds": MONTHS, "y": 100 + np.arange(72) / 2 + rng.normal(0, 3 + i, 72)})
        for i in range(n_series)
    ]
    return pd.concat(frames, ignore_index=True)


def said(frame: pd.DataFrame, keys: list[str], mean: pd.Series) -> pd.DataFrame:
    return frame[keys].assign(mean=mean)


def voting(forecasts: pd.DataFrame, backtest: pd.DataFrame, ahead: pd.Series, past: pd.Series) -> Votes:
    return Votes(
        said(forecasts, ["unique_id", "ds"], ahead), said(backtest, ["unique_id", "cutoff", "ds"], past), SILENT
    )


@pytest.fixture(scope="module")
def panel() -> pd.DataFrame:
    return panel_of(12)


@pytest.fixture(scope="module")
def forecasts(panel: pd.DataFrame) -> pd.DataFrame:
    return forecast_panel(panel, freq="MS", horizon=H)


@pytest.fixture(scope="module")
def backtest(panel: pd.DataFrame) -> pd.DataFrame:
    return backtest_panel(panel, freq="MS", horizon=H)


# the mix ------------------------------------------------------------------------------------------------------------


def test_a_vote_that_says_what_the_engine_says_leaves_its_intervals_to_the_last_digits(
    panel: pd.DataFrame, forecasts: pd.DataFrame, backtest: pd.DataFrame
) -> None:
    """The oracle of the calibration: the same errors, by way of frames, make the same intervals."""
    echo = voting(forecasts, backtest, forecasts["mean"], backtest["mean"])
    ahead, past = with_arima(forecasts, backtest, echo, Behind(panel, "MS"))
    columns = ["mean", *BOUNDS]
    np.testing.assert_allclose(ahead[columns], forecasts[columns], rtol=1e-9)
    np.testing.assert_allclose(past["mean"], backtest["mean"], rtol=1e-12)
    assert ahead["model_used"].str.endswith("+arima").all()


def test_votes_that_know_the_future_narrow_the_intervals_and_noise_does_not(
    panel: pd.DataFrame, forecasts: pd.DataFrame, backtest: pd.DataFrame
) -> None:
    width = (forecasts["hi-95"] - forecasts["lo-95"]).mean()
    knows = voting(forecasts, backtest, forecasts["mean"], backtest["y"])
    ahead, past = with_regression(forecasts, backtest, knows, Behind(panel, "MS"), {})
    assert (ahead["hi-95"] - ahead["lo-95"]).mean() < 0.2 * width
    assert set(ahead["model_used"]) == set(past["model_used"]) == {"regression"}  # it counts alone
    noise = np.random.default_rng(1).normal(0, 300, len(backtest))
    guesses = voting(forecasts, backtest, forecasts["mean"] + 300, backtest["y"] + noise)
    ahead, past = with_regression(forecasts, backtest, guesses, Behind(panel, "MS"), {})
    pd.testing.assert_frame_equal(ahead, forecasts)
    pd.testing.assert_frame_equal(past, backtest)


@pytest.mark.parametrize("seed", [0, 1])
def test_intervals_of_the_mix_are_nested_around_it_and_cover_what_comes(seed: int) -> None:
    whole = panel_of(30, seed)
    known, later = whole[whole["ds"] < MONTHS[66]], whole[whole["ds"] >= MONTHS[66]]
    forecasts, backtest = forecast_panel(known, freq="MS", horizon=H), backtest_panel(known, freq="MS", horizon=H)
    rng = np.random.default_rng(seed)
    wild = voting(
        forecasts,
        backtest,
        forecasts["mean"] + rng.normal(0, 20, len(forecasts)),
        backtest["mean"] + rng.normal(0, 20, len(backtest)),
    )
    ahead, _ = with_arima(forecasts, backtest, wild, Behind(known, "MS"))
    rising = ahead[["lo-95", "lo-80", "mean", "hi-80", "hi-95"]].to_numpy()
    assert (np.diff(rising, axis=1) >= 0).all()
    came = ahead.merge(later, on=["unique_id", "ds"])
    assert 0.88 < came["y"].between(came["lo-95"], came["hi-95"]).mean() <= 1.0


def test_rows_keep_their_order_and_their_index(
    panel: pd.DataFrame, forecasts: pd.DataFrame, backtest: pd.DataFrame
) -> None:
    better = voting(forecasts, backtest, forecasts["mean"] + 1, (backtest["mean"] + backtest["y"]) / 2)
    mixed = forecasts.sample(frac=1.0, random_state=3)
    straight, _ = with_arima(forecasts, backtest, better, Behind(panel, "MS"))
    shuffled, _ = with_arima(mixed, backtest, better, Behind(panel, "MS"))
    pd.testing.assert_frame_equal(shuffled.sort_index(), straight)


def test_other_classes_and_series_without_a_vote_stay_as_they_were(backtest: pd.DataFrame) -> None:
    rare = np.where(np.arange(72) % 5 == 0, 4.0, 0.0)
    rarely = pd.DataFrame({"unique_id": "rare", "ds": MONTHS, "y": rare})
    panel = pd.concat([panel_of(2), rarely], ignore_index=True)
    forecasts, past = forecast_panel(panel, freq="MS", horizon=H), backtest_panel(panel, freq="MS", horizon=H)
    votes = voting(forecasts, past, forecasts["mean"] + 9, past["mean"] + 9)
    keep = votes.forecasts["unique_id"] != "S00", votes.backtest["unique_id"] != "S00"
    silent = pd.DataFrame({"unique_id": ["S00", "rare"], "reason": ["it hung", "it hung"]})
    some = Votes(votes.forecasts[keep[0]], votes.backtest[keep[1]], silent)
    ahead, then = with_arima(forecasts, past, some, Behind(panel, "MS"))
    moved = ahead["unique_id"] == "S01"
    columns = ["mean", *BOUNDS, "model_used"]
    pd.testing.assert_frame_equal(ahead.loc[~moved, columns], forecasts.loc[~moved, columns])
    pd.testing.assert_frame_equal(then[then["unique_id"] != "S01"], past[past["unique_id"] != "S01"])
    assert (ahead.loc[moved, "mean"] > forecasts.loc[moved, "mean"]).all()
    reasons = ahead.drop_duplicates("unique_id").set_index("unique_id")["fallback_reason"]
    assert reasons["S00"] == "it hung"
    assert reasons[["S01", "rare"]].isna().all()  # ARIMA is not asked about rare demand


@given(st.floats(1e-6, 1e6))
@settings(max_examples=10, deadline=None)
def test_the_mix_has_the_unit_of_the_series(factor: float) -> None:
    panel = panel_of(3)
    forecasts, backtest = forecast_panel(panel, freq="MS", horizon=H), backtest_panel(panel, freq="MS", horizon=H)
    votes = voting(forecasts, backtest, forecasts["mean"] + 5, backtest["mean"] + 5)
    one, _ = with_arima(forecasts, backtest, votes, Behind(panel, "MS"))
    columns = ["mean", *BOUNDS]
    ahead = forecasts.assign(**{name: factor * forecasts[name] for name in columns})
    past = backtest.assign(**{name: factor * backtest[name] for name in ("y", "mean", "naive")})
    many, _ = with_arima(
        ahead, past, voting(ahead, past, ahead["mean"] + 5 * factor, past["mean"] + 5 * factor),
        Behind(panel.assign(y=factor * panel["y"]), "MS"),
    )  # fmt: skip
    np.testing.assert_allclose(many[columns], factor * one[columns], rtol=1e-6)


def test_what_does_not_belong_together_is_refused(
    panel: pd.DataFrame, forecasts: pd.DataFrame, backtest: pd.DataFrame
) -> None:
    votes = voting(forecasts, backtest, forecasts["mean"], backtest["mean"])
    with pytest.raises(PanelError, match="'S11' has no history in the panel"):
        with_arima(forecasts, backtest, votes, Behind(panel[panel["unique_id"] != "S11"], "MS"))
    short = panel[panel["ds"] < MONTHS[40]]
    with pytest.raises(PanelError, match="origin lies outside"):
        with_arima(forecasts, backtest, votes, Behind(short, "MS"))
    twice = Votes(pd.concat([votes.forecasts, votes.forecasts.head(1)]), votes.backtest, SILENT)
    with pytest.raises(pd.errors.MergeError):
        with_arima(forecasts, backtest, twice, Behind(panel, "MS"))


def test_nothing_in_is_nothing_out() -> None:
    panel = empty_panel()
    forecasts, backtest = forecast_panel(panel, freq="MS", horizon=H), backtest_panel(panel, freq="MS", horizon=H)
    votes = voting(forecasts, backtest, forecasts["mean"], backtest["mean"])
    ahead, past = with_regression(forecasts, backtest, votes, Behind(panel, "MS"), {})
    assert (len(ahead), len(past)) == (0, 0)
    young = young_backtest(panel, freq="MS", horizon=H)
    none = young_votes(panel, {}, freq="MS", horizon=H, young=young)
    assert with_profiles(forecasts, young, none, Behind(panel, "MS"), {}).empty


# what a vote counts -------------------------------------------------------------------------------------------------


def past_of(n_series: int = 12, n_origins: int = 6, noise: float = 10.0, seed: int = 0) -> pd.DataFrame:
    rows = [
        (f"S{i:02d}", MONTHS[20 + k], MONTHS[21 + k + s]) for i in range(n_series) for k in range(n_origins)
        for s in range(4)
    ]  # fmt: skip
    past = pd.DataFrame(rows, columns=["unique_id", "cutoff", "ds"]).assign(y=100.0)
    return past.assign(mean=100 + np.random.default_rng(seed).normal(0, noise, len(past)))


@pytest.mark.parametrize("weigh", [error_weights, lambda past, votes: gate_weights(past, votes, groups={})])
def test_no_error_chooses_the_weight_it_is_judged_by(weigh) -> None:  # type: ignore[no-untyped-def]
    past = past_of()
    votes = past.assign(mean=(past["mean"] + past["y"]) / 2)
    last = past["cutoff"] == past["cutoff"].max()
    worse = votes.assign(mean=votes["mean"].mask(last, 900.0))
    before, after = weigh(past, votes), weigh(past, worse)
    at = before.past.index.get_level_values("cutoff") == past["cutoff"].max()
    np.testing.assert_allclose(before.past[at], after.past[at])
    assert (before.past[at] > 0.2).all()
    assert (after.past[~at] < before.past[~at]).all()  # but the others have seen it


def test_the_gate_keeps_what_helps_and_nothing_else() -> None:
    past = past_of()
    right = gate_weights(past, past.assign(mean=100.0), groups={})
    wrong = gate_weights(past, past_of(noise=80.0, seed=1), groups={})
    assert (right.final == 1.0).all()
    assert (right.past == 1.0).all()
    assert (wrong.final == 0.0).all()
    assert (wrong.past == 0.0).all()


def test_a_group_speaks_for_its_newcomers_and_a_small_one_asks_everyone() -> None:
    past = past_of(16)
    is_good = past["unique_id"] < "S10"
    votes = past.assign(mean=past["y"].where(is_good, past_of(16, noise=90.0, seed=2)["mean"]))
    groups = {f"S{i:02d}": "good" if i < 10 else "bad" for i in range(16)} | {"n": "good", "m": "bad", "x": "tiny"}
    weights = group_weights(past, votes, groups=groups, ids=["n", "m", "x"])
    assert weights.final["n"] == 1.0
    assert weights.final["m"] == 0.0
    alone = group_weights(past, past.assign(mean=100.0), groups=groups, ids=["x"])
    assert alone.final["x"] == 1.0  # nobody of its group was seen: all of them decide
    few = past[past["unique_id"] < "S03"]
    assert group_weights(few, few.assign(mean=100.0), groups={}, ids=["n"]).final["n"] == 0.0  # three are no evidence


# young series -------------------------------------------------------------------------------------------------------


def launched(unique_id: str, begin: int, level: float, n: int | None = None) -> pd.DataFrame:
    y = level * CHRISTMAS[begin:]
    frame = pd.DataFrame({"unique_id": unique_id, "ds": MONTHS[begin:], "y": y})
    return frame if n is None else frame.tail(n)


def test_a_category_speaks_for_its_young_series_where_it_did_well_before() -> None:
    old = [launched(f"C{i}", 0, 50.0 + 10 * i) for i in range(5)]
    once_young = [launched(f"L{i}", 50 + i, 5.0 + i) for i in range(12)]
    panel = pd.concat([*old, *once_young, launched("new", 67, 8.0)], ignore_index=True)
    groups = dict.fromkeys(panel["unique_id"].unique(), "C")
    behind = Behind(panel, "MS")
    forecasts = forecast_panel(panel, freq="MS", horizon=H)
    young = young_backtest(panel, freq="MS", horizon=H)
    assert set(young["unique_id"]) == {f"L{i}" for i in range(12)}
    votes = young_votes(panel, groups, freq="MS", horizon=H, young=young)
    assert votes.forecasts["unique_id"].unique().tolist() == ["new"]
    ahead = with_profiles(forecasts, young, votes, behind, groups)
    mine = ahead["unique_id"] == "new"
    pd.testing.assert_frame_equal(ahead[~mine], forecasts[~mine])
    assert ahead.loc[mine, "model_used"].str.contains("profile").all()
    assert set(ahead.loc[mine, "fallback_reason"]) == {
        "fewer than 8 periods of history: what its category's season and launches say of it"
    }
    came = 8.0 * CHRISTMAS[:H]
    closer = np.abs(ahead.loc[mine, "mean"].to_numpy() - came).mean()
    assert closer < 0.5 * np.abs(forecasts.loc[mine, "mean"].to_numpy() - came).mean()
    assert (ahead.loc[mine, "lo-95"] <= ahead.loc[mine, "mean"]).all()


def test_without_evidence_young_series_keep_their_mean() -> None:
    panel = pd.concat([launched("old", 0, 5.0), launched("new", 67, 8.0)], ignore_index=True)
    forecasts = forecast_panel(panel, freq="MS", horizon=H)
    young = young_backtest(panel, freq="MS", horizon=H)
    votes = young_votes(panel, {}, freq="MS", horizon=H, young=young)
    pd.testing.assert_frame_equal(with_profiles(forecasts, young, votes, Behind(panel, "MS"), {}), forecasts)


def test_young_series_without_a_vote_learn_from_the_others_how_wide_they_are() -> None:
    """Launches that double after half a year: the mean of six periods is far off, and the intervals say so."""
    rng = np.random.default_rng(0)
    doubling = [
        pd.DataFrame({"unique_id": f"L{i}", "ds": MONTHS[46:64], "y": rng.permuted(np.r_[9.0, 10, 11, 9, 10, 11])[
            np.arange(18) % 6] * np.repeat([1.0, rng.choice([0.2, 3.0])], [6, 12])}) for i in range(12)
    ]  # fmt: skip
    new = pd.DataFrame({"unique_id": "new", "ds": MONTHS[58:64], "y": [10.0, 9, 11, 10, 9, 11]})
    old = [launched(f"C{i}", 0, 5.0).head(64) for i in range(3)]
    panel = pd.concat([*old, *doubling, new], ignore_index=True)
    forecasts = forecast_panel(panel, freq="MS", horizon=H)
    young = young_backtest(panel, freq="MS", horizon=H)
    none = Votes(forecasts.head(0)[["unique_id", "ds", "mean"]], young.head(0)[["unique_id", "cutoff", "ds", "mean"]],
                 SILENT)  # fmt: skip
    ahead = with_profiles(forecasts, young, none, Behind(panel, "MS"), {})
    mine = ahead["unique_id"] == "new"
    pd.testing.assert_frame_equal(ahead[~mine], forecasts[~mine])
    pd.testing.assert_series_equal(ahead["mean"], forecasts["mean"])
    assert (ahead.loc[mine, "hi-80"] > forecasts.loc[mine, "hi-80"] + 5).all()


def test_evidence_on_young_series_is_bounded() -> None:
    panel = pd.concat([launched(f"L{i}", i, 9.0) for i in range(60)], ignore_index=True)
    young = young_backtest(panel, freq="MS", horizon=H)
    assert young["cutoff"].nunique() == 24
    assert young["cutoff"].min() > MONTHS[65] - pd.DateOffset(years=2, months=1)
