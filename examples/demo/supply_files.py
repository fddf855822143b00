"""The exports of the warehouse: stock levels, movements and purchase orders; and its suppliers and places.

Not here: the stock (stock.py), and how much is bought (purchasing.py).
"""

from collections.abc import Sequence
from datetime import date

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from examples.demo.catalogue import Ints
from examples.demo.exported import Exported, Junk, Span, csv_export, purchase_numbers
from examples.demo.house import House
from examples.demo.house_words import LOCATIONS, STORE, STORE_TERRITORY, TERRITORIES
from examples.demo.purchasing import Purchases
from examples.demo.text_columns import (
    Texts,
    csv_file,
    date_values,
    dates,
    decimals,
    joined,
    look_up,
    money,
    numbers,
    parquet_file,
    quoted,
)

# One row per day, movement and sku, and order for receipts: ordered_on is its day, 0 for other movements.
MOVE = np.dtype([("day", "i8"), ("move", "i8"), ("sku", "i8"), ("units", "i8"), ("ordered_on", "i8")])
Moves = NDArray[np.void]

MOVE_WORDS = ("Zugang", "Verkauf", "Retoure", "Umlagerung", "Inventur", "Abschreibung")  # in the order of stock.MOVES
PURCHASE_HEADER = (
    "Bestellnummer", "Pos", "Lieferant", "Artikelnummer", "Lager", "Bestelldatum", "Zugesagt", "Eingang", "Menge",
    "Geliefert", "Reklamiert", "Einkaufspreis",
)  # fmt: skip
SUPPLIER_HEADER = ("Lieferantennummer", "Firma", "Land", "Lieferzeit", "Mindestbestellwert")
LOCATION_HEADER = ("Lager", "Bezeichnung", "Art", "Ort", "Gebiet")


def location_of(house: House, skus: Ints) -> Ints:
    """Index into LOCATIONS of each sku: its product's warehouse, or the store."""
    n = len(house.products.ids)
    return np.where(skus >= n, STORE, house.warehouse[skus % n])


def _articles(house: House, skus: Ints) -> Texts:
    return look_up(house.products.ids, skus % len(house.products.ids))


def _places(house: House, skus: Ints) -> Texts:
    return look_up([code for code, *_ in LOCATIONS], location_of(house, skus))


def levels_parquet(house: House, counts: Sequence[tuple[date, Ints, Ints]]) -> Exported:
    """Units on hand and on order at the end of some days, for every sku that is on sale or still lies there."""
    days, skus, on_hand, on_order = [], [], [], []
    for day, hand, order in counts:
        is_sold = (house.products.launched <= day.toordinal()) & (day.toordinal() <= house.products.last_day)
        rows = np.flatnonzero(np.tile(is_sold, 2) | (hand != 0) | (order != 0))
        days.append(np.full(len(rows), day.toordinal()))
        skus.append(rows)
        on_hand.append(hand[rows])
        on_order.append(order[rows])
    sku = np.concatenate(skus) if skus else np.zeros(0, np.int64)
    columns = {
        "Stichtag": date_values(np.concatenate(days)),
        "Artikelnummer": _articles(house, sku),
        "Lager": _places(house, sku),
        "Bestand": pa.array(np.concatenate(on_hand)),
        "Bestellt": pa.array(np.concatenate(on_order)),
    }
    return Exported(parquet_file(columns), len(sku))


def moves_parquet(house: House, moves: Moves) -> Exported:
    """The movements, one row per day, sku and kind; receipts by order."""
    sku, day = moves["sku"], moves["day"]
    product = sku % len(house.products.ids)
    article, place, kind = _articles(house, sku), _places(house, sku), look_up(MOVE_WORDS, moves["move"])
    letter = joined(look_up([word[0] for word in MOVE_WORDS], moves["move"]), dates(moves["ordered_on"], "%y%m%d"))
    columns = {
        "Buchung": joined(dates(day, "%y%m%d"), article, place, letter, separator="/"),
        "Datum": date_values(day),
        "Artikelnummer": article,
        "Lager": place,
        "Art": kind,
        "Menge": pa.array(moves["units"]),
        "Einstandspreis": decimals(costs_on(house, product, day)),
        "Beleg": purchase_numbers(moves["ordered_on"], house.suppliers.ids, house.products.supplier[product]),
    }
    return Exported(parquet_file(columns), len(moves))


