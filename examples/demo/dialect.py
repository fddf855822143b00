"""How Hartwell & Lowe writes its sales lines: German CSV, decimal comma, and the stated share of dirty rows.

Not here: which lines (trade.py), which files (generate.py). A day's text depends on the day alone.
"""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from examples.demo.catalogue import DIRT, Ints, Rng
from examples.demo.demand import KINDS, LINE, RETURN, SALE, Lines
from examples.demo.exported import order_numbers, timestamps
from examples.demo.house import House
from examples.demo.house_words import LOCATIONS, STORE_TERRITORY, TERRITORIES
from examples.demo.price_files import promotion_ids
from examples.demo.text_columns import Texts, csv_rows, dates, look_up, money, numbers, quoted, written
from examples.demo.trade import Day
from examples.demo.vocabulary import CHANNELS, COUNTRIES, FREIGHT, STORE_CHANNEL, WRITE_OFF

HEADER = (
    "Belegnummer", "Position", "Datum", "Artikelnummer", "Artikel", "Kundennummer", "Land", "Vertriebsweg",
    "Menge", "Einzelpreis", "Rabatt", "Belegart", "Gebiet", "Vertreter", "Lager", "Aktion", "Wunschtermin",
    "Lieferdatum",
)  # fmt: skip
HEADER_LINE = ";".join(HEADER) + "\n"

DOCUMENT_KINDS = ("Rechnung", "Gutschrift", "Fracht", "Ausbuchung")  # in the order of demand.KINDS
DUPLICATE = "duplicate"
UNTIDY_SHARE = 0.005  # clean lines whose article number comes in lower case with blanks around it


def _one_of(*values: str) -> Callable[[str, Rng], str]:
    return lambda _, rng: values[rng.integers(len(values))]


# Rule → the column it spoils, and how. Every such row must be rejected; a duplicate is a copy, and skipped.
SPOILERS: dict[str, tuple[str, Callable[[str, Rng], str]]] = {
    "unparsable_number": ("Menge", _one_of("zwölf", "12 Stk", "1,2,3", "4x6")),
    "impossible_date": ("Datum", lambda text, _: f"30.02.{text[6:]}"),
    "missing_product_id": ("Artikelnummer", _one_of("", "  ")),
    "negative_price": ("Einzelpreis", lambda text, _: "-" + text),
    "not_a_number": ("Einzelpreis", _one_of("NaN", "nan")),
    "missing_order_id": ("Belegnummer", _one_of("", " ")),
    "unknown_country": ("Land", _one_of("??", "D", "Deutschl.")),
}
RULES = (*SPOILERS, DUPLICATE)


@dataclass(frozen=True)
class Words:
    """The fixed texts of a house, by row number; from the end: what is not in the tables."""

    product_ids: Texts
    product_names: Texts
    customer_ids: Texts
    rep_ids: Texts
    territories: Texts  # per seat; the last one answers −1, the store's


def words(house: House) -> Words:
    """Prepare the texts. The last elements answer index −1 (freight, anonymous) and −2 (write-off)."""
    seats = [TERRITORIES[number].code for number in house.force.seats.tolist()]
    return Words(
        product_ids=pa.array([*house.products.ids, WRITE_OFF, FREIGHT]),
        product_names=pa.array([*map(quoted, house.products.names), "Ausbuchung", "Frachtkosten"]),
        customer_ids=pa.array([*house.customers.ids, ""]),
        rep_ids=pa.array([*(rep.id for rep in house.force.reps), ""]),
        territories=pa.array([*seats, TERRITORIES[STORE_TERRITORY].code]),
    )


def sales_csv(house: House, days: Sequence[Day], *, texts: Words, dirty_share: float) -> tuple[bytes, Counter[str]]:
    """The lines of some days as a file, and what became of them.

    The counter has the rows per kind (clean) or rule (dirty), and the amounts of the clean ones in cents.
    """
    lines = np.concatenate([day.lines for day in days], dtype=LINE)
    columns = _columns(house, days, lines, texts)
    is_clean, rules, order = np.ones(len(lines), bool), Counter[str](), []
    changed: dict[int, dict[int, str]] = {}
    begins = 0
    for day in days:
        dirt = _dirt_of(house.seed, day, columns, begins=begins, dirty_share=dirty_share)
        changed |= dirt.changed
        is_clean[dirt.rejected] = False
        rules.update(dirt.rules)
        order += [np.arange(begins, begins + len(day.lines)), np.array(dirt.repeated, np.int64)]
        begins += len(day.lines)
    rows = _with_changes(csv_rows(columns), columns, changed)
    counts = tally(lines[is_clean])
    counts.update(rules)  # not `+`, which drops what is negative: returns and write-offs
    return HEADER_LINE.encode() + written(rows.take(pa.array(np.concatenate(order)))), counts


