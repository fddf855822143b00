"""forecast.*: weekly demand of every product and daily total revenue, 13 weeks ahead, with the errors made before.

Not here: how a forecast is made (forecasting/engine.py).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta

import dagster as dg
import pandas as pd

from forecasting.accuracy import accuracy_table
from forecasting.engine import backtest_panel, forecast_panel
from forecasting.history import prepare_history
from forecasting.panel import complete_calendar
from orchestration.business import WEEKDAYS
from orchestration.defs.resources import NightResource
from orchestration.demand import read_demand, read_orders, replace_history_notes
from orchestration.metadata import picture, table_of
from orchestration.night import Counts, Night
from orchestration.warehouse import read_frame, replace_as_of, writing
from reporting.charts import chart_svg, revenue_chart

WEEKS_AHEAD = 13
PRODUCTS, REVENUE = "product_weekly_units", "company_daily_revenue"
TABLES = ("forecasts", "backtests", "accuracy")
NOTES = "history_notes"

TOTAL = """
    select 'company' as unique_id, order_date as ds, net_revenue::double precision as y
    from marts.mv_sales_daily_summary
    where order_date <= %(as_of)s"""


@dataclass(frozen=True)
class Outcome:
    """What a series family's forecast leaves: frames for the three tables, and the history it came from."""

    history: pd.DataFrame
    forecasts: pd.DataFrame
    backtests: pd.DataFrame
    accuracy: pd.DataFrame
    notes: pd.DataFrame = field(default_factory=pd.DataFrame)


@dg.multi_asset(
    name="demand_forecast",
    specs=[
        dg.AssetSpec(
            ["forecast", table],
            deps=[
                ["marts", "demand_daily_product"], ["marts", "agg_sales_daily"], ["marts", "mv_sales_daily_summary"],
                ["ops", "nights"],
            ],
            group_name="forecast", kinds={"python", "postgres"}, description=description,
        )
        for table, description in zip((*TABLES, NOTES), (
            "Weekly units per product and daily revenue, 13 weeks ahead, with 80 % and 95 % intervals.",
            "What the forecasts of past origins said, beside what came.",
            "Errors per series over those origins, beside seasonal naive's.",
            "The periods that the forecast did not take at their word, and what it used.",
        ), strict=True)
    ],
)  # fmt: skip
def demand_forecast(context: dg.AssetExecutionContext, night: NightResource) -> Iterator[dg.MaterializeResult]:
    """Forecast both families and replace what was said at this as-of date."""
    tonight = night.get()
    with tonight.stage("forecast") as record:
        outcomes = {PRODUCTS: _products(context, tonight), REVENUE: _revenue(context, tonight)}
        written = _write(tonight, outcomes)
        record.counts = Counts(read=sum(len(o.history) for o in outcomes.values()), written=sum(written.values()))
    revenue = outcomes[REVENUE]
    models = outcomes[PRODUCTS].forecasts.drop_duplicates("unique_id")
    shown: dict[str, dict[str, dg.MetadataValue]] = {
        "forecasts": {
            "daily revenue": picture(_revenue_svg(tonight, revenue)),
            "models": table_of(models.groupby(["demand_class", "model_used"], as_index=False).size()),
            "fallbacks": table_of(
                models.loc[models["fallback_reason"].notna(), ["unique_id", "fallback_reason"]].head(20)
            ),
        },
        "backtests": {"preview": table_of(revenue.backtests.head(5))},
        "accuracy": {"worst": table_of(outcomes[PRODUCTS].accuracy.sort_values("wape_pct", ascending=False).head(10))},
        NOTES: {"kinds": table_of(outcomes[PRODUCTS].notes.groupby("kind", as_index=False).size())},
    }
    for table in (*TABLES, NOTES):
        yield dg.MaterializeResult(
            asset_key=["forecast", table], metadata={"dagster/row_count": written[table], **shown[table]}
        )


