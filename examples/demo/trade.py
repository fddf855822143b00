"""Every day of Hartwell & Lowe: what is ordered, delivered, booked, returned and bought.

Not here: each of these by itself (demand.py, stock.py, purchasing.py), and the documents that follow (invoicing.py).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from examples.demo.catalogue import RETURNS, SALES, Rng
from examples.demo.demand import (
    ADJUSTMENT,
    CHARGE,
    DOCUMENTS_PER_DAY,
    LINE,
    RETURN,
    RETURN_LAGS_DAYS,
    Lines,
    number_on_day,
    ordered_on,
    price,
)
from examples.demo.house import House
from examples.demo.stock import BACK, WARM_UP_DAYS, WRITTEN_OFF, DayInStock, Stock
from examples.demo.vocabulary import COUNTRIES

RETURN_POSITION = 900  # a return stands on the order it came from, at the sold line's position plus this
FREIGHT_POSITION = 800
FOLLOW_UP_NUMBER = 50_000  # what had to wait is delivered on a document of its own, numbered from here on its day
FREIGHT_BELOW_CENTS = 150_00
_RETURN_TAIL_DAYS = max(RETURN_LAGS_DAYS) + 5  # closed days move a return on


@dataclass(frozen=True)
class Day:
    """One day: the booked lines in the order of their documents, returns last, and what happened to the stock."""

    date: date
    lines: Lines
    stock: DayInStock


def trade(house: House, first: date, last: date) -> Iterator[Day]:
    """Every day from ``first`` to ``last``, the closed ones without lines."""
    day = first - timedelta(days=_RETURN_TAIL_DAYS + WARM_UP_DAYS)
    stock, pending = Stock(house, day), np.zeros(0, LINE)
    while day <= last:
        ordered = ordered_on(house, day)
        in_stock = stock.step(day, ordered)
        delivered = _delivered(house, in_stock.shipped, day)
        pending = np.concatenate([pending, delivered[delivered["comes_back"] > 0]])
        is_back = pending["comes_back"] == day.toordinal()
        back = returned(house.seed, pending[is_back], day)
        _destroy(stock, in_stock, back)
        pending = pending[~is_back]
        if day >= first:
            booked = np.concatenate([delivered, _freight(ordered, delivered), _write_off(house.seed, ordered, day)])
            booked = booked[np.argsort(booked["document"], kind="stable")]
            yield Day(day, np.concatenate([booked, back]), in_stock)
        day += timedelta(days=1)


def _delivered(house: House, shipped: Lines, day: date) -> Lines:
    """The sales of the day: what was ordered and is there, and what had to wait, at the prices of today."""
    is_late = shipped["document"] // DOCUMENTS_PER_DAY < day.toordinal()
    late = shipped[is_late]
    if not len(late):
        return shipped
    late = late[np.lexsort((late["position"], late["document"]))]
    _, number = np.unique(late["document"], return_inverse=True)
    late["document"] = day.toordinal() * DOCUMENTS_PER_DAY + FOLLOW_UP_NUMBER + number + 1
    late["minute"] = 420  # before the first order of the day
    late["comes_back"], late["returned_qty"] = 0, 0  # who waited for it keeps it
    price(late, house, day)
    return np.concatenate([shipped[~is_late], late])


def returned(seed: int, sold: Lines, day: date) -> Lines:
    """The return lines of a day for the sold lines that come back on it; the discount in proportion."""
    sold = sold[np.lexsort((sold["position"], sold["document"]))]
    rng = np.random.default_rng([seed, RETURNS, day.toordinal()])
    lines = sold.copy()
    lines["kind"], lines["comes_back"], lines["returned_qty"], lines["wanted"] = RETURN, 0, 0, 0
    lines["position"] += RETURN_POSITION
    lines["minute"] = rng.integers(480, 720, len(sold))
    lines["qty_units"] = -sold["returned_qty"]
    lines["discount_cents"] = -(sold["discount_cents"] * sold["returned_qty"] // sold["qty_units"])
    return lines


def _destroy(stock: Stock, in_stock: DayInStock, back: Lines) -> None:
    """Food that was out of the house is never sold again: what comes back is booked in and written off."""
    units = np.bincount(stock.sku(back), -back["qty_units"], in_stock.moves.shape[1]).astype(np.int64)
    in_stock.moves[BACK] += units
    in_stock.moves[WRITTEN_OFF] -= units


def _freight(ordered: Lines, delivered: Lines) -> Lines:
    """One freight line on every order below 150.00 of which something left the house today."""
    net_cents = ordered["qty_units"] * ordered["price_cents"] - ordered["discount_cents"]
    order, first = np.unique(number_on_day(ordered), return_index=True)
    if not len(order):
        return np.zeros(0, LINE)
    is_small = np.bincount(number_on_day(ordered), weights=net_cents)[order] < FREIGHT_BELOW_CENTS
    is_carried = ordered["wanted"][first] > ordered["document"][first] // DOCUMENTS_PER_DAY  # not fetched
    freight = ordered[first][is_small & is_carried & np.isin(ordered["document"][first], delivered["document"])]
    freight["kind"], freight["product"], freight["position"] = CHARGE, -1, FREIGHT_POSITION
    freight["qty_units"], freight["discount_cents"] = 1, 0
    freight["price_cents"] = np.array([cents for *_, cents in COUNTRIES])[freight["country"]]
    freight["comes_back"], freight["returned_qty"], freight["promotion"] = 0, 0, 0
    return freight


def _write_off(seed: int, ordered: Lines, day: date) -> Lines:
    """About once in five weeks a claim of 20 to 600 is written off, on a document of its own."""
    rng: Rng = np.random.default_rng([seed, SALES, day.toordinal(), ADJUSTMENT])
    if not len(ordered) or rng.random() >= 0.035:
        return np.zeros(0, LINE)
    off = ordered[-1:].copy()
    off["kind"], off["product"], off["position"] = ADJUSTMENT, -2, 1
    off["document"] = (day.toordinal() + 1) * DOCUMENTS_PER_DAY - 1
    off["qty_units"], off["price_cents"], off["discount_cents"] = -1, rng.integers(2_000, 60_000), 0
    off["comes_back"], off["returned_qty"], off["promotion"], off["wanted"] = 0, 0, 0, 0
    return off
