"""The exports of the general ledger: expenses and exchange rates.

Not here: invoices and payments (finance_files.py).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pyarrow as pa

from examples.demo.catalogue import EXPENSES, RATES
from examples.demo.exported import Exported, Junk, Span, csv_export
from examples.demo.house import House
from examples.demo.house_words import CAMPAIGNS, CURRENCIES, TERRITORIES
from examples.demo.plan_files import expected_revenue, month_starts
from examples.demo.text_columns import csv_file, dates, joined, money, numbers
from examples.demo.vocabulary import CHANNELS

EXPENSE_HEADER = (
    "Beleg", "Datum", "Kostenart", "Betrag", "Vertreter", "Gebiet", "Vertriebsweg", "Kampagne", "Text",
)  # fmt: skip
RATE_HEADER = ("Datum", "Währung", "Kurs in EUR")
# Kind → what a month of it costs in euros per 1,000 euros of expected revenue, and the day it is booked on.
RUNNING = {"Gehälter": (42, 28), "Miete": (11, 1), "Energie Kühlhaus": (8, 15), "Fuhrpark": (16, 20), "IT": (5, 10)}
RATES_SINCE = date(2018, 1, 1)


@dataclass(frozen=True)
class Expense:
    """One booking; what it belongs to is empty where it belongs to the whole house."""

    day: date
    kind: str
    cents: int
    rep: str = ""
    territory: str = ""
    channel: str = ""
    campaign: str = ""
    text: str = ""


def expenses_csv(house: House, span: Span, dirty_share: float) -> Exported:
    """The expenses of a span."""
    months = month_starts(Span(span.first.replace(day=1), span.last))
    numbered = [(month, n, one) for month in months for n, one in enumerate(_expenses(house, month), start=1)]
    kept = [(month, n, one) for month, n, one in numbered if span.first <= one.day <= span.last]
    rows = [one for _, _, one in kept]
    fields = ("rep", "territory", "channel", "campaign", "text")
    month = np.array([begins.toordinal() for begins, _, _ in kept], np.int64)
    columns = [
        joined("KB-", dates(month, "%y%m"), "-", numbers(np.array([n for _, n, _ in kept], np.int64), width=3)),
        dates(np.array([one.day.toordinal() for one in rows], np.int64)),
        pa.array([one.kind for one in rows], pa.string()),
        money(np.array([one.cents for one in rows], np.int64)),
        *(pa.array([getattr(one, name) for one in rows], pa.string()) for name in fields),
    ]
    junk = Junk(7, "Betrag", "")
    return csv_export(EXPENSE_HEADER, columns, seed=house.seed, span=span, junk=junk, dirty_share=dirty_share)


def _expenses(house: House, month: date) -> Iterator[Expense]:
    rng = np.random.default_rng([house.seed, EXPENSES, month.toordinal()])
    revenue = float(expected_revenue(house, month).sum())
    for kind, (per_mille, booked_on) in RUNNING.items():
        cents = round(revenue * per_mille / 1000 * float(rng.uniform(0.95, 1.05)))
        yield Expense(month.replace(day=booked_on), kind, cents, text=f"{kind} {month:%m/%Y}")
    channel, budget = [code for code, *_ in CHANNELS], revenue * 0.012
    for campaign in CAMPAIGNS[: 2 + month.month % 3]:
        day = month.replace(day=int(rng.integers(1, 29)))
        cents = round(budget * float(rng.uniform(0.15, 0.4)))
        chosen = channel[int(rng.integers(len(channel)))]
        yield Expense(day, "Werbung", cents, channel=chosen, campaign=campaign, text=f"Anzeigen {campaign}")
    for seat, rep in enumerate(house.force.rep_of_seat(month).tolist()):
        territory, person = TERRITORIES[house.force.seats[seat]].code, house.force.reps[rep].id
        for kind, low, high in (("Reise", 180_00, 950_00), ("Bewirtung", 20_00, 260_00)):
            day, cents = month.replace(day=int(rng.integers(1, 29))), int(rng.integers(low, high))
            yield Expense(day, kind, cents, rep=person, territory=territory, text="laut Abrechnung")


def rates_csv(span: Span) -> Exported:
    """Euros for one unit of each currency, on working days: x(t) = x(0) · exp(Σ σ·ε), the same in every demo.

    A span begins with the rate that is in force on its first day, which may be older.
    """
    days = [RATES_SINCE + timedelta(days=n) for n in range((span.last - RATES_SINCE).days + 1)]
    steps = np.random.default_rng([RATES]).standard_normal((len(days), len(CURRENCIES)))
    steps[[day.weekday() > 4 for day in days]] = 0
    sigma = np.array([sigma for *_, sigma in CURRENCIES])
    rates = np.array([start for _, start, _ in CURRENCIES]) * np.exp(np.cumsum(steps * sigma, axis=0))
    begins = span.first - timedelta(days=max(0, span.first.weekday() - 4))
    rows = [
        (f"{day:%d.%m.%Y}", code, f"{rates[n, k]:.6f}".replace(".", ","))
        for n, day in enumerate(days)
        if day >= begins and day.weekday() < 5
        for k, (code, *_) in enumerate(CURRENCIES)
    ]
    columns = [pa.array(column, pa.string()) for column in zip(*rows, strict=True)]
    return Exported(csv_file(RATE_HEADER, columns), len(rows))
