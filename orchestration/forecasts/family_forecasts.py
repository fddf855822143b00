"""A family's forecast, from its history to the rows of forecast.*: reasons, directions, what adds up, and the write.

Not here: which families there are (families.py), what they learn from (histories.py), how a series is forecast
(forecasting/engine.py), or what an asset shows (defs/forecast.py).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

import pandas as pd

from forecasting.accuracy import accuracy_table
from forecasting.batch import Task, Votes
from forecasting.closures import without_closed_days
from forecasting.directions import direction_table
from forecasting.executors import Executor
from forecasting.hierarchy import reconcile, reconcile_backtest
from forecasting.nightly import forecast_night
from forecasting.passes import Map
from forecasting.periods import Frequency
from forecasting.state import ModelState, Succession
from orchestration.business import Profile
from orchestration.forecasts.families import ALWAYS_PCT, TREE, Family
from orchestration.forecasts.histories import History
from orchestration.forecasts.model_state import replace_state
from orchestration.forecasts.second_opinions import SecondOpinions, holidays_of
from orchestration.warehouse import Connection, replace_as_of

TABLES = ("forecasts", "intervals", "backtests", "accuracy", "series")
FEW = 20  # series whose progress is over before it is read

Say = Callable[[str], None]


@dataclass(frozen=True)
class Outcome:
    """What a family's forecast leaves: its history, and the frames of :data:`TABLES`."""

    family: Family
    history: History
    forecasts: pd.DataFrame
    backtests: pd.DataFrame
    accuracy: pd.DataFrame
    series: pd.DataFrame
    models: Succession

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


def forecast_family(  # noqa: PLR0913 - a keyword for each thing that a night brings along
    family: Family,
    history: History,
    *,
    products: pd.DataFrame,
    state: ModelState | None = None,
    executor: Executor | None = None,
    opinions: SecondOpinions | None = None,
    profile: Profile | None = None,
    say: Say = lambda _: None,
) -> Outcome:
    """Backtest and forecast every series of a family, and judge which way it goes.

    Args:
        family: what is forecast.
        history: see :func:`history_of`.
        products: ``product_id, discontinued_on, last_sale_date``; read for families of products only.
        state: of the models after the night before; None learns everything.
        executor: who computes; None computes here.
        opinions: who else votes; None leaves the engine alone.
        profile: in whose country public holidays may be closed days; None knows weekdays only.
        say: told how far it is.
    """
    panel, freq = history.panel, history.freq
    say(f"{family.series}: {panel['unique_id'].nunique()} series, {family.horizon} periods ahead")
    night = forecast_night(
        panel,
        freq=freq,
        horizon=family.horizon,
        levels=family.all_levels_pct,
        state=state,
        mapped=_fanned_out(executor, family.series, say),
    )
    if night.relearned + night.filtered >= FEW:
        say(f"{family.series}: {night.relearned} learned, {night.filtered} filtered, {night.unchanged} unchanged")
    forecasts, backtests = night.forecasts, night.backtest
    if opinions is not None:
        forecasts, backtests = opinions.heard(family, history, forecasts, backtests)
    if family.grain == "day":
        holidays = holidays_of(history, family.horizon, profile) if profile else None
        forecasts, backtests = without_closed_days(forecasts, backtests, panel, holidays)
    forecasts = with_reasons(forecasts, history)
    if family.level == "product":
        forecasts = discontinued(forecasts, products)
    accuracy = accuracy_table(backtests, panel, Frequency.parse(freq).season_lengths[0])
    told = described(forecasts, history)
    return Outcome(family, history, forecasts, backtests, accuracy, told, night.models)


def _fanned_out(executor: Executor | None, what: str, say: Say) -> Map | None:
    """How the engine's chunks are done by an executor, which says whenever another quarter of many is done."""
    if executor is None:
        return None

    def mapped(function: Callable[[Task], Votes], chunks: Sequence[Task]) -> Sequence[Votes]:
        names = [f"{what}, chunk {i} of {len(chunks)}" for i in range(1, len(chunks) + 1)]
        return list(executor.map(function, chunks, names=names, on_progress=_quarters(what, say)))

    return mapped


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
    reasons = forecasts["unique_id"].map(said).astype(object)
    has_year = forecasts["model_used"].eq("last_season") & ~forecasts["unique_id"].isin(list(history.notes))
    # a category has spoken for it, or its own last year, and the engine has said so
    reasons = reasons.mask(forecasts["model_used"].str.endswith("profile") | has_year)
    known = reasons.where(reasons.notna(), forecasts["fallback_reason"].astype(object))
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
    if demand_class == "short":
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
    history = pd.concat([o.history.panel.assign(level=o.family.level) for o in tree.values()], ignore_index=True)
    weights = "errors" if len(backtests) else "volume"
    summed = reconcile(forecasts, links, backtests, history=history, weights=weights)
    past = reconcile_backtest(backtests, links, history=history, weights=weights)
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
    connection.execute("delete from forecast.backtests where as_of_date < %s", [as_of])
    written = {}
    for table in TABLES:
        frames = [getattr(outcome, table).assign(series=series) for series, outcome in outcomes.items()]
        frame = pd.concat([f for f in frames if len(f)] or frames[:1], ignore_index=True)
        if table == "forecasts":
            asked = [c for c in frame if c[:3] in ("lo-", "hi-") and float(c[3:]) not in ALWAYS_PCT]
            frame = frame.drop(columns=asked).rename(columns=lambda name: name.replace("-", "_"))
        written[table] = replace_as_of(connection, f"forecast.{table}", as_of, frame)
    for series, outcome in outcomes.items():
        replace_state(connection, series, as_of, outcome.models)
    return written


def _quarters(what: str, say: Say) -> Callable[[int, int], None]:
    """Say it whenever another quarter of many chunks is done."""

    def tell(done: int, total: int) -> None:
        if total > 1 and done * 4 // total != (done - 1) * 4 // total:
            say(f"{what}: {done * 100 // total} %")

    return tell
