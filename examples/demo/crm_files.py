"""The exports of the CRM and the web shop: opportunities, contacts, steps of visitors.

Not here: what happened (opportunities.py, marketing.py).
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
import pyarrow as pa

from examples.demo.catalogue import Ints
from examples.demo.exported import Exported, Junk, Span, csv_export, document_numbers, timestamps
from examples.demo.house import House
from examples.demo.house_words import CAMPAIGNS, STAGES, TERRITORIES
from examples.demo.marketing import STEPS, TOUCH_CHANNELS, TOUCH_COST_CENTS, Step, Touch
from examples.demo.opportunities import Opportunity
from examples.demo.text_columns import (
    Texts,
    dates,
    decimals,
    joined,
    look_up,
    money,
    numbers,
    parquet_file,
    times,
)
from examples.demo.vocabulary import CATEGORIES

OPPORTUNITY_HEADER = (
    "Chance", "Bezeichnung", "Kundennummer", "Vertreter", "Gebiet", "Warengruppe", "Stufe", "Status", "Wert",
    "Wahrscheinlichkeit", "Angelegt", "Erwartet", "Entschieden", "Belegnummer", "Verlustgrund",
)  # fmt: skip
TOUCH_HEADER = (
    "Kontakt", "Zeitpunkt", "Kundennummer", "Kanal", "Kampagne", "Vertreter", "Chance", "Belegnummer", "Kosten",
)  # fmt: skip
PROBABILITY_PCT = (10, 25, 50, 75)  # per stage
OPEN, WON, LOST = "offen", "gewonnen", "verloren"

T = TypeVar("T")


def _column(rows: Sequence[T], value: Callable[[T], int]) -> Ints:
    return np.fromiter((value(row) for row in rows), np.int64, len(rows))


def opportunities_csv(house: House, span: Span, every: Sequence[Opportunity], dirty_share: float) -> Exported:
    """The opportunities that were alive in a span, as they stand at its end."""
    first, last = span.first.toordinal(), span.last.toordinal()
    rows = [one for one in every if one.created <= last and not 0 < one.closed < first]
    status = [one.status(last) for one in rows]
    stage = [len(STAGES) if known != OPEN else one.stage(last) for one, known in zip(rows, status, strict=True)]
    pct = [{WON: 100, LOST: 0}.get(known, PROBABILITY_PCT[min(at, 3)]) for at, known in zip(stage, status, strict=True)]
    customer, category = _column(rows, lambda one: one.customer), _column(rows, lambda one: one.category)
    codes = [TERRITORIES[number].code for number in house.force.seats.tolist()]
    columns = [
        opportunity_numbers([(one.created, one.number) for one in rows]),
        joined("Rahmenvertrag ", look_up([c.name for c in CATEGORIES], category)),
        look_up(house.customers.ids, customer),
        look_up([rep.id for rep in house.force.reps], _column(rows, lambda one: one.rep)),
        look_up(codes, house.seat_of_customer[customer]),
        look_up([c.name for c in CATEGORIES], category),
        look_up([*STAGES, "Abgeschlossen"], np.array(stage, np.int64)),
        pa.array(status, pa.string()),
        money(_column(rows, lambda one: one.amount_cents)),
        numbers(np.array(pct, np.int64)),
        dates(_column(rows, lambda one: one.created)),
        dates(_column(rows, lambda one: one.decision_on)),
        dates(_column(rows, lambda one: one.closed)),
        document_numbers(_column(rows, lambda one: one.order)),
        pa.array([one.lost_reason if s == LOST else "" for one, s in zip(rows, status, strict=True)], pa.string()),
    ]
    junk = Junk(4, "Status", "???")
    return csv_export(OPPORTUNITY_HEADER, columns, seed=house.seed, span=span, junk=junk, dirty_share=dirty_share)


def opportunity_numbers(ids: Sequence[tuple[int, int] | None]) -> Texts:
    """The numbers of opportunities from the day and the number on it; of none an empty text."""
    day = np.array([one[0] if one else 0 for one in ids], np.int64)
    number = np.array([one[1] if one else 0 for one in ids], np.int64)
    texts = joined("CH-", dates(day, "%y%m%d"), "-", numbers(number, width=3))
    return pa.array([text if one else "" for text, one in zip(texts.to_pylist(), ids, strict=True)], pa.string())


def touches_csv(house: House, span: Span, touches: Sequence[Touch], dirty_share: float) -> Exported:
    """The contacts that were reported in a span."""
    channel = _column(touches, lambda touch: touch.channel)
    reported, number = _column(touches, lambda touch: touch.reported), _column(touches, lambda touch: touch.number)
    columns = [
        joined("KT-", dates(reported, "%y%m%d"), "-", numbers(number, width=4)),
        timestamps(_column(touches, lambda touch: touch.day), _column(touches, lambda touch: touch.minute)),
        look_up(house.customers.ids, _column(touches, lambda touch: touch.customer)),
        look_up(TOUCH_CHANNELS, channel),
        look_up([*CAMPAIGNS, ""], _column(touches, lambda touch: touch.campaign)),
        look_up([*(rep.id for rep in house.force.reps), ""], _column(touches, lambda touch: touch.rep)),
        opportunity_numbers([touch.opportunity for touch in touches]),
        document_numbers(_column(touches, lambda touch: touch.order)),
        money(np.array(TOUCH_COST_CENTS)[channel]),
    ]
    junk = Junk(5, "Kanal", "Telefax")
    return csv_export(TOUCH_HEADER, columns, seed=house.seed, span=span, junk=junk, dirty_share=dirty_share)


def steps_parquet(house: House, steps: Sequence[Step]) -> Exported:
    """The steps of the web shop's visitors, with local times."""
    day, visitor = _column(steps, lambda step: step.day), _column(steps, lambda step: step.visitor)
    step = _column(steps, lambda step: step.step)
    who = joined("B", dates(day, "%y%m%d"), "-", numbers(visitor, width=5))
    amount = _column(steps, lambda step: step.amount_cents)
    minute = _column(steps, lambda step: step.minute)
    columns = {
        "Ereignis": joined(who, numbers(step + 1), separator="-"),
        "Zeitpunkt": joined(dates(day, "%Y-%m-%d"), "T", times(minute), ":00"),
        "Besucher": who,
        "Schritt": look_up(STEPS, step),
        "Kundennummer": look_up([*house.customers.ids, ""], _column(steps, lambda step: step.customer)),
        "Kampagne": look_up([*CAMPAIGNS, ""], _column(steps, lambda step: step.campaign)),
        "Artikelnummer": look_up([*house.products.ids, ""], _column(steps, lambda step: step.product)),
        "Belegnummer": document_numbers(_column(steps, lambda step: step.order)),
        "Wert": decimals(amount),
    }
    return Exported(parquet_file(columns), len(steps))
