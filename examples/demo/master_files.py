"""The demo's files beside the sales: products (Excel), customers (CSV) and the stock (Parquet), as bytes.

Not here: the sales (dialect.py) and where files are put (generate.py). Same arguments, same bytes.
"""

import io
import re
import zipfile
from datetime import date, datetime

import numpy as np
import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq

from examples.demo.catalogue import INTERMITTENT_MEAN, Customers, Floats, Ints, active
from examples.demo.demand import House, expected_lines
from examples.demo.dialect import quoted
from examples.demo.trading_days import WEEKDAY
from examples.demo.vocabulary import CATEGORIES, COUNTRIES, SEGMENTS

_STOCK = 7  # stream of random numbers; dialect.py has 6
PRODUCT_HEADER = (
    "Artikelnummer", "Bezeichnung", "Warengruppe", "Einkaufspreis", "Listenpreis", "Lieferzeit (Tage)",
    "Eingeführt", "Ausgelistet",
)  # fmt: skip
CUSTOMER_HEADER = ("Kundennummer", "Name", "Segment", "Land", "Kunde seit")


def products_xlsx(house: House, month_end: date) -> bytes:
    """The assortment at the end of a month: every product launched by then, at that year's prices."""
    products = house.products
    prices = products.price_cents(month_end.year)
    book = openpyxl.Workbook()
    book.properties.created = datetime(2019, 1, 1)
    sheet = book.active
    sheet.title = "Artikel"
    sheet.append(PRODUCT_HEADER)
    for row in np.flatnonzero(products.launched <= month_end.toordinal()).tolist():
        price_cents, ended = int(prices[row]), int(products.last_day[row]) <= month_end.toordinal()
        sheet.append((
            products.ids[row],
            products.names[row],
            CATEGORIES[products.category[row]].name,
            round(price_cents * float(products.cost_ratio[row])) / 100,
            price_cents / 100,
            int(products.lead_time_days[row]),
            date.fromordinal(int(products.launched[row])),
            date.fromordinal(int(products.last_day[row])) if ended else None,
        ))  # fmt: skip
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


def customers_csv(customers: Customers, month_end: date) -> bytes:
    """Every customer won by the end of a month."""
    rows = [";".join(CUSTOMER_HEADER)]
    for row in np.flatnonzero(customers.created <= month_end.toordinal()).tolist():
        created = date.fromordinal(int(customers.created[row]))
        segment, country = SEGMENTS[customers.segment[row]][0], COUNTRIES[customers.country[row]][0]
        rows.append(f"{customers.ids[row]};{quoted(customers.names[row])};{segment};{country};{created:%d.%m.%Y}")
    return ("\n".join(rows) + "\n").encode()


def expected_units_per_day(house: House, goods: Ints, day: date) -> Floats:
    """Units a calendar day takes per product: λ · mean weekday · mean units per line; shape (len(goods),)."""
    share_of_segment = np.array([share for *_, share in SEGMENTS])
    units_of_segment = np.array([units for _, _, units, _ in SEGMENTS])
    # 1.13 = exp(0.5² / 2): the mean of the lognormal size of a line.
    per_line = house.products.line_units[goods] * float(share_of_segment @ units_of_segment) * 1.13
    often = np.where(house.products.is_intermittent[goods], INTERMITTENT_MEAN, 1.0)
    return expected_lines(house, goods, day) * sum(WEEKDAY) / 7 * per_line * often


def stock_parquet(house: House, day: date) -> bytes:
    """The stock at the end of a day, in the saw-tooth of a house that orders every one to four weeks.

    on_hand = safety + daily units · days to the end of the cycle; an order is on its way during the lead time
    before that end. One product in ten was forgotten: almost nothing on hand, and often nothing ordered.
    """
    goods = active(house.products.launched, house.products.last_day, day)
    slots, lead_days = house.products.slot[goods], house.products.lead_time_days[goods]
    draws = np.random.default_rng([house.seed, _STOCK]).random((house.slots, 3))[slots]
    month = np.random.default_rng([house.seed, _STOCK, day.year, day.month]).random((house.slots, 2))[slots]
    daily_units = expected_units_per_day(house, goods, day)
    cycle_days = np.maximum(7 + np.floor(draws[:, 0] * 22), lead_days)
    position_days = (day.toordinal() + np.floor(draws[:, 1] * cycle_days)) % cycle_days
    safety_units = daily_units * np.sqrt(lead_days) * (1 + 2 * draws[:, 2])
    on_hand = np.ceil(safety_units + daily_units * (cycle_days - position_days))
    on_order = np.where(cycle_days - position_days <= lead_days, np.ceil(daily_units * cycle_days), 0)
    forgotten = month[:, 0] < 0.1
    on_hand = np.where(forgotten, np.floor(daily_units * lead_days * 0.3 * month[:, 1]), on_hand)
    on_order = np.where(forgotten & (month[:, 1] < 0.5), 0, on_order)
    table = pa.table({
        "Stichtag": pa.array([day] * len(goods), pa.date32()),
        "Artikelnummer": pa.array([house.products.ids[row] for row in goods.tolist()], pa.string()),
        "Lager": pa.array(["Zentrallager"] * len(goods), pa.string()),
        "Bestand": pa.array(on_hand.astype(np.int64)),
        "Bestellt": pa.array(on_order.astype(np.int64)),
    })  # fmt: skip
    written = io.BytesIO()
    pq.write_table(table, written)
    return written.getvalue()
