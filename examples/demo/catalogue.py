"""The products, customers and suppliers of Hartwell & Lowe: who they are, and when each one comes and goes.

Not here: what is sold on a day (demand.py), how the master files look (master_files.py). A later horizon
only adds rows for those who come in between.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from examples.demo.house_words import SUPPLIER_COUNTRIES, SUPPLIER_FORMS, SUPPLIER_NAMES
from examples.demo.trading_days import FOUNDED
from examples.demo.vocabulary import BRANDS, CATEGORIES, COUNTRIES, SEGMENTS

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Rng = np.random.Generator

NEVER = date(9999, 12, 31).toordinal()

# One product in five is intermittent: it sells on 12 % of the days, but then four times as often.
INTERMITTENT_SHARE, INTERMITTENT_DAYS, INTERMITTENT_BURST = 0.2, 0.12, 4.0
INTERMITTENT_MEAN = INTERMITTENT_DAYS * INTERMITTENT_BURST

# A product is ordered for the last time so long before its end that the longest delivery is still in time.
SELL_OFF_DAYS = 84

# Streams of random numbers, one per thing that is drawn: with the seed and a place or day they seed a generator.
PRODUCTS, CUSTOMERS, PROMOTIONS, SALES, RETURNS, DIRT, STOCK, SUPPLIERS, DELIVERIES, SHRINKAGE = range(1, 11)
PAYMENTS, PEOPLE, SEATS, PLANS, OPPORTUNITIES, TOUCHES, VISITS, EXPENSES, RATES, JUNK = range(11, 21)

# How a customer pays, and its share: direct debit, on time, late, doubtful.
HABITS = (0.25, 0.50, 0.21, 0.04)


@dataclass(frozen=True)
class Products:
    """All products ever launched up to the horizon, one element per product; days are proleptic ordinals."""

    ids: list[str]
    names: list[str]
    slot: Ints  # the place in the assortment; a successor has its predecessor's
    category: Ints  # index into CATEGORIES
    launched: Ints
    last_day: Ints  # NEVER for what has no end in sight
    share: Floats  # of the lines of a normal day
    price_2019_cents: Ints
    yearly_rise: Floats
    cost_ratio: Floats
    lead_time_days: Ints
    line_units: Floats
    is_intermittent: Flags
    brand: Ints  # index into BRANDS
    supplier: Ints  # index into Suppliers
    july_rise: Floats  # of the cost, on 1 July; the list price stays

    @property
    def last_order_day(self) -> Ints:
        """The last day on which customers can order it; what they wait for comes by ``last_day``."""
        return self.last_day - SELL_OFF_DAYS

    def price_cents(self, year: int) -> Ints:
        """List prices of a year in cents: p = p₂₀₁₉ · (1 + rise)^(year − 2019), moved to end in 9."""
        raised = self.price_2019_cents * (1 + self.yearly_rise) ** (year - 2019)
        return (np.rint(raised / 10) * 10 - 1).astype(np.int64)

    def cost_cents(self, year: int, *, second_half: bool) -> Ints:
        """Cost per unit in cents: a share of the year's list price, moved by the supplier on 1 July."""
        cost = self.price_cents(year) * self.cost_ratio * np.where(second_half, 1 + self.july_rise, 1.0)
        return np.maximum(np.rint(cost), 1).astype(np.int64)


@dataclass(frozen=True)
class Suppliers:
    """All suppliers, one element per supplier."""

    ids: list[str]
    names: list[str]
    country: list[str]
    lead_time_days: Ints  # as quoted
    late_share: Floats  # of the deliveries
    cycle_days: Ints  # between two orders
    phase_days: Ints  # an order is placed where (ordinal − phase) mod cycle = 0
    min_order_cents: Ints


@dataclass(frozen=True)
class Customers:
    """All customers ever won up to the horizon, one element per customer; days are proleptic ordinals."""

    ids: list[str]
    names: list[str]
    segment: Ints  # index into SEGMENTS
    country: Ints  # index into COUNTRIES
    created: Ints
    last_day: Ints
    weight: Floats  # of the orders
    discount_pct: Ints  # agreed on every line
    city: Ints  # index into the country's cities
    seat: Floats  # 0 to 1: which rep of the territory looks after it
    terms_days: Ints  # to pay an invoice
    habit: Ints  # index into HABITS


