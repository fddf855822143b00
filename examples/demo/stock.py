"""The stock of Hartwell & Lowe, day by day: what comes in, what goes out and in which order, what must wait.

Not here: how much is ordered (purchasing.py), what customers ask for (demand.py). After an order the position of a
product (on hand + on order − waiting) is exactly its target, so the stock forgets what was before ``WARM_UP_DAYS``.
"""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from examples.demo.catalogue import SHRINKAGE, Flags, Ints
from examples.demo.demand import LINE, SALE, Lines
from examples.demo.house import House
from examples.demo.house_words import STORE
from examples.demo.purchasing import (
    LONGEST_CYCLE_DAYS,
    LONGEST_DELIVERY_DAYS,
    PURCHASE,
    STORE_REVIEW,
    Plan,
    Purchases,
    due_for_review,
    purchase,
)
from examples.demo.trading_days import is_open

# Two reviews and the longest delivery: what was on its way before is known by then. The rest is the store's.
WARM_UP_DAYS = LONGEST_CYCLE_DAYS + LONGEST_DELIVERY_DAYS + 10

# Movements, and what else than sales stands in the queue for goods.
MOVES = ("receipt", "sale", "return", "transfer", "adjustment", "write_off")
IN, OUT, BACK, TRANSFER, COUNTED, WRITTEN_OFF = range(len(MOVES))
_TRANSFER_LINE, _COUNT_LINE, _WRITE_OFF_LINE = 10, 11, 12  # kinds of lines beside demand.KINDS
_MOVE_OF_LINE = {SALE: OUT, _COUNT_LINE: COUNTED, _WRITE_OFF_LINE: WRITTEN_OFF}


# One row per sku and order of which something came in; ordered_on is the ordinal of the order's day.
RECEIPT = np.dtype([("sku", "i8"), ("units", "i8"), ("ordered_on", "i8")])
Receipts = NDArray[np.void]


@dataclass(frozen=True)
class DayInStock:
    """What a day did to the stock. A sku is a product in its warehouse, or, + the number of products, in the store."""

    shipped: Lines  # sales lines, those ordered today and those that had to wait
    moves: Ints  # units per movement and sku
    receipts: Receipts  # what came in, by order; in ``moves`` too
    purchases: Purchases
    on_hand: Ints  # at the end of the day, per sku
    on_order: Ints


