"""What the series of a family learn from: whole periods without gaps, of demand as far as it can be taken at its word.

Not here: the facts (facts.py, demand.py), or what becomes of a day that misleads (forecasting/history.py).
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

import numpy as np
import pandas as pd

from forecasting.history import prepare_history
from forecasting.panel import buckets, complete_calendar
from forecasting.periods import Frequency
from orchestration.business import Profile
from orchestration.forecasts.demand import read_demand, read_orders
from orchestration.forecasts.facts import daily_facts
from orchestration.forecasts.families import PRODUCTS, TREE, Family, Level, Measure
from orchestration.warehouse import Connection

# A month, quarter or year counts as whole if the books begin in its first week: a shop may be closed on its first days.
LATEST_FIRST_DAYS = 6
# Of which the first whole periods say what is usual for a beginner.
FEWEST_BEGINNERS = 20


@dataclass(frozen=True)
class History:
    """What a family's series learn from: a gapless panel, and why some of it is not what it seems.

    ``notes`` say of a series why its one row is no whole period; ``changes`` are the values that were not taken at
    their word (see :class:`forecasting.history.Prepared`).
    """

    panel: pd.DataFrame
    freq: str
    notes: dict[str, str]
    changes: pd.DataFrame = field(default_factory=pd.DataFrame)


def history_of(
    family: Family, daily: pd.DataFrame, profile: Profile, as_of: date, orders: pd.DataFrame | None = None
) -> History:
    """The family's panel: whole periods only, from the first whole one of the books to the last one over at ``as_of``.

    A series that began in the running period has no whole one. It is forecast all the same: what it brought so far
    stands at the last whole period, and its note says so. Units are demand: closed days and stockouts are filled and
    outliers cut, by period. Revenue and orders stand as they are booked.

    Args:
        family: what is forecast.
        daily: ``unique_id, ds, y``; of demand with ``out_of_stock`` and ``on_promotion`` where they are known.
        profile: the business's calendar.
        as_of: the last day known.
        orders: ``ds, orders`` of the whole business, by which closed days are known.
    """
    freq = family.frequency(
        first_weekday=profile.first_weekday, fiscal_year_start_month=profile.fiscal_year_start_month
    )
    periods = buckets(daily[["unique_id", "ds", "y"]], freq)
    if periods.empty:
        return History(periods, freq, {})
    changes = pd.DataFrame()
    if family.measure == "units":
        prepared = prepare_history(daily, freq=freq, end=as_of, orders=orders)
        panel, changes = prepared.panel[["unique_id", "ds", "y"]], prepared.notes
    else:
        slack = 0 if family.grain in ("day", "week") else LATEST_FIRST_DAYS
        panel = complete_calendar(periods, freq, as_of, start=pd.Timestamp(daily["ds"].min()) - timedelta(days=slack))
    return _with_beginners(History(panel, freq, {}, changes), periods, family, as_of)


def _with_beginners(history: History, periods: pd.DataFrame, family: Family, as_of: date) -> History:
    """The history, with one row for every series that has no whole period yet."""
    missing = periods[~periods["unique_id"].isin(history.panel["unique_id"])]
    if missing.empty:
        return history
    frequency = Frequency.parse(history.freq)
    running = frequency.ordinals(np.array([as_of + timedelta(days=1)], dtype="datetime64[s]"))
    early = missing.groupby("unique_id", as_index=False)["y"].sum()
    early = early.assign(ds=frequency.labels(running - 1)[0])[["unique_id", "ds", "y"]]
    what, most = family.grain.replace("_", " "), _most_at_first(history.panel)
    usual = f"no whole {what} of sales yet: what it sold so far stands for one"
    capped = f"{usual}, but no more than {most:,.0f}, which nine of ten others did not exceed in their first {what}"
    notes = {i: capped if y > most else usual for i, y in zip(early["unique_id"], early["y"], strict=True)}
    early = early.assign(y=early["y"].clip(upper=most))
    return replace(history, panel=pd.concat([history.panel, early], ignore_index=True), notes=notes)


def _most_at_first(panel: pd.DataFrame) -> float:
    """What nine of ten series sold less than in their first whole period; infinite where few began inside the panel.

    One order of 80,995 pieces, returned on the same day, stood for a week and for 13 more: a third of the company.
    """
    first = panel[panel["y"] != 0].sort_values("ds").groupby("unique_id").head(1)
    began = first.loc[first["ds"] > panel["ds"].min(), "y"] if len(first) else first["y"]
    return float(began.quantile(0.9)) if len(began) >= FEWEST_BEGINNERS else float("inf")


def summed(history: History, products: pd.DataFrame, level: Level) -> History:
    """The history of a level above the products: the sum of what their forecasts learn from, so that they can agree.

    >>> weeks = pd.DataFrame({"unique_id": ["A", "B"], "ds": pd.to_datetime(["2024-01-01"] * 2), "y": [1.0, 2.0]})
    >>> products = pd.DataFrame({"product_id": ["A", "B"], "category": "Cups"})
    >>> summed(History(weeks, "W-MON", {}), products, "category").panel["y"].tolist()
    [3.0]
    """
    groups = products.set_index("product_id")["category"] if level == "category" else None
    panel = history.panel
    name = "company" if groups is None else panel["unique_id"].map(groups)
    panel = panel.assign(is_begun=panel["unique_id"].isin(history.notes), unique_id=name).astype({"unique_id": "str"})
    # What began in the running period stands at the last whole one for want of another: it was not sold then.
    has_others = (~panel["is_begun"]).groupby(panel["unique_id"]).transform("any")
    panel = panel[~(panel["is_begun"] & has_others)]
    panel = panel.groupby(["unique_id", "ds"], as_index=False)["y"].sum()
    return History(_until_the_end(panel, history.freq), history.freq, {})


def _until_the_end(panel: pd.DataFrame, freq: str) -> pd.DataFrame:
    """Zero where none of a group's products had begun or was left, so that the calendar has no gap."""
    if panel.empty:
        return panel
    frequency = Frequency.parse(freq)
    after = frequency.labels(frequency.ordinals(panel["ds"].to_numpy()[panel["ds"].argmax()][None]) + 1)[0]
    return complete_calendar(panel, freq, pd.Timestamp(after) - timedelta(days=1))


def histories(
    connection: Connection, profile: Profile, as_of: date, products: pd.DataFrame
) -> Callable[[Family], History]:
    """The history of each family asked for; facts of a level and measure are read once."""
    facts: dict[tuple[Level, Measure], pd.DataFrame] = {}
    orders = read_orders(connection, as_of)
    made: dict[str, History] = {}

    def of(family: Family) -> History:
        if family.series in TREE[1:]:
            below = made[PRODUCTS.series] if PRODUCTS.series in made else of(PRODUCTS)
            return summed(below, products, family.level)
        key = (family.level, family.measure)
        if key not in facts:
            is_demand = key == (PRODUCTS.level, PRODUCTS.measure)
            facts[key] = read_demand(connection, as_of) if is_demand else daily_facts(connection, *key, as_of)
        history = made[family.series] = history_of(family, facts[key], profile, as_of, orders)
        return history

    return of
