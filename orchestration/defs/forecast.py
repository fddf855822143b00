"""forecast.*: every family of business.yaml's plan, with the errors it would have made, its models and its trends.

Not here: which families there are (families.py), how one is forecast and written (forecasts/family_forecasts.py).
"""

from collections.abc import Iterator, Mapping
from datetime import date

import dagster as dg
import pandas as pd

from forecasting.regressors import Regressors
from orchestration.defs.resources import NightResource
from orchestration.forecasts.demand import TABLES as DEMAND
from orchestration.forecasts.demand import replace_history_notes
from orchestration.forecasts.drift import in_words
from orchestration.forecasts.facts import TABLES as FACTS
from orchestration.forecasts.facts import known_products, names_of
from orchestration.forecasts.families import PRODUCTS, REVENUE, Family
from orchestration.forecasts.family_forecasts import (
    TABLES,
    Outcome,
    Say,
    coherent,
    forecast_family,
    parent_links,
    write,
)
from orchestration.forecasts.fan_out import fanned_out
from orchestration.forecasts.histories import History, histories
from orchestration.forecasts.model_state import read_state
from orchestration.forecasts.regressors import TABLES as REGRESSORS
from orchestration.forecasts.regressors import product_regressors
from orchestration.forecasts.second_opinions import (
    SecondOpinions,
    read_arima_states,
    replace_arima_states,
    with_holidays,
)
from orchestration.metadata import picture, table_of
from orchestration.night import Counts, Night
from orchestration.settings import Settings
from orchestration.warehouse import writing
from reporting.charts import chart_svg, revenue_chart

ASSETS = (*TABLES, "history_notes")
READ = sorted({*FACTS, *DEMAND, *REGRESSORS, "marts.dim_product"})
LARGEST = 3  # products that are drawn
PERIODS_DRAWN = {"day": 182, "week": 104, "month": 36, "quarter": 20, "year": 10}
DESCRIPTIONS = {
    "forecasts": "Every family of business.yaml, by series and period, with 80 % and 95 % intervals.",
    "intervals": "The forecasts' intervals at the levels that business.yaml asks for beside 80 % and 95 %.",
    "backtests": "What tonight's models would have said at past origins, beside what came: it sets the intervals.",
    "accuracy": "Errors per series of what tonight's models would have said at past origins, beside seasonal naive's.",
    "series": "Per series: its class, model and reason, its history's length, and whether it rises or falls.",
    "history_notes": "Values that the forecast did not take at their word (stockouts, closed days), and what it used.",
}


@dg.multi_asset(
    name="demand_forecast",
    specs=[
        dg.AssetSpec(
            ["forecast", table],
            deps=[*(table.split(".") for table in READ), ["ops", "nights"]],
            group_name="forecast",
            kinds={"python", "postgres"},
            description=DESCRIPTIONS[table],
        )
        for table in ASSETS
    ],
)
def demand_forecast(context: dg.AssetExecutionContext, night: NightResource) -> Iterator[dg.MaterializeResult]:
    """Forecast every family, and replace what was said at this as-of date in one transaction."""
    tonight = night.get()
    with tonight.stage("forecast") as record:
        opinions = _opinions(tonight)
        outcomes = _forecast(tonight, opinions, context.log.info)
        with writing(tonight.connection):
            written = write(tonight.connection, tonight.as_of_date, outcomes)
            changes = {name: outcome.history.changes for name, outcome in outcomes.items()}
            replace_arima_states(tonight.connection, opinions.learned)
            written["history_notes"] = replace_history_notes(tonight.connection, tonight.as_of_date, changes)
        record.counts = Counts(read=sum(len(o.history.panel) for o in outcomes.values()), written=sum(written.values()))
    names = names_of(tonight.connection, "product", tonight.as_of_date).set_index("unique_id")["name"]
    shown = _shown(outcomes, tonight.business.profile.currency, names)
    for table in ASSETS:
        yield dg.MaterializeResult(
            asset_key=["forecast", table], metadata={"dagster/row_count": written[table], **shown[table]}
        )


def _forecast(night: Night, opinions: SecondOpinions, say: Say) -> dict[str, Outcome]:
    """The outcome of every family by its name, those of one tree made to agree."""
    products = known_products(night.connection, night.as_of_date)
    history_of = histories(night.connection, night.business.profile, night.as_of_date, products)
    outcomes: dict[str, Outcome] = {}
    with fanned_out(Settings()) as executor:
        for family in night.business.profile.forecast.all_families:
            state = read_state(night.connection, family.series, night.as_of_date)
            outcomes[family.series] = forecast_family(
                family,
                history_of(family),
                products=products,
                state=state,
                executor=executor,
                opinions=opinions,
                profile=night.business.profile,
                say=say,
            )
    return coherent(outcomes, parent_links(products))