class Stock:
    """The state between two days."""

    def __init__(self, house: House, first: date) -> None:
        self.house, self.n = house, len(house.products.ids)
        self.plan = Plan(house)
        ordinal, every = first.toordinal(), np.arange(self.n)
        self.on_hand: Ints = np.append(self.plan.warehouse_target(ordinal, every), self.plan.store_target(ordinal))
        self.position = self.on_hand.copy()
        self.on_order: Ints = np.zeros(2 * self.n, np.int64)
        self.waiting: Lines = np.zeros(0, LINE)
        self.arriving: dict[int, list[Receipts]] = defaultdict(list)

    def sku(self, lines: Lines) -> Ints:
        """The sku of each line."""
        return lines["product"] + np.where(lines["location"] == STORE, self.n, 0)

    def step(self, day: date, ordered: Lines) -> DayInStock:
        """One day: goods come in, the queue is served, and in the evening new goods are ordered."""
        ordinal = day.toordinal()
        moves = np.zeros((len(MOVES), 2 * self.n), np.int64)
        receipts = self._receive(ordinal, moves)
        shipped = np.zeros(0, LINE)
        if is_open(day):
            asked = np.concatenate([ordered, self._shrinkage(ordinal, moves)])
            self.position -= np.bincount(self.sku(asked), asked["qty_units"], 2 * self.n).astype(np.int64)
            shipped = self._serve(np.concatenate([self.waiting, asked]), moves)
        if day.weekday() == STORE_REVIEW:
            self._review_store(ordinal)
        purchases = self._review_warehouses(ordinal)
        return DayInStock(shipped, moves, receipts, purchases, self.on_hand.copy(), self.on_order.copy())

    def _receive(self, ordinal: int, moves: Ints) -> Receipts:
        receipts = np.concatenate([np.zeros(0, RECEIPT), *self.arriving.pop(ordinal, [])])
        np.add.at(moves[IN], receipts["sku"], receipts["units"])
        self.on_hand += moves[IN]
        self.on_order -= moves[IN]
        return receipts

    def _shrinkage(self, ordinal: int, moves: Ints) -> Lines:
        """Breakage, which waits in the queue like a buyer, and what a count finds too much, which is there at once."""
        rng = np.random.default_rng([self.house.seed, SHRINKAGE, ordinal])
        draws, units = rng.random(self.house.slots), rng.integers(1, 4, self.house.slots)
        slot, products = self.house.products.slot, self.house.products
        is_there = (products.launched <= ordinal) & (ordinal <= products.last_day)
        found = np.flatnonzero(is_there & (draws[slot] > 0.9985))
        lost = np.flatnonzero(is_there & (draws[slot] < 0.008))
        moves[COUNTED, found] += units[slot[found]]
        self.on_hand += moves[COUNTED]
        self.position += moves[COUNTED]
        kinds = np.where(draws[slot[lost]] < 0.003, _COUNT_LINE, _WRITE_OFF_LINE)
        return self._lines(kinds, lost, units[slot[lost]])

    def _lines(self, kind: int | Ints, skus: Ints, units: Ints) -> Lines:
        """Lines that stand in the queue beside the sales."""
        lines = np.zeros(len(skus), LINE)
        lines["kind"], lines["product"], lines["qty_units"] = kind, skus % self.n, units
        lines["location"] = np.where(skus >= self.n, STORE, 0)
        return lines

    def _serve(self, queue: Lines, moves: Ints) -> Lines:
        """Give goods out, first come, first served: the warehouses, then the store with what it got from them."""
        at_store = queue["location"] == STORE
        served, self.waiting = self._issue(queue[~at_store], moves)
        fetched = served[served["kind"] == _TRANSFER_LINE]
        arrived = np.bincount(fetched["product"], fetched["qty_units"], self.n).astype(np.int64)
        self.on_hand[self.n :] += arrived
        self.on_order[self.n :] -= arrived
        moves[TRANSFER, self.n :] += arrived
        moves[TRANSFER, : self.n] -= arrived
        served_at_store, still_waiting = self._issue(queue[at_store], moves)
        self.waiting = np.concatenate([self.waiting, still_waiting])
        shipped = np.concatenate([served, served_at_store])
        return shipped[shipped["kind"] == SALE]

    def _issue(self, queue: Lines, moves: Ints) -> tuple[Lines, Lines]:
        """Lines that get their goods, and lines that wait: of each sku as many from the front as the stock allows."""
        is_served = self._is_served(queue)
        served = queue[is_served]
        sku = self.sku(served)
        self.on_hand -= np.bincount(sku, served["qty_units"], 2 * self.n).astype(np.int64)
        for kind, move in _MOVE_OF_LINE.items():
            same = served["kind"] == kind
            moves[move] -= np.bincount(sku[same], served["qty_units"][same], 2 * self.n).astype(np.int64)
        return served, queue[~is_served]

    def _is_served(self, queue: Lines) -> Flags:
        sku = self.sku(queue)
        by_sku = np.argsort(sku, kind="stable")
        sku, asked = sku[by_sku], np.cumsum(queue["qty_units"][by_sku])
        before = np.append(0, asked)[np.searchsorted(sku, sku)]  # what stands before the sku's first line
        is_served = np.zeros(len(queue), bool)
        is_served[by_sku] = asked - before <= self.on_hand[sku]
        return is_served

    def _review_store(self, ordinal: int) -> None:
        """The store asks the warehouses for what raises it to its target; what it has too much is written off."""
        missing = self.plan.store_target(ordinal) - self.position[self.n :]
        asked, surplus = np.flatnonzero(missing > 0), np.flatnonzero(missing < 0)
        self.position[self.n :] += missing
        self.position[asked] -= missing[asked]
        self.on_order[self.n :][asked] += missing[asked]
        transfers = self._lines(_TRANSFER_LINE, asked, missing[asked])
        expired = self._lines(_WRITE_OFF_LINE, surplus + self.n, -missing[surplus])
        self.waiting = np.concatenate([self.waiting, transfers, expired])

    def _review_warehouses(self, ordinal: int) -> Purchases:
        """Order what raises the position to its target; what is too much has passed its date and is written off."""
        rows = np.flatnonzero(due_for_review(self.house, ordinal))
        if not len(rows):
            return np.zeros(0, PURCHASE)
        missing = self.plan.warehouse_target(ordinal, rows) - self.position[rows]
        self.position[rows] += missing
        surplus = missing < 0
        expired = self._lines(_WRITE_OFF_LINE, rows[surplus], -missing[surplus])
        self.waiting = np.concatenate([self.waiting, expired])
        wanted = missing > 0
        lines = purchase(self.house, ordinal, rows[wanted], missing[wanted])
        self.on_order[lines["product"]] += lines["units"]
        self._expect(lines)
        return lines

    def _expect(self, lines: Purchases) -> None:
        """Note on which day which part of each line will come."""
        rest = lines["units"] - lines["first_units"]
        for column, units in (("first_on", lines["first_units"]), ("full_on", rest)):
            for day in np.unique(lines[column][units > 0]).tolist():
                comes = (lines[column] == day) & (units > 0)
                receipts = np.zeros(int(comes.sum()), RECEIPT)
                receipts["sku"], receipts["units"] = lines["product"][comes], units[comes]
                receipts["ordered_on"] = lines["ordered_on"][comes]
                self.arriving[day].append(receipts)
