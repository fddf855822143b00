"""Excel and Parquet into ``incoming``: typed cells as text, as ``cell_text`` writes them.

Not here: CSV (csv_reader.py).
"""

import io
import zipfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError

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
# By width: the significant digits that a float keeps of a decimal, more being noise of the binary form; and up to where
# it keeps every whole number, some of which have a digit more.
FLOATS = {16: (4, 2**11), 32: (7, 2**24), 64: (15, 2**53)}
SCANNED_BYTES = 1 << 20


def cell_text(value: object, decimal: str = ".", float_bits: int = 64) -> str:
    """A typed cell as text: ISO dates, whole numbers without ``.0``, never an exponent; texts as they are.

    Args:
        value: the cell.
        decimal: the decimal mark to write numbers with: the one their column is read with.
        float_bits: 16, 32 or 64: the width of the floats in the file.

    >>> cell_text(7.0), cell_text(0.1 + 0.2), cell_text(1e-05), cell_text(4e15), cell_text(True), cell_text(None)
    ('7', '0.3', '0.00001', '4000000000000000', 'true', '')
    >>> cell_text(12.345, ","), cell_text("12.345", ","), cell_text(19.989999771118164, float_bits=32)
    ('12,345', '12.345', '19.99')
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        digits, largest_whole = FLOATS[float_bits]
        if value.is_integer() and abs(value) <= largest_whole:
            return str(int(value))
        return format(Decimal(format(value, f".{digits}g")), "f").replace(".", decimal)
    if isinstance(value, Decimal):
        return format(value, "f").replace(".", decimal)
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, date | time):
        return value.isoformat()
    return str(value)


class ExcelReader:
    """One sheet of a workbook (.xlsx, .xls, .xlsb, .ods); ``decimal_marks`` has every header name that is read.

    Error cells (``#N/A``) reject their row in .xlsx and .xlsm only: in the other formats they come as empty cells.
    """

    def __init__(self, path: Path, sheet: str | None, header_row: int, decimal_marks: Mapping[str, str]) -> None:
        self.path = path
        self.sheet = sheet
        self.header_row = header_row
        self.decimal_marks = decimal_marks

    def header(self) -> list[str]:
        """The header row's texts, without the empty cells after the last named one."""
        return checked_header(self.path, self._names(self._rows()))

    def _names(self, rows: list[list[object]]) -> list[str]:
        if len(rows) < self.header_row:
            raise SourceError(f"{self.path}: the sheet has no row {self.header_row}", remedy="set excel.header_row")
        names = [cell_text(v).strip() for v in rows[self.header_row - 1]]
        while names and not names[-1]:
            names.pop()
        return names

    def stage(self, connection: Connection, columns: Sequence[str], load_id: int) -> Staged:
        """COPY every row below the header that is not empty."""
        n_rows, unreadable = 0, list[Unreadable]()
        rows = self._rows()
        header = self._names(rows)
        marks = [self.decimal_marks.get(name, ".") for name in header]
        marks += ["."] * (max(map(len, rows)) - len(marks))
        errors = self._errors(header)
        names = sql.SQL(", ").join(map(sql.Identifier, ["_row", *columns]))
        with (
            connection.cursor() as cursor,
            cursor.copy(sql.SQL("copy incoming ({}) from stdin").format(names)) as copy,
        ):
            for line, cells in enumerate(rows[self.header_row :], start=self.header_row + 1):
                record = [cell_text(v, mark) for v, mark in zip(cells, marks, strict=False)]
                problem = _put_errors(record, errors[line]) if line in errors else None
                if not any(record):
                    continue
                row = load_id * ROWS_PER_LOAD + line
                beyond = [text for text in record[len(columns) :] if text]
                problem = problem or problem_of(record[: len(columns)] + beyond, len(columns))
                if problem:
                    unreadable.append(Unreadable(row, *problem, printable("\t".join(record))))
                    too_many_unreadable(self.path, unreadable)
                else:
                    copy.write_row((row, *(text or None for text in record[: len(columns)])))
                    n_rows += 1
        return Staged(n_rows, tuple(unreadable))

    def _errors(self, header: Sequence[str]) -> dict[int, list[tuple[int, str, str]]]:
        """The error cells below the header, by line: position from 0, name (``E5``), error; not of unread columns."""
        errors: dict[int, list[tuple[int, str, str]]] = defaultdict(list)
        if not _may_hold_errors(self.path):
            return errors
        import openpyxl

        try:
            book = openpyxl.load_workbook(self.path, read_only=True, data_only=True)
            try:
                sheet = book[self.sheet or book.sheetnames[0]]
                sheet.reset_dimensions()  # what the file says of its size need not be so
                for cell in (c for cells in sheet.iter_rows(min_row=self.header_row + 1) for c in cells):
                    if cell.data_type == "e" and self._is_read(header, cell.column - 1):
                        errors[cell.row].append((cell.column - 1, cell.coordinate, str(cell.value)))
            finally:
                book.close()
        except (KeyError, ValueError, TypeError, OSError, ParseError, zipfile.BadZipFile) as error:
            raise SourceError(
                f"{self.path}: it holds error cells (#N/A), but not where: {error}",
                remedy="open and save it in Excel",
            ) from None
        return errors

    def _is_read(self, header: Sequence[str], position: int) -> bool:
        """Whether a cell there matters; beyond the header every cell does, for it has no place in a row."""
        return position >= len(header) or header[position] in self.decimal_marks

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


def _may_hold_errors(path: Path) -> bool:
    """Whether a sheet of the workbook may hold an error cell: a scan of its bytes, for most hold none."""
    if path.suffix.lower() not in (".xlsx", ".xlsm") or not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as parts:
        for name in parts.namelist():
            if "worksheets/" in name.lower() and name.lower().endswith(".xml"):
                with parts.open(name) as part:
                    end = b""
                    while chunk := part.read(SCANNED_BYTES):
                        chunk = end + chunk
                        if b't="e"' in chunk or b"t='e'" in chunk:
                            return True
                        end = chunk[-4:]  # one byte less than what is looked for, which may lie across two chunks
    return False


def _put_errors(record: list[str], errors: Sequence[tuple[int, str, str]]) -> tuple[str, str]:
    """Put the errors into the record, where empty texts stand for them; return the rule broken, and a sentence."""
    record += [""] * (max(position for position, _, _ in errors) + 1 - len(record))
    for position, _, error in errors:
        record[position] = error
    _, cell, error = errors[0]
    return "excel_error", f"Cell {cell} holds the error {error}."


class ParquetReader:
    """A Parquet file, a row group at a time; ``line`` is the row's number, from 1."""

    def __init__(self, path: Path, decimal_marks: Mapping[str, str]) -> None:
        self.path = path
        self.decimal_marks = decimal_marks

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
