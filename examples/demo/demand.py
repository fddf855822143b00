"""One trading day of Hartwell & Lowe: which lines customers order, as numbers.

Not here: when they are delivered (stock.py), what is booked (trade.py), how lines are written (dialect.py). What a day
draws comes from streams seeded with that day and from what is active on it: the same whichever period is asked for.
"""

from datetime import date, timedelta
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from examples.demo.catalogue import (
    INTERMITTENT_BURST,
    INTERMITTENT_DAYS,
    PROMOTIONS,
    SALES,
    Customers,
    Floats,
    Ints,
    Rng,
    active,
)
from examples.demo.house import House, expected_lines
from examples.demo.house_words import STORE
from examples.demo.trading_days import FOUNDED, day_factor, is_open, next_open
from examples.demo.vocabulary import CHANNELS, SEGMENTS

SALE, RETURN, CHARGE, ADJUSTMENT = range(4)
KINDS = ("sale", "return", "charge", "adjustment")

# One row per document line. Product −1 is freight, −2 a write-off; customer −1 is an anonymous counter sale.
# wanted and comes_back are ordinals of days; returned_qty comes back on the latter, 0 where nothing does.
# promotion is the number of its block of four weeks × 100 + its cut in percent, 0 where there was none.
LINE = np.dtype([
    ("kind", "i8"), ("document", "i8"), ("position", "i8"), ("minute", "i8"),
    ("product", "i8"), ("customer", "i8"), ("country", "i8"), ("channel", "i8"), ("location", "i8"),
    ("qty_units", "i8"), ("price_cents", "i8"), ("discount_cents", "i8"), ("promotion", "i8"),
    ("wanted", "i8"), ("comes_back", "i8"), ("returned_qty", "i8"),
])  # fmt: skip
Lines = NDArray[np.void]

DOCUMENTS_PER_DAY = 1_000_000  # document = ordinal of its day × this + its number on that day
LINES_PER_ORDER = 9.0
RETURN_LAGS_DAYS = range(3, 21)
STORE_CHANNEL_ROW = len(CHANNELS)
STORE_SHARE = 0.04  # of the German customers' orders are fetched from the store; all anonymous ones are

BLOCK_DAYS, PROMOTED_DAYS = 28, 13  # promotions: two weeks of every four, from a Monday to a Saturday


def ordered_on(house: House, day: date) -> Lines:
    """The lines that customers order on a day, in the order of their documents."""
    rng = np.random.default_rng([house.seed, SALES, day.toordinal()])
    if not is_open(day):
        return np.zeros(0, LINE)
    goods = active(house.products.launched, house.products.last_order_day, day)
    buyers = active(house.customers.created, house.customers.last_day, day)
    _, promotion_factor = promotions(house.seed, house.slots, day)
    lines_expected = expected_lines(house, goods, day) * promotion_factor[house.products.slot[goods]] * day_factor(day)
    lines_expected *= _disturbance(rng) * _lumpiness(rng, house, goods)
    picked = rng.permutation(np.repeat(goods, rng.poisson(lines_expected)))
    lines = _orders(rng, picked, day)
    _buyers(rng, lines, house.customers, buyers, day)
    _places(rng, lines, house, day)
    _units(rng, lines, house)
    price(lines, house, day)
    _plan_returns(rng, lines, day)
    return lines


def promotions(seed: int, slots: int, day: date) -> tuple[Ints, Floats]:
    """Price cut in percent and factor on demand, per slot.

    Time runs in blocks of four weeks from a Monday. A promoted product is 10 to 25 % cheaper in the first
    two weeks and sells 1 + 0.08 · cut as often; in the last two it sells a quarter less: shelves are full.

    >>> cut_pct, factor = promotions(7, 1000, date(2024, 3, 4))
    >>> bool(((cut_pct > 0) == (factor > 1)).all()), bool(0.04 < (cut_pct > 0).mean() < 0.1)
    (True, True)
    """
    block, offset = divmod(day.toordinal() - 1, BLOCK_DAYS)  # ordinal 1 is a Monday
    cut_pct = cuts(seed, slots, block)
    if offset < PROMOTED_DAYS:
        return cut_pct, np.asarray(1 + 0.08 * cut_pct, np.float64)
    return np.zeros_like(cut_pct), np.where(cut_pct > 0, 0.75, 1.0)


@lru_cache(maxsize=16)
def cuts(seed: int, slots: int, block: int) -> Ints:
    """Price cut in percent of each slot in a block of four weeks; 0 for those that are not promoted."""
    rng = np.random.default_rng([seed, PROMOTIONS, block])
    return np.where(rng.random(slots) < 0.07, rng.choice([10, 15, 20, 25], slots), 0)


def _disturbance(rng: Rng) -> float:
    """The day's own factor: 8 % noise, and about once a year an outage or a rush."""
    noise, event = float(rng.lognormal(0.0, 0.08)), rng.random()
    return noise * (0.35 if event < 0.003 else 1.9 if event > 0.998 else 1.0)


def _lumpiness(rng: Rng, house: House, goods: Ints) -> Floats:
    """Factor per product: 1, but for an intermittent one a burst on some days and 0 on all others."""
    on = rng.random(len(goods)) < INTERMITTENT_DAYS
    return np.where(house.products.is_intermittent[goods], np.where(on, INTERMITTENT_BURST, 0.0), 1.0)


