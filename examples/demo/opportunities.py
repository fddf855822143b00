"""The opportunities reps work on: opened one day, won with an order of that customer or lost some weeks later.

Not here: contacts about them (marketing.py), and how the file looks (crm_files.py).
"""

from dataclasses import dataclass
from datetime import date

import numpy as np

from examples.demo.catalogue import OPPORTUNITIES, active
from examples.demo.house import House
from examples.demo.house_words import LOST_REASONS, STAGES
from examples.demo.invoicing import Invoices
from examples.demo.trading_days import is_open
from examples.demo.vocabulary import CATEGORIES

PER_OPEN_DAY = 0.35  # of the default size; grows with House.scale
WON_SHARE = 0.45
DECIDED_AFTER_DAYS = (10, 81)
PATIENCE_DAYS = 30  # who has promised to order and has not by then is lost
# An opportunity is decided within this many days.
LONGEST_LIFE_DAYS = DECIDED_AFTER_DAYS[1] + PATIENCE_DAYS


@dataclass
class Opportunity:
    """An opportunity: days are ordinals, 0 where there is none yet."""

    created: int
    number: int  # on its day, from 1
    customer: int
    category: int
    rep: int
    amount_cents: int  # expected; of one that is won, the order's
    decision_on: int  # expected
    will_be_won: bool
    lost_reason: str
    closed: int = 0
    order: int = 0  # the document it became

    def status(self, day: int) -> str:
        """open, won or lost, as known at the end of a day."""
        if not self.closed or self.closed > day:
            return "offen"
        return "gewonnen" if self.order else "verloren"

    def stage(self, day: int) -> int:
        """How far it has come by then: index into STAGES."""
        passed = (day - self.created) / max(1, self.decision_on - self.created)
        return min(int(passed * len(STAGES)), len(STAGES) - 1)


class Pipeline:
    """The opportunities; to be told every day for ``LONGEST_LIFE_DAYS`` before one is asked for."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.all: list[Opportunity] = []
        self._open: list[Opportunity] = []

    def take(self, day: date, invoices: Invoices) -> list[Opportunity]:
        """One day: some are opened, others decided; returns those that are open in its evening."""
        if not is_open(day):
            return self._open
        orders = {int(row["customer"]): row for row in invoices[invoices["credit"] == 0][::-1]}
        ordinal = day.toordinal()
        for opportunity in self._open:
            _decide(opportunity, ordinal, orders)
        self._open = [one for one in self._open if not one.closed] + self._opened(day)
        return self._open

    def _opened(self, day: date) -> list[Opportunity]:
        rng = np.random.default_rng([self.house.seed, OPPORTUNITIES, day.toordinal()])
        customers = self.house.customers
        buyers = active(customers.created, customers.last_day, day)
        n = int(rng.poisson(PER_OPEN_DAY * self.house.scale))
        heap = np.cumsum(customers.weight[buyers])
        chosen = buyers[np.minimum(np.searchsorted(heap, rng.random(n) * heap[-1], side="right"), len(buyers) - 1)]
        holders = self.house.force.rep_of_seat(day)
        opened = [
            Opportunity(
                created=day.toordinal(),
                number=number,
                customer=customer,
                category=int(rng.integers(len(CATEGORIES))),
                rep=int(holders[self.house.seat_of_customer[customer]]),
                amount_cents=int(rng.lognormal(7.4, 0.7)) * 100,
                decision_on=day.toordinal() + int(rng.integers(*DECIDED_AFTER_DAYS)),
                will_be_won=bool(rng.random() < WON_SHARE),
                lost_reason=str(rng.choice(LOST_REASONS)),
            )
            for number, customer in enumerate(chosen.tolist(), start=1)
        ]
        self.all += opened
        return opened


def _decide(opportunity: Opportunity, day: int, orders: dict[int, np.void]) -> None:
    """Close it if its time has come: won with the customer's first order after that, or lost."""
    if day < opportunity.decision_on:
        return
    order = orders.pop(opportunity.customer, None) if opportunity.will_be_won else None
    if order is not None:
        opportunity.closed, opportunity.order = day, int(order["document"])
        opportunity.amount_cents = int(order["net_cents"])
    elif not opportunity.will_be_won or day >= opportunity.decision_on + PATIENCE_DAYS:
        opportunity.closed = day