def _products(context: dg.AssetExecutionContext, night: Night) -> Outcome:
    """Weekly units per product; weeks begin on the business's first weekday, the unfinished one is left out."""
    weekday = WEEKDAYS[night.business.profile.first_weekday_number - 1][:3].upper()
    freq = f"W-{weekday}"
    as_of = night.as_of_date
    daily, orders = read_demand(night.connection, as_of), read_orders(night.connection, as_of)
    prepared = prepare_history(daily, freq=freq, end=as_of, orders=orders)
    history = prepared.panel[["unique_id", "ds", "y"]]
    progress = _progress(context, "weekly demand")
    backtests = backtest_panel(history, freq=freq, horizon=WEEKS_AHEAD, on_progress=progress)
    forecasts = forecast_panel(history, freq=freq, horizon=WEEKS_AHEAD, backtest=backtests)
    return Outcome(history, forecasts, backtests, accuracy_table(backtests, history, 52), prepared.notes)


def _revenue(context: dg.AssetExecutionContext, night: Night) -> Outcome:
    """Daily revenue of the company; a total, so auto-ARIMA may vote."""
    history = complete_calendar(_daily(night, TOTAL), "D", night.as_of_date)
    context.log.info("daily revenue: auto-ARIMA, ETS and seasonal naive")
    models = ("seasonal_naive", "ets", "arima")
    horizon = WEEKS_AHEAD * 7
    backtests = backtest_panel(history, freq="D", horizon=horizon, models=models)
    forecasts = forecast_panel(history, freq="D", horizon=horizon, models=models, backtest=backtests)
    return Outcome(history, forecasts, backtests, accuracy_table(backtests, history, 7))


def _daily(night: Night, query: str) -> pd.DataFrame:
    frame = read_frame(night.connection, query, {"as_of": night.as_of_date})
    return frame.assign(
        unique_id=frame["unique_id"].astype("str"),
        ds=pd.to_datetime(frame["ds"]),
        y=frame["y"].astype("float64"),
    )


def _write(night: Night, outcomes: dict[str, Outcome]) -> dict[str, int]:
    """Both families' frames into the three tables, in one transaction."""
    written = {}
    with writing(night.connection):
        for table in TABLES:
            frames = [getattr(outcome, table).assign(series=series) for series, outcome in outcomes.items()]
            frame = pd.concat([f for f in frames if len(f)] or frames, ignore_index=True)
            frame = frame.rename(columns=lambda name: name.replace("lo-", "lo_").replace("hi-", "hi_"))
            written[table] = replace_as_of(night.connection, f"forecast.{table}", night.as_of_date, frame)
        notes = {series: outcome.notes for series, outcome in outcomes.items()}
        written[NOTES] = replace_history_notes(night.connection, night.as_of_date, notes)
    return written


def _revenue_svg(night: Night, revenue: Outcome) -> str:
    """A year of history and the forecast with its intervals."""
    since = pd.Timestamp(night.as_of_date - timedelta(days=365))
    history = revenue.history.loc[revenue.history["ds"] >= since, ["ds", "y"]]
    forecast = revenue.forecasts.rename(columns=lambda name: name.replace("-", "_"))
    daily = history.rename(columns={"ds": "day", "y": "net_revenue"})
    return chart_svg(
        revenue_chart(_dates(daily, "day"), _dates(forecast, "ds"), currency=night.business.profile.currency)
    )


def _dates(frame: pd.DataFrame, column: str) -> pd.DataFrame:
    days: list[date] = [stamp.date() for stamp in frame[column]]
    return frame.assign(**{column: pd.Series(days, index=frame.index, dtype="object")})


def _progress(context: dg.AssetExecutionContext, what: str) -> Callable[[int, int], None]:
    def say(done: int, total: int) -> None:
        if total and done * 4 // total != (done - 1) * 4 // total:
            context.log.info(f"{what}: {done} of {total} series")

    return say
