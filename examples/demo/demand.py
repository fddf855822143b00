"""One trading day of Hartwell & Lowe: which lines are booked, as numbers.

Not here: how lines are written (dialect.py). What a day draws comes from streams seeded with that day
and from what is active on it, so a day is the same whichever period is asked for.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from examples.demo.catalogue import (
    INTERMITTENT_BURST,
    INTERMITTENT_DAYS,
    Customers,
    Floats,
    Ints,
    Products,
    Rng,
    active,
)
from examples.demo.trading_days import FOUNDED, day_factor, is_open, level, next_open, season
from examples.demo.vocabulary import CATEGORIES, CHANNELS, COUNTRIES, SEGMENTS

SALE, RETURN, CHARGE, ADJUSTMENT = range(4)
KINDS = ("sale", "return", "charge", "adjustment")

# One row per document line. Product −1 is freight, −2 a write-off; customer −1 is an anonymous counter sale.
# due is the ordinal of the day on which returned_qty comes back, 0 where nothing does.
LINE = np.dtype([
    ("kind", "i8"), ("document", "i8"), ("position", "i8"), ("minute", "i8"),
    ("product", "i8"), ("customer", "i8"), ("country", "i8"), ("channel", "i8"),
    ("qty_units", "i8"), ("price_cents", "i8"), ("discount_cents", "i8"),
    ("due", "i8"), ("returned_qty", "i8"),
])  # fmt: skip
Lines = NDArray[np.void]

DOCUMENTS_PER_DAY = 1_000_000  # document = ordinal of its day × this + its number on that day
LEAD_IN_DAYS = 30  # a return comes back after at most 20 days, moved on by at most 4 closed ones
RETURN_LAGS_DAYS = range(3, 21)
RETURN_POSITION = 900  # a return stands on the order it came from, at the sold line's position plus this

_PROMOTIONS, _SALES, _RETURNS = 3, 4, 5  # streams of random numbers; catalogue.py has 1 and 2


@dataclass(frozen=True)
class House:
    """The business to simulate: its size and what it has."""

    seed: int
    lines_per_day: int
    slots: int
    products: Products
    customers: Customers


def trade(house: House, first: date, last: date) -> Iterator[tuple[date, Lines]]:
    """Every day from ``first`` to ``last`` with its lines, the closed ones with none."""
    pending = np.zeros(0, LINE)
    day = first - timedelta(days=LEAD_IN_DAYS)
    while day <= last:
        sold = sold_on(house, day)
        pending = np.concatenate([pending, sold[sold["due"] > 0]])
        due = pending["due"] == day.toordinal()
        if day >= first:
            yield day, np.concatenate([sold, returned(house.seed, pending[due], day)])
        pending = pending[~due]
        day += timedelta(days=1)


def sold_on(house: House, day: date) -> Lines:
    """The day's sales, freight charges and write-offs, in the order of their documents."""
    rng = np.random.default_rng([house.seed, _SALES, day.toordinal()])
    goods = active(house.products.launched, house.products.last_day, day)
    buyers = active(house.customers.created, house.customers.last_day, day)
    if not is_open(day):
        return np.zeros(0, LINE)
    depth_pct, promotion_factor = promotions(house.seed, house.slots, day)
    lines_expected = expected_lines(house, goods, day) * promotion_factor[house.products.slot[goods]] * day_factor(day)
    lines_expected *= _disturbance(rng) * _lumpiness(rng, house.products.is_intermittent[goods])
    picked = rng.permutation(np.repeat(goods, rng.poisson(lines_expected)))
    lines = _orders(rng, picked, day)
    _buyers(rng, lines, house.customers, buyers, day)
    _amounts(rng, lines, house, depth_pct, day.year)
    _plan_returns(rng, lines, day)
    extras = [_freight(lines), _write_off(rng, lines, day)]
    booked = np.concatenate([lines, *extras])
    return booked[np.argsort(booked["document"], kind="stable")]


