"""Reorder points: by hand, in service, and at the edges. Not here: the forecasts behind them."""

import numpy as np
import pandas as pd
import pytest

from forecasting.engine import backtest_panel, forecast_panel
from forecasting.panel import PanelError
from forecasting.stock.reorder import COLUMNS, reorder_points, window_sum

WEEKS = pd.date_range("2024-01-01", periods=4, freq="W-MON")
NO_BACKTEST = pd.DataFrame({"unique_id": [], "cutoff": [], "ds": [], "y": [], "mean": []})


def forecast_of(**means: list[float]) -> pd.DataFrame:
    return pd.concat([pd.DataFrame({"unique_id": k, "ds": WEEKS[: len(v)], "mean": v}) for k, v in means.items()])


def stock(product_id: str = "A", on_hand: float = 0.0, on_order: float = 0.0, days: float = 14) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "product_id": [product_id],
            "on_hand_units": [on_hand],
            "on_order_units": [on_order],
            "lead_time_days": [days],
        }
    )


def backtest_of(errors: list[list[float]], unique_id: str = "A", mean: float = 10.0) -> pd.DataFrame:
    """One origin per inner list; the list is y − mean, week by week."""
    frames = [
        pd.DataFrame(
            {
                "unique_id": unique_id,
                "cutoff": pd.Timestamp("2020-01-06") + pd.Timedelta(weeks=i),
                "ds": pd.Timestamp("2020-01-06") + pd.to_timedelta(7 * (i + 1 + np.arange(len(e))), unit="D"),
                "y": mean + np.array(e),
                "mean": mean,
            }
        )
        for i, e in enumerate(errors)
    ]
    return pd.concat(frames, ignore_index=True)


def test_worked_example_by_hand() -> None:
    # 79 origins whose two-week errors are −39 … 39: the 95 % quantile is the ⌈80·0.95⌉ = 76th smallest, 36.
    backtest = backtest_of([[k / 2, k / 2, 99.0] for k in range(-39, 40)])
    row = reorder_points(forecast_of(A=[10.0, 12, 14, 16]), backtest, stock(on_hand=40, on_order=8)).iloc[0]
    assert row["lead_time_demand_units"] == 22
    assert row["safety_stock_units"] == 36
    assert row["reorder_point_units"] == 58
    assert row["order_qty_units"] == 58 + 14 - 48  # the week after the lead time is the third: 14
    assert row["status"] == "order now"
    assert row["reason"].startswith(
        "40 units on hand and 8 on order are at or below the reorder point of 58 for 14 days"
    )
    assert "79 past lead times" in row["reason"]


def test_the_reorder_point_itself_orders_and_one_unit_more_does_not() -> None:
    forecast, backtest = (
        forecast_of(A=[10.0, 12, 14]),
        backtest_of([[k / 2, k / 2, 0] for k in range(-39, 40)]),
    )
    at = reorder_points(forecast, backtest, stock(on_hand=58)).iloc[0]
    above = reorder_points(forecast, backtest, stock(on_hand=58.5)).iloc[0]
    assert (at["status"], at["order_qty_units"]) == ("order now", 14)
    assert (above["status"], above["order_qty_units"]) == ("enough", 0)


def test_errors_that_grow_together_need_more_than_their_root() -> None:
    rng = np.random.default_rng(7)
    shared = [[e] * 4 for e in rng.normal(0, 5, 99)]
    own = rng.normal(0, 5, (99, 4)).tolist()
    safety = [
        reorder_points(forecast_of(A=[10.0] * 4), backtest_of(e), stock(days=28))["safety_stock_units"].iloc[0]
        for e in (shared, own)
    ]
    assert safety[0] > 1.6 * safety[1]


@pytest.mark.parametrize(("days", "demand"), [(0, 0.0), (1, 10 / 7), (7, 10.0), (10, 10 + 3 / 7 * 20), (35, 75.0)])
def test_lead_time_demand_in_proportion(days: int, demand: float) -> None:
    row = reorder_points(forecast_of(A=[10.0, 20, 20, 10]), NO_BACKTEST, stock(days=days)).iloc[0]
    assert row["lead_time_demand_units"] == pytest.approx(demand)
    assert row["lead_time_days"] == days


def test_unknown_stock_is_said_and_not_taken_for_zero() -> None:
    forecast = forecast_of(A=[10.0] * 3, B=[5.0] * 3, C=[5.0] * 3)
    inventory = pd.concat([stock("A", on_hand=np.nan), stock("B", on_hand=3, on_order=np.nan)])
    table = reorder_points(forecast, NO_BACKTEST, inventory).set_index("product_id")
    assert (table["status"] == "stock unknown").all()
    assert table["order_qty_units"].isna().all()
    assert np.isfinite(table["reorder_point_units"]).all()
    assert "on order are not known" in table.loc["B", "reason"]
    assert table.loc["C", "lead_time_days"] == 14


