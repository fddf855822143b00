"""Which series are forecast: the families of business.yaml, typed and frozen, and the ones that always are.

Not here: their facts (facts.py), or how a family is forecast (family_forecasts.py).
"""

from collections.abc import Sequence
from typing import Literal

from pydantic import Field, field_validator, model_validator

from forecasting.periods import MONTHS
from orchestration.yaml_files import KeyProblemError, Part

Level = Literal["product", "category", "territory", "location", "company"]
Measure = Literal["units", "revenue", "orders"]
Grain = Literal["day", "week", "month", "quarter", "year", "fiscal_quarter", "fiscal_year"]

# Both always stand in forecast.forecasts: reports, workbook and stock read them.
ALWAYS_PCT = (80.0, 95.0)
MOST_DAYS, MOST_PERIODS = 365, 24
LOWEST_PCT, HIGHEST_PCT = 50, 99
ADVERBS: dict[str, str] = {
    "day": "daily", "week": "weekly", "month": "monthly", "quarter": "quarterly", "year": "yearly",
    "fiscal_quarter": "fiscal_quarterly", "fiscal_year": "fiscal_yearly",
}  # fmt: skip
# An order may touch several territories and places: no mart counts them once.
WITHOUT_ORDERS = ("territory", "location")


class Family(Part):
    """Series of one level, measure and grain, forecast together: an item of ``forecast.families``."""

    level: Level
    measure: Measure
    grain: Grain
    horizon: int = Field(ge=1, description="In periods of the grain.")
    levels_pct: tuple[float, ...] = ALWAYS_PCT

    @field_validator("levels_pct")
    @classmethod
    def _levels(cls, levels: tuple[float, ...]) -> tuple[float, ...]:
        return checked_levels(levels)

    @model_validator(mode="after")
    def _possible(self) -> "Family":
        most = MOST_DAYS if self.grain == "day" else MOST_PERIODS
        if self.horizon > most:
            raise KeyProblemError(
                f"a forecast by {self.grain.replace('_', ' ')} reaches 1 to {most} periods ahead, not {self.horizon}",
                "horizon",
            )
        if self.measure == "orders" and self.level in WITHOUT_ORDERS:
            raise KeyProblemError(
                f"orders are not counted by {self.level}; units and revenue are, "
                "and orders by product, category and company",
                "measure",
            )
        return self

    @property
    def series(self) -> str:
        """Its name in every table.

        >>> Family(level="product", measure="units", grain="week", horizon=13).series
        'product_weekly_units'
        """
        return f"{self.level}_{ADVERBS[self.grain]}_{self.measure}"

    @property
    def all_levels_pct(self) -> tuple[float, ...]:
        """The levels of its intervals: those asked for, and those that always stand."""
        return tuple(sorted({*ALWAYS_PCT, *self.levels_pct}))

    @property
    def years_ahead(self) -> int:
        """Whole years that its horizon needs of a calendar."""
        days = {"day": 1, "week": 7, "month": 31, "quarter": 92, "year": 366}[self.grain.removeprefix("fiscal_")]
        return -(-self.horizon * days // 365)

    def frequency(self, *, first_weekday: str, fiscal_year_start_month: int) -> str:
        """The name of its periods in forecasting/periods.py.

        >>> Family(level="company", measure="revenue", grain="fiscal_year", horizon=2).frequency(
        ...     first_weekday="monday", fiscal_year_start_month=4)
        'YS-APR'
        """
        if self.grain == "week":
            return f"W-{first_weekday[:3].upper()}"
        fiscal = f"-{MONTHS[fiscal_year_start_month - 1]}"
        return {
            "day": "D", "month": "MS", "quarter": "QS", "year": "YS",
            "fiscal_quarter": f"QS{fiscal}", "fiscal_year": f"YS{fiscal}",
        }[self.grain]  # fmt: skip


def checked_levels(levels: Sequence[float]) -> tuple[float, ...]:
    """Levels of intervals in per cent. Raises ValueError where one is out of range, or stands twice."""
    for level in levels:
        if not LOWEST_PCT <= level <= HIGHEST_PCT:
            raise ValueError(f"an interval of {level:g} %: levels lie between {LOWEST_PCT} and {HIGHEST_PCT} %")
    if len(set(levels)) < len(levels):
        raise ValueError("a level stands twice")
    return tuple(levels)


# Stock decides by the first, reports and workbook show the second: they are forecast whatever business.yaml lists.
PRODUCTS = Family(level="product", measure="units", grain="week", horizon=13)
REVENUE = Family(level="company", measure="revenue", grain="day", horizon=91)
# Families that are one tree: what they say of a week adds up.
TREE = ("product_weekly_units", "category_weekly_units", "company_weekly_units")
USUAL = (
    PRODUCTS,
    Family(level="category", measure="units", grain="week", horizon=13),
    Family(level="company", measure="units", grain="week", horizon=13),
    REVENUE,
    Family(level="company", measure="revenue", grain="month", horizon=12),
    Family(level="category", measure="revenue", grain="month", horizon=12),
    Family(level="territory", measure="revenue", grain="month", horizon=12),
    Family(level="company", measure="revenue", grain="quarter", horizon=8),
    Family(level="company", measure="revenue", grain="year", horizon=2),
)


class ForecastPlan(Part):
    """``forecast`` of business.yaml: what is forecast every night."""

    families: tuple[Family, ...] = USUAL

    @model_validator(mode="after")
    def _each_once(self) -> "ForecastPlan":
        seen: set[str] = set()
        for number, family in enumerate(self.families):
            if family.series in seen:
                raise KeyProblemError(f"{family.series} stands twice", "families", number)
            seen.add(family.series)
        return self

    @property
    def all_families(self) -> tuple[Family, ...]:
        """The families listed, after those that stock and reports need and the list leaves out.

        Those of the tree have each other's levels too: intervals are made coherent level by level.
        """
        listed = {family.series for family in self.families}
        needed = tuple(family for family in (PRODUCTS, REVENUE) if family.series not in listed)
        every = needed + self.families
        levels = tuple(sorted({level for f in every if f.series in TREE for level in f.all_levels_pct}))
        return tuple(f.model_copy(update={"levels_pct": levels}) if f.series in TREE else f for f in every)

    @property
    def years_ahead(self) -> int:
        """Whole years of the calendar that the farthest forecast needs."""
        return max(family.years_ahead for family in self.all_families)
