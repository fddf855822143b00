"""Workbooks into ``incoming``: typed cells as text.

Not here: how a cell is written (cells.py).
"""

import zipfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from xml.etree.ElementTree import ParseError

from orchestration.errors import SourceError
from orchestration.ingestion.readers.cells import cell_text
from orchestration.ingestion.readers.records import Record, Staged, checked_header, stage_records
from orchestration.warehouse import Connection
from orchestration.yaml_files import nearest

SCANNED_BYTES = 1 << 20


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

    def records(self) -> Iterator[Record]:
        """Every row below the header that is not empty; what stands beyond the header has no place in a row."""
        rows = self._rows()
        header = self._names(rows)
        marks = [self.decimal_marks.get(name, ".") for name in header]
        marks += ["."] * (max(map(len, rows)) - len(marks))
        errors = self._errors(header)
        for line, cells in enumerate(rows[self.header_row :], start=self.header_row + 1):
            texts = [cell_text(v, mark) for v, mark in zip(cells, marks, strict=False)]
            problem = _put_errors(texts, errors[line]) if line in errors else ("", "")
            if any(texts):
                beyond = [text for text in texts[len(header) :] if text]
                yield Record(line, texts[: len(header)] + beyond, *problem, text="\t".join(texts))

    def stage(self, connection: Connection, columns: Sequence[str], load_id: int) -> Staged:
        """COPY every row below the header that is not empty."""
        return stage_records(self, connection, columns, load_id)

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