def expected_lines(house: House, goods: Ints, day: date) -> Floats:
    """Lines per product on a smooth day: λ = lines_per_day · level · share · season · life."""
    products = house.products
    seasons = np.array([season(day, c.amplitude, c.peak_day) for c in CATEGORIES])
    age, left = day.toordinal() - products.launched[goods], products.last_day[goods] - day.toordinal()
    life = np.minimum(1, 0.2 + age / 80) * np.minimum(1, 0.1 + left / 200)
    return house.lines_per_day * level(day) * products.share[goods] * seasons[products.category[goods]] * life


def promotions(seed: int, slots: int, day: date) -> tuple[Ints, Floats]:
    """Price cut in percent and factor on demand, per slot.

    Time runs in blocks of four weeks from a Monday. A promoted product is 10 to 25 % cheaper in the first
    two weeks and sells 1 + 0.08 · cut as often; in the last two it sells a quarter less: shelves are full.

    >>> cut_pct, factor = promotions(7, 1000, date(2024, 3, 4))
    >>> bool(((cut_pct > 0) == (factor > 1)).all()), bool(0.04 < (cut_pct > 0).mean() < 0.1)
    (True, True)
    """
    block, offset = divmod(day.toordinal() - 1, 28)  # ordinal 1 is a Monday
    rng = np.random.default_rng([seed, _PROMOTIONS, block])
    cut_pct = np.where(rng.random(slots) < 0.07, rng.choice([10, 15, 20, 25], slots), 0)
    if offset < 13:
        return cut_pct, 1 + 0.08 * cut_pct
    return np.zeros_like(cut_pct), np.where(cut_pct > 0, 0.75, 1.0)


def _disturbance(rng: Rng) -> float:
    """The day's own factor: 8 % noise, and about once a year an outage or a rush."""
    noise, event = float(rng.lognormal(0.0, 0.08)), rng.random()
    return noise * (0.35 if event < 0.003 else 1.9 if event > 0.998 else 1.0)


def _lumpiness(rng: Rng, is_intermittent: NDArray[np.bool_]) -> Floats:
    """Factor per product: 1, but for an intermittent one a burst on some days and 0 on all others."""
    on = rng.random(len(is_intermittent)) < INTERMITTENT_DAYS
    return np.where(is_intermittent, np.where(on, INTERMITTENT_BURST, 0.0), 1.0)


def _orders(rng: Rng, picked: Ints, day: date) -> Lines:
    """Group picked products into orders of 3.6 lines on average; no product twice in an order."""
    n = len(picked)
    bounds = np.cumsum(1 + rng.poisson(2.6, n))
    order = np.searchsorted(bounds, np.arange(n), side="right")
    width = int(picked.max(initial=0)) + 1
    once = np.sort(np.unique(order * width + picked, return_index=True)[1])
    order, picked = order[once], picked[once]
    lines = np.zeros(len(order), LINE)
    lines["kind"], lines["product"] = SALE, picked
    lines["document"] = day.toordinal() * DOCUMENTS_PER_DAY + order + 1
    lines["position"] = np.arange(len(order)) - np.searchsorted(order, order) + 1
    opens, busiest, closes = (
        (420, 540, 720) if day.weekday() == 5 else (360, 560, 1080)
    )  # minutes: never near a DST gap
    minutes = np.sort(rng.triangular(opens, busiest, closes, n).astype(np.int64))
    lines["minute"] = minutes[order]
    return lines


def _per_document(lines: Lines) -> Ints:
    """Number of each line's order on its day, from 0."""
    return lines["document"] % DOCUMENTS_PER_DAY - 1


def _buyers(rng: Rng, lines: Lines, customers: Customers, buyers: Ints, day: date) -> None:
    """Give every order its customer, country and channel."""
    order, n = _per_document(lines), len(lines)
    heap = np.cumsum(customers.weight[buyers])
    buyer = buyers[np.minimum(np.searchsorted(heap, rng.random(n) * heap[-1], side="right"), len(buyers) - 1)]
    is_anonymous = rng.random(n) < 0.01
    years = (day - FOUNDED).days / 365.25
    shares = np.cumsum([max(0.02, share + change * years) for _, share, change in CHANNELS])
    channel = np.searchsorted(shares / shares[-1], rng.random(n), side="right")
    lines["customer"] = np.where(is_anonymous, -1, buyer)[order]
    lines["country"] = np.where(is_anonymous, 0, customers.country[buyer])[order]
    lines["channel"] = channel[order]


