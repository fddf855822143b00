"""Excel and Parquet into ``incoming``: typed cells as text, as ``cell_text`` writes them.

Not here: CSV (csv_reader.py).
"""

import io
from collections.abc import Sequence
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from orchestration.errors import SourceError
from orchestration.ingestion.rows import (
    ROWS_PER_LOAD,
    Staged,
    Unreadable,
    checked_header,
    printable,
    problem_of,
    too_many_unreadable,
)
from orchestration.warehouse import Connection
from orchestration.yaml_files import nearest

ROWS_PER_BATCH = 50_000


def cell_text(value: object) -> str:
    """A typed cell as text: ISO dates, a decimal point, whole numbers without ``.0``, never an exponent.

    >>> cell_text(7.0), cell_text(0.1 + 0.2), cell_text(1e-05), cell_text(4e15), cell_text(True), cell_text(None)
    ('7', '0.3', '0.00001', '4000000000000000', 'true', '')
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        # 15 significant digits are what a double keeps of a decimal: more is noise of the binary form
        return format(Decimal(format(value, ".15g")), "f")
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, date | time):
        return value.isoformat()
    return str(value)


class ExcelReader:
    """One sheet of a workbook (.xlsx, .xls, .xlsb, .ods)."""

    def __init__(self, path: Path, sheet: str | None, header_row: int) -> None:
        self.path = path
        self.sheet = sheet
        self.header_row = header_row

    def header(self) -> list[str]:
        """The header row's texts, without the empty cells after the last named one."""
        rows = self._rows()
        if len(rows) < self.header_row:
            raise SourceError(f"{self.path}: the sheet has no row {self.header_row}", remedy="set excel.header_row")
        names = [cell_text(v).strip() for v in rows[self.header_row - 1]]
        while names and not names[-1]:
            names.pop()
        return checked_header(self.path, names)

    def stage(self, connection: Connection, columns: Sequence[str], load_id: int) -> Staged:
        """COPY every row below the header that is not empty."""
        rows = 0
        unreadable: list[Unreadable] = []
        names = sql.SQL(", ").join(map(sql.Identifier, ["_row", *columns]))
        with (
            connection.cursor() as cursor,
            cursor.copy(sql.SQL("copy incoming ({}) from stdin").format(names)) as copy,
        ):
            for line, cells in enumerate(self._rows(), start=1):
                record = [cell_text(v) for v in cells]
                if line <= self.header_row or not any(record):
                    continue
                row = load_id * ROWS_PER_LOAD + line
                beyond = [text for text in record[len(columns) :] if text]
                problem = problem_of(record[: len(columns)] + beyond, len(columns))
                if problem:
                    unreadable.append(Unreadable(row, *problem, printable("\t".join(record))))
                    too_many_unreadable(self.path, unreadable)
                else:
                    copy.write_row((row, *(text or None for text in record[: len(columns)])))
                    rows += 1
        return Staged(rows, tuple(unreadable))

    def _rows(self) -> list[list[object]]:
        import python_calamine

        try:
            book = python_calamine.CalamineWorkbook.from_path(self.path)
            if self.sheet is not None and self.sheet not in book.sheet_names:
                raise SourceError(
                    f"{self.path}: there is no sheet {self.sheet!r}{nearest(self.sheet, book.sheet_names)}",
                    remedy="correct excel.sheet in sources.yaml, or the workbook",
                )
            sheet = book.get_sheet_by_index(0) if self.sheet is None else book.get_sheet_by_name(self.sheet)
            return sheet.to_python(skip_empty_area=False)
        except (python_calamine.CalamineError, OSError, ValueError) as error:
            raise SourceError(
                f"{self.path}: cannot read the workbook: {error}", remedy="open and save it in Excel"
            ) from None


class ParquetReader:
    """A Parquet file, a row group at a time; ``line`` is the row's number, from 1."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def header(self) -> list[str]:
        """The names of the columns."""
        return checked_header(self.path, self._file().schema_arrow.names)

    def stage(self, connection: Connection, columns: Sequence[str], load_id: int) -> Staged:
        """COPY every batch as CSV, every value as text."""
        import pyarrow

        n_rows, unreadable = 0, list[Unreadable]()
        names = sql.SQL(", ").join(map(sql.Identifier, columns))
        statement = sql.SQL("copy incoming ({}) from stdin (format csv, force_null ({}))").format(names, names)
        try:
            for batch in self._file().iter_batches(batch_size=ROWS_PER_BATCH):
                texts, first = _as_text(batch), load_id * ROWS_PER_LOAD + n_rows + 1
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


def _as_text(batch: Any) -> Any:
    """The record batch with every column as text, as ``cell_text`` writes it; what has no offset gets none."""
    import pyarrow as pa

    return pa.RecordBatch.from_arrays([_column_as_text(c) for c in batch.columns], names=batch.schema.names)


def _column_as_text(column: Any) -> Any:
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
    return pa.array([None if v is None else cell_text(v) for v in column.to_pylist()], pa.string())


def _timestamp_as_text(column: Any) -> Any:
    """ISO, without a fraction where there is none; with an offset where the instant is known: no zone is guessed."""
    import pyarrow as pa
    from pyarrow import compute as pc

    zone = column.type.tz
    # to microseconds, as PostgreSQL keeps time; a timestamp with a zone is stored in UTC
    instants = column.cast(pa.timestamp("us", zone), safe=False).cast(pa.int64()).cast(pa.timestamp("us"))
    texts = pc.replace_substring_regex(instants.cast(pa.string()), r"\.0+$", "")
    return texts if zone is None else pc.binary_join_element_wise(texts, "+00:00", "")
