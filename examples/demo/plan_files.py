"""The exports of planning: targets, the rounds in which reps forecast, and what they submitted.

Not here: what was sold. Plans know the calendar and what the house may expect, never what will really happen.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

import numpy as np
import pyarrow as pa

from examples.demo.catalogue import PLANS, Floats, active
from examples.demo.exported import Exported, Junk, Span, csv_export
from examples.demo.house import House, expected_units_per_day
from examples.demo.house_words import TERRITORIES
from examples.demo.master_files import workbook
from examples.demo.text_columns import csv_file, money
from examples.demo.trading_days import WEEKDAY, day_factor
from examples.demo.vocabulary import CATEGORIES, SEGMENTS

TARGET_HEADER = ("Kennzahl", "Monat", "Gebiet", "Vertreter", "Warengruppe", "Ziel")
REP_TARGET_HEADER = ("Monat", "Vertreter", "Ziel")
CYCLE_HEADER = ("Runde", "Bezeichnung", "Beginn", "Abgabe bis", "Monat")
SUBMISSION_HEADER = ("Meldung", "Runde", "Vertreter", "Gebiet", "Warengruppe", "Abgegeben", "Umsatz", "Bemerkung")

AMBITION = 1.04  # targets ask for a little more than may be expected
AFTER_DISCOUNTS = 0.955  # what is left of list prices, agreed discounts and promotions taken off
OPENS_ON, DUE_ON = 15, 25  # days of the month before the one that is forecast
MISSING_SHARE, LATE_SHARE, REVISED_SHARE = 0.04, 0.12, 0.05


def month_starts(span: Span) -> Iterator[date]:
    """The firsts of months within a span.

    >>> [str(day) for day in month_starts(Span(date(2024, 1, 31), date(2024, 3, 1)))]
    ['2024-02-01', '2024-03-01']
    """
    day = span.first if span.first.day == 1 else (span.first.replace(day=28) + timedelta(days=4)).replace(day=1)
    while day <= span.last:
        yield day
        day = (day.replace(day=28) + timedelta(days=4)).replace(day=1)


def expected_revenue(house: House, month: date) -> Floats:
    """Revenue in cents that a month may bring per category: list price · units per open day · open days."""
    days = [month + timedelta(days=n) for n in range(31) if (month + timedelta(days=n)).month == month.month]
    units = expected_units_per_day(house, days[14]) * 7 / sum(WEEKDAY) * sum(day_factor(day) for day in days)
    cents = units * house.products.price_cents(month.year) * AFTER_DISCOUNTS
    return np.asarray(np.bincount(house.products.category, cents, len(CATEGORIES)), np.float64)


def share_of_seats(house: House, day: date) -> Floats:
    """The part of the revenue that each seat may expect from the customers it has on that day; adds up to 1."""
    customers = house.customers
    rows = active(customers.created, customers.last_day, day)
    size = np.array([units for _, _, units, _ in SEGMENTS])[customers.segment[rows]]
    worth = customers.weight[rows] * size * (1 - customers.discount_pct[rows] / 100)
    shares = np.bincount(house.seat_of_customer[rows], worth, len(house.force.seats))
    return shares / shares.sum()


def targets_xlsx(house: House, year: int) -> Exported:
    """The year's plan: revenue per month and territory, and per month and category; new customers for the house."""
    begins = date(year, 1, 1)
    rows: list[tuple[object, ...]] = []
    rng = np.random.default_rng([house.seed, PLANS, year])
    seats = share_of_seats(house, begins) * rng.uniform(0.95, 1.08, len(house.force.seats))
    share = np.bincount(house.force.seats, seats, len(TERRITORIES))
    for month in month_starts(Span(begins, date(year, 12, 31))):
        expected = expected_revenue(house, month) * AMBITION
        for number, territory in enumerate(TERRITORIES):
            rows.append(("Umsatz", month, territory.code, None, None, _round(expected.sum() * share[number])))
        for number, category in enumerate(CATEGORIES):
            rows.append(("Umsatz", month, None, None, category.name, _round(float(expected[number]))))
        newcomers = max(1, round(len(house.customers.ids) / 300 * 3))
        rows.append(("Neukunden", month, None, None, None, newcomers))
    return Exported(workbook("Jahresplan", TARGET_HEADER, rows), len(rows))


def _round(cents: float) -> int:
    """Whole hundreds of euros, as plans are."""
    return max(100, round(cents / 100_00) * 100)


def rep_targets_csv(house: House, span: Span) -> Exported:
    """The revenue each rep is to bring in each month that begins in a span."""
    months, reps, goals = [], [], []
    for month in month_starts(span):
        expected = expected_revenue(house, month).sum() * AMBITION
        holders, share = house.force.rep_of_seat(month), share_of_seats(house, month)
        for rep in np.unique(holders).tolist():
            months.append(month.isoformat())
            reps.append(house.force.reps[rep].id)
            goals.append(_round(expected * float(share[holders == rep].sum())) * 100)
    columns = [pa.array(months, pa.string()), pa.array(reps, pa.string()), money(np.array(goals, np.int64))]
    return Exported(csv_file(REP_TARGET_HEADER, columns), len(months))


