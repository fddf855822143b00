"""Planners' overrides: which of them count tonight, what they change, and what came of those whose periods are over.

Not here: how a change moves through the tree (forecasting/overrides.py).
"""

from collections.abc import Mapping
from datetime import date

import pandas as pd

from forecasting.overrides import apply_overrides
from orchestration.forecasts.families import ADVERBS
from orchestration.forecasts.outcomes import FISCAL, GRAINS, Family, Periods, actuals
from orchestration.night import Night
from orchestration.warehouse import Connection, read_frame, replace_as_of, writing

OVERRIDDEN = ("series", "unique_id", "ds", "mean", "statistical_mean", "is_direct", "planner", "reason", "made_on")
FOLLOWS = "follows from overrides of its parts or of its whole"
COMPANY = "company"

# A quarter or year of the calendar is also one of the fiscal year's where both begin on the same day.
MEANT = """
    with said as (
        select level, measure, period, period_start, override_value, planner, reason, made_on,
               coalesce(member, 'company') as unique_id, {length} as length, {adverb} as adverb
        from staging.stg_forecast_overrides where made_on <= %(as_of)s
    ),
    meant as (
        select *, concat_ws('_', level, adverb, measure) as series, null::date as begins from said
        union all
        select *, concat_ws('_', level, 'fiscal', adverb, measure), date_trunc(period, period_start)::date
        from said where period in ('quarter', 'year')
    )""".format(
    adverb="case period " + " ".join(f"when '{grain}' then '{adverb}'" for grain, adverb in ADVERBS.items()) + " end",
    length="case period "
    + " ".join(
        f"when '{grain}' then interval '{length.days} days {length.months} months'"
        for grain, adverb in ADVERBS.items()
        for length in (GRAINS[adverb.removeprefix(FISCAL)],)
    )
    + " end",
)
# Any day of the period may be named.
ITS_FORECAST = """forecast.forecasts as f
        on f.as_of_date = %(as_of)s and f.series = o.series and f.unique_id = o.unique_id
        and o.period_start >= f.ds and o.period_start < f.ds + o.length and f.ds = coalesce(o.begins, f.ds)"""

# The newest day's word about a forecast counts. The company's may stand twice, with and without a member: the first
# planner's name decides, so that every run says the same.
LIVE = f"""{MEANT}
    select distinct on (f.series, f.unique_id, f.ds) f.series, f.unique_id, f.ds,
           o.override_value::double precision as value, o.planner, o.reason, o.made_on
    from meant as o
    join {ITS_FORECAST}
    order by f.series, f.unique_id, f.ds, o.made_on desc, o.period_start desc,
             o.planner, o.override_value, o.reason"""

WITHOUT_FORECAST = f"""{MEANT}
    select o.level, o.unique_id as member, o.measure, o.period, o.period_start, o.planner, o.made_on
    from meant as o
    left join {ITS_FORECAST}
    where o.period_start > %(as_of)s
    group by o.level, o.unique_id, o.measure, o.period, o.period_start, o.planner, o.made_on
    having count(f.ds) = 0
    order by o.made_on desc, o.level, o.unique_id, o.period_start"""

FORECASTS = """
    select series, unique_id, ds, mean from forecast.forecasts
    where as_of_date = %(as_of)s and series = any(%(series)s) and ds = any(%(days)s)"""
LINKS = "select product_id, category from marts.dim_product where product_key <> -1 and category is not null"

# The last word before the period began.
FINAL = """
    select distinct on (series, unique_id, ds) series, unique_id, ds, mean, statistical_mean, planner, reason
    from forecast.overridden
    where is_direct and as_of_date < ds and as_of_date < %(as_of)s and ds >= %(since)s and ds <= %(as_of)s
    order by series, unique_id, ds, as_of_date desc"""


