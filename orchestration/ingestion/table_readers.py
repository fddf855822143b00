"""Excel and Parquet into ``incoming``: typed cells as text, as ``cell_text`` writes them.

Not here: CSV (csv_reader.py).
"""

import io
from collections.abc import Sequence
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

from psycopg import sql

from orchestration.errors import SourceError
from orchestration.ingestion.rows import (
    ROWS_PER_LOAD,
    Staged,
    Unreadable,
    checked_header,
    printable,
    problem_of,
)
from orchestration.warehouse import Connection


def cell_text(value: object) -> str:
    """A typed cell as text: ISO dates, a decimal point, whole numbers without ``.0``.

    >>> cell_text(7.0), cell_text(0.1 + 0.2), cell_text(True), cell_text(None)
    ('7', '0.3', 'true', '')
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        # 15 significant digits are what a double keeps of a decimal: more is noise of the binary form
        return format(value, ".15g")
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
                else:
                    copy.write_row((row, *record[: len(columns)]))
                    rows += 1
        return Staged(rows, tuple(unreadable))

    def _rows(self) -> list[list[object]]:
        import python_calamine

        try:
            book = python_calamine.CalamineWorkbook.from_path(self.path)
            sheet = book.get_sheet_by_name(self.sheet) if self.sheet else book.get_sheet_by_index(0)
        except (python_calamine.CalamineError, OSError, ValueError) as error:
            raise SourceError(
                f"{self.path}: cannot read the workbook: {error}", remedy="open and save it in Excel"
            ) from None
        return sheet.to_python(skip_empty_area=False)


class ParquetReader:
    """A Parquet file, a row group at a time; ``line`` is the row's number, from 1."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def header(self) -> list[str]:
        """The names of the columns."""
        return checked_header(self.path, self._file().schema_arrow.names)

    def stage(self, connection: Connection, columns: Sequence[str], load_id: int) -> Staged:
        """COPY every batch as CSV, every value as text."""
        from pyarrow import csv as arrow_csv

        connection.execute("select setval('incoming_row', %s, false)", [load_id * ROWS_PER_LOAD + 1])
        names = sql.SQL(", ").join(map(sql.Identifier, columns))
        options = arrow_csv.WriteOptions(include_header=False)
        with connection.cursor() as cursor:
            with cursor.copy(sql.SQL("copy incoming ({}) from stdin (format csv)").format(names)) as copy:
                for batch in self._file().iter_batches(batch_size=50_000):
                    buffer = io.BytesIO()
                    arrow_csv.write_csv(_as_text(batch), buffer, options)
                    copy.write(buffer.getvalue())
            return Staged(rows=cursor.rowcount)

    def _file(self) -> Any:
        import pyarrow
        from pyarrow import parquet

        try:
            return parquet.ParquetFile(self.path)
        except (pyarrow.ArrowInvalid, OSError) as error:
            raise SourceError(f"{self.path}: not a Parquet file: {error}", remedy="export it again") from None


def _as_text(batch: Any) -> Any:
    """The record batch with every column as text, as ``cell_text`` writes it."""
    import pyarrow as pa
    from pyarrow import compute as pc
    from pyarrow import types

    texts = []
    for column in batch.columns:
        kind = column.type
        if types.is_floating(kind):
            texts.append(pa.array([None if v is None else cell_text(v) for v in column.to_pylist()], pa.string()))
        elif types.is_timestamp(kind):
            texts.append(pc.strftime(column.cast(pa.timestamp("us", kind.tz)), "%Y-%m-%d %H:%M:%S"))
        else:
            texts.append(column.cast(pa.string()))
    return pa.RecordBatch.from_arrays(texts, names=batch.schema.names)
