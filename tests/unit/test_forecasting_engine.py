"""The engine: classes, weights, intervals, origins, seasons of a year, accuracy on known futures.

Not here: the contract over every awkward history (test_forecasting_contract.py), nights that remember
(test_forecasting_nights.py).
"""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from benchmarks import forecast_sets
from forecasting.accuracy import accuracy_table, coverage_table
from forecasting.batch import Batch, Plan
from forecasting.engine import backtest_panel, forecast_panel
from forecasting.frames import BACKTEST_COLUMNS, backtest_frame
from forecasting.intervals import EVERYONE, Calibration, calibrate, series_factors
from forecasting.kernel import classes, pool, yearly
from forecasting.kernel.classes import CLASSES, demand_class
from forecasting.kernel.members import MEMBERS
from forecasting.kernel.noise import noise_scale
from forecasting.passes import mapping, run_backtest
from forecasting.weights import Weights, default_weights, fold_of, learned_weights
from tests.support.panels import panel_of

SEED = 20240229
WEEKS = 365.25 / 7


# Classes


@pytest.mark.parametrize(
    ("y", "kind"),
    [
        ([5.0], "short"),
        ([1.0, 2, 3, 4, 5, 6, 7], "short"),
        ([0.0] * 8, "dead"),
        ([4.0] * 8, "constant"),
        ([-4.0] * 8, "constant"),
        ([1.0, 2, 3, 4, 5, 6, 7, 8], "regular"),
        ([1.0, 0, 0, 0, 0, 1, 0, 0, 2], "intermittent"),  # ADI 3, CV² = (2 / 3 − 4 / 9 + …) / (4 / 3)² = 0.125
        ([1.0, 0, 0, 0, 0, 1, 0, 0, 9], "lumpy"),  # sizes 1, 1, 9: variance 14.2, squared mean 13.4
        ([1.0, 0, 0, 0, 0, 1, 0, 0, -2], "regular"),  # returns: no demand that is rare
    ],
)
def test_classes_by_hand(y: list[float], kind: str) -> None:
    assert CLASSES[demand_class(np.array(y), 1, 52, 13)] == kind


def test_silence_is_death_only_after_a_quarter_and_four_intervals() -> None:
    sold = np.tile([0.0, 6.0], 20)
    for silent, kind in ((12, "intermittent"), (13, "dead")):
        assert CLASSES[demand_class(np.r_[sold, np.zeros(silent)], 1, 52, 13)] == kind
    rare = np.tile(np.r_[np.zeros(9), 6.0], 6)  # an interval of ten: 13 periods say nothing yet
    assert CLASSES[demand_class(np.r_[rare, np.zeros(30)], 1, 200, 13)] == "intermittent"


def test_who_slept_a_year_ago_sleeps_and_wakes_as_then() -> None:
    y = np.where(np.arange(143) % 52 >= 46, 40.0, 0.0)  # the next season begins at week 150
    forecast = forecast_panel(panel_of({"lights": y}), freq="W-MON", horizon=13)
    assert set(forecast["demand_class"]) == {"sleeping"}
    assert forecast["mean"].tolist() == [0.0] * 7 + [40.0] * 6
    assert forecast["fallback_reason"].iloc[0] == "silent for a quarter, as a year ago: last year's path"


def test_closed_weekdays_make_no_demand_rare() -> None:
    open_two_days = np.tile([0.0, 0, 0, 0, 0, 5, 6], 20)
    assert CLASSES[demand_class(open_two_days, 7, 365, 91)] == "regular"
    assert CLASSES[demand_class(open_two_days, 1, 365, 91)] == "intermittent"
    y = np.where(np.arange(365) % 7 >= 5, 0.0, 100 + np.random.default_rng(1).normal(0, 2, 365))
    forecast = forecast_panel(panel_of({"shop": y}, "D", "2024-01-01"), freq="D", horizon=91)
    weekend = forecast["ds"].dt.dayofweek >= 5
    assert forecast.loc[weekend, "mean"].max() < 10
    assert forecast.loc[~weekend, "mean"].between(85, 115).all()


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
        said = backtest_frame(batch, plan, mixed.known, mixed.votes)
        own = said[said["unique_id"].isin(batch.ids[fold == k])]
        assert {"+".join(sorted(used.split("+"))) for used in own["model_used"]} == {who}


