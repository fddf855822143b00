"""A family's forecast, from its daily facts to the rows of forecast.*: histories, reasons, directions, and the write.

Not here: which families there are (families.py), what they read (forecast_facts.py), how a series is forecast
(forecasting/engine.py), or what an asset shows (defs/forecast.py).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
import pandas as pd

from forecasting.accuracy import accuracy_table
from forecasting.directions import direction_table
from forecasting.engine import DEFAULT_MODELS, backtest_panel, forecast_panel
from forecasting.hierarchy import reconcile, reconcile_backtest
from forecasting.panel import buckets, complete_calendar
from forecasting.periods import Frequency
from orchestration.business import Profile
from orchestration.families import ALWAYS_PCT, REVENUE, TREE, Family
from orchestration.warehouse import Connection, replace_as_of

TABLES = ("forecasts", "intervals", "backtests", "accuracy", "series")
# A month, quarter or year counts as whole if the books begin in its first week: a shop may be closed on its first days.
LATEST_FIRST_DAYS = 6
# Auto-ARIMA takes seconds a series: it votes where one total is looked at every day.
VOTERS = {REVENUE.series: ("seasonal_naive", "ets", "arima")}
FEW = 20  # series whose progress is over before it is read

Say = Callable[[str], None]


@dataclass(frozen=True)
class History:
    """What a family's series learn from: a gapless panel, and why some of it is not what it seems."""

    panel: pd.DataFrame
    freq: str
    notes: dict[str, str]


@dataclass(frozen=True)
class Outcome:
    """What a family's forecast leaves: its history, and the frames of :data:`TABLES`."""

    family: Family
    history: History
    forecasts: pd.DataFrame
    backtests: pd.DataFrame
    accuracy: pd.DataFrame
    series: pd.DataFrame

    @property
    def intervals(self) -> pd.DataFrame:
        """One row per series, period and level that the columns of forecasts do not have."""
        others = [level for level in self.family.all_levels_pct if level not in ALWAYS_PCT]
        frames = [
            self.forecasts[["unique_id", "ds"]].assign(
                level_pct=level, lo=self.forecasts[f"lo-{level:g}"], hi=self.forecasts[f"hi-{level:g}"]
            )
            for level in others
        ]
        columns = ["unique_id", "ds", "level_pct", "lo", "hi"]
        return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=columns)


def history_of(family: Family, daily: pd.DataFrame, profile: Profile, as_of: date) -> History:
    """The family's panel: whole periods only, from the first whole one of the books to the last one over at ``as_of``.

    A series that began in the running period has no whole one. It is forecast all the same: what it brought so far
    stands at the last whole period, and its note says so.
    """
    freq = family.frequency(
        first_weekday=profile.first_weekday, fiscal_year_start_month=profile.fiscal_year_start_month
    )
    periods = buckets(daily, freq)
    if periods.empty:
        return History(periods, freq, {})
    slack = 0 if family.grain in ("day", "week") else LATEST_FIRST_DAYS
    begun = pd.Timestamp(daily["ds"].min()) - timedelta(days=slack)
    panel = complete_calendar(periods, freq, as_of, start=begun)
    missing = periods[~periods["unique_id"].isin(panel["unique_id"])]
    if missing.empty:
        return History(panel, freq, {})
    frequency = Frequency.parse(freq)
    running = frequency.ordinals(np.array([as_of + timedelta(days=1)], dtype="datetime64[s]"))
    early = missing.groupby("unique_id", as_index=False)["y"].sum()
    early = early.assign(ds=frequency.labels(running - 1)[0])[["unique_id", "ds", "y"]]
    what = family.grain.replace("_", " ")
    notes = dict.fromkeys(early["unique_id"], f"no whole {what} of sales yet: what it sold so far stands for one")
    return History(pd.concat([panel, early], ignore_index=True), freq, notes)