def overridden(connection: Connection, as_of: date) -> pd.DataFrame:
    """The forecasts of ``as_of`` that overrides change, as ``forecast.overridden`` has them.

    The products, categories and company of one measure and period length are one tree: where their forecasts add up,
    they add up after an override too. Territories and locations change alone.
    """
    live = read_frame(connection, LIVE, {"as_of": as_of})
    changed = []
    for tail, wanted in live.groupby(live["series"].str.partition("_")[2]) if len(live) else ():
        tree = [f"{level}_{tail}" for level in ("product", "category", "company")]
        parents = _parents(connection, *tree)
        series = sorted({*tree, *wanted["series"]})
        days = sorted(set(wanted["ds"]))
        told = read_frame(connection, FORECASTS, {"as_of": as_of, "series": series, "days": days})
        told, wanted = (frame.assign(node=_node(frame)) for frame in (told, wanted))
        found = apply_overrides(told[["node", "ds", "mean"]], wanted[["node", "ds", "value"]], parents)
        names = told[["node", "series", "unique_id"]].drop_duplicates("node")
        why = wanted[["node", "ds", "planner", "reason", "made_on"]]
        changed.append(found.merge(names, on="node").merge(why, on=["node", "ds"], how="left"))
    if not changed:
        return pd.DataFrame(columns=list(OVERRIDDEN))
    whole = pd.concat(changed, ignore_index=True)
    return whole.assign(reason=whole["reason"].fillna(FOLLOWS))[list(OVERRIDDEN)]


def write_overridden(night: Night) -> pd.DataFrame:
    """Find tonight's overrides and what follows from them, and replace what was said at this as-of date."""
    found = overridden(night.connection, night.as_of_date)
    with writing(night.connection):
        replace_as_of(night.connection, "forecast.overridden", night.as_of_date, found)
    return found


def without_forecast(connection: Connection, as_of: date) -> pd.DataFrame:
    """Overrides of days to come that change nothing: no forecast of ``as_of`` has their member and period.

    ``level, member, measure, period, period_start, planner, made_on``, the newest first.
    """
    return read_frame(connection, WITHOUT_FORECAST, {"as_of": as_of})


def judged_overrides(connection: Connection, as_of: date, since: date) -> pd.DataFrame:
    """Overrides whose periods are over: ``series, unique_id, ds, planner, y, baseline`` (statistical) and ``forecast``.

    Each with the last value it had before its period began; of periods that began on ``since`` or later.
    """
    final = read_frame(connection, FINAL, {"as_of": as_of, "since": since})
    pairs = []
    for series, said in final.groupby("series") if len(final) else ():
        family = Family.of(str(series))
        if family is None:
            continue
        came = actuals(connection, family, Periods(family.grain, min(said["ds"])), since=min(said["ds"]), until=as_of)
        both = said.merge(came, on=["unique_id", "ds"], how="left")
        is_over = [_end(ds, family) <= pd.Timestamp(as_of) for ds in both["ds"]]
        pairs.append(both.loc[is_over].assign(y=lambda frame: frame["y"].fillna(0.0)))
    columns = {"mean": "forecast", "statistical_mean": "baseline"}
    if not pairs:
        return pd.DataFrame(columns=["series", "unique_id", "ds", "planner", "y", "baseline", "forecast"])
    return pd.concat(pairs, ignore_index=True).rename(columns=columns)


def _end(ds: date, family: Family) -> pd.Timestamp:
    """The last day of the period that begins on ``ds``."""
    length = pd.DateOffset(days=family.grain.days, months=family.grain.months)
    return pd.Timestamp(ds) + length - pd.Timedelta(days=1)


def _parents(connection: Connection, product: str, category: str, company: str) -> Mapping[str, str]:
    """Product → category → company, as nodes."""
    links = read_frame(connection, LINKS)
    of_products = {
        f"{product}/{p}": f"{category}/{c}" for p, c in zip(links["product_id"], links["category"], strict=True)
    }
    return of_products | {f"{category}/{c}": f"{company}/{COMPANY}" for c in set(links["category"])}


def _node(frame: pd.DataFrame) -> pd.Series:
    return frame["series"] + "/" + frame["unique_id"]
