"""What was forecast and what came of it: the families of series, their periods, and where the marts hold what came.

Not here: the errors of what came due (due.py), overrides (overrides.py), the reps' forecasts (submissions.py).
"""

import re
from dataclasses import dataclass
from datetime import date, timedelta

import pandas as pd

from orchestration.forecasts.facts import LOCATION
from orchestration.warehouse import Connection, read_frame

NAME = re.compile(
    r"(product|category|territory|location|company)_(daily|weekly|monthly|(?:fiscal_)?(?:quarterly|yearly))"
    r"_(units|revenue|orders)"
)


@dataclass(frozen=True)
class Grain:
    """A period length: of ``days`` days or else ``months`` months. ``season``, ``window``, ``reach`` are in periods."""

    days: int
    months: int
    season: int  # of the seasonal naive
    window: int  # judged: those that are over, the newest ones
    reach: int  # read before the window: the naive's past, and the scale of the errors


# A fiscal grain is as long as the calendar's: where its periods begin is what Periods takes from the forecasts.
FISCAL = "fiscal_"
# Half a year of weeks, a year of months: what is older says little about tonight's engine, and however long the history
# is, no night reads more of it.
GRAINS = {
    "daily": Grain(days=1, months=0, season=7, window=91, reach=91),
    "weekly": Grain(days=7, months=0, season=52, window=26, reach=78),
    "monthly": Grain(days=0, months=1, season=12, window=12, reach=24),
    "quarterly": Grain(days=0, months=3, season=4, window=8, reach=8),
    "yearly": Grain(days=0, months=12, season=1, window=3, reach=3),
}

# Where what came stands, per level: the table, whose id the series has, and the column of each measure.
ACTUALS = {
    "product": ("marts.agg_sales_daily_product", "product_id"),
    "category": ("marts.agg_sales_daily_category", "category"),
    "territory": ("marts.agg_sales_daily_slice", "territory_id"),
    "location": ("marts.fct_sales_lines", LOCATION),
    "company": ("marts.mv_sales_daily_summary", "'company'"),
}
MEASURES = {"units": "units", "revenue": "net_revenue", "orders": "orders"}
ADDS_NO_ORDERS = ("territory", "location")  # an order stands in several of their rows


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
        >>> Family.of("company_fiscal_yearly_units").grain.months
        12
        """
        found = NAME.fullmatch(series)
        if found is None or (found[3] == "orders" and found[1] in ADDS_NO_ORDERS):
            return None
        return cls(series, found[1], GRAINS[found[2].removeprefix(FISCAL)], found[3])


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

    def of(self, day: date) -> int:
        """The number of the period that a day lies in.

        >>> months = Periods(GRAINS["monthly"], date(2024, 1, 1))
        >>> [months.first(months.of(date(2024, 2, 29)) + n).isoformat() for n in (0, 1, -2)]
        ['2024-02-01', '2024-03-01', '2023-12-01']
        >>> weeks = Periods(GRAINS["weekly"], date(2024, 3, 6))  # a Wednesday
        >>> weeks.first(weeks.of(date(2024, 3, 5))).isoformat()
        '2024-02-28'
        """
        if self.grain.days:
            return (day - self._base).days // self.grain.days
        return (day.year * 12 + day.month - 1 - self._shift) // self.grain.months

    def first(self, ordinal: int) -> date:
        """The first day of a period."""
        if self.grain.days:
            return self._base + timedelta(days=self.grain.days * ordinal)
        year, month = divmod(ordinal * self.grain.months + self._shift, 12)
        return date(year, month + 1, 1)

    @property
    def _base(self) -> date:
        """A first day long before anything, so that no ordinal is negative."""
        return self.anchor - timedelta(days=self.grain.days * (36_500 // self.grain.days))

    @property
    def _shift(self) -> int:
        """Months after January in which the year's first period begins: fiscal quarters need not begin in January."""
        return (self.anchor.month - 1) % self.grain.months


def actuals(connection: Connection, family: Family, periods: Periods, *, since: date, until: date) -> pd.DataFrame:
    """What came of a family, ``unique_id, ds, y``, from ``since`` to ``until``; no row where nothing did."""
    table, member = ACTUALS[family.level]
    period = periods.ordinal("order_date")
    query = f"""
        select ({member})::text as unique_id, {periods.first_day(period)} as ds,
               sum({MEASURES[family.measure]})::double precision as y
        from {table} where order_date between %(since)s and %(until)s and {member} is not null group by 1, 2"""
    return read_frame(connection, query, {"since": since, "until": until})