def active(created: Ints, last_day: Ints, day: date) -> Ints:
    """Rows that exist on that day, in table order.

    >>> active(np.array([1, 5]), np.array([4, 9]), date.fromordinal(5)).tolist()
    [1]
    """
    today = day.toordinal()
    return np.flatnonzero((created <= today) & (today <= last_day))


def lives(
    rng: Rng, *, rotating: bool, cycle_days: tuple[int, int], gap_days: int, horizon: date
) -> Iterator[tuple[int, int]]:
    """First and last day of everything that stands in one slot up to the horizon, one after another.

    A slot that does not rotate holds one thing that was there before FOUNDED and stays.

    >>> rng = np.random.default_rng(1)
    >>> [last > first for first, last in
    ...  lives(rng, rotating=True, cycle_days=(400, 401), gap_days=30, horizon=date(2021, 1, 1))]
    [True, True, True]
    """
    founded = FOUNDED.toordinal()
    cycle = int(rng.integers(*cycle_days))
    first = founded - int(rng.integers(cycle))
    if not rotating:
        yield first - 365, NEVER
        return
    while first <= horizon.toordinal():
        yield first, first + cycle - gap_days
        first += cycle


def pareto_shares(rng: Rng, n: int, exponent: float) -> Floats:
    """Shares that fall with the rank, wᵣ ∝ r^(−exponent), in random order; they add up to 1.

    >>> [round(float(s), 3) for s in sorted(pareto_shares(np.random.default_rng(0), 3, 1.0))]
    [0.182, 0.273, 0.545]
    """
    weights: Floats = np.arange(1, n + 1, dtype=np.float64) ** -exponent
    return rng.permutation(weights / weights.sum())


