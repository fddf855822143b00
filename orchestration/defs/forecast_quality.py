"""forecast.quality and forecast.decompositions: what the totals are made of, and what their forecast leaves over.

Not here: the histories, which are the forecast's own (orchestration/forecasts/histories.py), the tests
(forecasting/quality.py), how large the errors are (forecast.accuracy).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import dagster as dg
import pandas as pd

from forecasting.engine import backtest_panel
from forecasting.quality import quality_tables
from orchestration.defs.resources import NightResource
from orchestration.forecasts.demand import TABLES as DEMAND
from orchestration.forecasts.facts import known_products
from orchestration.forecasts.families import Family
from orchestration.forecasts.histories import History, histories
from orchestration.metadata import picture, table_of
from orchestration.night import Counts, Night
from orchestration.warehouse import read_frame, replace_as_of, writing
from reporting.charts import chart_svg
from reporting.quality_charts import correlation_chart, decomposition_chart

TABLES = ("quality", "decompositions")
LARGEST_CATEGORIES = 29  # by revenue of a year: with the company, 60 series of revenue and units
ORIGINS = 60  # consecutive one-step forecasts per series; the tests need 30
SEASONS: dict[str, tuple[int, ...]] = {"day": (7, 365), "week": (52,)}
FAMILIES = (
    Family(level="company", measure="revenue", grain="day", horizon=1),
    Family(level="category", measure="revenue", grain="day", horizon=1),
    Family(level="company", measure="units", grain="week", horizon=1),
    Family(level="category", measure="units", grain="week", horizon=1),
)
LARGEST = """
    select category
    from marts.agg_sales_daily_category
    where order_date <= %(as_of)s and order_date > %(as_of)s - 365 and category is not null
    group by category
    order by sum(net_revenue) desc, category
    limit %(largest)s"""
READ = sorted({*DEMAND, "marts.agg_sales_daily_category", "marts.mv_sales_daily_summary", "marts.dim_product"})


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
            deps=[*(name.split(".") for name in READ), ["ops", "nights"]],
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
        largest = _largest(tonight)
        products = known_products(tonight.connection, tonight.as_of_date)
        history_of = histories(tonight.connection, tonight.business.profile, tonight.as_of_date, products)
        for family in FAMILIES:
            judged[family.series] = _judge(family, history_of(family), largest)
            context.log.info(f"{family.series}: {len(judged[family.series].quality)} series judged")
        written = _write(tonight, judged)
        record.counts = Counts(read=sum(one.n_read for one in judged.values()), written=sum(written.values()))
    shown = _shown(tonight, judged)
    for table in TABLES:
        metadata = {"dagster/row_count": dg.MetadataValue.int(written[table]), **shown[table]}
        yield dg.MaterializeResult(asset_key=["forecast", table], metadata=metadata)


def _largest(night: Night) -> list[str]:
    """The company, and the categories that are judged."""
    found = read_frame(night.connection, LARGEST, {"as_of": night.as_of_date, "largest": LARGEST_CATEGORIES})
    return ["company", *found["category"].astype("str")]


def _judge(family: Family, history: History, largest: Sequence[str]) -> Judged:
    """Both tables of what was forecast: the history is the forecast's own, filled and cut as that is."""
    panel = history.panel[history.panel["unique_id"].isin(largest)].reset_index(drop=True)
    errors = backtest_panel(panel, freq=history.freq, horizon=1, n_origins=ORIGINS)
    quality, decompositions = quality_tables(panel, errors, season_lengths=SEASONS[family.grain])
    return Judged(quality, decompositions, errors, len(panel))


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
