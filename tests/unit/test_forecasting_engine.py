"""The engine: votes, weights, origins, seasons of a year, choices, accuracy on known futures.

Not here: classes and intervals (test_forecasting_classes.py, test_forecasting_intervals.py), the contract over every
awkward history (test_forecasting_contract.py), nights that remember (test_forecasting_nights.py).
"""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from benchmarks import forecast_sets
from forecasting.accuracy import accuracy_table
from forecasting.batch import Batch, Plan
from forecasting.engine import backtest_panel, forecast_panel
from forecasting.frames import BACKTEST_COLUMNS, backtest_frame
from forecasting.kernel import pool, yearly
from forecasting.kernel.members import MEMBERS
from forecasting.passes import mapping, run_backtest
from forecasting.weights import Weights, default_weights, fold_of, learned_weights
from tests.support.panels import panel_of

SEED = 20240229
WEEKS = 365.25 / 7


# Votes


def test_a_vote_that_leaves_the_history_is_left_out_and_named() -> None:
    votes = np.full((len(MEMBERS), 2), np.nan)
    votes[0], votes[1], votes[2] = [10.0, 12.0], [11.0, 40.0], [12.0, -3.0]
    weights = np.zeros(len(MEMBERS))
    weights[:4] = 1.0
    mean = np.zeros(2)
    failed = pool.combine(np.array([8.0, 9, 14]), votes, weights, mean)
    assert mean.tolist() == [11.0, 6.0]  # −3 counts as 0 where nothing was negative; 40 is beyond 14 + 2 · 6
    assert [name for bit, name in enumerate(MEMBERS) if failed >> bit & 1] == ["theta", "ar_log"]
    assert pool.combine(np.array([8.0, 9, 14]), votes * np.nan, weights, mean) == 0b1111
    assert np.isnan(mean).all()


@given(
    arrays.arrays("float64", st.integers(8, 60), elements=st.floats(-1e3, 1e3)),
    st.integers(1, 9),
)
@settings(deadline=None, max_examples=40)
def test_a_mean_is_no_wider_than_its_votes(y: np.ndarray, horizon: int) -> None:
    votes = np.full((len(MEMBERS), horizon), np.nan)
    votes[0], votes[3] = y[0], y[-1]
    mean = np.zeros(horizon)
    pool.combine(y, votes, np.ones(len(MEMBERS)), mean)
    low, high = sorted((y[0], y[-1]))
    floor = 0.0 if y.min() >= 0 else -np.inf
    assert (mean >= max(low, floor) - 1e-9).all()
    assert (mean <= high + 1e-9).all()


# Weights


def drawn_votes(n_series: int, *, better: float) -> tuple[np.ndarray, np.ndarray]:
    """Three members with independent errors; the first misses ``better`` times as much as the others."""
    rng = np.random.default_rng(SEED)
    came = rng.normal(0, 1, (n_series, 18))
    noise = rng.normal(0, 1, (3, n_series, 18))
    noise[0] *= better
    return came + noise, came


def halves(n_series: int) -> np.ndarray:
    return np.arange(n_series) % 2


def test_weights_keep_the_prior_on_noise_and_follow_a_clear_winner() -> None:
    prior = np.full(3, 1 / 3)
    votes, came = drawn_votes(120, better=1.0)
    assert learned_weights(votes, came, prior, halves(120))[0].tolist() == prior.tolist()
    votes, came = drawn_votes(120, better=0.05)
    now, then = learned_weights(votes, came, prior, halves(120))
    for won in (now, *then):
        assert won[0] > 0.9
        assert won.sum() == pytest.approx(1.0)
        assert won.min() >= 0.0


def test_few_series_keep_the_prior() -> None:
    votes, came = drawn_votes(19, better=0.05)
    prior = np.full(3, 1 / 3)
    assert learned_weights(votes, came, prior, halves(19))[0].tolist() == prior.tolist()
    votes, came = drawn_votes(60, better=0.05)
    _, then = learned_weights(votes, came, prior, np.zeros(60, dtype="int64"))
    assert then[0].tolist() == prior.tolist()  # nobody is left to teach them


def test_a_member_without_weight_gets_none_and_a_missing_vote_costs_nobody() -> None:
    votes, came = drawn_votes(60, better=0.05)
    prior = np.array([0.0, 0.5, 0.5])
    assert learned_weights(votes, came, prior, halves(60))[0][0] == 0.0
    votes[1, :30] = np.nan
    assert np.isfinite(learned_weights(votes, came, np.full(3, 1 / 3), halves(60))[0]).all()
    assert default_weights().sum(axis=1).tolist() == [1.0, 1.0]