def test_a_product_that_sold_nothing_at_first_spoils_nobodys_weights() -> None:
    """Its noise was zero at the first origin: a division by it once made the others' figures unknown too."""
    rng = np.random.default_rng(SEED)
    series = {f"S{i:02}": rng.gamma(9, 10, 60) for i in range(30)}
    late = {"late": np.r_[np.zeros(36), rng.gamma(9, 10, 24)]}
    forecast = forecast_panel(panel_of(series | late, "MS"), freq="MS", horizon=12)
    assert forecast["model_used"].str.startswith("ets+").all()


# Intervals


def test_half_widths_by_hand() -> None:
    """One origin each of 80 series of one group: scores 1 … 80, nobody has other origins, all factors are 1."""
    scores = np.arange(1.0, 81.0)
    calibration, own = calibrate(scores[:, None, None], np.ones((80, 1)), np.zeros((80, 1), dtype=int), 1)
    widths = [float(calibration.half_widths(np.array([0]), np.ones(1), level)[0, 0]) for level in (50, 80, 95)]
    assert widths == [41.0, 65.0, 77.0]  # the ⌈81 · p⌉-th of 80
    relative = scores**2 / np.square(scores).mean()
    np.testing.assert_allclose(own, np.column_stack([relative, np.ones(80)]))
    np.testing.assert_allclose(series_factors(own), np.sqrt((relative + 2) / 3))


def test_nobody_is_narrower_farther_ahead_and_levels_are_nested() -> None:
    rng = np.random.default_rng(SEED)
    errors = rng.normal(0, 1, (50, 4, 9)) * np.linspace(2, 1, 9)  # they shrink farther ahead, by chance
    calibration, _ = calibrate(errors, np.ones((50, 4)), np.zeros((50, 4), dtype=int), 4)
    narrow, wide = (calibration.half_widths(np.array([0]), np.ones(1), level)[0] for level in (80, 95))
    assert (np.diff(narrow) >= 0).all()
    assert (narrow < wide).all()


@pytest.mark.parametrize("horizon", [1, 2])
def test_the_shortest_horizons_have_a_width(horizon: int) -> None:
    rng = np.random.default_rng(SEED)
    panel = panel_of({f"S{i}": rng.gamma(9, 10, 60) for i in range(4)}, "MS")
    forecast = forecast_panel(panel, freq="MS", horizon=horizon)
    assert (forecast["hi-80"] - forecast["lo-80"]).min() > 20
    assert (forecast["hi-95"] - forecast["hi-80"]).min() > 0


def test_windows_that_overlap_count_as_one_and_a_bit() -> None:
    """Six origins, each a quarter of a horizon after the other: (1 + 5 / 4) origins are worth 2.25."""
    errors = np.ones((3, 6, 4))
    _, own = calibrate(errors, np.ones((3, 6)), np.zeros((3, 6), dtype=int), 4)
    np.testing.assert_allclose(own, 2.25)
    _, apart = calibrate(errors, np.ones((3, 6)), np.zeros((3, 6), dtype=int), 1)
    np.testing.assert_allclose(apart, 6.0)


def test_a_small_group_is_judged_by_everyone_and_nobody_by_the_random_walk() -> None:
    groups = np.zeros((80, 1), dtype=int)
    groups[0] = 3
    calibration, _ = calibrate(np.ones((80, 1, 1)), np.ones((80, 1)), groups, 1)
    assert set(calibration.pools) == {EVERYONE, 0}
    assert calibration.pool(3) is calibration.pools[EVERYONE]
    nothing = Calibration(4, {}).half_widths(np.array([0]), np.ones(1), 95)
    np.testing.assert_allclose(nothing[0], 1.959964 * np.sqrt([1, 2, 3, 4]), rtol=1e-6)


