"""Columns of numbers as columns of text, all rows at once: what lets ten million lines be written in minutes.

Not here: which columns a file has (dialect.py and the modules that know the other files).
"""

from collections.abc import Iterable, Sequence
from datetime import date
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from examples.demo.catalogue import Flags, Ints

Texts: TypeAlias = Any  # a pa.StringArray: pyarrow brings no types

_CENTS = pa.array([f",{cents:02d}" for cents in range(100)])
_SIGN = pa.array(["", "-"])


def quoted(text: str) -> str:
    """A CSV field, in quotes where it needs them; quotes inside are doubled (RFC 4180).

    >>> print(quoted('Haus "Zur Linde" Nougat, 1 kg'), quoted("Rösti"))
    "Haus ""Zur Linde"" Nougat, 1 kg" Rösti
    """
    return '"' + text.replace('"', '""') + '"' if any(mark in text for mark in ',;"') else text


def look_up(words: Sequence[str] | Texts, rows: Ints) -> Texts:
    """The word of each row's number; negative numbers count from the end.

    >>> look_up(["a", "b"], np.array([1, -2])).to_pylist()
    ['b', 'a']
    """
    table = words if isinstance(words, pa.Array) else pa.array(words, pa.string())
    rows = np.asarray(rows, np.int64)
    return table.take(pa.array(np.where(rows < 0, rows + len(table), rows)))


@lru_cache(maxsize=1)
def _clock() -> Texts:
    return pa.array([f"{minute // 60:02d}:{minute % 60:02d}" for minute in range(24 * 60)])


def times(minutes: Ints) -> Texts:
    """Minutes since midnight as times of day.

    >>> times(np.array([545])).to_pylist()
    ['09:05']
    """
    return look_up(_clock(), minutes)


def numbers(values: Ints, *, width: int = 0) -> Texts:
    """Whole numbers as text, with zeros before them up to ``width``.

    >>> numbers(np.array([7, 123456]), width=5).to_pylist()
    ['00007', '123456']
    """
    texts = pc.cast(pa.array(np.asarray(values, np.int64)), pa.string())
    return pc.utf8_lpad(texts, width, "0") if width else texts


def money(cents: Ints) -> Texts:
    """Cents as German decimals.

    >>> money(np.array([123456, -5, 0])).to_pylist()
    ['1234,56', '-0,05', '0,00']
    """
    whole, rest = np.divmod(np.abs(np.asarray(cents, np.int64)), 100)
    return joined(_SIGN.take(pa.array((cents < 0).astype(np.int64))), numbers(whole), _CENTS.take(pa.array(rest)))


def dates(days: Ints, form: str = "%d.%m.%Y") -> Texts:
    """Proleptic ordinals as dates; 0 is no date, an empty text.

    >>> dates(np.array([738945, 0])).to_pylist()
    ['29.02.2024', '']
    """
    distinct, place = np.unique(np.asarray(days, np.int64), return_inverse=True)
    words = [date.fromordinal(day).strftime(form) if day else "" for day in distinct.tolist()]
    return look_up(words, place) if words else pa.array([], pa.string())


def date_values(days: Ints) -> pa.Array:
    """Proleptic ordinals as dates of an Arrow table; 0 is null."""
    since_1970 = np.asarray(days, np.int64) - date(1970, 1, 1).toordinal()
    return pa.array(since_1970.astype(np.int32), pa.int32(), mask=np.asarray(days) == 0).cast(pa.date32())


def decimals(cents: Ints) -> pa.Array:
    """Cents as decimals of an Arrow table: a decimal is stored as its 128-bit number of cents.

    >>> decimals(np.array([1234, -5])).to_pylist()
    [Decimal('12.34'), Decimal('-0.05')]
    """
    whole = np.asarray(cents, np.int64)
    pairs = np.stack([whole, whole >> 63], axis=1)  # low and high half; the sign fills the high one
    return pa.Array.from_buffers(pa.decimal128(18, 2), len(whole), [None, pa.py_buffer(pairs.tobytes())])


def joined(*columns: Texts | str, separator: str = "") -> Texts:
    """The columns row by row, one text each; a plain text is the same in every row."""
    return pc.binary_join_element_wise(*columns, separator)


def blank_unless(is_there: Flags, texts: Texts) -> Texts:
    """The texts of some rows, and empty ones in the others.

    >>> blank_unless(np.array([True, False]), pa.array(["a", "b"])).to_pylist()
    ['a', '']
    """
    return texts if is_there.all() else pc.if_else(pa.array(is_there), texts, "")


def csv_rows(columns: Iterable[Texts]) -> Texts:
    """Rows of a CSV file, each with its line feed."""
    return joined(joined(*columns, separator=";"), "\n")


def written(rows: Texts) -> bytes:
    """The rows one after the other: they lie in one piece of memory already."""
    _, _, content = rows.buffers()
    if content is None or not len(rows):
        return b""
    offsets = np.frombuffer(rows.buffers()[1], np.int32)[rows.offset : rows.offset + len(rows) + 1]
    return bytes(memoryview(content)[int(offsets[0]) : int(offsets[-1])])


def csv_file(header: Sequence[str], columns: Sequence[Texts], spoiled: Iterable[str] = ()) -> bytes:
    """A whole CSV file; ``spoiled`` are rows as text, without line feeds, that follow the others."""
    end = "".join(f"{row}\n" for row in spoiled)
    return (";".join(header) + "\n").encode() + written(csv_rows(columns)) + end.encode()


def parquet_file(columns: dict[str, Any]) -> bytes:
    """A whole Parquet file of these columns."""
    import pyarrow.parquet as pq

    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(columns), sink)
    return bytes(sink.getvalue())