def forecast_family(
    family: Family, history: History, *, products: pd.DataFrame, n_jobs: int | None = None, say: Say = lambda _: None
) -> Outcome:
    """Backtest and forecast every series of a family, and judge which way it goes.

    Args:
        family: what is forecast.
        history: see :func:`history_of`.
        products: ``product_id, discontinued_on, last_sale_date``; read for families of products only.
        n_jobs: processes; None works in this one.
        say: told how far it is.
    """
    panel, freq = history.panel, history.freq
    voters = VOTERS.get(family.series, DEFAULT_MODELS)
    say(f"{family.series}: {panel['unique_id'].nunique()} series, {family.horizon} periods ahead")
    backtests = backtest_panel(
        panel,
        freq=freq,
        horizon=family.horizon,
        models=voters,
        n_jobs=n_jobs,
        on_progress=_quarters(family.series, say),
    )
    forecasts = forecast_panel(
        panel,
        freq=freq,
        horizon=family.horizon,
        levels=family.all_levels_pct,
        models=voters,
        n_jobs=n_jobs,
        backtest=backtests,
    )
    forecasts = with_reasons(forecasts, history)
    if family.level == "product":
        forecasts = discontinued(forecasts, products)
    accuracy = accuracy_table(backtests, panel, Frequency.parse(freq).season_lengths[0])
    return Outcome(family, history, forecasts, backtests, accuracy, described(forecasts, history))


def with_reasons(forecasts: pd.DataFrame, history: History) -> pd.DataFrame:
    """Forecasts in which every series that got no model of its own says why in ``fallback_reason``."""
    if forecasts.empty:
        return forecasts
    panel = history.panel
    sold = panel[panel["y"] != 0].groupby("unique_id")["ds"].max()
    lengths = panel.groupby("unique_id").size()
    own = forecasts.drop_duplicates("unique_id").set_index("unique_id")
    said = {
        name: history.notes.get(name) or reason_of(kind, int(lengths[name]), sold.get(name))
        for name, kind in own["demand_class"].items()
    }
    reasons = forecasts["fallback_reason"].astype(object)
    known = reasons.where(reasons.notna(), forecasts["unique_id"].map(said).astype(object))
    return forecasts.assign(fallback_reason=known.where(known.notna(), None))


def reason_of(demand_class: str, n_periods: int, last_sold: pd.Timestamp | None) -> str | None:
    """Why a series of that class has no model of its own; None where it has one.

    >>> reason_of("dead", 60, pd.Timestamp("2024-02-05")), reason_of("regular", 60, pd.Timestamp("2024-02-05"))
    ('no demand since the period of 2024-02-05', None)
    """
    if demand_class == "dead":
        return (
            "no demand in its history" if last_sold is None else f"no demand since the period of {last_sold:%Y-%m-%d}"
        )
    if demand_class in ("short", "new"):
        return f"too short for a model: {n_periods} whole period{'' if n_periods == 1 else 's'}"
    if demand_class == "sleeping":
        return "asleep as in the same months a year ago: last year's demand again"
    return None


def discontinued(forecasts: pd.DataFrame, products: pd.DataFrame) -> pd.DataFrame:
    """Nothing in the periods that begin on or after the day a product is discontinued on, and the reason."""
    known = products[products["discontinued_on"].notna()]
    if known.empty or forecasts.empty:
        return forecasts
    ends = pd.to_datetime(known["discontinued_on"]).astype("datetime64[s]").set_axis(known["product_id"])
    end = pd.to_datetime(forecasts["unique_id"].map(ends))
    over = forecasts["ds"] >= end
    if not over.any():
        return forecasts
    numbers = [name for name in forecasts if name == "mean" or name.startswith(("lo-", "hi-"))]
    changed = forecasts.copy()
    changed.loc[over, numbers] = 0.0
    by_series = over.groupby(forecasts["unique_id"])
    some, every = by_series.transform("any"), by_series.transform("all")
    changed.loc[some, "fallback_reason"] = "discontinued on " + end[some].dt.strftime("%Y-%m-%d")
    changed.loc[every, ["model_used", "demand_class"]] = ["zero", "dead"]
    return changed


def described(forecasts: pd.DataFrame, history: History) -> pd.DataFrame:
    """One row per series: its class, model and reason, its whole periods, and which way they go."""
    whole = history.panel[~history.panel["unique_id"].isin(history.notes)]
    spans = whole.groupby("unique_id")["ds"].agg(n_periods="size", first_ds="min", last_ds="max")
    ways = direction_table(history.panel, freq=history.freq).set_index("unique_id").add_prefix("trend_")
    own = forecasts.drop_duplicates("unique_id")[["unique_id", "demand_class", "model_used", "fallback_reason"]]
    table = own.join(spans, on="unique_id").join(ways, on="unique_id")
    return table.assign(n_periods=table["n_periods"].fillna(0).astype("int64")).reset_index(drop=True)


