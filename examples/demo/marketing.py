"""Contacts with customers, and the steps of the web shop's visitors; some lead to an order, most lead to none.

Not here: the orders (trade.py), the opportunities (opportunities.py), promotions (price_files.py).
"""

from dataclasses import dataclass
from datetime import date

import numpy as np

from examples.demo.catalogue import TOUCHES, VISITS, Rng, active
from examples.demo.demand import SALE, Lines
from examples.demo.house import House
from examples.demo.house_words import CAMPAIGNS
from examples.demo.opportunities import Opportunity
from examples.demo.trade import Day
from examples.demo.trading_days import is_open
from examples.demo.vocabulary import CHANNELS

TOUCH_CHANNELS = ("Mail", "Anruf", "Besuch", "Anzeige")
MAIL, CALL, VISIT, ADVERT = range(len(TOUCH_CHANNELS))
TOUCH_COST_CENTS = (5, 450, 6_500, 120)
LOOSE_TOUCHES, TRACED_ORDERS = 1.5, 0.8  # a day, of the default size
LONGEST_TRACE_DAYS = 10
TOUCHED_SHARE = 0.06  # of the open opportunities, a day

STEPS = ("Besuch", "Warenkorb", "Kasse", "Bestellung")
IDENTIFIED_AT = 2  # at the checkout a visitor says who it is
LOOSE_VISITORS, TRACED_VISITORS = 4.0, 0.5  # a day, of the default size
GOES_ON = (0.30, 0.45)  # share of the loose visitors who fill a basket, and of those who go to the checkout
WEB = [name for name, _, _ in CHANNELS].index("WEB")


@dataclass(frozen=True)
class Touch:
    """A contact as the CRM knows it on the day it is reported: one that led to an order is known with that order."""

    reported: int
    number: int
    day: int
    minute: int
    customer: int
    channel: int
    campaign: int  # index into CAMPAIGNS; −1 for none
    rep: int  # −1 for none
    opportunity: tuple[int, int] | None  # created, number
    order: int  # 0 for none


@dataclass(frozen=True)
class Step:
    """One step of a visitor."""

    day: int
    minute: int
    visitor: int  # number on the day, from 1
    step: int  # index into STEPS
    customer: int  # −1 while it is not known
    campaign: int
    product: int
    order: int
    amount_cents: int


def touches_of(house: House, day: Day, open_opportunities: list[Opportunity]) -> list[Touch]:
    """The contacts reported on a day: with customers at random, about opportunities, and those before an order."""
    if not is_open(day.date):
        return []
    rng = np.random.default_rng([house.seed, TOUCHES, day.date.toordinal()])
    today = day.date.toordinal()
    buyers = active(house.customers.created, house.customers.last_day, day.date)
    loose = rng.choice(buyers, rng.poisson(LOOSE_TOUCHES * house.scale)).tolist()
    touched = [_Touched(today, customer) for customer in loose]
    touched += [
        _Touched(today, one.customer, (one.created, one.number))
        for one in open_opportunities
        if rng.random() < TOUCHED_SHARE
    ]
    for order in _some_orders(rng, day.lines, TRACED_ORDERS * house.scale):
        for _ in range(int(rng.integers(1, 4))):
            before = int(rng.integers(1, LONGEST_TRACE_DAYS + 1))
            touched.append(_Touched(today - before, int(order["customer"]), None, int(order["document"])))
    return [_touch(rng, house, today, number, one) for number, one in enumerate(touched, start=1)]


@dataclass(frozen=True)
class _Touched:
    """Who was contacted on which day, and about what."""

    day: int
    customer: int
    opportunity: tuple[int, int] | None = None
    order: int = 0


def _touch(rng: Rng, house: House, today: int, number: int, one: _Touched) -> Touch:
    channel = int(rng.choice(len(TOUCH_CHANNELS), p=(0.45, 0.3, 0.15, 0.1)))
    is_personal = channel in (CALL, VISIT)
    campaign = int(rng.integers(len(CAMPAIGNS)))
    minute = int(rng.integers(480, 1020))
    rep = -1
    if is_personal:
        rep = int(house.force.rep_of_seat(date.fromordinal(one.day))[house.seat_of_customer[one.customer]])
    return Touch(
        reported=today, number=number, day=one.day, minute=minute, customer=one.customer, channel=channel,
        campaign=-1 if is_personal else campaign, rep=rep, opportunity=one.opportunity, order=one.order,
    )  # fmt: skip


def _some_orders(rng: Rng, lines: Lines, expected: float) -> Lines:
    """The first line of some of the day's orders of known customers."""
    sold = lines[(lines["kind"] == SALE) & (lines["customer"] >= 0)]
    first = np.unique(sold["document"], return_index=True)[1]
    n = min(int(rng.poisson(expected)), len(first))
    chosen: Lines = sold[np.sort(rng.choice(first, n, replace=False))] if n else sold[:0]
    return chosen


def steps_of(house: House, day: Day) -> list[Step]:
    """The steps of those visitors of a day who let themselves be traced, buyers and others, visitor by visitor."""
    rng = np.random.default_rng([house.seed, VISITS, day.date.toordinal()])
    bought = _some_orders(rng, day.lines[day.lines["channel"] == WEB], TRACED_VISITORS * house.scale)
    aims = [(_aim_of_order(day.lines, order), len(STEPS)) for order in bought]
    goods = active(house.products.launched, house.products.last_order_day, day.date)
    # Nobody buys on a closed day, and a few look around all the same.
    loose = rng.poisson(LOOSE_VISITORS * house.scale * (1.0 if is_open(day.date) else 0.4)) if len(goods) else 0
    for _ in range(loose):
        depth = 1 + int(rng.random() < GOES_ON[0])
        depth += int(depth == 2 and rng.random() < GOES_ON[1])
        aim = _Aim(int(rng.choice(goods)), -1, 0, int(rng.integers(420, 1380)), int(rng.integers(1_000, 90_000)))
        aims.append((aim, depth))
    ways = [_way(rng, day.date, visitor, depth, aim) for visitor, (aim, depth) in enumerate(aims, start=1)]
    return [step for way in ways for step in way]


@dataclass(frozen=True)
class _Aim:
    """What a visitor looked at, and the order it ends with: customer −1 and order 0 if it does not."""

    product: int
    customer: int
    order: int
    minute: int
    amount_cents: int


def _aim_of_order(lines: Lines, order: np.void) -> _Aim:
    own = lines[(lines["document"] == order["document"]) & (lines["kind"] == SALE)]
    cents = int((own["qty_units"] * own["price_cents"] - own["discount_cents"]).sum())
    return _Aim(int(order["product"]), int(order["customer"]), int(order["document"]), int(order["minute"]), cents)


def _way(rng: Rng, day: date, visitor: int, depth: int, aim: _Aim) -> list[Step]:
    """One visitor's first ``depth`` steps; the last one of all is the order itself."""
    campaign = max(int(rng.integers(-len(CAMPAIGNS), len(CAMPAIGNS))), -1)
    before = np.append(np.sort(rng.integers(1, 40, len(STEPS) - 1))[::-1], 0)  # minutes before the order
    return [
        Step(
            day=day.toordinal(),
            minute=aim.minute - int(before[step]),
            visitor=visitor,
            step=step,
            customer=aim.customer if step >= IDENTIFIED_AT else -1,
            campaign=campaign,
            product=aim.product if step == 0 else -1,
            order=aim.order if step == len(STEPS) - 1 else 0,
            amount_cents=aim.amount_cents if step > 0 else 0,
        )
        for step in range(depth)
    ]