def only(*names: str) -> np.ndarray:
    weights = default_weights()
    weights[pool.REGULAR_ROW] = [float(member in names) / len(names) for member in MEMBERS]
    return weights


def test_past_origins_are_judged_with_what_the_other_series_taught() -> None:
    rng = np.random.default_rng(SEED)
    panel = panel_of({f"S{i:02}": 50 + 9 * rng.normal(0, 1, 60).cumsum() for i in range(12)}, "MS")
    batch, plan, here = Batch.of(panel, "MS"), Plan.of("MS", 4, None), mapping(None, None, 0)
    fold = fold_of(batch.ids)
    assert 0 < fold.sum() < len(fold)
    both = Weights(default_weights(), np.stack([only("theta"), only("seasonal", "ar")]))
    assert both.is_moved
    mixed = run_backtest(batch, plan, both, 3, here)
    for k, who in ((0, "theta"), (1, "ar+seasonal")):
        alone = run_backtest(batch, plan, Weights(both.then[k], both.then[[k, k]]), 3, here)
        np.testing.assert_array_equal(mixed.votes.means[fold == k], alone.votes.means[fold == k])
        assert not np.array_equal(mixed.votes.means[fold != k], alone.votes.means[fold != k])
        for one in (mixed, alone):
            said = backtest_frame(batch, plan, one.known, one.votes)
            own = said[said["unique_id"].isin(batch.ids[fold == k])]
            assert {"+".join(sorted(used.split("+"))) for used in own["model_used"]} == {who}


def test_a_product_that_sold_nothing_at_first_spoils_nobodys_weights() -> None:
    """Its noise was zero at the first origin: a division by it once made the others' figures unknown too."""
    rng = np.random.default_rng(SEED)
    series = {f"S{i:02}": rng.gamma(9, 10, 60) for i in range(30)}
    late = {"late": np.r_[np.zeros(36), rng.gamma(9, 10, 24)]}
    forecast = forecast_panel(panel_of(series | late, "MS"), freq="MS", horizon=12)
    assert forecast["model_used"].str.startswith("ets+").all()


# Origins


def test_origins_know_two_seasons_and_half_or_stand_alone() -> None:
    plan = Plan.of("MS", 8, None)
    assert plan.origins(np.array([60, 40, 30, 14, 10, 9]), 4).tolist() == [
        [46, 48, 50, 52],
        [26, 28, 30, 32],
        [0, 0, 0, 22],
        [0, 0, 0, 6],
        [0, 0, 0, 2],
        [0, 0, 0, 0],
    ]


FUTURES = st.floats(-1e3, 1e4)


@given(st.integers(30, 70), st.integers(1, 9), st.sampled_from(["MS", "W-MON", "D"]), st.data())
@settings(deadline=None, max_examples=40)
def test_no_origin_sees_its_future(n: int, horizon: int, freq: str, data: st.DataObject) -> None:
    y = np.random.default_rng(n).gamma(3, 10, n) * (np.arange(n) % 5 != 0 if n % 2 else 1.0)
    panel = panel_of({"A": y}, freq)
    said = backtest_panel(panel, freq=freq, horizon=horizon, n_origins=4)
    for cutoff in said["cutoff"].unique():
        known = int((panel["ds"] <= cutoff).sum())
        other = y.copy()
        other[known:] = data.draw(arrays.arrays("float64", n - known, elements=FUTURES))
        told = backtest_panel(panel_of({"A": other}, freq), freq=freq, horizon=horizon, n_origins=4)
        now, then = (f.loc[f["cutoff"] == cutoff, ["mean", "naive"]].to_numpy() for f in (told, said))
        np.testing.assert_array_equal(now, then)