def _opinions(night: Night) -> SecondOpinions:
    profile = night.business.profile

    def known(history: History, horizon: int) -> Regressors:
        own = product_regressors(
            night.connection, history.panel, freq=history.freq, horizon=horizon, as_of=night.as_of_date
        )
        return with_holidays(own, history, horizon, profile)

    return SecondOpinions(known, read_arima_states(night.connection))


def _shown(outcomes: Mapping[str, Outcome], currency: str, names: pd.Series) -> dict[str, dict[str, dg.MetadataValue]]:
    """What each asset shows in the UI."""
    named = [outcome.series.assign(series=name) for name, outcome in outcomes.items()]
    series = pd.concat([frame for frame in named if len(frame)] or named[:1])
    fallbacks = series[series["fallback_reason"].notna()]
    ways = series.groupby(["series", "trend_direction"], as_index=False).size()
    products = outcomes[PRODUCTS.series]
    return {
        "forecasts": _drawings(outcomes, currency, names),
        "intervals": {"levels": table_of([{"series": n, "per cent": str(_levels(o))} for n, o in outcomes.items()])},
        "backtests": {"preview": table_of(outcomes[REVENUE.series].backtests.head(5))},
        "accuracy": {
            "families": table_of(pd.DataFrame([_errors(name, o.accuracy) for name, o in outcomes.items()])),
            "worst products": table_of(_named(products.accuracy, names).nlargest(10, "wape_pct")),
        },
        "series": {
            "classes": table_of(series.groupby(["series", "demand_class", "model_used"], as_index=False).size()),
            "series with a reason": dg.MetadataValue.int(len(fallbacks)),
            "reasons": table_of(fallbacks[["series", "unique_id", "model_used", "fallback_reason"]].head(30)),
            "trends": table_of(ways),
        },
        "history_notes": {"kinds": table_of(_kinds(outcomes))},
    }  # fmt: skip


def _drawings(outcomes: Mapping[str, Outcome], currency: str, names: pd.Series) -> dict[str, dg.MetadataValue]:
    """History, forecast and intervals of every company total and of the largest products."""
    drawn = [(in_words(name), o, "company") for name, o in outcomes.items() if o.family.level == "company"]
    products = outcomes[PRODUCTS.series]
    recent = products.history.panel.groupby("unique_id").tail(PERIODS_DRAWN["week"])
    largest = recent.groupby("unique_id")["y"].sum().nlargest(LARGEST).index
    drawn += [(f"weekly units of {name} ({names.get(name, '')})", products, name) for name in largest]
    return {title: picture(svg) for title, o, name in drawn if (svg := drawing(o, name, currency))}


def drawing(outcome: Outcome, unique_id: str, currency: str) -> str | None:
    """One series as SVG: its last periods, its forecast and the intervals; None where it has neither."""
    family: Family = outcome.family
    panel, forecasts = outcome.history.panel, outcome.forecasts
    history = panel[panel["unique_id"] == unique_id].rename(columns={"ds": "day", "y": "net_revenue"})
    ahead = forecasts[forecasts["unique_id"] == unique_id].rename(columns=lambda name: name.replace("-", "_"))
    grain = family.grain.removeprefix("fiscal_")
    chart = revenue_chart(
        _dates(history, "day"),
        _dates(ahead, "ds"),
        currency=currency if family.measure == "revenue" else "",
        history_days=PERIODS_DRAWN[grain],
        label=f"{'Net revenue' if family.measure == 'revenue' else family.measure.capitalize()} per {grain}",
    )
    return chart_svg(chart) if chart is not None else None


def _named(accuracy: pd.DataFrame, names: pd.Series) -> pd.DataFrame:
    """Errors with the product's name behind its id."""
    named = accuracy.copy()
    named.insert(1, "name", [names.get(i, "") for i in accuracy["unique_id"]])
    return named


def _kinds(outcomes: Mapping[str, Outcome]) -> pd.DataFrame:
    """How many values of each family were changed, by kind."""
    counts = [
        {"series": name, "kind": kind, "values": int(count)}
        for name, outcome in outcomes.items()
        if len(outcome.history.changes)
        for kind, count in outcome.history.changes["kind"].value_counts().items()
    ]
    return pd.DataFrame(counts, columns=["series", "kind", "values"])


def _levels(outcome: Outcome) -> list[float]:
    return sorted(outcome.intervals["level_pct"].unique().tolist())


def _errors(name: str, accuracy: pd.DataFrame) -> dict[str, object]:
    """A family's median errors over its series."""
    medians = accuracy[["wape_pct", "naive_wape_pct", "mase", "bias_pct"]].median()
    return {"series": name, "of": len(accuracy), **{f"median {key}": value for key, value in medians.items()}}


def _dates(frame: pd.DataFrame, column: str) -> pd.DataFrame:
    days: list[date] = [stamp.date() for stamp in frame[column]]
    return frame.assign(**{column: pd.Series(days, index=frame.index, dtype="object")})
