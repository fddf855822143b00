"""The documents that follow a sale: one invoice per order, a credit note per return, and what customers pay when.

Not here: the sale (trade.py), and how the files look (finance_files.py).
"""

from datetime import date

import numpy as np
from numpy.typing import NDArray

from examples.demo.catalogue import HABITS, PAYMENTS, Flags, Floats, Ints, Rng
from examples.demo.demand import CHARGE, RETURN, SALE, Lines
from examples.demo.house import House
from examples.demo.house_words import FULL_TAX_CATEGORIES
from examples.demo.trade import Day
from examples.demo.trading_days import next_open
from examples.demo.vocabulary import CATEGORIES

FULL_TAX_PCT, REDUCED_TAX_PCT = 19, 7

# One row per invoice (credit 0) or credit note (credit 1): of one order, of one day.
INVOICE = np.dtype([
    ("document", "i8"), ("credit", "i8"), ("day", "i8"), ("customer", "i8"), ("net_cents", "i8"), ("tax_cents", "i8"),
    ("due", "i8"),
])  # fmt: skip
Invoices = NDArray[np.void]

# One row per payment; day is the one the money came in or went back, invoiced_on the invoice's.
PAYMENT = np.dtype([
    ("document", "i8"), ("credit", "i8"), ("invoiced_on", "i8"), ("part", "i8"), ("day", "i8"), ("customer", "i8"),
    ("cents", "i8"), ("method", "i8"),
])  # fmt: skip
Payments = NDArray[np.void]
TRANSFER, DEBIT, CASH = range(3)

DIRECT_DEBIT, PUNCTUAL, LATE, DOUBTFUL = range(len(HABITS))
NEVER_PAID = (0.0, 0.001, 0.006, 0.10)  # per habit: share of the invoices
IN_TWO_PARTS = (0.0, 0.004, 0.03, 0.20)
# No payment comes later after its invoice: 30 days of terms, 50 late, 30 to the second part, and closed days.
PAYMENT_TAIL_DAYS = 30 + 50 + 30 + 10


def invoices_of(house: House, day: Day) -> Invoices:
    """The invoices of the day's orders, then the credit notes of its returns; both in the order of their documents."""
    kind = day.lines["kind"]
    invoices = _invoices(house, day.date, day.lines[(kind == SALE) | (kind == CHARGE)], credit=0)
    return np.concatenate([invoices, _invoices(house, day.date, day.lines[kind == RETURN], credit=1)])


def _invoices(house: House, day: date, lines: Lines, *, credit: int) -> Invoices:
    documents, first, place = np.unique(lines["document"], return_index=True, return_inverse=True)
    invoices = np.zeros(len(documents), INVOICE)
    net = lines["qty_units"] * lines["price_cents"] - lines["discount_cents"]
    customer = lines["customer"][first]
    invoices["document"], invoices["credit"], invoices["day"] = documents, credit, day.toordinal()
    invoices["customer"] = customer
    invoices["net_cents"] = sums(place, net, len(documents))
    invoices["tax_cents"] = sums(place, tax_cents(house, lines, net), len(documents))
    terms = np.where((customer < 0) | bool(credit), 0, house.customers.terms_days[customer])
    invoices["due"] = day.toordinal() + terms
    return invoices


def sums(place: Ints, amounts: Ints, n: int) -> Ints:
    """Sum of the amounts per place, exact as long as it is below 2⁵³ cents."""
    return np.rint(np.bincount(place, amounts, n)).astype(np.int64)


def tax_cents(house: House, lines: Lines, net_cents: Ints) -> Ints:
    """Tax per line, half a cent away from zero; sales to other countries are free of it."""
    rates = [FULL_TAX_PCT if category.name in FULL_TAX_CATEGORIES else REDUCED_TAX_PCT for category in CATEGORIES]
    product = lines["product"]
    rate = np.where(product >= 0, np.array(rates)[house.products.category[product]], FULL_TAX_PCT)
    tax = (np.abs(net_cents) * np.where(lines["country"] == 0, rate, 0) + 50) // 100
    return np.sign(net_cents) * tax


class Cashier:
    """What will be paid, and on which day; to be told every invoice for ``PAYMENT_TAIL_DAYS`` before it is asked."""

    def __init__(self, house: House) -> None:
        self.house = house
        self._coming: Payments = np.zeros(0, PAYMENT)

    def take(self, day: date, invoices: Invoices) -> Payments:
        """Note the invoices of a day; returns what is paid on it."""
        coming = np.concatenate([self._coming, self._plan(day, invoices)], dtype=PAYMENT)
        is_due = coming["day"] == day.toordinal()
        self._coming = coming[~is_due]
        return coming[is_due]

    def _plan(self, day: date, invoices: Invoices) -> Payments:
        """Every payment that will ever come for the day's invoices, and the refunds of its credit notes."""
        rng = np.random.default_rng([self.house.seed, PAYMENTS, day.toordinal()])
        n, customer = len(invoices), invoices["customer"]
        is_cash, is_credit = customer < 0, invoices["credit"] == 1
        habit = np.where(is_cash, DIRECT_DEBIT, self.house.customers.habit[customer])
        draws, part_draws = rng.random(n), rng.random(n)
        comes = is_cash | is_credit | (draws >= np.array(NEVER_PAID)[habit])
        in_two = ~is_cash & ~is_credit & comes & (part_draws < np.array(IN_TWO_PARTS)[habit])
        gross = invoices["net_cents"] + invoices["tax_cents"]
        first_part = np.where(in_two, (gross * rng.uniform(0.3, 0.8, n)).astype(np.int64), gross)
        paid_on = _open_days(np.where(is_cash, day.toordinal(), invoices["due"] + self._lag(rng, habit, is_credit)))
        rest_on = _open_days(paid_on + rng.integers(10, 31, n))
        method = np.where(is_cash, CASH, np.where(habit == DIRECT_DEBIT, DEBIT, TRANSFER))
        whole = _payments(invoices, part=1, day=paid_on, cents=first_part, method=method)[comes & (gross != 0)]
        rest = _payments(invoices, part=2, day=rest_on, cents=gross - first_part, method=method)[in_two]
        return np.concatenate([whole, rest])

    def _lag(self, rng: Rng, habit: Ints, is_credit: Flags) -> Ints:
        """Days between due and paid, per invoice."""
        n = len(habit)
        choices = (np.zeros(n, np.int64), rng.integers(-6, 3, n), rng.integers(3, 36, n), rng.integers(10, 51, n))
        return np.where(is_credit, rng.integers(5, 13, n), np.choose(habit, choices))


def _payments(invoices: Invoices, *, part: int, day: Ints, cents: Ints | Floats, method: Ints) -> Payments:
    payments = np.zeros(len(invoices), PAYMENT)
    for column in ("document", "credit", "customer"):
        payments[column] = invoices[column]
    payments["invoiced_on"], payments["part"], payments["day"] = invoices["day"], part, day
    payments["cents"], payments["method"] = cents, method
    return payments


def _open_days(days: Ints) -> Ints:
    """Each day, or the first open one after it: banks rest when the house does."""
    distinct, place = np.unique(days, return_inverse=True)
    opened = np.array([next_open(date.fromordinal(day)).toordinal() for day in distinct.tolist()], np.int64)
    return opened[place] if len(days) else days