def test_a_backtest_puts_what_came_beside_what_was_said() -> None:
    panel = panel_of({"A": np.random.default_rng(1).gamma(9, 10, 104)})
    backtest = backtest_panel(panel, freq="W-MON", horizon=8, n_origins=4)
    assert backtest.columns.tolist() == list(BACKTEST_COLUMNS)
    assert backtest.groupby("cutoff").size().tolist() == [8] * 4
    assert backtest["cutoff"].drop_duplicates().diff().dropna().dt.days.tolist() == [14.0] * 3
    joined = backtest.merge(panel, on=["unique_id", "ds"])
    assert (joined["y_x"] == joined["y_y"]).all()
    assert backtest["ds"].max() == panel["ds"].max()
    first = backtest[backtest["cutoff"] == backtest["cutoff"].min()]
    np.testing.assert_array_equal(first["naive"], panel["y"].to_numpy()[104 - 8 - 6 - 52 :][:8])


# A season of a year


@pytest.mark.parametrize(("freq", "period"), [("W-MON", WEEKS), ("D", 365.25)])
def test_a_yearly_season_is_found_and_followed(freq: str, period: float) -> None:
    rng, n = np.random.default_rng(3), round(3 * period)
    t = np.arange(n + round(period / 4))
    wave = 100 * (1 + 0.4 * np.sin(2 * np.pi * t / period))
    params = np.zeros(yearly.SIZE)
    assert yearly.fit(wave[:n] + rng.normal(0, 8, n), period, params)
    factors = np.array([yearly.factor(at, params) for at in t])
    np.testing.assert_allclose(factors * 100, wave, rtol=0.12)
    panel = panel_of({"A": wave[:n] + rng.normal(0, 8, n)}, freq)
    forecast = forecast_panel(panel, freq=freq, horizon=len(t) - n)
    assert np.abs(forecast["mean"].to_numpy() - wave[n:]).mean() < 14  # 35 without the season


@pytest.mark.parametrize("period", [WEEKS, 365.25])
def test_no_yearly_season_is_found_in_noise_or_in_less_than_two_years(period: float) -> None:
    rng, n = np.random.default_rng(3), round(2.3 * period)
    params = np.zeros(yearly.SIZE)
    found = sum(bool(yearly.fit(100 + rng.normal(0, 10, n), period, params)) for _ in range(100))
    assert found <= 5
    wave = 100 * (1 + 0.4 * np.sin(2 * np.pi * np.arange(round(1.9 * period)) / period))
    assert not yearly.fit(wave, period, params)
    assert not params.any()


# Choices, and panels without anything


def test_an_empty_panel_gives_empty_frames_with_the_right_columns() -> None:
    empty = pd.DataFrame({"unique_id": [], "ds": [], "y": []})
    full = forecast_panel(panel_of({"A": np.arange(9.0)}), freq="W-MON", horizon=1)
    forecast = forecast_panel(empty, freq="D", horizon=3)
    assert len(forecast) == 0
    assert forecast.dtypes.to_dict() == full.dtypes.to_dict()
    backtest = backtest_panel(empty, freq="D", horizon=3)
    assert len(backtest) == 0
    assert (
        backtest.dtypes.to_dict()
        == backtest_panel(panel_of({"A": np.arange(9.0)}), freq="W-MON", horizon=1).dtypes.to_dict()
    )


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"horizon": 0}, "horizon must be at least 1"),
        ({"levels": (80, 100)}, "levels must lie between"),
        ({"levels": (0,)}, "levels must lie between"),
        ({"freq": "W"}, "frequency 'W'"),
        ({"season_lengths": (0,)}, "season lengths must be at least 1"),
        ({"season_lengths": 12}, "season lengths must be a list"),
        ({"season_lengths": (52.18,)}, "season lengths must be a whole number, not 52.18"),
        ({"season_lengths": (float("nan"),)}, "season lengths must be a whole number"),
        ({"season_lengths": ("12",)}, "season lengths must be a whole number"),
        ({"horizon": 2.5}, "horizon must be a whole number, not 2.5"),
        ({"horizon": "2"}, "horizon must be a whole number"),
        ({"horizon": None}, "horizon must be a whole number"),
        ({"horizon": True}, "horizon must be a whole number"),
        ({"levels": 95}, "levels must be a list of numbers, not 95"),
        ({"levels": ("95",)}, "levels must be a list of numbers"),
        ({"levels": (float("nan"),)}, "levels must lie between"),
        ({"levels": (80, 80.0000001)}, "six digits at most"),  # both would be lo-80
        ({"levels": (99.9999999,)}, "six digits at most"),  # it would be lo-100
        ({"freq": None}, "frequency None"),
        ({"freq": pd.offsets.MonthBegin()}, "frequency <MonthBegin>"),
        ({"n_jobs": "2"}, "n_jobs must be a whole number"),
    ],
)
def test_wrong_choices_are_refused(choice: dict[str, object], message: str) -> None:
    asked = {"freq": "W-MON", "horizon": 2, **choice}
    with pytest.raises(ValueError, match=message):
        forecast_panel(panel_of({"A": np.arange(9.0)}), **asked)
    with pytest.raises(ValueError, match="n_origins"):
        backtest_panel(panel_of({"A": np.arange(9.0)}), freq="W-MON", horizon=2, n_origins=0)