def parent_links(products: pd.DataFrame) -> pd.DataFrame:
    """The tree product → category → company: ``unique_id, level, parent_id, parent_level``, ids unique in their level.

    >>> sold = pd.DataFrame({"product_id": ["MUG", "TEE"], "category": ["Cups", "Shirts"]})
    >>> parent_links(sold).to_numpy().tolist()[1:3]
    [['TEE', 'product', 'Shirts', 'category'], ['Cups', 'category', 'company', 'company']]
    """
    leaves = products[["product_id", "category"]].set_axis(["unique_id", "parent_id"], axis=1)
    groups = pd.DataFrame({"unique_id": sorted(set(leaves["parent_id"])), "parent_id": "company"})
    leaves, groups = (
        frame.assign(level=level, parent_level=above)
        for frame, level, above in ((leaves, "product", "category"), (groups, "category", "company"))
    )
    return pd.concat([leaves, groups], ignore_index=True)[["unique_id", "level", "parent_id", "parent_level"]]


def coherent(outcomes: Mapping[str, Outcome], links: pd.DataFrame) -> dict[str, Outcome]:
    """The outcomes of a night, those of ``TREE`` changed so that they add up over ``links``: the one place levels meet.

    A family of it that looks another number of periods ahead than the products is left as it is.

    Args:
        outcomes: by series.
        links: see :func:`parent_links`.
    """
    horizon = outcomes[TREE[0]].family.horizon
    tree = {name: o for name in TREE if (o := outcomes.get(name)) and o.family.horizon == horizon}
    if len(tree) < 2:
        return dict(outcomes)
    forecasts, backtests = (
        pd.concat([getattr(o, table).assign(level=o.family.level) for o in tree.values()], ignore_index=True)
        for table in ("forecasts", "backtests")
    )
    summed = reconcile(forecasts, links, backtests)
    past = reconcile_backtest(backtests, links)
    return {name: _replaced(o, summed, past) if name in tree else o for name, o in outcomes.items()}


def _replaced(outcome: Outcome, forecasts: pd.DataFrame, backtests: pd.DataFrame) -> Outcome:
    """The outcome with its level's rows of coherent forecasts and backtests, and its errors as they are with them."""
    level, season = outcome.family.level, Frequency.parse(outcome.history.freq).season_lengths[0]
    own, past = (
        frame[frame["level"] == level].drop(columns="level").reset_index(drop=True) for frame in (forecasts, backtests)
    )
    return replace(outcome, forecasts=own, backtests=past, accuracy=accuracy_table(past, outcome.history.panel, season))


def write(connection: Connection, as_of: date, outcomes: Mapping[str, Outcome]) -> dict[str, int]:
    """Every family's frames into their tables, to be called inside ``writing``; returns rows written by table.

    Forecasts of other as-of dates stay: they are judged once their periods are over. Backtests are tonight's
    calibration, and older ones would only grow.
    """
    connection.execute("delete from forecast.backtests where as_of_date <> %s", [as_of])
    written = {}
    for table in TABLES:
        frames = [getattr(outcome, table).assign(series=series) for series, outcome in outcomes.items()]
        frame = pd.concat([f for f in frames if len(f)] or frames[:1], ignore_index=True)
        if table == "forecasts":
            asked = [c for c in frame if c[:3] in ("lo-", "hi-") and float(c[3:]) not in ALWAYS_PCT]
            frame = frame.drop(columns=asked).rename(columns=lambda name: name.replace("-", "_"))
        written[table] = replace_as_of(connection, f"forecast.{table}", as_of, frame)
    return written


def _quarters(what: str, say: Say) -> Callable[[int, int], None]:
    """Say it whenever another quarter of many series is done."""

    def tell(done: int, total: int) -> None:
        if total >= FEW and done * 4 // total != (done - 1) * 4 // total:
            say(f"{what}: {done} of {total} series")

    return tell