def costs_on(house: House, products: Ints, days: Ints) -> Ints:
    """Cost in cents of each product on its day."""
    half_years = np.array([day.year * 2 + (day.month > 6) for day in map(date.fromordinal, np.unique(days).tolist())])
    halves = half_years[np.unique(days, return_inverse=True)[1]] if len(days) else np.zeros(0, np.int64)
    cost = np.zeros(len(products), np.int64)
    for half in np.unique(halves).tolist():
        same = halves == half
        cost[same] = house.products.cost_cents(half // 2, second_half=bool(half % 2))[products[same]]
    return cost


def purchases_csv(house: House, span: Span, purchases: Purchases, dirty_share: float) -> Exported:
    """The purchase orders that were placed or changed in a span, as they stand at its end."""
    first, last = span.first.toordinal(), span.last.toordinal()
    is_new = (first <= purchases["ordered_on"]) & (purchases["ordered_on"] <= last)
    has_come = [(first <= purchases[day]) & (purchases[day] <= last) for day in ("first_on", "full_on")]
    is_told = (purchases["ordered_on"] <= last) & (is_new | has_come[0] | has_come[1])
    lines, position = purchases[is_told], positions(house, purchases)[is_told]
    product, supplier = lines["product"], house.products.supplier[lines["product"]]
    first_came, all_came = lines["first_on"] <= last, lines["full_on"] <= last
    # What was sent back came with the first part beside what was kept, and came again with the second.
    received = np.where(first_came, lines["first_units"] + lines["rejected_units"], 0)
    received += np.where(all_came, lines["units"] - lines["first_units"], 0)
    columns = [
        purchase_numbers(lines["ordered_on"], house.suppliers.ids, supplier),
        numbers(position),
        look_up(house.suppliers.ids, supplier),
        look_up(house.products.ids, product),
        _places(house, product),
        dates(lines["ordered_on"]),
        dates(lines["promised_on"]),
        dates(np.where(all_came, lines["full_on"], 0)),
        numbers(lines["units"]),
        numbers(received),
        numbers(np.where(first_came, lines["rejected_units"], 0)),
        money(costs_on(house, product, lines["ordered_on"])),
    ]
    junk = Junk(3, "Menge", "ca. 40")
    return csv_export(PURCHASE_HEADER, columns, seed=house.seed, span=span, junk=junk, dirty_share=dirty_share)


def positions(house: House, purchases: Purchases) -> Ints:
    """The number of each line within its order, from 1; an order is of one day and one supplier."""
    order = purchases["ordered_on"] * 1000 + house.products.supplier[purchases["product"]]
    by_order = np.argsort(order, kind="stable")
    within = np.arange(len(order)) - np.searchsorted(order[by_order], order[by_order])
    numbered = np.zeros(len(order), np.int64)
    numbered[by_order] = within + 1
    return numbered


def suppliers_csv(house: House) -> Exported:
    """The suppliers, in the code page of an old Windows program."""
    suppliers = house.suppliers
    columns = [
        pa.array(suppliers.ids),
        pa.array([quoted(name) for name in suppliers.names]),
        pa.array(suppliers.country),
        numbers(suppliers.lead_time_days),
        money(suppliers.min_order_cents),
    ]
    content = csv_file(SUPPLIER_HEADER, columns).decode().encode("cp1252")
    return Exported(content, len(suppliers.ids))


def locations_csv() -> Exported:
    """The warehouses and the store."""
    territory = TERRITORIES[STORE_TERRITORY].code
    columns = [pa.array(column) for column in zip(*LOCATIONS, strict=True)]
    return Exported(csv_file(LOCATION_HEADER, [*columns, pa.array([territory] * len(LOCATIONS))]), len(LOCATIONS))
