"""One contract over every model, class and frequency; intervals, determinism, fallbacks. Not here: stock."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting import models as model_room
from forecasting.accuracy import accuracy_table, coverage_table
from forecasting.demand import CLASSES, demand_class
from forecasting.engine import BACKTEST_COLUMNS, backtest_panel, forecast_panel
from forecasting.models import MODELS, Model, best_alpha, ses_level, theta_predict
from forecasting.panel import PanelError
from forecasting.seasonality import yearly_index
from forecasting.series import Memory, Plan, forecast_series

RNG_SEED = 20240229


def panel_of(series: dict[str, np.ndarray], freq: str = "W-MON", start: str = "2022-01-03") -> pd.DataFrame:
    frames = [
        pd.DataFrame({"unique_id": name, "ds": pd.date_range(start, periods=len(y), freq=freq), "y": y})
        for name, y in series.items()
    ]
    return pd.concat(frames, ignore_index=True)


def awkward() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(RNG_SEED)
    t = np.arange(104)
    rare = np.where(rng.random(104) < 0.25, rng.integers(1, 5, 104), 0).astype(float)
    wave = 100 + 30 * np.sin(2 * np.pi * t / 52.18) + rng.normal(0, 5, 104)
    christmas = np.where((t % 52) >= 46, 40.0, 0.0)
    return {
        "constant": np.full(40, 7.0),
        "zero": np.zeros(30),
        "one point": np.array([12.0]),
        "one zero": np.array([0.0]),
        "two points": np.array([3.0, 4.0]),
        "short": np.array([1.0, 0, 2, 3, 1]),
        "seasonal": wave,
        "negative": rng.normal(-20, 5, 60),
        "huge": 1e12 * wave,
        "tiny": 1e-9 * wave,
        "nearly overflowing": 1.7e308 * rng.random(30),
        "exploding": 2.0 ** np.arange(60),
        "intermittent": rare,
        "lumpy": np.where(rare > 0, rare**4, 0),
        "dead": np.r_[rng.poisson(9, 60), np.zeros(30)].astype(float),
        "sleeping": christmas[:98],
        "one spike": np.r_[np.zeros(50), 1e9, np.zeros(3)],
        "step": np.r_[np.full(50, 1.0), np.full(20, 1000.0)],
        "Grüße 🎁 'x'": rng.poisson(50, 30).astype(float),
    }


def assert_contract(forecast: pd.DataFrame, panel: pd.DataFrame, horizon: int) -> None:
    numbers = ["mean", "lo-80", "hi-80", "lo-95", "hi-95"]
    assert np.isfinite(forecast[numbers].to_numpy()).all()
    assert (forecast.groupby("unique_id").size() == horizon).all()
    assert set(forecast["unique_id"]) == set(panel["unique_id"])
    ordered = forecast[["lo-95", "lo-80", "mean", "hi-80", "hi-95"]].to_numpy()
    assert (np.diff(ordered, axis=1) >= 0).all()
    lowest = panel.groupby("unique_id")["y"].min()
    never_negative = forecast["unique_id"].map(lowest) >= 0
    assert (forecast.loc[never_negative, "lo-95"] >= 0).all()
    assert set(forecast["demand_class"]) <= set(CLASSES)
    first = forecast.groupby("unique_id")["ds"].min()
    assert (first > panel.groupby("unique_id")["ds"].max()).all()


@pytest.fixture(scope="module")
def awkward_forecast() -> pd.DataFrame:
    return forecast_panel(panel_of(awkward()), freq="W-MON", horizon=13)


def test_every_awkward_series_keeps_the_contract(awkward_forecast: pd.DataFrame) -> None:
    assert_contract(awkward_forecast, panel_of(awkward()), 13)


@pytest.mark.parametrize(
    ("name", "kind", "model"),
    [
        ("constant", "constant", "constant"),
        ("zero", "dead", "zero"),
        ("one point", "short", "mean"),
        ("intermittent", "intermittent", "tsb+ses"),
        ("lumpy", "lumpy", "tsb+ses"),
        ("dead", "dead", "zero"),
        ("sleeping", "sleeping", "seasonal_naive"),
        ("seasonal", "regular", "ets+theta"),
        ("negative", "regular", "ets+theta"),
    ],
)
def test_each_class_gets_its_models(awkward_forecast: pd.DataFrame, name: str, kind: str, model: str) -> None:
    rows = awkward_forecast[awkward_forecast["unique_id"] == name]
    assert set(rows["demand_class"]) == {kind}
    assert set(rows["model_used"]) == {model}
    assert rows["fallback_reason"].isna().all()


def test_values_of_the_simple_classes(awkward_forecast: pd.DataFrame) -> None:
    mean = awkward_forecast.groupby("unique_id")["mean"]
    assert mean.first()[["constant", "zero", "one point", "two points", "dead"]].tolist() == [
        7,
        0,
        12,
        3.5,
        0,
    ]
    assert mean.max()["sleeping"] == 40.0  # week 98 of the history is week 46 of its year
    assert mean.max()["negative"] < 0


def test_scale_does_not_change_a_forecast(awkward_forecast: pd.DataFrame) -> None:
    mean = awkward_forecast.set_index(["unique_id", "ds"])["mean"]
    np.testing.assert_allclose(mean["huge"] / 1e12, mean["seasonal"], rtol=1e-6)
    np.testing.assert_allclose(mean["tiny"] / 1e-9, mean["seasonal"], rtol=1e-6)


def test_a_sleeping_product_wakes_when_it_did_last_year() -> None:
    t = np.arange(150)
    y = np.where((t % 52) >= 46, 40.0, 0.0)[:143]  # the next season begins at week 150
    forecast = forecast_panel(panel_of({"lights": y}), freq="W-MON", horizon=13)
    assert set(forecast["demand_class"]) == {"sleeping"}
    assert forecast["mean"].tolist() == [0.0] * 7 + [40.0] * 6


@pytest.mark.parametrize(("freq", "n", "horizon"), [("D", 400, 91), ("MS", 40, 6), ("W-SUN", 80, 13)])
@pytest.mark.parametrize("voters", [("seasonal_naive",), ("ets",), ("theta",), ("ets", "theta")])
def test_every_model_and_frequency_keeps_the_contract(freq: str, n: int, horizon: int, voters: tuple[str, ...]) -> None:
    rng = np.random.default_rng(RNG_SEED)
    t = np.arange(n)
    week = 50 + t / 10 + 20 * (t % 7 == 5) + rng.normal(0, 3, n)
    panel = panel_of({"open": week, "closed": np.where(t % 7 == 6, 0, week)}, freq, "2022-01-01")
    forecast = forecast_panel(panel, freq=freq, horizon=horizon, models=voters)
    assert_contract(forecast, panel, horizon)
    assert set(forecast["model_used"]) == {"+".join(voters)}
    assert set(forecast["demand_class"]) == {"regular"}


def test_a_daily_shop_closed_at_the_weekend_keeps_its_week_for_91_days() -> None:
    t = np.arange(365)
    y = np.where(t % 7 >= 5, 0.0, 100.0) + np.random.default_rng(1).normal(0, 2, 365) * (t % 7 < 5)
    forecast = forecast_panel(panel_of({"shop": y}, "D", "2024-01-01"), freq="D", horizon=91)
    weekend = forecast["ds"].dt.dayofweek >= 5
    assert set(forecast["demand_class"]) == {"regular"}
    assert forecast.loc[weekend, "mean"].max() < 10
    assert forecast.loc[~weekend, "mean"].between(85, 115).all()


def test_leap_day_is_a_day_like_any_other() -> None:
    days = panel_of({"A": np.random.default_rng(2).poisson(20, 59).astype(float)}, "D", "2024-01-01")
    forecast = forecast_panel(days, freq="D", horizon=3)
    assert forecast["ds"].dt.strftime("%m-%d").tolist() == ["02-29", "03-01", "03-02"]


def test_yearly_index_is_found_in_weeks_and_not_in_noise() -> None:
    rng = np.random.default_rng(3)
    t = np.arange(130)
    wave = 100 * (1 + 0.4 * np.sin(2 * np.pi * t / (365.25 / 7)))
    season = yearly_index(wave[:117] + rng.normal(0, 8, 117), 365.25 / 7, 13)
    assert season is not None
    np.testing.assert_allclose(season.factors[117:] * 100, wave[117:], rtol=0.12)
    noisy = [yearly_index(100 + rng.normal(0, 10, 117), 365.25 / 7, 13) for _ in range(100)]
    assert sum(s is not None for s in noisy) <= 5
    assert yearly_index(wave[:103], 365.25 / 7, 13) is None  # not two years


def test_arima_votes_on_a_total() -> None:
    rng = np.random.default_rng(4)
    t = np.arange(120)
    panel = panel_of({"company": 500 + t + 80 * (t % 7 == 5) + rng.normal(0, 10, 120)}, "D")
    choice = {"freq": "D", "horizon": 14, "models": ("ets", "theta", "arima")}
    backtest = backtest_panel(panel, n_origins=2, **choice)
    forecast = forecast_panel(panel, backtest=backtest, **choice)
    assert_contract(forecast, panel, 14)
    assert set(forecast["model_used"]) == {"ets+theta+arima"} == set(backtest["model_used"])
    truth = 500 + (t[-1] + 1 + np.arange(14)) + 80 * ((120 + np.arange(14)) % 7 == 5)
    assert np.abs(forecast["mean"] - truth).mean() < 15


def test_a_failing_model_is_recorded_and_stops_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    def sick(y: np.ndarray, m: int) -> None:
        raise np.linalg.LinAlgError("Singular matrix")

    monkeypatch.setitem(MODELS, "ets", Model("ets", sick, MODELS["ets"].predict))
    series = {"A": awkward()["seasonal"], "B": np.full(20, 3.0)}
    forecast = forecast_panel(panel_of(series), freq="W-MON", horizon=2).set_index("unique_id")
    assert set(forecast.loc["A", "model_used"]) == {"theta"}
    assert set(forecast.loc["A", "fallback_reason"]) == {"ets: LinAlgError: Singular matrix"}
    assert forecast.loc["B", "fallback_reason"].isna().all()
    alone = forecast_panel(panel_of(series), freq="W-MON", horizon=2, models=("ets",)).set_index("unique_id")
    assert set(alone.loc["A", "model_used"]) == {"seasonal_naive"}
    np.testing.assert_array_equal(alone.loc["A", "mean"], series["A"][52:54])


@pytest.mark.parametrize("wrong", [np.inf, np.nan, 1e6])
def test_a_diverged_vote_is_refused(monkeypatch: pytest.MonkeyPatch, wrong: float) -> None:
    diverged = Model("ets", lambda y, m: None, lambda y, m, learned, h: np.full(h, wrong))
    monkeypatch.setitem(MODELS, "ets", diverged)
    forecast = forecast_panel(panel_of({"A": awkward()["seasonal"]}), freq="W-MON", horizon=2)
    assert set(forecast["model_used"]) == {"theta"}
    assert set(forecast["fallback_reason"]) == {"ets: the forecast left the range of the history"}


def test_the_same_panel_gives_the_same_frames_in_any_row_order_and_number_of_processes() -> None:
    series = {f"P{i:02}": np.random.default_rng(i).poisson(5 + i, 30).astype(float) for i in range(30)}
    panel = panel_of(series)
    one = forecast_panel(panel, freq="W-MON", horizon=4)
    shuffled = panel.sample(frac=1, random_state=5)
    calls: list[tuple[int, int]] = []
    two = forecast_panel(
        shuffled, freq="W-MON", horizon=4, n_jobs=2, on_progress=lambda done, n: calls.append((done, n))
    )
    pd.testing.assert_frame_equal(one, two)
    assert calls == [(25, 30), (30, 30)]


def test_backtest_given_or_computed_is_the_same() -> None:
    panel = panel_of({k: v for k, v in awkward().items() if k in ("seasonal", "intermittent", "short")})
    backtest = backtest_panel(panel, freq="W-MON", horizon=5)
    given_one = forecast_panel(panel, freq="W-MON", horizon=5, backtest=backtest)
    pd.testing.assert_frame_equal(given_one, forecast_panel(panel, freq="W-MON", horizon=5))


def test_backtest_origins_know_nothing_of_their_future() -> None:
    y = awkward()["seasonal"]
    panel = panel_of({"A": y})
    backtest = backtest_panel(panel, freq="W-MON", horizon=8, n_origins=4)
    assert backtest.groupby("cutoff").size().tolist() == [8] * 4
    assert backtest["cutoff"].drop_duplicates().diff().dropna().dt.days.tolist() == [14.0] * 3
    joined = backtest.merge(panel, on=["unique_id", "ds"])
    assert (joined["y_x"] == joined["y_y"]).all()
    assert (backtest["ds"] > backtest["cutoff"]).all()
    last = backtest[backtest["cutoff"] == backtest["cutoff"].max()]
    assert last["ds"].max() == panel["ds"].max()
    changed = panel.assign(y=np.r_[y[:-8], y[-8:] * 100])
    other = backtest_panel(changed, freq="W-MON", horizon=8, n_origins=4)
    np.testing.assert_array_equal(other["mean"], backtest["mean"])
    first = backtest[backtest["cutoff"] == backtest["cutoff"].min()]
    np.testing.assert_array_equal(first["naive"], y[104 - 8 - 6 - 52 :][:8])


def test_empty_panel_gives_empty_frames_with_the_right_columns() -> None:
    empty = pd.DataFrame({"unique_id": [], "ds": [], "y": []})
    forecast = forecast_panel(empty, freq="D", horizon=3)
    columns = "unique_id ds mean lo-80 hi-80 lo-95 hi-95 model_used demand_class fallback_reason"
    assert forecast.columns.tolist() == columns.split()
    assert len(forecast) == 0
    backtest = backtest_panel(empty, freq="D", horizon=3)
    assert backtest.columns.tolist() == list(BACKTEST_COLUMNS)
    full = forecast_panel(panel_of({"A": np.arange(9.0)}), freq="W-MON", horizon=1)
    assert (forecast.dtypes == full.dtypes).all()


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"horizon": 0}, "horizon must be at least 1"),
        ({"levels": (80, 100)}, "levels must lie between"),
        ({"models": ("prophet",)}, "prophet"),
        ({"models": ()}, "choose from"),
        ({"freq": "W"}, "frequency 'W'"),
        ({"season_lengths": (0,)}, "season lengths"),
    ],
)
def test_wrong_choices_are_refused(choice: dict[str, object], message: str) -> None:
    asked = {"freq": "W-MON", "horizon": 2, **choice}
    with pytest.raises(ValueError, match=message):
        forecast_panel(panel_of({"A": np.arange(9.0)}), **asked)


def test_a_gap_and_a_foreign_backtest_are_refused() -> None:
    panel = panel_of({"A": np.arange(20.0)})
    with pytest.raises(PanelError, match="2022-01-31 is missing"):
        forecast_panel(panel.drop(index=4), freq="W-MON", horizon=2)
    backtest = backtest_panel(panel, freq="W-MON", horizon=2)
    with pytest.raises(PanelError, match="outside the panel's history"):
        forecast_panel(panel.head(9), freq="W-MON", horizon=2, backtest=backtest)


def test_intervals_cover_what_they_promise_on_simulated_demand() -> None:
    rng = np.random.default_rng(RNG_SEED)
    horizon, series = 8, {}
    for i in range(70):
        level = rng.uniform(20, 200) + np.cumsum(rng.normal(0, 2, 80 + horizon))
        series[f"S{i:03}"] = rng.poisson(np.maximum(level, 1)).astype(float)
    known = panel_of({k: v[:-horizon] for k, v in series.items()})
    forecast = forecast_panel(known, freq="W-MON", horizon=horizon)
    actuals = panel_of(series)
    for level, lowest, highest in ((80, 74, 88), (95, 91, 98.5)):
        covered = coverage_table(forecast, actuals, level)
        assert covered["n_periods"].eq(horizon).all()
        assert lowest <= covered["coverage_pct"].mean() <= highest


@given(st.lists(st.floats(0, 1e9, allow_subnormal=False), min_size=1, max_size=40), st.integers(1, 9))
@settings(deadline=None, max_examples=40)
def test_any_history_keeps_the_contract(y: list[float], horizon: int) -> None:
    panel = panel_of({"A": np.array(y), "B": np.arange(len(y), dtype=float)})
    assert_contract(forecast_panel(panel, freq="W-MON", horizon=horizon), panel, horizon)


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=30), st.floats(0.01, 0.99))
def test_smoothed_level_stays_within_the_history(y: list[float], alpha: float) -> None:
    values = np.array(y)
    level = ses_level(values, alpha)
    slack = 1e-9 * max(1.0, np.abs(values).max())
    assert level.min() >= values.min() - slack
    assert level.max() <= values.max() + slack
    start = values[:4].mean()
    for value, smoothed in zip(values, level, strict=True):
        start = alpha * value + (1 - alpha) * start
        assert smoothed == pytest.approx(start, abs=slack)


def test_theta_follows_half_the_trend() -> None:
    ahead = theta_predict(np.arange(100.0), 1, best_alpha(np.arange(100.0)), 5)
    np.testing.assert_allclose(np.diff(ahead), 0.5)


def test_ets_is_the_likelihood_optimum_of_statsmodels_not_ours() -> None:
    y = awkward()["seasonal"]
    params = model_room.ets_learn(y, 1)
    ahead = model_room.ets_predict(y, 1, params, 3)
    longer = model_room.ets_predict(np.r_[y, ahead[:1]], 1, params, 2)
    np.testing.assert_allclose(longer, ahead[1:])  # what was forecast and then came changes nothing


def test_what_was_learned_early_still_fits_when_the_series_has_outgrown_its_maximum() -> None:
    y = 100 + np.arange(60) * 2 + np.random.default_rng(6).normal(0, 3, 60)
    plan, memory = Plan.of("W-MON", 4, None, ("ets", "theta")), Memory()
    forecast_series(y[:40], plan, memory)
    frozen, fresh = forecast_series(y, plan, memory), forecast_series(y, plan, Memory())
    np.testing.assert_allclose(frozen.mean, fresh.mean, rtol=0.02)


def test_demand_class_ignores_closed_weekdays() -> None:
    usual = {"season_length": 7, "year_length": 365, "quarter_length": 91}
    open_two_days = np.tile([0.0, 0, 0, 0, 0, 5, 6], 20)
    assert demand_class(open_two_days, **usual) == "regular"
    assert demand_class(open_two_days, season_length=1, year_length=365, quarter_length=91) == "intermittent"


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


def test_intervals_of_a_few_sales_stay_within_sight_of_them() -> None:
    """A sale every fourth day for three months: a scale near zero once made a band of a thousand times the sales."""
    days = pd.date_range("2026-01-01", periods=92)
    daily = pd.DataFrame({"unique_id": "company", "ds": days, "y": 0.0})
    daily.loc[::4, "y"] = np.linspace(400, 1500, len(daily.loc[::4]))
    forecast = forecast_panel(daily, freq="D", horizon=91)
    assert forecast["hi-95"].max() <= forecast["mean"].max() + 2 * daily["y"].max()