def _amounts(rng: Rng, lines: Lines, house: House, promotion_pct: Ints, year: int) -> None:
    """Units, price and discount; the discount in cents is qty · price · pct / 100, half a cent up."""
    products, customer = house.products, lines["customer"]
    is_known = customer >= 0
    segment = np.where(is_known, house.customers.segment[customer], 0)
    size = np.array([units for _, _, units, _ in SEGMENTS])[segment]
    units = products.line_units[lines["product"]] * size * rng.lognormal(0.0, 0.5, len(lines))
    lines["qty_units"] = np.clip(np.rint(units), 1, 9999)
    lines["price_cents"] = products.price_cents(year)[lines["product"]]
    agreed_pct = np.where(is_known, house.customers.discount_pct[customer], 0)
    pct = agreed_pct + promotion_pct[products.slot[lines["product"]]]
    lines["discount_cents"] = (lines["qty_units"] * lines["price_cents"] * pct + 50) // 100


def _plan_returns(rng: Rng, lines: Lines, day: date) -> None:
    """2.5 % of the lines come back, wholly or in part, on an open day 3 to 20 days later."""
    dates = np.array([next_open(day + timedelta(days=lag)).toordinal() for lag in RETURN_LAGS_DAYS])
    n = len(lines)
    comes_back = rng.random(n) < 0.025
    lines["due"] = np.where(comes_back, dates[rng.integers(len(dates), size=n)], 0)
    lines["returned_qty"] = np.where(comes_back, rng.integers(1, lines["qty_units"] + 1), 0)


def returned(seed: int, sold: Lines, day: date) -> Lines:
    """The return lines of a day for the sold lines that come back on it; the discount in proportion."""
    rng = np.random.default_rng([seed, _RETURNS, day.toordinal()])
    lines = sold.copy()
    lines["kind"], lines["due"], lines["returned_qty"] = RETURN, 0, 0
    lines["position"] += RETURN_POSITION
    lines["minute"] = rng.integers(480, 720, len(sold))
    lines["qty_units"] = -sold["returned_qty"]
    lines["discount_cents"] = -(sold["discount_cents"] * sold["returned_qty"] // sold["qty_units"])
    return lines


def _freight(lines: Lines) -> Lines:
    """One freight line on every order below 150.00."""
    net_cents = lines["qty_units"] * lines["price_cents"] - lines["discount_cents"]
    order, first = np.unique(_per_document(lines), return_index=True)
    is_small = np.bincount(_per_document(lines), weights=net_cents)[order] < 150_00 if len(order) else order > 0
    freight = lines[first][is_small]
    freight["kind"], freight["product"], freight["position"] = CHARGE, -1, 800
    freight["qty_units"], freight["discount_cents"] = 1, 0
    freight["price_cents"] = np.array([cents for *_, cents in COUNTRIES])[freight["country"]]
    freight["due"], freight["returned_qty"] = 0, 0
    return freight


def _write_off(rng: Rng, lines: Lines, day: date) -> Lines:
    """About once in five weeks a claim of 20 to 600 is written off, on a document of its own."""
    if not len(lines) or rng.random() >= 0.035:
        return np.zeros(0, LINE)
    off = lines[-1:].copy()
    off["kind"], off["product"], off["position"] = ADJUSTMENT, -2, 1
    off["document"] = (day.toordinal() + 1) * DOCUMENTS_PER_DAY - 1
    off["qty_units"], off["price_cents"], off["discount_cents"] = -1, rng.integers(2_000, 60_000), 0
    off["due"], off["returned_qty"] = 0, 0
    return off
