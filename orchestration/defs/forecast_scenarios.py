"""forecast.scenarios: the products' forecasts under the what-ifs of scenarios.yaml.

Not here: what a scenario does to a forecast (forecasting/scenarios.py), the file (what_if.py).
"""

from datetime import date

import dagster as dg
import pandas as pd

from forecasting.regression import regression_votes
from forecasting.scenarios import scenario_forecasts
from orchestration.business import Business
from orchestration.defs.resources import NightResource
from orchestration.forecasts.demand import TABLES as DEMAND
from orchestration.forecasts.facts import known_products
from orchestration.forecasts.families import PRODUCTS
from orchestration.forecasts.histories import histories
from orchestration.forecasts.regressors import TABLES, product_regressors
from orchestration.forecasts.second_opinions import with_holidays
from orchestration.metadata import picture, table_of
from orchestration.night import Counts
from orchestration.warehouse import Connection, read_frame, replace_as_of, writing
from reporting.charts import chart_svg
from reporting.scenario_charts import scenarios_chart

BASE = """
    select unique_id, ds, mean, lo_80 as "lo-80", hi_80 as "hi-80", lo_95 as "lo-95", hi_95 as "hi-95"
    from forecast.forecasts where as_of_date = %(as_of)s and series = %(series)s order by unique_id, ds"""
COLUMNS = ["scenario", "series", "unique_id", "ds", "base", "mean", "lo_80", "hi_80", "lo_95", "hi_95", "note"]


@dg.asset(
    key=["forecast", "scenarios"],
    deps=[
        ["forecast", "forecasts"],
        *(list(key) for key in dict.fromkeys(tuple(table.split(".")) for table in (*DEMAND, *TABLES))),
        ["ops", "nights"],
    ],
    group_name="forecast",
    kinds={"python", "postgres"},
    description="Per scenario of scenarios.yaml and product: the weekly forecast under it, beside the base.",
)
def forecast_scenarios(context: dg.AssetExecutionContext, night: NightResource) -> dg.MaterializeResult:
    """Ask every what-if, and replace what was said at this as-of date."""
    tonight = night.get()
    with tonight.stage("scenarios") as record:
        base = read_frame(tonight.connection, BASE, {"as_of": tonight.as_of_date, "series": PRODUCTS.series})
        found = what_if(tonight.connection, tonight.business, tonight.as_of_date, base)
        with writing(tonight.connection):
            written = replace_as_of(tonight.connection, "forecast.scenarios", tonight.as_of_date, found)
        record.counts = Counts(read=len(base), written=written)
    shown = _shown(found)
    idle = [one.name for one in tonight.business.scenarios if one.name not in set(found["scenario"])]
    if idle and len(base):
        context.log.warning(f"no product that is forecast is concerned by {', '.join(map(repr, idle))}")
        shown["without a product: are category and id as in the data?"] = dg.MetadataValue.text(", ".join(idle))
    return dg.MaterializeResult(metadata={"dagster/row_count": written, **shown})


def _shown(found: pd.DataFrame) -> dict[str, dg.MetadataValue]:
    """What all products together sell under each scenario, and why, as tables and a picture."""
    numbers = found[["scenario", "base", "mean"]].astype({"base": "float64", "mean": "float64"})
    totals = numbers.groupby("scenario", as_index=False).sum()
    units = totals[["base", "mean"]].round().astype("int64")
    change = 100 * (totals["mean"] / totals["base"].where(totals["base"] != 0) - 1)
    table = pd.DataFrame(
        {
            "scenario": totals["scenario"], "units as forecast": units["base"],
            "units under it": units["mean"], "change in %": change.round(1),
        }
    )  # fmt: skip
    notes = found.drop_duplicates(["scenario", "unique_id"]).groupby(["scenario", "note"], as_index=False).size()
    shown = {
        "units": table_of(table),
        "notes": table_of(notes.sort_values("size", ascending=False).head(20).rename(columns={"size": "products"})),
    }
    drawing = scenarios_chart(found)
    return shown if drawing is None else {"units by week": picture(chart_svg(drawing)), **shown}


def what_if(connection: Connection, business: Business, as_of: date, base: pd.DataFrame) -> pd.DataFrame:
    """Every scenario's forecast as the table has it; without a scenario or a forecast nothing is computed."""
    asked = business.scenarios
    if not asked or base.empty:
        return pd.DataFrame(columns=COLUMNS)
    base = base.assign(ds=pd.to_datetime(base["ds"]), unique_id=base["unique_id"].astype("str"))
    products = known_products(connection, as_of)
    history = histories(connection, business.profile, as_of, products)(PRODUCTS)
    freq, horizon = history.freq, int(base.groupby("unique_id").size().max())
    known = product_regressors(connection, history.panel, freq=freq, horizon=horizon, as_of=as_of)
    known = with_holidays(known, history, horizon, business.profile)
    effects = regression_votes(history.panel, known, freq=freq, horizon=horizon).effects
    categories = {i: known.groups.get(i, "") for i in base["unique_id"].unique()}
    found = scenario_forecasts(base, effects, [one.on(as_of, categories) for one in asked], freq=freq)
    found = found.assign(series=PRODUCTS.series, ds=pd.to_datetime(found["ds"]).dt.date)
    return found.rename(columns=lambda name: name.replace("lo-", "lo_").replace("hi-", "hi_"))[COLUMNS]