def test_one_series_learned_anew_is_compared_with_the_panel_and_not_with_itself() -> None:
    rng = np.random.default_rng(SEED)
    group = np.zeros((200, 6), dtype=int)
    panel, _ = calibrate(rng.normal(0, 1, (200, 6, 4)), np.ones((200, 6)), group, 1)
    wild = rng.normal(0, 5, (1, 6, 4))
    same, own = calibrate(wild, np.ones((1, 6)), group[:1], 1, panel)
    assert same is panel
    assert series_factors(own)[0] > 3
    assert series_factors(calibrate(wild, np.ones((1, 6)), group[:1], 1)[1])[0] == pytest.approx(1.0)


@pytest.mark.parametrize("kind", ["noise", "random walk", "counts", "season"])
def test_intervals_cover_what_they_promise_on_simulated_demand(kind: str) -> None:
    rng, horizon, series = np.random.default_rng(SEED), 8, {}
    t = np.arange(80 + horizon)
    for i in range(80):
        level = rng.uniform(20, 200)
        walk = level + np.cumsum(rng.normal(0, 4, len(t)))
        series[f"S{i:03}"] = {
            "noise": rng.normal(level, level / 5, len(t)),
            "random walk": walk,
            "counts": rng.poisson(np.maximum(walk, 1)).astype("float64"),
            "season": level * (1 + 0.4 * np.sin(t * 2 * np.pi / 12)) + rng.normal(0, 9, len(t)),
        }[kind]
    known = panel_of({name: y[:-horizon] for name, y in series.items()}, "MS")
    forecast = forecast_panel(known, freq="MS", horizon=horizon)
    for level, lowest, highest in ((80, 75, 87), (95, 90, 98.5)):
        covered = coverage_table(forecast, panel_of(series, "MS"), level)
        assert covered["n_periods"].eq(horizon).all()
        assert lowest <= covered["coverage_pct"].mean() <= highest


def test_intervals_of_a_few_sales_stay_within_sight_of_them() -> None:
    """A sale every fourth day for three months: a scale near zero once made a band of a thousand times the sales."""
    y = np.zeros(92)
    y[::4] = np.linspace(400, 1500, 23)
    forecast = forecast_panel(panel_of({"company": y}, "D", "2026-01-01"), freq="D", horizon=91)
    assert forecast["hi-95"].max() <= forecast["mean"].max() + 2 * y.max()


# Numbers with fewer digits than others, which only the smallest have, are not what this asks about.
WITH_ALL_DIGITS = st.floats(-1e3, 1e3).map(lambda value: value if abs(value) > 1e-200 else 0.0)


@given(arrays.arrays("float64", st.integers(1, 40), elements=WITH_ALL_DIGITS), st.integers(1, 12))
def test_noise_has_the_unit_of_the_series_and_only_zeros_have_none(y: np.ndarray, m: int) -> None:
    noise = noise_scale(y, m)
    assert (noise == 0) == (not y.any())
    assert noise <= 2 * np.abs(y).max() * (1 + 1e-12)
    np.testing.assert_allclose(noise_scale(np.ldexp(y, 30), m), np.ldexp(noise, 30), rtol=1e-12)


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
        ({"season_lengths": (0,)}, "season lengths"),
    ],
)
def test_wrong_choices_are_refused(choice: dict[str, object], message: str) -> None:
    asked = {"freq": "W-MON", "horizon": 2, **choice}
    with pytest.raises(ValueError, match=message):
        forecast_panel(panel_of({"A": np.arange(9.0)}), **asked)
    with pytest.raises(ValueError, match="n_origins"):
        backtest_panel(panel_of({"A": np.arange(9.0)}), freq="W-MON", horizon=2, n_origins=0)


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


def test_the_classes_have_their_numbers() -> None:
    assert [CLASSES[getattr(classes, name.upper())] for name in CLASSES] == list(CLASSES)
