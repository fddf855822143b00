"""What one export file holds, how the documents in it are numbered, and the junk that real exports have.

Not here: which files there are (books.py, generate.py).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from examples.demo.catalogue import JUNK, Ints
from examples.demo.demand import ADJUSTMENT, DOCUMENTS_PER_DAY
from examples.demo.text_columns import Texts, blank_unless, csv_file, dates, joined, look_up, numbers, times

LEAST_ROWS_FOR_JUNK = 20
JUNK_PER_DIRT = 0.25  # other exports are tidier than the sales


@dataclass(frozen=True)
class Span:
    """The days that a file is about, both included."""

    first: date
    last: date

    def __str__(self) -> str:
        return f"{self.first}_{self.last}"


@dataclass(frozen=True)
class Exported:
    """A file's bytes, its rows, and how many of them must be rejected."""

    content: bytes
    rows: int
    rejected: int = 0


@dataclass(frozen=True)
class Junk:
    """How an export is spoiled: the column, and what stands there instead."""

    stream: int  # one per export
    column: str
    instead: str


def csv_export(
    header: Sequence[str], columns: Sequence[Texts], *, seed: int, span: Span, junk: Junk, dirty_share: float
) -> Exported:
    """A CSV file with some junk at its end: copies of rows under a number of their own, with one column spoiled.

    Nothing of what is true is lost by rejecting them.
    """
    n = len(columns[0])
    rng = np.random.default_rng([seed, JUNK, junk.stream, span.first.toordinal(), span.last.toordinal()])
    wanted = math.floor(n * dirty_share * JUNK_PER_DIRT + rng.random()) if n >= LEAST_ROWS_FOR_JUNK else 0
    rows = np.sort(rng.choice(n, wanted, replace=False)).tolist() if wanted and dirty_share else []
    spoiled = []
    for row in rows:
        fields = [column[row].as_py() for column in columns]
        fields[0] += "-X"
        fields[list(header).index(junk.column)] = junk.instead
        spoiled.append(";".join(fields))
    return Exported(csv_file(header, columns, spoiled), n + len(spoiled), len(spoiled))


def document_numbers(documents: Ints, prefix: str | Texts = "RE-") -> Texts:
    """The numbers on the papers: a prefix, the day, the number within it; of document 0 an empty text.

    >>> document_numbers(np.array([738945 * DOCUMENTS_PER_DAY + 17, 0])).to_pylist()
    ['RE-240229-00017', '']
    """
    day, number = np.divmod(np.asarray(documents, np.int64), DOCUMENTS_PER_DAY)
    texts = joined(prefix, dates(day, "%y%m%d"), "-", numbers(number, width=5))
    return blank_unless(day > 0, texts)


def order_numbers(documents: Ints, kinds: Ints) -> Texts:
    """The numbers of sales documents: RE, and KO for what is written off."""
    return document_numbers(documents, look_up(["RE-", "KO-"], (kinds == ADJUSTMENT).astype(np.int64)))


def purchase_numbers(ordered_on: Ints, supplier_ids: Sequence[str], suppliers: Ints) -> Texts:
    """The numbers of purchase orders: one per supplier and day; where nothing was ordered an empty text."""
    texts = joined("BE-", dates(ordered_on, "%y%m%d"), "-", look_up(supplier_ids, suppliers))
    return blank_unless(ordered_on > 0, texts)


def timestamps(days: Ints, minutes: Ints) -> Texts:
    """Local time as the exports write it.

    >>> timestamps(np.array([738945]), np.array([545])).to_pylist()
    ['29.02.2024 09:05']
    """
    return joined(dates(days), times(minutes), separator=" ")