@dataclass(frozen=True)
class _Dirt:
    """What is wrong with a day's rows, which are numbered within their file."""

    changed: dict[int, dict[int, str]]  # row → column → text
    rejected: list[int]
    repeated: list[int]
    rules: list[str]


def _dirt_of(seed: int, day: Day, columns: list[Texts], *, begins: int, dirty_share: float) -> _Dirt:
    """Choose what is wrong with the rows of a day, the first of which is row ``begins`` of the file."""
    rng = np.random.default_rng([seed, DIRT, day.date.toordinal()])
    untidy = np.flatnonzero(rng.random(len(day.lines)) < UNTIDY_SHARE) + begins
    changed = {row: {3: f" {columns[3][row].as_py().lower()} "} for row in untidy.tolist()}
    picked, rules = pick_dirty(rng, day.lines, dirty_share)
    dirt = _Dirt(changed, [], [], rules)
    for row, rule in zip((picked + begins).tolist(), rules, strict=True):
        if rule == DUPLICATE:
            dirt.repeated.append(row)
            continue
        name, spoil = SPOILERS[rule]
        column, own = HEADER.index(name), changed.setdefault(row, {})
        own[column] = spoil(own.get(column, columns[column][row].as_py()), rng)
        dirt.rejected.append(row)
    return dirt


def _with_changes(rows: Texts, columns: list[Texts], changed: dict[int, dict[int, str]]) -> Texts:
    """The rows with other texts in some columns."""
    if not changed:
        return rows
    is_changed = np.zeros(len(rows), bool)
    is_changed[list(changed)] = True
    again = []
    for row in sorted(changed):
        own = changed[row]
        again.append(";".join(own.get(n, text[row].as_py()) for n, text in enumerate(columns)) + "\n")
    return pc.replace_with_mask(rows, pa.array(is_changed), pa.array(again))


def pick_dirty(rng: Rng, lines: Lines, dirty_share: float) -> tuple[Ints, list[str]]:
    """Which rows are dirty, and by which rule.

    ⌊n · share + u⌋ of n rows, u uniform on [0, 1): right on average, and never a heap of them on a small
    day. Only sales that nothing comes back from, so that no return stands without its sale.
    """
    candidates = np.flatnonzero((lines["kind"] == SALE) & (lines["comes_back"] == 0))
    wanted = min(math.floor(len(lines) * dirty_share + rng.random()), len(candidates))
    rows = rng.choice(candidates, wanted, replace=False) if wanted else candidates[:0]
    return rows, [RULES[n] for n in rng.integers(len(RULES), size=wanted)]


def tally(lines: Lines) -> Counter[str]:
    """Lines per kind and their amounts in cents: exact, because everything is a whole number."""
    kind, gross = lines["kind"], lines["qty_units"] * lines["price_cents"]
    net, sold = gross - lines["discount_cents"], kind == SALE
    counts: Counter[str] = Counter()
    for number, name in enumerate(KINDS):
        counts[name] = int((kind == number).sum())
        counts[f"{name}_cents"] = int(net[kind == number].sum())
    counts["gross_cents"] = int(gross[sold].sum())
    counts["discount_cents"] = int(lines["discount_cents"][sold].sum())
    counts["units"] = int(lines["qty_units"][sold].sum())
    counts["returned_units"] = -int(lines["qty_units"][kind == RETURN].sum())
    counts["orders"] = len(np.unique(lines["document"][sold]))
    return counts


def _columns(house: House, days: Sequence[Day], lines: Lines, texts: Words) -> list[Texts]:
    """The fields as text, column by column."""
    customer, kind = lines["customer"], lines["kind"]
    place = np.repeat(np.arange(len(days)), [len(day.lines) for day in days])
    today = np.array([day.date.toordinal() for day in days])[place]
    seat = house.seat_of_customer[customer]
    holders = np.stack([np.append(house.force.rep_of_seat(day.date), -1) for day in days])
    is_goods = (kind == SALE) | (kind == RETURN)
    return [
        order_numbers(lines["document"], kind),
        numbers(lines["position"]),
        timestamps(today, lines["minute"]),
        look_up(texts.product_ids, lines["product"]),
        look_up(texts.product_names, lines["product"]),
        look_up(texts.customer_ids, customer),
        look_up([code for code, *_ in COUNTRIES], lines["country"]),
        look_up([*(code for code, *_ in CHANNELS), STORE_CHANNEL], lines["channel"]),
        numbers(lines["qty_units"]),
        money(lines["price_cents"]),
        money(lines["discount_cents"]),
        look_up(DOCUMENT_KINDS, kind),
        look_up(texts.territories, seat),
        look_up(texts.rep_ids, holders[place, seat]),
        look_up([*(code for code, *_ in LOCATIONS), ""], np.where(is_goods, lines["location"], -1)),
        promotion_ids(np.where(is_goods, lines["promotion"], 0)),
        dates(np.where(kind == SALE, lines["wanted"], 0)),
        dates(np.where(kind == SALE, today, 0)),
    ]
