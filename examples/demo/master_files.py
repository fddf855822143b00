"""The demo's master data: products (Excel) and customers (CSV); and how a workbook is written.

Not here: prices over time (price_files.py), reps (people_files.py), stock (supply_files.py).
"""

import io
import re
import zipfile
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any

import numpy as np
import pyarrow as pa

from examples.demo.exported import Exported
from examples.demo.house import House
from examples.demo.house_words import TERRITORIES
from examples.demo.text_columns import csv_file, dates, look_up, numbers, quoted
from examples.demo.vocabulary import BRANDS, CATEGORIES, COUNTRIES, SEGMENTS

PRODUCT_HEADER = (
    "Artikelnummer", "Bezeichnung", "Warengruppe", "Einkaufspreis", "Listenpreis", "Lieferzeit (Tage)",
    "Eingeführt", "Ausgelistet", "Marke", "Lieferant", "Gültig ab",
)  # fmt: skip
CUSTOMER_HEADER = (
    "Kundennummer", "Name", "Segment", "Land", "Kunde seit", "Ort", "Region", "Gebiet", "Vertreter", "Rabatt %",
)  # fmt: skip


def products_xlsx(house: House, month_end: date) -> Exported:
    """The assortment at the end of a month: every product launched by then, at the prices and costs of that month."""
    products = house.products
    prices, costs = products.price_cents(month_end.year), costs_of(house, month_end)
    valid_from = date(month_end.year, 7 if month_end.month > 6 else 1, 1)
    rows = []
    for row in np.flatnonzero(products.launched <= month_end.toordinal()).tolist():
        ended = int(products.last_day[row]) <= month_end.toordinal()
        launched = date.fromordinal(int(products.launched[row]))
        rows.append((
            products.ids[row],
            products.names[row],
            CATEGORIES[products.category[row]].name,
            int(costs[row]) / 100,
            int(prices[row]) / 100,
            int(products.lead_time_days[row]),
            launched,
            date.fromordinal(int(products.last_day[row])) if ended else None,
            BRANDS[products.brand[row]],
            house.suppliers.ids[products.supplier[row]],
            max(valid_from, launched),
        ))  # fmt: skip
    return Exported(workbook("Artikel", PRODUCT_HEADER, rows), len(rows))


def costs_of(house: House, day: date) -> Any:
    """Cost per unit in cents on a day; shape (products,)."""
    return house.products.cost_cents(day.year, second_half=day.month > 6)


def workbook(title: str, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    """A workbook of one sheet, the same bytes whenever it is written."""
    import openpyxl

    book = openpyxl.Workbook(write_only=True)
    book.properties.created = datetime(2019, 1, 1)
    sheet = book.create_sheet(title)
    sheet.append(header)
    for row in rows:
        sheet.append(row)
    written = io.BytesIO()
    book.save(written)
    return _without_clock(written.getvalue())


def _without_clock(xlsx: bytes) -> bytes:
    """The same workbook without the moment of writing: openpyxl puts it in a property and in the zip."""
    quiet = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(xlsx)) as old, zipfile.ZipFile(quiet, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "docProps/core.xml":
                content = re.sub(rb"(<dcterms:modified[^>]*>)[^<]*", rb"\g<1>2019-01-01T00:00:00Z", content)
            new.writestr(zipfile.ZipInfo(name, (2019, 1, 1, 0, 0, 0)), content, zipfile.ZIP_DEFLATED)
    return quiet.getvalue()


def customers_csv(house: House, month_end: date) -> Exported:
    """Every customer won by the end of a month, with the rep who looks after it then."""
    customers, force = house.customers, house.force
    rows = np.flatnonzero(customers.created <= month_end.toordinal())
    country, seat = customers.country[rows], house.seat_of_customer[rows]
    cities = [COUNTRIES[c][1][n] for c, n in zip(country.tolist(), customers.city[rows].tolist(), strict=True)]
    columns = [
        look_up(customers.ids, rows),
        look_up([quoted(name) for name in customers.names], rows),
        look_up([name for name, *_ in SEGMENTS], customers.segment[rows]),
        look_up([code for code, *_ in COUNTRIES], country),
        dates(customers.created[rows]),
        pa.array(cities, pa.string()),
        look_up([TERRITORIES[number].region for number in force.seats.tolist()], seat),
        look_up([TERRITORIES[number].code for number in force.seats.tolist()], seat),
        look_up([rep.id for rep in force.reps], force.rep_of_seat(month_end)[seat]),
        numbers(customers.discount_pct[rows]),
    ]
    return Exported(csv_file(CUSTOMER_HEADER, columns), len(rows))
