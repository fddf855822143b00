"""Forecasts that came due, beside what came: whose errors are summed in the database, for a window of periods.

Not here: what the sums mean (forecasting/accuracy.py), overrides (overrides.py), the reps' forecasts (submissions.py).
"""

import re
from dataclasses import dataclass
from datetime import date, timedelta

import pandas as pd

from orchestration.warehouse import Connection, read_frame

NAME = re.compile(
    r"(product|category|territory|location|company)_(daily|weekly|monthly|quarterly|yearly)_(units|revenue|orders)"
)


@dataclass(frozen=True)
class Grain:
    """A period length: of ``days`` days or else ``months`` months. ``season``, ``window``, ``reach`` are in periods."""

    days: int
    months: int
    season: int  # of the seasonal naive
    window: int  # judged: those that are over, the newest ones
    reach: int  # read before the window: the naive's past, and the scale of the errors


# Half a year of weeks, a year of months: what is older says little about tonight's engine. Of ten thousand products'
# weeks a night reads 26 · 13 leads · 10,000 forecasts, however long the history is.
GRAINS = {
    "daily": Grain(days=1, months=0, season=7, window=91, reach=91),
    "weekly": Grain(days=7, months=0, season=52, window=26, reach=104),
    "monthly": Grain(days=0, months=1, season=12, window=12, reach=24),
    "quarterly": Grain(days=0, months=3, season=4, window=8, reach=8),
    "yearly": Grain(days=0, months=12, season=1, window=3, reach=3),
}

# Where what came stands, per level: the table, whose id the series has, and the column of each measure.
ACTUALS = {
    "product": ("marts.agg_sales_daily_product", "product_id"),
    "category": ("marts.agg_sales_daily_category", "category"),
    "territory": ("marts.agg_sales_daily_slice", "territory_id"),
    "location": ("marts.fct_sales_lines", "location_id"),
    "company": ("marts.mv_sales_daily_summary", "'company'"),
}
MEASURES = {"units": "units", "revenue": "net_revenue", "orders": "orders"}
ADDS_NO_ORDERS = ("territory", "location")  # an order stands in several of their rows

SUMS = """
    count(*) as n_forecasts, count(*) filter (where y <> 0) as n_nonzero, sum(abs(y)) as size, sum(mean - y) as error,
    sum(abs(mean - y)) as miss, coalesce(sum(100 * abs(mean - y) / abs(y)) filter (where y <> 0), 0) as ape_pct,
    sum(abs(naive - y)) as naive_miss, count(*) filter (where y between lo_80 and hi_80) as in_80,
    count(*) filter (where y between lo_95 and hi_95) as in_95,
    sum(hi_95 - lo_95 + 40 * (greatest(lo_95 - y, 0) + greatest(y - hi_95, 0))) as interval_95,
    sum(case when abs(mean - y) < abs(naive - y) then 1 when abs(mean - y) = abs(naive - y) then 0.5 else 0 end)
        as closer,
    sum(naive - y) as naive_error, count(*) filter (where scale > 0) as n_scaled,
    coalesce(sum(abs(mean - y) / scale) filter (where scale > 0), 0) as scaled_miss,
    coalesce(sum((mean - y) ^ 2 / square_scale) filter (where scale > 0), 0) as scaled_square"""


@dataclass(frozen=True)
class Family:
    """A family of series, as its name says: ``product_weekly_units``."""

    series: str
    level: str
    grain: Grain
    measure: str

    @classmethod
    def of(cls, series: str) -> "Family | None":
        """The family of that name; None where the marts do not hold what it forecasts.

        >>> Family.of("category_monthly_revenue").grain.season, Family.of("returns")
        (12, None)
        """
        found = NAME.fullmatch(series)
        if found is None or (found[3] == "orders" and found[1] in ADDS_NO_ORDERS):
            return None
        return cls(series, found[1], GRAINS[found[2]], found[3])


def families(connection: Connection, since: date, until: date) -> list[str]:
    """The series families that were forecast on any day from ``since`` to ``until``."""
    frame = read_frame(connection, _LOOSE, {"since": since, "until": until})
    return sorted(frame["series"])