def test_stock_without_a_forecast_is_enough_and_says_why() -> None:
    row = reorder_points(forecast_of(A=[1.0] * 3), NO_BACKTEST, stock("Ä old", on_hand=0)).set_index("product_id")
    assert row.loc["Ä old", ["status", "order_qty_units"]].tolist() == ["enough", 0]
    assert "no forecast" in row.loc["Ä old", "reason"]


def test_missing_lead_time_takes_the_default_and_backorders_are_ordered() -> None:
    row = reorder_points(
        forecast_of(A=[10.0] * 4), NO_BACKTEST, stock(on_hand=-5, days=np.nan), default_lead_time_days=7
    ).iloc[0]
    assert row["lead_time_days"] == 7
    assert row["order_qty_units"] == np.ceil(10 + 1.6448536 * np.sqrt(10) + 10 + 5)


def test_a_new_product_borrows_the_errors_of_the_others() -> None:
    rng = np.random.default_rng(8)
    old = [backtest_of(rng.normal(0, 3, (8, 4)).tolist(), f"P{i}", 10.0) for i in range(20)]
    forecast = forecast_of(new=[10.0] * 4, twice=[20.0] * 4)
    table = reorder_points(forecast, pd.concat(old), pd.concat([stock("new"), stock("twice")]), service_level_pct=95)
    small, large = table["safety_stock_units"]
    assert small == pytest.approx(1.645 * 3 * np.sqrt(2), rel=0.3)
    assert large == pytest.approx(2 * small)


def test_a_higher_service_level_never_holds_less() -> None:
    rng = np.random.default_rng(9)
    backtest = backtest_of(rng.normal(0, 3, (30, 4)).tolist())
    levels = [50, 80, 90, 95, 99]
    safety = [
        reorder_points(forecast_of(A=[10.0] * 4), backtest, stock(), service_level_pct=p)["safety_stock_units"].iloc[0]
        for p in levels
    ]
    assert safety == sorted(safety)
    assert safety[0] >= 0


def test_asked_service_is_given_on_simulated_demand() -> None:
    rng = np.random.default_rng(10)
    series = {f"P{i:03}": rng.poisson(rng.uniform(3, 60), 82).astype(float) for i in range(80)}
    weeks = pd.date_range("2022-01-03", periods=80, freq="W-MON")
    panel = pd.concat([pd.DataFrame({"unique_id": k, "ds": weeks, "y": y[:80]}) for k, y in series.items()])
    backtest = backtest_panel(panel, freq="W-MON", horizon=4)
    forecast = forecast_panel(panel, freq="W-MON", horizon=4)
    inventory = pd.concat([stock(k) for k in series])
    for asked, lowest, highest in ((50.0, 0.40, 0.68), (95.0, 0.88, 0.995)):
        table = reorder_points(forecast, backtest, inventory, service_level_pct=asked).set_index("product_id")
        served = np.mean([series[k][80:].sum() <= table.loc[k, "reorder_point_units"] for k in series])
        assert lowest <= served <= highest


def test_empty_inputs_and_column_order() -> None:
    empty = forecast_of(A=[1.0]).head(0)
    assert reorder_points(empty, NO_BACKTEST, stock().head(0)).columns.tolist() == list(COLUMNS)
    assert len(reorder_points(empty, NO_BACKTEST, stock().head(0))) == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"lead_time_days": -1}, "lead_time_days must be a whole number"),
        ({"lead_time_days": 1.5}, "lead_time_days must be a whole number"),
        ({"on_hand_units": np.inf}, "on_hand_units is infinite"),
        ({"on_order_units": -np.inf}, "on_order_units is infinite"),
    ],
)
def test_impossible_figures_are_refused_by_product(change: dict[str, float], message: str) -> None:
    with pytest.raises(PanelError, match=f"product 'A': {message}"):
        reorder_points(forecast_of(A=[1.0]), NO_BACKTEST, stock().assign(**change))


def test_duplicates_and_wrong_choices_are_refused() -> None:
    forecast = forecast_of(A=[1.0])
    with pytest.raises(PanelError, match="'A' occurs twice"):
        reorder_points(forecast, NO_BACKTEST, pd.concat([stock(), stock()]))
    with pytest.raises(ValueError, match="service_level_pct"):
        reorder_points(forecast, NO_BACKTEST, stock(), service_level_pct=100)
    with pytest.raises(ValueError, match="default_lead_time_days"):
        reorder_points(forecast, NO_BACKTEST, stock(), default_lead_time_days=-1)
    with pytest.raises(PanelError, match="forecast: mean is not a finite number"):
        reorder_points(forecast_of(A=[np.nan]), NO_BACKTEST, stock())


def test_window_sum_is_continuous_at_the_horizon() -> None:
    weekly = np.array([3.0, 4.0, 5.0])
    assert window_sum(weekly, 3.0) == pytest.approx(window_sum(weekly, 2.9999999), abs=1e-5)
