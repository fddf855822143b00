"""How Hartwell & Lowe writes its lines: German CSV, decimal comma, and the stated share of dirty rows.

Not here: which lines (demand.py), which files (generate.py). A day's text depends on the day alone.
"""

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

import numpy as np

from examples.demo.catalogue import Ints, Rng
from examples.demo.demand import ADJUSTMENT, DOCUMENTS_PER_DAY, KINDS, RETURN, SALE, House, Lines
from examples.demo.vocabulary import CHANNELS, COUNTRIES, FREIGHT, WRITE_OFF

HEADER = (
    "Belegnummer", "Position", "Datum", "Artikelnummer", "Artikel", "Kundennummer", "Land", "Vertriebsweg",
    "Menge", "Einzelpreis", "Rabatt", "Belegart",
)  # fmt: skip
HEADER_LINE = ";".join(HEADER) + "\n"

DOCUMENT_KINDS = ("Rechnung", "Gutschrift", "Fracht", "Ausbuchung")  # in the order of demand.KINDS
DUPLICATE = "duplicate"
UNTIDY_SHARE = 0.005  # clean lines whose article number comes in lower case with blanks around it

_DIRT = 6  # stream of random numbers; demand.py has 3 to 5


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

    product_ids: list[str]
    product_names: list[str]
    customer_ids: list[str]


def words(house: House) -> Words:
    """Prepare the texts. The last elements answer index −1 (freight, anonymous) and −2 (write-off)."""
    return Words(
        product_ids=[*house.products.ids, WRITE_OFF, FREIGHT],
        product_names=[*map(quoted, house.products.names), "Ausbuchung", "Frachtkosten"],
        customer_ids=[*house.customers.ids, ""],
    )


def quoted(text: str) -> str:
    """A CSV field, in quotes where it needs them; quotes inside are doubled (RFC 4180).

    >>> print(quoted('Haus "Zur Linde" Nougat, 1 kg'), quoted("Rösti"))
    "Haus ""Zur Linde"" Nougat, 1 kg" Rösti
    """
    return '"' + text.replace('"', '""') + '"' if any(mark in text for mark in ',;"') else text


def money(cents: int) -> str:
    """Cents as a German decimal.

    >>> money(123456), money(-5), money(0)
    ('1234,56', '-0,05', '0,00')
    """
    whole, rest = divmod(abs(cents), 100)
    return f"{'-' if cents < 0 else ''}{whole},{rest:02d}"


def document_number(document: int, kind: int) -> str:
    """The number on the paper: RE or KO, the day, the number within it.

    >>> document_number(date(2024, 2, 29).toordinal() * DOCUMENTS_PER_DAY + 17, SALE)
    'RE-240229-00017'
    """
    day, number = divmod(document, DOCUMENTS_PER_DAY)
    return f"{'KO' if kind == ADJUSTMENT else 'RE'}-{date.fromordinal(day):%y%m%d}-{number:05d}"


def day_text(seed: int, day: date, lines: Lines, *, texts: Words, dirty_share: float) -> tuple[str, Counter[str]]:
    """The day's rows as text without a header, and what became of the lines.

    The counter has the rows per kind (clean) or rule (dirty), and the amounts of the clean ones in cents.
    """
    rng = np.random.default_rng([seed, _DIRT, day.toordinal()])
    columns = _columns(lines, day, texts)
    untidy = np.flatnonzero(rng.random(len(lines)) < UNTIDY_SHARE)
    for row in untidy.tolist():
        columns[3][row] = f" {columns[3][row].lower()} "
    rows, rules = pick_dirty(rng, lines, dirty_share)
    is_clean = np.ones(len(lines), bool)
    duplicated = []
    for row, rule in zip(rows.tolist(), rules, strict=True):
        if rule == DUPLICATE:
            duplicated.append(row)
            continue
        name, spoil = SPOILERS[rule]
        column = columns[HEADER.index(name)]
        column[row] = spoil(column[row], rng)
        is_clean[row] = False
    written = [";".join(fields) for fields in zip(*columns, strict=True)]
    written += [written[row] for row in duplicated]
    written.append("")
    counts = tally(lines[is_clean])
    counts.update(rules)  # not `+`, which drops what is negative: returns and write-offs
    return "\n".join(written), counts


def pick_dirty(rng: Rng, lines: Lines, dirty_share: float) -> tuple[Ints, list[str]]:
    """Which rows are dirty, and by which rule.

    ⌊n · share + u⌋ of n rows, u uniform on [0, 1): right on average, and never a heap of them on a small
    day. Only sales that nothing comes back from, so that no return stands without its sale.
    """
    candidates = np.flatnonzero((lines["kind"] == SALE) & (lines["due"] == 0))
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


def _columns(lines: Lines, day: date, texts: Words) -> list[list[str]]:
    """The fields as text, column by column; list look-ups are what keeps ten million lines to minutes."""
    product, customer = lines["product"].tolist(), lines["customer"].tolist()
    minutes = [f"{day:%d.%m.%Y} {minute // 60:02d}:{minute % 60:02d}" for minute in range(24 * 60)]
    return [
        [document_number(d, k) for d, k in zip(lines["document"].tolist(), lines["kind"].tolist(), strict=True)],
        list(map(str, lines["position"].tolist())),
        [minutes[minute] for minute in lines["minute"].tolist()],
        [texts.product_ids[row] for row in product],
        [texts.product_names[row] for row in product],
        [texts.customer_ids[row] for row in customer],
        [COUNTRIES[row][0] for row in lines["country"].tolist()],
        [CHANNELS[row][0] for row in lines["channel"].tolist()],
        list(map(str, lines["qty_units"].tolist())),
        list(map(money, lines["price_cents"].tolist())),
        list(map(money, lines["discount_cents"].tolist())),
        [DOCUMENT_KINDS[row] for row in lines["kind"].tolist()],
    ]
