"""What Hartwell & Lowe buys: how much stock it wants, when it orders, and when the goods really come.

Not here: the stock itself (stock.py). What is drawn here comes from streams seeded with the day, per place in the
assortment, so that it is the same whichever period is asked for.
"""

from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from examples.demo.catalogue import DELIVERIES, STOCK, Flags, Floats, Ints
from examples.demo.demand import promotions
from examples.demo.house import House, expected_units_per_day
from examples.demo.trading_days import next_open

# One row per line of a purchase order. A delivery comes in one part or in two: first_units on first_on, the rest on
# full_on; rejected units came with the first part, went back, and came again with the second. Days are ordinals.
PURCHASE = np.dtype([
    ("ordered_on", "i8"), ("product", "i8"), ("units", "i8"), ("promised_on", "i8"),
    ("first_on", "i8"), ("first_units", "i8"), ("full_on", "i8"), ("rejected_units", "i8"),
])  # fmt: skip
Purchases = NDArray[np.void]

# The longest way from an order to its last part: 21 days quoted, 14 late, 10 for the rest, and closed days.
LONGEST_DELIVERY_DAYS = 56
LONGEST_CYCLE_DAYS = 28
STORE_COVER_DAYS = 9
STORE_REVIEW = 1  # every Tuesday
STORE_DEMAND_SHARE = 0.045

FORGOTTEN_SHARE, FORGOTTEN_FACTOR = 0.05, 0.5  # of the products nobody looks after; the part they get of what they need
PARTIAL_SHARE, REJECTED_SHARE = 0.06, 0.025  # of the lines


class Plan:
    """The stock position each product is raised to; expectations are computed once a week and kept for some."""

    def __init__(self, house: House) -> None:
        self.house = house
        self._weeks: dict[int, Floats] = {}
        draws = np.random.default_rng([house.seed, STOCK]).random(house.slots)
        self._share_wanted = np.where(draws < FORGOTTEN_SHARE, FORGOTTEN_FACTOR, 1.0)[house.products.slot]

    def daily_units(self, ordinal: int) -> Floats:
        """Units expected per calendar day about that day, promotions included; shape (products,)."""
        monday = ordinal - (ordinal - 1) % 7
        if monday not in self._weeks:
            for week in [week for week in self._weeks if week < monday - 200]:
                del self._weeks[week]
            day = date.fromordinal(monday)
            factor = promotions(self.house.seed, self.house.slots, day)[1][self.house.products.slot]
            self._weeks[monday] = expected_units_per_day(self.house, day) * factor
        return self._weeks[monday]

    def warehouse_target(self, ordinal: int, rows: Ints) -> Ints:
        """S = d·H + z·√(φ·H·m·d) + m, with H the days until the next order has come; shape (len(rows),).

        d are expected daily units over H, m the units of a usual line, and φ how lumpy demand is.
        """
        products, suppliers = self.house.products, self.house.suppliers
        supplier = products.supplier[rows]
        cover = suppliers.lead_time_days[supplier] + suppliers.cycle_days[supplier]
        daily = self._mean_over(ordinal, cover, rows)
        target = _with_safety(daily, cover, products.line_units[rows], products.is_intermittent[rows])
        return np.ceil(target * self._share_wanted[rows]).astype(np.int64)

    def store_target(self, ordinal: int) -> Ints:
        """The same for the store, which is served once a week; shape (products,)."""
        products = self.house.products
        daily = self.daily_units(ordinal) * STORE_DEMAND_SHARE
        cover = np.full(len(daily), STORE_COVER_DAYS)
        return np.ceil(_with_safety(daily, cover, products.line_units, products.is_intermittent)).astype(np.int64)

    def _mean_over(self, ordinal: int, cover: Ints, rows: Ints) -> Floats:
        """Mean of the daily units now, half-way, and at the end of the days to cover."""
        now = self.daily_units(ordinal)[rows]
        later = np.zeros((2, len(rows)))
        for days in np.unique(cover).tolist():
            same = cover == days
            for n, ahead in enumerate((days // 2, days)):
                later[n, same] = self.daily_units(ordinal + ahead)[rows[same]]
        mean: Floats = (now + later[0] + later[1]) / 3
        return mean


def _with_safety(daily: Floats, cover: Ints, line_units: Floats, is_intermittent: Flags) -> Floats:
    lumpiness = np.where(is_intermittent, 4.0, 1.8)
    safety = 2.2 * np.sqrt(lumpiness * cover * line_units * daily) + line_units
    return np.where(daily > 0, daily * cover + safety, 0.0)


def due_for_review(house: House, ordinal: int) -> Flags:
    """The products whose supplier gets an order on that day."""
    suppliers = house.suppliers
    is_due = (ordinal - suppliers.phase_days) % suppliers.cycle_days == 0
    return is_due[house.products.supplier]


def purchase(house: House, ordinal: int, rows: Ints, units: Ints) -> Purchases:
    """Order ``units`` of the products ``rows``: what was promised, and what will really happen."""
    rng = np.random.default_rng([house.seed, DELIVERIES, ordinal])
    promised, comes = _deliveries(house, ordinal, rng)
    part, share, rest_days = rng.random(house.slots), rng.random(house.slots), rng.integers(3, 11, house.slots)
    slot, supplier = house.products.slot[rows], house.products.supplier[rows]
    lines = np.zeros(len(rows), PURCHASE)
    lines["ordered_on"], lines["product"], lines["units"] = ordinal, rows, units
    lines["promised_on"], lines["first_on"] = promised[supplier], comes[supplier]
    is_partial = (part[slot] < PARTIAL_SHARE) & (units > 3)
    is_rejected = (part[slot] > 1 - REJECTED_SHARE) & (units > 3)
    missing = np.maximum(1, np.floor(units * (0.1 + 0.5 * share[slot]))).astype(np.int64)
    lines["rejected_units"] = np.where(is_rejected, np.minimum(missing, 12), 0)
    lines["first_units"] = units - np.where(is_partial, missing, lines["rejected_units"])
    in_two = lines["first_units"] < units
    rest_on = [next_open(date.fromordinal(d)).toordinal() for d in (lines["first_on"] + rest_days[slot]).tolist()]
    lines["full_on"] = np.where(in_two, rest_on, lines["first_on"])
    return lines


def _deliveries(house: House, ordinal: int, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """The day each supplier promises for an order of today, and the day it will come; shape (suppliers,)."""
    suppliers, n = house.suppliers, len(house.suppliers.ids)
    is_late = rng.random(n) < suppliers.late_share
    delay = np.where(is_late, np.minimum(rng.geometric(0.25, n), 14), -rng.integers(0, 2, n))
    lead = suppliers.lead_time_days
    promised = [next_open(date.fromordinal(ordinal + days)).toordinal() for days in lead.tolist()]
    comes = [
        next_open(date.fromordinal(ordinal) + timedelta(days=days)).toordinal() for days in (lead + delay).tolist()
    ]
    return np.array(promised), np.array(comes)
