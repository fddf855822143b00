"""forecast.overridden and the track record: what planners override, how right earlier nights were, what it was worth.

Not here: how forecasts are judged (orchestration/forecasts/track_record.py) and made (forecast.py).
"""

from collections.abc import Iterator

import dagster as dg
import pandas as pd

from orchestration.defs.resources import NightResource
from orchestration.forecasts.drift import in_words
from orchestration.forecasts.overrides import without_forecast, write_overridden
from orchestration.forecasts.track_record import TrackRecord, write_track_record
from orchestration.metadata import picture, table_of
from orchestration.night import Counts
from reporting.accuracy_charts import by_lead_chart, value_added_chart
from reporting.charts import chart_svg

MOST_CHARTS = 4  # of error by lead: a picture each
TABLES = {
    "accuracy_by_lead": "Errors of the forecasts that came due, by series family, demand class and lead.",
    "track_record": "Errors of the forecasts that came due per series, and whether they drift.",
    "drift": "How much of what a family forecasts drifts, and since when that is an alert.",
    "value_added": "The error before and after each step: naive, reps, engine, planners' overrides.",
}


@dg.asset(
    key=["forecast", "overridden"],
    deps=[
        ["forecast", "forecasts"],
        ["staging", "stg_forecast_overrides"],
        ["marts", "dim_product"],
        ["ops", "nights"],
    ],
    group_name="forecast",
    kinds={"python", "postgres"},
    description="The forecasts that planners override, and those that change with them so that the parts add up.",
)
def overridden(night: NightResource) -> dg.MaterializeResult:
    """Find tonight's overrides and what follows from them, and replace what was said at this as-of date."""
    tonight = night.get()
    with tonight.stage("overrides") as record:
        found = write_overridden(tonight)
        record.counts = Counts(written=len(found))
        lost = without_forecast(tonight.connection, tonight.as_of_date)
    direct = found[found["is_direct"].astype(bool)]
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": len(found),
            "overridden by planners": len(direct),
            "preview": table_of(direct.drop(columns="is_direct").head(20)),
            "overrides of what is not forecast": len(lost),
            "check their members and periods": table_of(lost.head(20)),
        }
    )


@dg.multi_asset(
    name="forecast_track_record",
    specs=[
        dg.AssetSpec(
            ["forecast", table],
            deps=[
                ["forecast", "forecasts"],
                ["forecast", "overridden"],
                *(
                    ["marts", name]
                    for name in (
                        "agg_sales_daily_product", "agg_sales_daily_category", "agg_sales_daily_slice",
                        "mv_sales_daily_summary", "fct_sales_lines", "dim_product",
                    )
                ),
                ["staging", "stg_forecast_cycles"],
                ["staging", "stg_forecast_submissions"],
                ["ops", "nights"],
            ],
            group_name="forecast", kinds={"python", "postgres"}, description=description,
        )
        for table, description in TABLES.items()
    ],
)  # fmt: skip
def track_record(context: dg.AssetExecutionContext, night: NightResource) -> Iterator[dg.MaterializeResult]:
    """Judge what came due, tell of drift that began or ended, and replace what was said at this as-of date."""
    tonight = night.get()
    with tonight.stage("forecast accuracy") as record:
        found, told = write_track_record(tonight, context.log.info)
        written = {table: len(frame) for table, frame in found.tables.items()}
        record.counts = Counts(read=found.n_judged, written=sum(written.values()))
    shown = _shown(found) | {"drift": {"families": table_of(found.drift), "messages": dg.MetadataValue.int(told)}}
    for table in TABLES:
        yield dg.MaterializeResult(
            asset_key=["forecast", table], metadata={"dagster/row_count": written[table], **shown[table]}
        )


def _shown(found: TrackRecord) -> dict[str, dict[str, dg.MetadataValue]]:
    """The pictures and tables of the judgement, per table."""
    every = found.by_lead[found.by_lead["demand_class"] == "all"]
    by_lead: dict[str, dg.MetadataValue] = {"all leads": table_of(every[every["lead"] == 0].round(1))}
    for series, rows in list(every.groupby("series"))[:MOST_CHARTS]:
        drawing = by_lead_chart(rows, what=in_words(str(series)))
        if drawing is not None:
            by_lead[in_words(str(series))] = picture(chart_svg(drawing))
    if found.unknown:
        by_lead["not judged: the marts do not hold what came"] = dg.MetadataValue.text(", ".join(found.unknown))
    drifting = found.tables["track_record"][found.tables["track_record"]["is_drifting"].astype(bool)]
    value: dict[str, dg.MetadataValue] = {"all": table_of(found.value[found.value["dimension"] == "all"].round(1))}
    bars = value_added_chart(_labelled(found.value))
    if bars is not None:
        value["value added"] = picture(chart_svg(bars))
    worst = found.tables["track_record"].sort_values("value_added_pct").head(10)
    return {
        "accuracy_by_lead": by_lead,
        "track_record": {"drifting": table_of(drifting.head(20)), "least value over naive": table_of(worst)},
        "value_added": value,
    }


def _labelled(value: pd.DataFrame) -> pd.DataFrame:
    """The steps over all members, and the overrides of each planner, with what a bar is called."""
    rows = value[(value["dimension"] == "all") | (value["dimension"] == "planner")]
    who = rows["member"].where(rows["dimension"] == "planner", "")
    return rows.assign(
        label=rows["step"] + ": " + [in_words(s) for s in rows["series"]] + who.where(who == "", ", " + who)
    )
