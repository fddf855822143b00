"""forecast.quality and forecast.decompositions: what the totals are made of, and what their forecast leaves over.

Not here: the tests themselves (forecasting/quality.py), how large the errors are (forecast.accuracy).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import dagster as dg
import pandas as pd

from forecasting.engine import backtest_panel
from forecasting.panel import buckets, complete_calendar
from forecasting.quality import quality_tables
from orchestration.business import WEEKDAYS
from orchestration.defs.resources import NightResource
from orchestration.metadata import picture, table_of
from orchestration.night import Counts, Night
from orchestration.warehouse import read_frame, replace_as_of, writing
from reporting.charts import chart_svg
from reporting.quality_charts import correlation_chart, decomposition_chart

TABLES = ("quality", "decompositions")
LARGEST_CATEGORIES = 29  # by revenue of a year: with the company, 60 series of revenue and units
ORIGINS = 60  # consecutive one-step forecasts per series; the tests need 30
SEASONS = {"daily": (7, 365), "weekly": (52,)}
COMPANY = """
    select 'company' as unique_id, order_date as ds, {measure}::double precision as y
    from marts.mv_sales_daily_summary
    where order_date <= %(as_of)s"""
CATEGORIES = """
    select category as unique_id, order_date as ds, sum({measure})::double precision as y
    from marts.agg_sales_daily_category
    where order_date <= %(as_of)s and category in (
        select category
        from marts.agg_sales_daily_category
        where order_date <= %(as_of)s and order_date > %(as_of)s - 365 and category is not null
        group by category
        order by sum(net_revenue) desc, category
        limit %(largest)s
    )
    group by category, order_date"""
FAMILIES = {
    "company_daily_revenue": (COMPANY, "net_revenue", "daily"),
    "category_daily_revenue": (CATEGORIES, "net_revenue", "daily"),
    "company_weekly_units": (COMPANY, "units", "weekly"),
    "category_weekly_units": (CATEGORIES, "units", "weekly"),
}


@dataclass(frozen=True)
class Judged:
    """One family of series: its two tables, and the one-step errors behind them."""

    quality: pd.DataFrame
    decompositions: pd.DataFrame
    errors: pd.DataFrame
    n_read: int


@dg.multi_asset(
    name="forecast_quality",
    specs=[
        dg.AssetSpec(
            ["forecast", table],
            deps=[["marts", "agg_sales_daily_category"], ["marts", "mv_sales_daily_summary"], ["ops", "nights"]],
            group_name="forecast", kinds={"python", "postgres"}, description=description,
        )
        for table, description in zip(TABLES, (
            "Per total: the strength of trend and season, stationarity, and whether its one-step errors are chance.",
            "Per total and period: trend, season and remainder.",
        ), strict=True)
    ],
)  # fmt: skip
def forecast_quality(context: dg.AssetExecutionContext, night: NightResource) -> Iterator[dg.MaterializeResult]:
    """Judge the totals of the company and of its largest categories, and replace what was said at this as-of date."""
    yield from _results(context, night.get())


def _results(context: dg.AssetExecutionContext, tonight: Night) -> Iterator[dg.MaterializeResult]:
    with tonight.stage("forecast quality") as record:
        judged = {}
        for series, (query, measure, grain) in FAMILIES.items():
            judged[series] = _judge(tonight, query.format(measure=measure), grain)
            context.log.info(f"{series}: {len(judged[series].quality)} series judged")
        written = _write(tonight, judged)
        record.counts = Counts(read=sum(one.n_read for one in judged.values()), written=sum(written.values()))
    shown = _shown(tonight, judged)
    for table in TABLES:
        metadata = {"dagster/row_count": dg.MetadataValue.int(written[table]), **shown[table]}
        yield dg.MaterializeResult(asset_key=["forecast", table], metadata=metadata)


def _judge(night: Night, query: str, grain: str) -> Judged:
    parameters = {"as_of": night.as_of_date, "largest": LARGEST_CATEGORIES}
    found = read_frame(night.connection, query, parameters)
    days = found.assign(
        unique_id=found["unique_id"].astype("str"), ds=pd.to_datetime(found["ds"]), y=found["y"].astype("float64")
    )
    weekday = WEEKDAYS[night.business.profile.first_weekday_number - 1][:3].upper()
    freq = "D" if grain == "daily" else f"W-{weekday}"
    periods = days if grain == "daily" else buckets(days, freq)
    history = complete_calendar(periods, freq, night.as_of_date)
    errors = backtest_panel(history, freq=freq, horizon=1, n_origins=ORIGINS)
    quality, decompositions = quality_tables(history, errors, season_lengths=SEASONS[grain])
    return Judged(quality, decompositions, errors, len(found))


def _write(night: Night, judged: dict[str, Judged]) -> dict[str, int]:
    """Both tables of all families, in one transaction."""
    written = {}
    with writing(night.connection):
        for table in TABLES:
            # Each night tells of the whole history: earlier ones would only repeat it.
            night.connection.execute(f"delete from forecast.{table} where as_of_date < %s", [night.as_of_date])
            frames = [getattr(one, table).assign(series=series) for series, one in judged.items()]
            frame = pd.concat([f for f in frames if len(f)] or frames, ignore_index=True)
            written[table] = replace_as_of(night.connection, f"forecast.{table}", night.as_of_date, frame)
    return written


def _shown(night: Night, judged: dict[str, Judged]) -> dict[str, dict[str, dg.MetadataValue]]:
    """Verdicts and strengths as tables, and the company's revenue as pictures."""
    rows = pd.concat([one.quality.assign(series=series) for series, one in judged.items()], ignore_index=True)
    unsound = rows[rows["is_sound"].eq(False)]
    revenue = judged["company_daily_revenue"]
    shown: dict[str, dict[str, dg.MetadataValue]] = {
        "quality": {
            "company": table_of(rows.loc[rows["unique_id"] == "company", ["series", "verdict"]]),
            "not sound": table_of(unsound[["series", "unique_id", "verdict"]].head(20)),
        },
        "decompositions": {
            "strength": table_of(rows[["series", "unique_id", "trend_strength", "season_strength"]].head(20)),
        },
    }
    left = revenue.errors.sort_values("ds")
    pictures = {
        ("quality", "errors of daily revenue"): correlation_chart(left["y"] - left["mean"], lags=28),
        ("decompositions", "daily revenue"): decomposition_chart(
            revenue.decompositions, currency=night.business.profile.currency
        ),
    }
    for (table, name), drawing in pictures.items():
        if drawing is not None:
            shown[table][name] = picture(chart_svg(drawing))
    return shown
