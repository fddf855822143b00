"""The business to simulate: its size, what it has, and how much of everything it may expect to sell.

Not here: what happens on a day (demand.py, stock.py, trade.py).
"""

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property

import numpy as np

from examples.demo.catalogue import (
    INTERMITTENT_MEAN,
    Customers,
    Floats,
    Ints,
    Products,
    Suppliers,
    make_customers,
    make_products,
    make_suppliers,
)
from examples.demo.house_words import CHILLED, CHILLED_CATEGORIES, DRY
from examples.demo.sales_force import SalesForce, make_sales_force, seats_of_customers
from examples.demo.trading_days import WEEKDAY, level, season
from examples.demo.vocabulary import CATEGORIES, SEGMENTS

# What is launched up to this long after the last day asked for may be on order before it.
FORESIGHT_DAYS = 90


@dataclass(frozen=True)
class House:
    """Hartwell & Lowe as a simulation sees it."""

    seed: int
    lines_per_day: int
    slots: int
    products: Products
    customers: Customers
    suppliers: Suppliers
    force: SalesForce

    @cached_property
    def warehouse(self) -> Ints:
        """Index into LOCATIONS of the warehouse that has each product; shape (products,)."""
        is_chilled = np.array([category.name in CHILLED_CATEGORIES for category in CATEGORIES])
        return np.where(is_chilled[self.products.category], CHILLED, DRY)

    @cached_property
    def seat_of_customer(self) -> Ints:
        """The seat that looks after each customer; the last element answers −1, an anonymous one: no seat."""
        return np.append(seats_of_customers(self.force, self.customers), -1)

    @property
    def scale(self) -> float:
        """What grows slower than sales grows with this: 1 for the default size, √ of the lines otherwise."""
        return float((self.lines_per_day / 180) ** 0.5)


def make_house(seed: int, *, products: int, customers: int, lines_per_day: int, horizon: date) -> House:
    """A house of that size, with all that comes and goes up to ``horizon``."""
    return House(
        seed,
        lines_per_day,
        products,
        make_products(seed, products, horizon + timedelta(days=FORESIGHT_DAYS)),
        make_customers(seed, customers, horizon),
        make_suppliers(seed, products),
        make_sales_force(seed, customers, horizon),
    )


def expected_lines(house: House, goods: Ints, day: date) -> Floats:
    """Lines per product on a smooth day: λ = lines_per_day · level · share · season · life."""
    products = house.products
    seasons = np.array([season(day, c.amplitude, c.peak_day) for c in CATEGORIES])
    age, left = day.toordinal() - products.launched[goods], products.last_order_day[goods] - day.toordinal()
    life = np.minimum(1, 0.2 + age / 80) * np.minimum(1, 0.1 + left / 200)
    return house.lines_per_day * level(day) * products.share[goods] * seasons[products.category[goods]] * life


def expected_units_per_day(house: House, day: date) -> Floats:
    """Units a calendar day takes per product: λ · mean weekday · mean units per line; shape (products,).

    0 for a product that cannot be ordered on that day.
    """
    products = house.products
    share_of_segment = np.array([share for *_, share in SEGMENTS])
    units_of_segment = np.array([units for _, _, units, _ in SEGMENTS])
    # 1.13 = exp(0.5² / 2): the mean of the lognormal size of a line.
    per_line = products.line_units * float(share_of_segment @ units_of_segment) * 1.13
    often = np.where(products.is_intermittent, INTERMITTENT_MEAN, 1.0)
    is_sold = (products.launched <= day.toordinal()) & (day.toordinal() <= products.last_order_day)
    lines = expected_lines(house, np.arange(len(products.ids)), day)
    return np.where(is_sold, lines * sum(WEEKDAY) / 7 * per_line * often, 0.0)
