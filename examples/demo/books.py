"""The books that are kept day by day, and the files that are written from them for each half-year.

Not here: the sales files (dialect.py), files that follow from the catalogue and the calendar alone (generate.py).
"""

from collections.abc import Callable
from datetime import date, timedelta

import numpy as np

from examples.demo.catalogue import Ints
from examples.demo.crm_files import opportunities_csv, steps_parquet, touches_csv
from examples.demo.exported import Exported, Span
from examples.demo.finance_files import invoices_csv, payments_csv
from examples.demo.house import House
from examples.demo.invoicing import INVOICE, PAYMENT, PAYMENT_TAIL_DAYS, Cashier, Invoices, Payments, invoices_of
from examples.demo.marketing import Step, Touch, steps_of, touches_of
from examples.demo.opportunities import LONGEST_LIFE_DAYS, Pipeline
from examples.demo.purchasing import LONGEST_DELIVERY_DAYS, PURCHASE, Purchases
from examples.demo.stock import IN
from examples.demo.supply_files import MOVE, Moves, levels_parquet, moves_parquet, purchases_csv
from examples.demo.trade import Day

# What happened so long before the first day asked for still has consequences: payments, decisions, deliveries.
TAIL_DAYS = max(PAYMENT_TAIL_DAYS, LONGEST_LIFE_DAYS, LONGEST_DELIVERY_DAYS)

Write = Callable[[Span], Exported]


class Books:
    """What is known up to a day; to be told every day from ``TAIL_DAYS`` before the first span on."""

    def __init__(self, house: House, dirty_share: float) -> None:
        self.house, self.dirty_share = house, dirty_share
        self.cashier, self.pipeline = Cashier(house), Pipeline(house)
        self.invoices: list[Invoices] = []
        self.payments: list[Payments] = []
        self.purchases: list[Purchases] = []
        self.moves: list[Moves] = []
        self.touches: list[Touch] = []
        self.steps: list[Step] = []
        self.month_ends: list[tuple[date, Ints, Ints]] = []

    @property
    def files(self) -> dict[str, tuple[str, Write]]:
        """Folder → suffix, and what writes the export of a span."""
        return {
            "invoices": (".csv", self._invoices),
            "payments": (".csv", self._payments),
            "purchase_orders": (".csv", self._purchases),
            "inventory_movements": (".parquet", lambda span: moves_parquet(self.house, np.concatenate(self.moves))),
            "inventory_levels": (".parquet", self._levels),
            "opportunities": (".csv", self._opportunities),
            "touchpoints": (".csv", lambda span: touches_csv(self.house, span, self.touches, self.dirty_share)),
            "funnel_events": (".parquet", lambda span: steps_parquet(self.house, self.steps)),
        }

    def take(self, day: Day, *, is_told: bool) -> None:
        """Book a day; ``is_told`` is whether it belongs to a span that will be written."""
        invoices = invoices_of(self.house, day)
        payments = self.cashier.take(day.date, invoices)
        opportunities = self.pipeline.take(day.date, invoices)
        self.purchases.append(day.stock.purchases)
        if (day.date + timedelta(days=1)).day == 1:
            self.month_ends.append((day.date, day.stock.on_hand, day.stock.on_order))
        if is_told:
            self.invoices.append(invoices)
            self.payments.append(payments)
            self.moves.append(_moves_of(day))
            self.touches += touches_of(self.house, day, opportunities)
            self.steps += steps_of(self.house, day)

    def forget(self, span: Span) -> None:
        """Drop what no later span will tell."""
        for told in (self.invoices, self.payments, self.moves, self.touches, self.steps):
            told.clear()
        oldest = span.last.toordinal() - LONGEST_DELIVERY_DAYS
        self.purchases = [lines for lines in self.purchases if len(lines) and lines["ordered_on"][0] > oldest]
        self.month_ends = self.month_ends[-1:]
        self.pipeline.all = [one for one in self.pipeline.all if not one.closed]

    def _invoices(self, span: Span) -> Exported:
        return invoices_csv(self.house, span, np.concatenate([np.zeros(0, INVOICE), *self.invoices]), self.dirty_share)

    def _payments(self, span: Span) -> Exported:
        return payments_csv(self.house, span, np.concatenate([np.zeros(0, PAYMENT), *self.payments]), self.dirty_share)

    def _purchases(self, span: Span) -> Exported:
        lines = np.concatenate([np.zeros(0, PURCHASE), *self.purchases])
        return purchases_csv(self.house, span, lines, self.dirty_share)

    def _levels(self, span: Span) -> Exported:
        """The stock with which each month of the span began: at the end of the day before."""
        begins = span.first - timedelta(days=1)
        return levels_parquet(self.house, [count for count in self.month_ends if begins <= count[0] < span.last])

    def _opportunities(self, span: Span) -> Exported:
        return opportunities_csv(self.house, span, self.pipeline.all, self.dirty_share)


def _moves_of(day: Day) -> Moves:
    """The day's movements that are not nothing: receipts by order, the others by sku and kind."""
    receipts, others = day.stock.receipts, day.stock.moves.copy()
    others[IN] = 0
    kind, sku = np.nonzero(others)
    moves = np.zeros(len(receipts) + len(sku), MOVE)
    moves["day"] = day.date.toordinal()
    moves["move"] = np.append(np.full(len(receipts), IN), kind)
    moves["sku"] = np.append(receipts["sku"], sku)
    moves["units"] = np.append(receipts["units"], others[kind, sku])
    moves["ordered_on"][: len(receipts)] = receipts["ordered_on"]
    return moves


def half_years(first: date, last: date) -> list[Span]:
    """The calendar half-years from ``first`` to ``last``, cut to that period.

    >>> [str(span) for span in half_years(date(2023, 11, 1), date(2024, 2, 29))]
    ['2023-11-01_2023-12-31', '2024-01-01_2024-02-29']
    """
    return _spans(first, last, 6)


def years(first: date, last: date) -> list[Span]:
    """The calendar years from ``first`` to ``last``, cut to that period."""
    return _spans(first, last, 12)


def _spans(first: date, last: date, months: int) -> list[Span]:
    spans = []
    while first <= last:
        month = (first.month - 1) // months * months + months  # the last one of the half or whole year
        end = date(first.year + month // 12, month % 12 + 1, 1) - timedelta(days=1)
        spans.append(Span(first, min(end, last)))
        first = end + timedelta(days=1)
    return spans