@pytest.mark.parametrize(
    "same",
    [
        {"horizon": 4.0},
        {"horizon": np.int64(4)},
        {"season_lengths": [12.0]},
        {"season_lengths": np.array([12])},
        {"levels": np.array([95, 80])},
        {"levels": (95.0, 80, 80.0)},
        {"n_jobs": -1},
        {"n_jobs": 0},
    ],
)
def test_the_same_choice_in_other_words_is_the_same_forecast(same: dict[str, object]) -> None:
    panel = panel_of({"A": np.random.default_rng(1).gamma(9, 10, 60)}, "MS")
    choice = {"freq": "MS", "horizon": 4, "season_lengths": (12,), "levels": (80, 95)}
    pd.testing.assert_frame_equal(forecast_panel(panel, **(choice | same)), forecast_panel(panel, **choice))


def test_any_levels_are_nested_and_named() -> None:
    panel = panel_of({"A": np.random.default_rng(1).gamma(9, 10, 60)})
    forecast = forecast_panel(panel, freq="W-MON", horizon=3, levels=(99, 50, 87.5))
    columns = ["lo-99", "lo-87.5", "lo-50", "mean", "hi-50", "hi-87.5", "hi-99"]
    assert forecast.columns.tolist()[2:9] == ["mean", "lo-50", "hi-50", "lo-87.5", "hi-87.5", "lo-99", "hi-99"]
    assert (np.diff(forecast[columns].to_numpy(), axis=1) >= 0).all()


def test_progress_is_told_to_the_end() -> None:
    told: list[tuple[int, int]] = []
    panel = panel_of({f"S{i}": np.arange(9.0) for i in range(3)})
    forecast_panel(panel, freq="W-MON", horizon=1, on_progress=lambda *at: told.append(at))
    assert told == [(3, 6), (6, 6)]


def test_accuracy_by_hand_and_where_nothing_can_be_divided() -> None:
    days = pd.date_range("2024-01-01", periods=6)
    panel = panel_of({"A": np.array([2.0, 4, 2, 4, 10, 10]), "B": np.zeros(6), "C": np.ones(6)}, "D", "2024-01-01")
    backtest = pd.DataFrame(
        {
            "unique_id": ["A", "A", "B", "B"],
            "cutoff": days[3],
            "ds": [days[4], days[5]] * 2,
            "y": [10.0, 10, 0, 0],
            "mean": [8.0, 11, 0, 0],
            "naive": [2.0, 4, 0, 0],
        }
    )
    table = accuracy_table(backtest, panel, 1).set_index("unique_id")
    assert table.loc["A"].to_dict() == {
        "n_origins": 1.0, "wape_pct": 15.0, "mase": 0.75, "bias_pct": -5.0, "naive_wape_pct": 70.0,
    }  # fmt: skip
    assert table.loc["B", ["wape_pct", "mase", "bias_pct", "naive_wape_pct"]].isna().all()
    assert table["n_origins"].to_dict() == {"A": 1, "B": 1, "C": 0}
    assert np.isnan(accuracy_table(backtest, panel, 2).set_index("unique_id").loc["A", "mase"])  # it repeats itself
    assert len(accuracy_table(backtest.head(0), panel, 1)) == 3


# How good it is


@pytest.mark.skipif(not (forecast_sets.FOLDER / "data" / "sets.json").exists(), reason="the series are not here")
@pytest.mark.parametrize(("name", "owa"), [("m3_monthly", 0.795), ("nn5_daily", 0.752)])
def test_known_futures_are_forecast_as_well_as_promised(name: str, owa: float) -> None:
    one = forecast_sets.load(forecast_sets.FOLDER, name)
    score = forecast_sets.score(forecast_sets.forecast_set(one)[0], one)
    assert score.missing == 0
    assert score.owa <= owa
    assert 90 <= score.cov95 <= 98.5
    assert 75 <= score.cov80 <= 90
