"""Parquet into ``incoming``: a row group at a time, every value as text.

Not here: how a value is written (cells.py).
"""

import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from orchestration.errors import SourceError
from orchestration.ingestion.readers.cells import cell_text
from orchestration.ingestion.readers.records import (
    ROWS_PER_LOAD,
    Record,
    Staged,
    Unreadable,
    checked_header,
    printable,
    problem_of,
    too_many_unreadable,
)
from orchestration.warehouse import Connection

ROWS_PER_BATCH = 50_000


class ParquetReader:
    """A Parquet file, a row group at a time; ``line`` is the row's number, from 1."""

    def __init__(self, path: Path, decimal_marks: Mapping[str, str]) -> None:
        self.path = path
        self.decimal_marks = decimal_marks

    def header(self) -> list[str]:
        """The names of the columns."""
        return checked_header(self.path, self._file().schema_arrow.names)

    def records(self) -> Iterator[Record]:
        """Every row; ``line`` counts from 1."""
        line = 0
        for batch in self._file().iter_batches(batch_size=ROWS_PER_BATCH):
            texts = _as_text(batch, self.decimal_marks)
            for record in zip(*(column.to_pylist() for column in texts.columns), strict=True):
                line += 1
                yield Record(line, [text or "" for text in record])

    def stage(self, connection: Connection, columns: Sequence[str], load_id: int) -> Staged:
        """COPY every batch as CSV, every value as text."""
        import pyarrow

        n_rows, unreadable = 0, list[Unreadable]()
        names = sql.SQL(", ").join(map(sql.Identifier, columns))
        statement = sql.SQL("copy incoming ({}) from stdin (format csv, force_null ({}))").format(names, names)
        try:
            for batch in self._file().iter_batches(batch_size=ROWS_PER_BATCH):
                texts, first = _as_text(batch, self.decimal_marks), load_id * ROWS_PER_LOAD + n_rows + 1
                written = _as_csv(texts)
                if b"\0" in written:
                    unreadable += _stage_with_nul(connection, names, texts, first)
                    too_many_unreadable(self.path, unreadable)
                else:
                    connection.execute("select setval('incoming_row', %s, false)", [first])
                    with connection.cursor() as cursor, cursor.copy(statement) as copy:
                        copy.write(written)
                n_rows += len(texts)
        except (pyarrow.ArrowException, OSError, psycopg.DataError) as error:
            raise SourceError(f"{self.path}: cannot be read: {error}", remedy="export it again") from None
        return Staged(n_rows - len(unreadable), tuple(unreadable))

    def _file(self) -> Any:
        import pyarrow
        from pyarrow import parquet

        try:
            return parquet.ParquetFile(self.path)
        except (pyarrow.ArrowException, OSError) as error:
            raise SourceError(f"{self.path}: not a Parquet file: {error}", remedy="export it again") from None


def _as_csv(texts: Any) -> bytes:
    from pyarrow import csv as arrow_csv

    buffer = io.BytesIO()
    arrow_csv.write_csv(texts, buffer, arrow_csv.WriteOptions(include_header=False))
    return buffer.getvalue()


def _stage_with_nul(connection: Connection, names: sql.Composed, texts: Any, first_row: int) -> list[Unreadable]:
    """COPY the rows of a batch that hold no NUL character, which PostgreSQL cannot store; return the others."""
    unreadable = []
    statement = sql.SQL("copy incoming (_row, {}) from stdin").format(names)
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for row, record in enumerate(zip(*(column.to_pylist() for column in texts.columns), strict=True), first_row):
            problem = problem_of([text or "" for text in record], len(record))
            if problem:
                unreadable.append(Unreadable(row, *problem, printable("\t".join(text or "" for text in record))))
            else:
                copy.write_row((row, *record))
    return unreadable


def _as_text(batch: Any, decimal_marks: Mapping[str, str]) -> Any:
    """The record batch with every column as text, as ``cell_text`` writes it; what has no offset gets none."""
    import pyarrow as pa

    names = batch.schema.names
    texts = [_column_as_text(c, decimal_marks.get(n.strip(), ".")) for n, c in zip(names, batch.columns, strict=True)]
    return pa.RecordBatch.from_arrays(texts, names=names)


def _column_as_text(column: Any, decimal: str) -> Any:
    import pyarrow as pa
    from pyarrow import types

    if types.is_dictionary(column.type):
        column = column.dictionary_decode()
    kind = column.type
    try:
        if types.is_timestamp(kind):
            return _timestamp_as_text(column)
        if not (types.is_floating(kind) or types.is_decimal(kind)):
            return column.cast(pa.string())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        pass  # lists, structs, bytes: as Python shows them, for no mapping reads them
    bits = kind.bit_width if types.is_floating(kind) else 64
    return pa.array([None if v is None else cell_text(v, decimal, bits) for v in column.to_pylist()], pa.string())


def _timestamp_as_text(column: Any) -> Any:
    """ISO, without a fraction where there is none; with an offset where the instant is known: no zone is guessed."""
    import pyarrow as pa
    from pyarrow import compute as pc

    zone = column.type.tz
    # to microseconds, as PostgreSQL keeps time; a timestamp with a zone is stored in UTC
    instants = column.cast(pa.timestamp("us", zone), safe=False).cast(pa.int64()).cast(pa.timestamp("us"))
    texts = pc.replace_substring_regex(instants.cast(pa.string()), r"\.0+$", "")
    return texts if zone is None else pc.binary_join_element_wise(texts, "+00:00", "")
