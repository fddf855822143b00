"""The exports about prices: list prices and costs over time, promotions.

Not here: what is promoted and why it sells better (demand.py). All of it follows from the catalogue and the calendar.
"""

from datetime import date, timedelta

import numpy as np

from examples.demo.catalogue import Ints
from examples.demo.demand import BLOCK_DAYS, PROMOTED_DAYS, cuts
from examples.demo.exported import Exported, Span
from examples.demo.house import House
from examples.demo.house_words import CAMPAIGNS
from examples.demo.master_files import workbook
from examples.demo.text_columns import (
    Texts,
    blank_unless,
    date_values,
    decimals,
    joined,
    look_up,
    numbers,
    parquet_file,
)

PROMOTION_HEADER = ("Aktion", "Bezeichnung", "Beginn", "Ende", "Rabatt %", "Artikelnummer", "Kosten")


def prices_parquet(house: House, span: Span) -> Exported:
    """The list prices that held at some time of a span; a price list holds for a calendar year."""
    years = range(span.first.year, span.last.year + 1)
    return _held(house, span, [(date(y, 1, 1), date(y, 12, 31), house.products.price_cents(y)) for y in years], "Preis")


def costs_parquet(house: House, span: Span) -> Exported:
    """The costs that held at some time of a span; suppliers change them in January and July."""
    lists = []
    for year in range(span.first.year, span.last.year + 1):
        for first, last in ((date(year, 1, 1), date(year, 6, 30)), (date(year, 7, 1), date(year, 12, 31))):
            lists.append((first, last, house.products.cost_cents(year, second_half=first.month > 6)))
    return _held(house, span, lists, "Einkaufspreis")


def _held(house: House, span: Span, lists: list[tuple[date, date, Ints]], column: str) -> Exported:
    """One row per product and list; the end of one that is still in force is open."""
    products, end = house.products, span.last.toordinal()
    parts = []
    for first, last, cents in lists:
        begins = np.maximum(products.launched, first.toordinal())
        ends = np.minimum(products.last_day, last.toordinal())
        rows = np.flatnonzero((begins <= ends) & (begins <= end) & (ends >= span.first.toordinal()))
        parts.append(np.stack([rows, begins[rows], np.where(ends[rows] <= end, ends[rows], 0), cents[rows]]))
    row, begins, ends, cents = np.concatenate(parts, axis=1)
    columns = {
        "Artikelnummer": look_up(products.ids, row),
        "Gültig ab": date_values(begins),
        "Gültig bis": date_values(ends),
        column: decimals(cents),
    }
    return Exported(parquet_file(columns), len(row))


def promotion_ids(promotions: Ints) -> Texts:
    """The ids of promotions, from block of four weeks and cut; 0 is none.

    >>> promotion_ids(np.array([2639015, 0])).to_pylist()
    ['AK-26390-15', '']
    """
    block, cut = np.divmod(promotions, 100)
    texts = joined("AK-", numbers(block), "-", numbers(cut, width=2))
    return blank_unless(promotions > 0, texts)


def promotions_xlsx(house: House, span: Span) -> Exported:
    """The promotions that ran at some time of a span, one row per product that was on sale then."""
    rows = []
    first_block, last_block = ((day.toordinal() - 1) // BLOCK_DAYS for day in (span.first, span.last))
    for block in range(first_block, last_block + 1):
        begins = date.fromordinal(block * BLOCK_DAYS + 1)
        ends = begins + timedelta(days=PROMOTED_DAYS - 1)
        if ends >= span.first:
            rows += _promoted(house, block, begins, ends)
    return Exported(workbook("Aktionen", PROMOTION_HEADER, rows), len(rows))


def _promoted(house: House, block: int, begins: date, ends: date) -> list[tuple[object, ...]]:
    products = house.products
    cut_pct = cuts(house.seed, house.slots, block)[products.slot]
    is_sold = (products.launched <= ends.toordinal()) & (products.last_day >= begins.toordinal())
    rows = np.flatnonzero((cut_pct > 0) & is_sold)
    ids = promotion_ids(block * 100 + cut_pct[rows]).to_pylist()
    name = f"{CAMPAIGNS[block % len(CAMPAIGNS)]} {begins:%m/%Y}"
    return [
        (promotion_id, name, begins, ends, cut, products.ids[row], float(40 + 4 * cut))
        for promotion_id, cut, row in zip(ids, cut_pct[rows].tolist(), rows.tolist(), strict=True)
    ]