def make_suppliers(seed: int, slots: int) -> Suppliers:
    """One supplier for every ten places of the assortment; each has one category, as far as there are enough."""
    n = min(max(1, -(-slots // 10)), 99)
    rows = [_supplier(np.random.default_rng([seed, SUPPLIERS, k]), k) for k in range(n)]
    names, countries, leads, late, cycles, phases, least = zip(*rows, strict=True)
    return Suppliers(
        ids=[f"L{700 + k}" for k in range(n)], names=list(names), country=list(countries),
        lead_time_days=np.array(leads), late_share=np.array(late), cycle_days=np.array(cycles),
        phase_days=np.array(phases), min_order_cents=np.array(least),
    )  # fmt: skip


def _supplier(rng: Rng, k: int) -> tuple[str, str, int, float, int, int, int]:
    """What make_suppliers needs of one supplier, in the order of its columns from the name on."""
    form = SUPPLIER_FORMS[rng.integers(len(SUPPLIER_FORMS))]
    number = k // len(CATEGORIES) + 1
    name = f"{SUPPLIER_NAMES[k % len(CATEGORIES)]}{f' {number}' if number > 1 else ''} {form}"
    country = str(rng.choice([code for code, _ in SUPPLIER_COUNTRIES], p=[share for _, share in SUPPLIER_COUNTRIES]))
    lead_days = int(rng.choice([3, 5, 7, 10, 14, 21]))
    cycle_days = 7 if lead_days <= 5 else 14 if lead_days <= 10 else 28
    phase = int(rng.integers(cycle_days // 7)) * 7 + int(rng.integers(1, 6))  # ordinal 1 is a Monday
    late_share = float(rng.choice([0.04, 0.12, 0.35]))
    return name, country, lead_days, late_share, cycle_days, phase, int(rng.choice([0, 150_00, 500_00]))


def supplier_of(suppliers: Suppliers, slot: int) -> int:
    """The supplier of a place in the assortment: one of those that have its category."""
    n, category = len(suppliers.ids), slot % len(CATEGORIES)
    same = range(category, n, len(CATEGORIES))
    return same[slot // len(CATEGORIES) % len(same)] if same else slot % n


def make_products(seed: int, n: int, horizon: date) -> Products:
    """The assortment: ``n`` places, of which about 15 % change hands every three to four years."""
    suppliers = make_suppliers(seed, n)
    shares = pareto_shares(np.random.default_rng([seed, PRODUCTS]), n, 0.9)
    # Intermittent products sell less than their share: without this, lines_per_day would be missed by 10 %.
    shares /= 1 - INTERMITTENT_SHARE * (1 - INTERMITTENT_MEAN)
    rows = []
    for slot in range(n):
        rng = np.random.default_rng([seed, PRODUCTS, slot])
        # Only small products change: the end of a big one would hide the growth of the house.
        rotating = shares[slot] < 1 / n and bool(rng.random() < 0.25)
        spans = lives(rng, rotating=rotating, cycle_days=(1000, 1400), gap_days=40, horizon=horizon)
        for generation, (first, last) in enumerate(spans, start=1):
            rng = np.random.default_rng([seed, PRODUCTS, slot, generation])
            product_id = f"HL-{slot + 1:04d}" + (f"-{generation}" if rotating else "")
            rows.append((product_id, slot, first, last, shares[slot], *_product(rng, slot)))
    ids, slots, first_days, last_days, share, names, category, cents, rise, cost, units, lumpy, brand, july = zip(
        *rows, strict=True
    )
    supplier = np.array([supplier_of(suppliers, slot) for slot in slots])
    return Products(
        ids=list(ids), names=list(names), slot=np.array(slots), category=np.array(category),
        launched=np.array(first_days), last_day=np.array(last_days), share=np.array(share),
        price_2019_cents=np.array(cents), yearly_rise=np.array(rise), cost_ratio=np.array(cost),
        lead_time_days=suppliers.lead_time_days[supplier], line_units=np.array(units),
        is_intermittent=np.array(lumpy), brand=np.array(brand), supplier=supplier, july_rise=np.array(july),
    )  # fmt: skip


def _product(rng: Rng, slot: int) -> tuple[str, int, int, float, float, float, bool, int, float]:
    """What make_products needs of one product, in the order of its columns from the name on."""
    category = slot % len(CATEGORIES)
    kind = CATEGORIES[category]
    item = kind.items[(slot // len(CATEGORIES)) % len(kind.items)]
    brand, size = int(rng.integers(len(BRANDS))), kind.sizes[rng.integers(len(kind.sizes))]
    return (
        f"{BRANDS[brand]} {item}, {size}",
        category,
        int(rng.integers(*kind.price_cents)),
        float(rng.uniform(0.015, 0.05)),
        float(rng.uniform(0.55, 0.8)),
        kind.line_units * float(rng.lognormal(0.0, 0.4)),
        bool(rng.random() < INTERMITTENT_SHARE),
        brand,
        float(rng.choice([0.0, 0.0, -0.02, 0.03, 0.05])),
    )


def make_customers(seed: int, n: int, horizon: date) -> Customers:
    """The customers: ``n`` places, of which 40 % are lost and won anew every one and a half to four years."""
    weights = pareto_shares(np.random.default_rng([seed, CUSTOMERS]), n, 0.75)
    rows = []
    for slot in range(n):
        rng = np.random.default_rng([seed, CUSTOMERS, slot])
        rotating = slot > 0 and bool(rng.random() < 0.4)  # the first stays: there is always a customer
        spans = lives(rng, rotating=rotating, cycle_days=(540, 1500), gap_days=60, horizon=horizon)
        for generation, (first, last) in enumerate(spans):
            rng = np.random.default_rng([seed, CUSTOMERS, slot, generation])
            customer_id = f"K{100_000 + slot * 50 + generation}"
            rows.append((customer_id, first, last, weights[slot], *_customer(rng)))
    ids, created, last_days, weight, names, segment, country, discount, city, seat, terms, habit = zip(
        *rows, strict=True
    )
    return Customers(
        ids=list(ids), names=list(names), segment=np.array(segment), country=np.array(country),
        created=np.array(created), last_day=np.array(last_days), weight=np.array(weight),
        discount_pct=np.array(discount), city=np.array(city), seat=np.array(seat), terms_days=np.array(terms),
        habit=np.array(habit),
    )  # fmt: skip


def _customer(rng: Rng) -> tuple[str, int, int, int, int, float, int, int]:
    """What make_customers needs of one customer, in the order of its columns from the name on."""
    segment = int(rng.choice(len(SEGMENTS), p=[share for *_, share in SEGMENTS]))
    country = int(rng.choice(len(COUNTRIES), p=[share for _, _, share, _ in COUNTRIES]))
    houses, cities = SEGMENTS[segment][1], COUNTRIES[country][1]
    house, city = houses[rng.integers(len(houses))], int(rng.integers(len(cities)))
    discount = int(rng.choice([0, 0, 0, 2, 3, 5]))
    seat, terms_days = float(rng.random()), int(rng.choice([14, 30, 30]))
    habit = int(rng.choice(len(HABITS), p=HABITS))
    return f"{house}, {cities[city]}", segment, country, discount, city, seat, terms_days, habit
