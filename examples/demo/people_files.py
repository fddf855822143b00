"""The exports of the sales organisation: reps, territories, and who had which territory when.

Not here: the reps (sales_force.py), and what they are asked to sell (plan_files.py).
"""

from datetime import date

import pyarrow as pa

from examples.demo.exported import Exported
from examples.demo.house import House
from examples.demo.house_words import MANAGER_NAMES, MANAGERS, TERRITORIES
from examples.demo.master_files import workbook
from examples.demo.sales_force import Stay
from examples.demo.text_columns import csv_file

REP_HEADER = (
    "Vertreternummer", "Name", "E-Mail", "Gebiet", "Leitung", "Eintritt", "Austritt", "Provision %", "Gültig ab",
)  # fmt: skip
TERRITORY_HEADER = ("Gebiet", "Bezeichnung", "Region", "Land", "Leitung")
STAY_HEADER = ("Vertreternummer", "Gebiet", "Von", "Bis")


def reps_xlsx(house: House, day: date) -> Exported:
    """The reps as of a day, those who have left included: each with the territory he or she has, or had last."""
    force = house.force
    rows: list[tuple[object, ...]] = []
    for number, rep in enumerate(force.reps):
        stays = [stay for stay in force.stays if stay.rep == number and stay.first <= day.toordinal()]
        if not stays:
            continue
        territory = TERRITORIES[force.seats[stays[-1].seat]]
        left = date.fromordinal(rep.left) if rep.left <= day.toordinal() else None
        hired, since = date.fromordinal(rep.hired), date.fromordinal(stays[-1].first)
        manager = MANAGERS[territory.region]
        rows.append((rep.id, rep.name, rep.email, territory.code, manager, hired, left, rep.commission_pct, since))
    beginning = date(2015, 1, 1)
    for manager_id, name in MANAGER_NAMES.items():
        rows.append((manager_id, name, "vertrieb@example.com", None, None, beginning, None, 0.5, beginning))
    return Exported(workbook("Vertreter", REP_HEADER, rows), len(rows))


def territories_csv() -> Exported:
    """The territories."""
    rows = [(t.code, t.name, t.region, t.country, MANAGERS[t.region]) for t in TERRITORIES]
    columns = [pa.array(column) for column in zip(*rows, strict=True)]
    return Exported(csv_file(TERRITORY_HEADER, columns), len(rows))


def stays_csv(house: House, day: date) -> Exported:
    """Who had which territory from when to when, as of a day; changes of seat within a territory are none."""
    rows = [_stay_row(house, stay, day) for stay in _stays_in_territories(house, day)]
    columns = [pa.array(column) for column in zip(*rows, strict=True)]
    return Exported(csv_file(STAY_HEADER, columns), len(rows))


def _stays_in_territories(house: House, day: date) -> list[Stay]:
    merged: list[Stay] = []
    for stay in house.force.stays:
        if stay.first > day.toordinal():
            continue
        before = merged[-1] if merged else None
        seats = house.force.seats
        if before and before.rep == stay.rep and seats[before.seat] == seats[stay.seat]:
            merged[-1] = Stay(stay.rep, stay.seat, before.first, stay.last)
        else:
            merged.append(stay)
    return merged


def _stay_row(house: House, stay: Stay, day: date) -> tuple[str, str, str, str]:
    until = f"{date.fromordinal(stay.last):%d.%m.%Y}" if stay.last <= day.toordinal() else ""
    territory = TERRITORIES[house.force.seats[stay.seat]]
    return house.force.reps[stay.rep].id, territory.code, f"{date.fromordinal(stay.first):%d.%m.%Y}", until
