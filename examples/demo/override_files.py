"""The planners' overrides: weeks of a product of which they know better than the forecast, or think so.

Not here: what was sold, which they cannot know, and what reps forecast (plan_files.py).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pyarrow as pa

from examples.demo.catalogue import PLANS, Floats
from examples.demo.demand import promotions
from examples.demo.exported import Exported, Span
from examples.demo.house import House, expected_units_per_day
from examples.demo.text_columns import csv_file
from examples.demo.trading_days import WEEKDAY, day_factor

OVERRIDE_HEADER = ("Artikelnummer", "Woche ab", "Menge", "Planer", "Begründung", "Erfasst")

OVERRIDES_STREAM = 3  # of PLANS: the plan, the reps and their submissions have the first three
WEEKS_AHEAD = (1, 4)  # the week overridden begins so many weeks after the Monday of the day it is made on
REVISED_SHARE = 0.15
# Who, how far off on average, with what scatter, and why: the first has the calendar of promotions and holidays on the
# desk and overrides what is promoted, the second hopes, the third wants less in the warehouse.
PLANNERS = (
    ("I. Brandt", 1.00, 0.05, "Aktion und Feiertage aus dem Kalender"),
    ("T. Okafor", 1.40, 0.30, "Kunde hat mündlich eine Aktion zugesagt"),
    ("M. Żuławski", 0.85, 0.15, "Lager soll kleiner werden"),
)
KNOWS_THE_CALENDAR = "I. Brandt"
PROMOTED = 1.2  # times the usual, in the mean of the week


@dataclass(frozen=True)
class Override:
    """One override: units that a planner expects of a product in the week that begins on ``week``, a Monday."""

    product_id: str
    week: date
    units: int
    planner: str
    reason: str
    made_on: date


def overrides_csv(house: House, span: Span) -> Exported:
    """What was overridden in a span."""
    first = span.first - timedelta(days=span.first.weekday())
    mondays = [first + timedelta(days=7 * n) for n in range((span.last - first).days // 7 + 1)]
    rows = [one for monday in mondays for one in _made_in(house, monday) if span.first <= one.made_on <= span.last]
    columns = [
        pa.array([one.product_id for one in rows], pa.string()),
        pa.array([f"{one.week:%d.%m.%Y}" for one in rows], pa.string()),
        pa.array([str(one.units) for one in rows], pa.string()),
        pa.array([one.planner for one in rows], pa.string()),
        pa.array([one.reason for one in rows], pa.string()),
        pa.array([f"{one.made_on:%d.%m.%Y}" for one in rows], pa.string()),
    ]
    return Exported(csv_file(OVERRIDE_HEADER, columns), len(rows))


def _made_in(house: House, monday: date) -> Iterator[Override]:
    """On a Tuesday each planner overrides one of the products that can be sold; some are revised two days later."""
    rng = np.random.default_rng([house.seed, PLANS, OVERRIDES_STREAM, monday.toordinal()])
    taken: set[tuple[int, date]] = set()  # a forecast has one override a day: a colleague takes another product
    for name, factor, scatter, reason in PLANNERS:
        week = monday + timedelta(days=7 * int(rng.integers(WEEKS_AHEAD[0], WEEKS_AHEAD[1] + 1)))
        usual = expected_units_per_day(house, week + timedelta(days=3)) * 7
        expected, lift = (
            _by_calendar(house, week, usual) if name == KNOWS_THE_CALENDAR else (usual, usual * 0 + PROMOTED)
        )
        # the larger ones: nobody looks after what sells once a month
        larger = np.flatnonzero((usual >= max(float(np.median(usual)), 1.0)) & (lift >= PROMOTED))
        choice, noise, is_revised = rng.random(), rng.normal(0, scatter, 2), rng.random() < REVISED_SHARE
        in_turn = np.roll(larger, -int(choice * len(larger))).tolist()
        product = next((one for one in in_turn if (one, week) not in taken), None)
        if product is None:
            continue
        taken.add((product, week))
        for n in range(1 + is_revised):
            units = max(1, round(float(expected[product]) * factor * float(np.exp(noise[n]))))
            made_on = monday + timedelta(days=1 + 2 * n)
            yield Override(house.products.ids[product], week, units, name, reason, made_on)


def _by_calendar(house: House, week: date, usual: Floats) -> tuple[Floats, Floats]:
    """Units per product in a week with its promotions and closed days, and how the promotions alone lift them."""
    days = [week + timedelta(days=n) for n in range(7)]
    weight = np.array([day_factor(day) for day in days]) / sum(WEEKDAY)
    lifts = np.array([promotions(house.seed, house.slots, day)[1][house.products.slot] for day in days])
    lift = weight @ lifts / max(float(weight.sum()), 1e-9)
    return usual * (weight @ lifts), lift
