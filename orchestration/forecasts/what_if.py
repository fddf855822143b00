"""scenarios.yaml: the what-ifs of a business, typed, and what each means on a given night.

Not here: what a scenario does to a forecast (forecasting/scenarios.py).
"""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Self

from pydantic import Field, model_validator

from forecasting.scenarios import Promotion, Scenario, Shock
from orchestration.yaml_files import KeyProblemError, Part


class Span(Part):
    """When something holds: from a day, or from so many days after the night's date."""

    starts_on: date | None = Field(default=None, description="The first day; or starts_in_days.")
    starts_in_days: int | None = Field(
        default=None, ge=1, le=730, description="Days after the night's date; 1 unless starts_on says another."
    )
    lasts_days: int = Field(default=28, ge=1, le=730, description="How many days it holds.")

    @model_validator(mode="after")
    def _one_beginning(self) -> Self:
        if self.starts_on and self.starts_in_days:
            raise KeyProblemError("starts_on says when it begins already: keep one of them", "starts_in_days")
        return self

    def days(self, as_of: date) -> tuple[date, date]:
        """Its first and its last day, seen from ``as_of``."""
        first = self.starts_on or as_of + timedelta(days=self.starts_in_days or 1)
        return first, first + timedelta(days=self.lasts_days - 1)


class PromotionSpan(Span):
    """A promotion that is not planned yet."""

    discount_pct: float = Field(gt=0, lt=100, description="Taken off the price, in percent.")


class ShockSpan(Span):
    """Demand that changes for a reason no price explains."""

    change_pct: float = Field(ge=-100, le=1000, description="By how much demand changes, in percent.")
    half_life_days: float = Field(
        default=0, ge=0, le=730, description="After its end the change halves every so many days; 0 ends it at once."
    )


class WhatIf(Part):
    """One scenario: what changes, and for which products."""

    name: str = Field(min_length=1, max_length=80, description="Its name in the tables.")
    price_change_pct: float | None = Field(
        default=None, gt=-95, le=400, description="All prices change by so many percent from the next day on."
    )
    promotion: PromotionSpan | None = Field(default=None, description="A promotion, see below.")
    shock: ShockSpan | None = Field(default=None, description="A change of demand itself, see below.")
    categories: tuple[str, ...] = Field(default=(), description="The categories concerned; all unless some are named.")
    products: tuple[str, ...] = Field(default=(), description="Ids of the products concerned, besides the categories.")

    @model_validator(mode="after")
    def _asks_something(self) -> Self:
        if not (self.price_change_pct or self.promotion or self.shock):
            raise ValueError("nothing changes: give price_change_pct, promotion or shock")
        return self

    def on(self, as_of: date, category_of: Mapping[str, str]) -> Scenario:
        """The scenario as of a night, for the products of ``category_of`` (product id to category)."""
        named = frozenset(i for i, c in category_of.items() if c in self.categories or i in self.products)
        promotion = shock = None
        if self.promotion:
            promotion = Promotion(*self.promotion.days(as_of), self.promotion.discount_pct / 100)
        if self.shock:
            shock = Shock(*self.shock.days(as_of), self.shock.change_pct / 100, self.shock.half_life_days)
        return Scenario(
            name=self.name,
            price_change=(self.price_change_pct or 0.0) / 100,
            price_from=as_of + timedelta(days=1),
            promotion=promotion,
            shock=shock,
            unique_ids=named if self.categories or self.products else None,
        )


class ScenariosFile(Part):
    """scenarios.yaml."""

    scenarios: tuple[WhatIf, ...] = ()

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names = [one.name for one in self.scenarios]
        for i, name in enumerate(names):
            if name in names[:i]:
                raise KeyProblemError(f"{name!r} is the name of another scenario already", "scenarios", i, "name")
        return self