# A distinct over a year of forecasts would read them all: this looks at one row per family and night.
_LOOSE = """
    with recursive nights as (
        select min(as_of_date) as d from forecast.forecasts where as_of_date between %(since)s and %(until)s
        union all
        select (select min(as_of_date) from forecast.forecasts where as_of_date > d and as_of_date <= %(until)s)
        from nights where d is not null
    ),
    found as (
        select d, (select min(series) from forecast.forecasts where as_of_date = d) as series
        from nights where d is not null
        union all
        select d, (select min(f.series) from forecast.forecasts f where f.as_of_date = d and f.series > found.series)
        from found where series is not null
    )
    select distinct series from found where series is not null"""


@dataclass(frozen=True)
class Periods:
    """A family's periods as whole numbers in SQL, in step with its newest forecasts' first days."""

    grain: Grain
    anchor: date

    def ordinal(self, day: str) -> str:
        """SQL of the number of the period that the day of an SQL expression lies in."""
        if self.grain.days:
            return f"(({day}) - date '{self._base}') / {self.grain.days}"
        months = f"(extract(year from {day})::int * 12 + extract(month from {day})::int - 1 - {self._shift})"
        return f"{months} / {self.grain.months}"

    def first_day(self, ordinal: str) -> str:
        """SQL of the first day of a period."""
        if self.grain.days:
            return f"(date '{self._base}' + {self.grain.days} * ({ordinal}))"
        month = f"(({ordinal}) * {self.grain.months} + {self._shift})"
        return f"make_date({month} / 12, mod({month}, 12) + 1, 1)"

    @property
    def _base(self) -> date:
        """A first day long before anything, so that no ordinal is negative."""
        return self.anchor - timedelta(days=self.grain.days * (36_500 // self.grain.days))

    @property
    def _shift(self) -> int:
        """Months after January in which the year's first period begins: fiscal quarters need not begin in January."""
        return (self.anchor.month - 1) % self.grain.months


@dataclass(frozen=True)
class Outcomes:
    """What came of a family's forecasts: sums of errors by (class, lead), by class, by lead, over all, and by series.

    ``by_class_and_lead``: ``demand_class`` ('all' for every one), ``lead`` (0 for every one) and the sums;
    ``by_series``: ``unique_id, first_ds, last_ds`` and the sums; ``one_step``: ``unique_id, ds, y, mean, hi_80,
    hi_95``.
    """

    by_class_and_lead: pd.DataFrame
    by_series: pd.DataFrame
    one_step: pd.DataFrame


def outcomes_of(connection: Connection, family: Family, as_of: date) -> Outcomes | None:
    """Judge the forecasts of earlier nights whose periods are over at ``as_of``; None where there are none.

    Of the nights that forecast from the same period on only the first counts: the one that knew least. A series is
    judged if the marts know it; a period without a line counts as 0 for it, so that a product that vanished shows.
    Seasonal naive is what it would have said then: the newest value of the same season that was over, or the last one
    known while the series was younger than a season. The scale of MASE and RMSSE is the mean (square) difference of a
    season in the past before the window, or of one period where that past is no longer than a season.
    """
    newest = connection.execute(
        "select min(ds) from forecast.forecasts where series = %(series)s and as_of_date ="
        " (select max(as_of_date) from forecast.forecasts where series = %(series)s and as_of_date <= %(as_of)s)",
        {"series": family.series, "as_of": as_of},
    ).fetchone()
    if newest is None or newest[0] is None:
        return None
    query = _judged(family, Periods(family.grain, newest[0]))
    parameters = {"series": family.series, "as_of": as_of}
    grouped = read_frame(connection, query + _GROUPED, parameters)
    if not int(grouped["n_forecasts"].sum()):  # of nothing at all there is one group
        return None
    is_series = grouped["is_series"].astype(bool)
    sums = grouped.drop(columns="is_series")
    by_series = sums[is_series].drop(columns=["demand_class", "lead"]).sort_values("unique_id", ignore_index=True)
    rest = sums[~is_series].drop(columns=["unique_id", "first_ds", "last_ds"])
    rest = rest.assign(lead=rest["lead"].astype("int64")).sort_values(["demand_class", "lead"], ignore_index=True)
    return Outcomes(rest, by_series, read_frame(connection, query + _ONE_STEP, parameters))


def actuals(connection: Connection, family: Family, periods: Periods, *, since: date, until: date) -> pd.DataFrame:
    """What came of a family, ``unique_id, ds, y``, from ``since`` to ``until``; no row where nothing did."""
    table, member = ACTUALS[family.level]
    period = periods.ordinal("order_date")
    query = f"""
        select ({member})::text as unique_id, {periods.first_day(period)} as ds,
               sum({MEASURES[family.measure]})::double precision as y
        from {table} where order_date between %(since)s and %(until)s and {member} is not null group by 1, 2"""
    return read_frame(connection, query, {"since": since, "until": until})


_GROUPED = f"""
    select grouping(unique_id) = 0 as is_series, unique_id, case when grouping(demand_class) = 0 then demand_class
           else 'all' end as demand_class, case when grouping(lead) = 0 then lead else 0 end as lead,
           min(ds) as first_ds, max(ds) as last_ds, {SUMS}
    from judged group by grouping sets ((unique_id), (demand_class, lead), (demand_class), (lead), ())"""

_ONE_STEP = """
    select unique_id, ds, y, mean, hi_80, hi_95 from judged where lead = 1 order by unique_id, ds"""


def _judged(family: Family, periods: Periods) -> str:
    """SQL of a WITH list that ends in ``judged``: a row per forecast that came due."""
    table, member = ACTUALS[family.level]
    measure, grain = MEASURES[family.measure], family.grain
    now = periods.ordinal("%(as_of)s::date + 1")  # the first period that is not over
    begins = f"({now} - {grain.window})"
    return f"""
    with origins as (
        select {periods.ordinal("d::date + 1")} as origin, min(d::date) as as_of_date
        from generate_series({periods.first_day(f"{begins} - {grain.reach}")}::timestamp,
                             %(as_of)s::timestamp - interval '1 day', interval '1 day') as days(d)
        where exists (select from forecast.forecasts where as_of_date = d::date and series = %(series)s)
        group by 1
    ),
    actual as materialized (
        select ({member})::text as unique_id, {periods.ordinal("order_date")} as period,
               sum({measure})::double precision as y
        from {table}
        where order_date >= {periods.first_day(f"{begins} - {grain.reach}")} and order_date < {periods.first_day(now)}
          and {member} is not null
        group by 1, 2
    ),
    known as materialized (
        select unique_id, min(period) as first_period,
               case when {begins} - min(period) > {grain.season} then {grain.season} else 1 end as lag
        from actual group by 1
    ),
    past as (select actual.*, first_period, lag from actual join known using (unique_id) where period < {begins}),
    -- a period in which neither was sold differs by nothing, so only the number of periods knows of it
    scales as materialized (
        select named.unique_id,
               sum(abs(coalesce(later.y, 0) - coalesce(earlier.y, 0)))
                   / max({begins} - coalesce(later.first_period, earlier.first_period)
                         - coalesce(later.lag, earlier.lag)) as scale,
               sum((coalesce(later.y, 0) - coalesce(earlier.y, 0)) ^ 2)
                   / max({begins} - coalesce(later.first_period, earlier.first_period)
                         - coalesce(later.lag, earlier.lag)) as square_scale
        from past as later
        full join past as earlier
            on earlier.unique_id = later.unique_id and earlier.period + earlier.lag = later.period
        cross join lateral (select coalesce(later.unique_id, earlier.unique_id) as unique_id) as named
        where coalesce(later.period, earlier.period + earlier.lag) < {begins}
          and coalesce(later.period - later.lag, earlier.period)
              >= coalesce(later.first_period, earlier.first_period)
        group by 1
    ),
    due as (
        select f.unique_id, f.ds, f.demand_class, f.mean, f.lo_80, f.hi_80, f.lo_95, f.hi_95,
               {periods.ordinal("f.ds")} as period, o.origin, {periods.ordinal("f.ds")} - o.origin + 1 as lead
        from origins as o
        join forecast.forecasts as f on f.as_of_date = o.as_of_date and f.series = %(series)s
        where f.ds >= {periods.first_day(begins)} and f.ds < {periods.first_day(now)}
    ),
    judged as (
        select due.*, coalesce(came.y, 0) as y, coalesce(before.y, 0) as naive, scale, square_scale
        from due
        join known using (unique_id)
        left join actual as came on came.unique_id = due.unique_id and came.period = due.period
        left join actual as before
            on before.unique_id = due.unique_id
            and before.period = case
                when origin - first_period >= {grain.season}
                then due.period - {grain.season} * ((lead + {grain.season} - 1) / {grain.season})
                else origin - 1 end
        left join scales on scales.unique_id = due.unique_id
        where lead >= 1
    )"""