@dataclass(frozen=True)
class Cycle:
    """One round: reps forecast the revenue of ``month`` in the month before."""

    month: date

    @property
    def id(self) -> str:
        """Its id, as in FC-2024-03."""
        return f"FC-{self.month:%Y-%m}"

    @property
    def opens_on(self) -> date:
        """First day on which forecasts are taken."""
        return (self.month - timedelta(days=1)).replace(day=OPENS_ON)

    @property
    def due_at(self) -> datetime:
        """The last moment for them, local time."""
        return datetime.combine(self.opens_on.replace(day=DUE_ON), time(18))


def cycles_between(first: date, last: date) -> list[Cycle]:
    """The rounds that open between two days."""
    span = Span(first.replace(day=1), last + timedelta(days=31))
    cycles = [Cycle(month) for month in month_starts(span)]
    return [cycle for cycle in cycles if first <= cycle.opens_on <= last]


def cycles_csv(span: Span) -> Exported:
    """The rounds that open in a span."""
    rows = [
        (c.id, f"Absatzrunde {c.month:%m/%Y}", f"{c.opens_on:%d.%m.%Y}", f"{c.due_at:%d.%m.%Y %H:%M}",
         c.month.isoformat())
        for c in cycles_between(span.first, span.last)
    ]  # fmt: skip
    columns = [pa.array([row[n] for row in rows], pa.string()) for n in range(len(CYCLE_HEADER))]
    return Exported(csv_file(CYCLE_HEADER, columns), len(rows))


@dataclass(frozen=True)
class Submission:
    """What one rep said about one category in one round."""

    id: str
    cycle: str
    rep: str
    territory: str
    category: str
    submitted_at: datetime
    amount_cents: int
    note: str


def submissions_csv(house: House, span: Span, dirty_share: float) -> Exported:
    """What was submitted in a span: mostly in time, some too late, some never; each rep with a bias of his own."""
    rows = [
        one
        for cycle in cycles_between(span.first - timedelta(days=45), span.last)
        for one in _submissions(house, cycle)
        if span.first <= one.submitted_at.date() <= span.last
    ]
    columns = [
        *(pa.array([getattr(one, name) for one in rows], pa.string()) for name in ("id", "cycle", "rep")),
        *(pa.array([getattr(one, name) for one in rows], pa.string()) for name in ("territory", "category")),
        pa.array([f"{one.submitted_at:%d.%m.%Y %H:%M}" for one in rows], pa.string()),
        money(np.array([one.amount_cents for one in rows], np.int64)),
        pa.array([one.note for one in rows], pa.string()),
    ]
    junk = Junk(6, "Abgegeben", "bald")
    return csv_export(SUBMISSION_HEADER, columns, seed=house.seed, span=span, junk=junk, dirty_share=dirty_share)


def _submissions(house: House, cycle: Cycle) -> Iterator[Submission]:
    """One round: every rep who has a seat when it opens forecasts every category for it."""
    expected, shares = expected_revenue(house, cycle.month), share_of_seats(house, cycle.opens_on)
    for seat, rep in enumerate(house.force.rep_of_seat(cycle.opens_on).tolist()):
        rep_id = house.force.reps[rep].id
        person = np.random.default_rng([house.seed, PLANS, 1, int(rep_id[1:])])
        bias, care = float(person.normal(0.02, 0.09)), float(person.uniform(0.04, 0.2))
        rng = np.random.default_rng([house.seed, PLANS, 2, cycle.month.toordinal(), seat])
        if rng.random() < MISSING_SHARE:
            continue
        sent = _sent_at(rng, cycle)
        for number, category in enumerate(CATEGORIES):
            said = float(expected[number] * shares[seat]) * math.exp(bias + float(rng.normal(0, care)))
            cents = max(10_00, round(said / 10_00) * 10_00)
            one = Submission(
                f"{cycle.id}-{seat + 1:02d}-{number + 1}", cycle.id, rep_id,
                TERRITORIES[house.force.seats[seat]].code, category.name, sent, cents, "",
            )  # fmt: skip
            yield one
            if rng.random() < REVISED_SHARE:
                later = sent + timedelta(days=1, minutes=int(rng.integers(1, 200)))
                again = round(cents * float(rng.uniform(0.85, 1.15)) / 10_00) * 10_00
                yield Submission(
                    f"{one.id}-2", one.cycle, rep_id, one.territory, one.category, later, again, "korrigiert"
                )


def _sent_at(rng: np.random.Generator, cycle: Cycle) -> datetime:
    """In the days before it is due, or up to nine days too late."""
    if rng.random() < LATE_SHARE:
        return cycle.due_at + timedelta(minutes=int(rng.integers(30, 9 * 24 * 60)))
    return cycle.due_at - timedelta(minutes=int(rng.integers(5, (DUE_ON - OPENS_ON) * 24 * 60)))