def _orders(rng: Rng, picked: Ints, day: date) -> Lines:
    """Group picked products into orders of some nine lines, one in nine of one line; no product twice in one."""
    n = len(picked)
    bounds = np.cumsum(rng.geometric(1 / LINES_PER_ORDER, n))
    order, picked = _once_per_order(np.searchsorted(bounds, np.arange(n), side="right"), picked)
    lines = np.zeros(len(order), LINE)
    lines["kind"], lines["product"] = SALE, picked
    lines["document"] = day.toordinal() * DOCUMENTS_PER_DAY + order + 1
    lines["position"] = np.arange(len(order)) - np.searchsorted(order, order) + 1
    opens, busiest, closes = (
        (420, 540, 720) if day.weekday() == 5 else (360, 560, 1080)
    )  # minutes: never near a DST gap
    minutes = np.sort(rng.triangular(opens, busiest, closes, int(order.max(initial=0)) + 1).astype(np.int64))
    lines["minute"] = minutes[order]
    return lines


def _once_per_order(order: Ints, picked: Ints) -> tuple[Ints, Ints]:
    """Move a product that stands in an order twice on to the next one, and so on; in the end drop what is left."""
    width = int(picked.max(initial=0)) + 1
    for is_last in (False, False, False, True):
        once = np.unique(order * width + picked, return_index=True)[1]
        if is_last or len(once) == len(order):
            break
        repeated = np.ones(len(order), bool)
        repeated[once] = False
        order = order + repeated
    kept = np.sort(once)
    order, picked = order[kept], picked[kept]
    by_order = np.argsort(order, kind="stable")
    numbers = np.unique(order, return_inverse=True)[1]  # without gaps
    return numbers[by_order], picked[by_order]


def number_on_day(lines: Lines) -> Ints:
    """Number of each line's order on its day, from 0."""
    return lines["document"] % DOCUMENTS_PER_DAY - 1


def _buyers(rng: Rng, lines: Lines, customers: Customers, buyers: Ints, day: date) -> None:
    """Give every order its customer, country and channel."""
    order, n = number_on_day(lines), len(lines)
    heap = np.cumsum(customers.weight[buyers])
    buyer = buyers[np.minimum(np.searchsorted(heap, rng.random(n) * heap[-1], side="right"), len(buyers) - 1)]
    is_anonymous = rng.random(n) < 0.01
    years = (day - FOUNDED).days / 365.25
    shares = np.cumsum([max(0.02, share + change * years) for _, share, change in CHANNELS])
    channel = np.searchsorted(shares / shares[-1], rng.random(n), side="right")
    lines["customer"] = np.where(is_anonymous, -1, buyer)[order]
    lines["country"] = np.where(is_anonymous, 0, customers.country[buyer])[order]
    lines["channel"] = channel[order]


def _places(rng: Rng, lines: Lines, house: House, day: date) -> None:
    """Where each order is fetched or sent from, and when it is wanted: at once, next day, some days later."""
    order, n = number_on_day(lines), len(lines)
    fetched = (rng.random(n) < STORE_SHARE)[order] & (lines["country"] == 0) | (lines["customer"] < 0)
    lines["location"] = np.where(fetched, STORE, house.warehouse[lines["product"]])
    lines["channel"] = np.where(fetched, STORE_CHANNEL_ROW, lines["channel"])
    days = np.array([next_open(day + timedelta(days=lag)).toordinal() for lag in (1, 1, 1, 2, 4)])
    lines["wanted"] = np.where(fetched, day.toordinal(), days[rng.integers(len(days), size=n)][order])


def _units(rng: Rng, lines: Lines, house: House) -> None:
    """Units per line: the product's usual ones, more for a canteen than for an inn."""
    customer = lines["customer"]
    segment = np.where(customer >= 0, house.customers.segment[customer], 0)
    size = np.array([units for _, _, units, _ in SEGMENTS])[segment]
    units = house.products.line_units[lines["product"]] * size * rng.lognormal(0.0, 0.5, len(lines))
    lines["qty_units"] = np.clip(np.rint(units), 1, 9999)


def price(lines: Lines, house: House, day: date) -> None:
    """Price, discount and promotion of a day; the discount in cents is qty · price · pct / 100, half a cent up."""
    products, customer = house.products, lines["customer"]
    cut_pct = promotions(house.seed, house.slots, day)[0][products.slot[lines["product"]]]
    agreed_pct = np.where(customer >= 0, house.customers.discount_pct[customer], 0)
    lines["price_cents"] = products.price_cents(day.year)[lines["product"]]
    lines["discount_cents"] = (lines["qty_units"] * lines["price_cents"] * (agreed_pct + cut_pct) + 50) // 100
    block = (day.toordinal() - 1) // BLOCK_DAYS
    lines["promotion"] = np.where(cut_pct > 0, block * 100 + cut_pct, 0)


def _plan_returns(rng: Rng, lines: Lines, day: date) -> None:
    """2.5 % of the lines come back, wholly or in part, on an open day 3 to 20 days later."""
    dates = np.array([next_open(day + timedelta(days=lag)).toordinal() for lag in RETURN_LAGS_DAYS])
    n = len(lines)
    comes_back = rng.random(n) < 0.025
    lines["comes_back"] = np.where(comes_back, dates[rng.integers(len(dates), size=n)], 0)
    lines["returned_qty"] = np.where(comes_back, rng.integers(1, lines["qty_units"] + 1), 0)
