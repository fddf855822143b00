"""What stands in a file: its format, and the tables in it, each as the shape that a source would have.

Not here: delimited text (dialect.py), trees (trees.py), and reading the rows (ingestion/readers/ does that).
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from orchestration.shapes import CsvDialect, ExcelSheet, Shape, SqlDump, Tree
from orchestration.starter.dialect import SAMPLE_BYTES, encoding_of, find_dialect
from orchestration.starter.dumps import tables_with_rows
from orchestration.starter.trees import find_trees

_EXCEL = {".xlsx", ".xlsm", ".xls", ".xlsb", ".ods"}
_TREES = {".json": "json", ".jsonl": "json", ".ndjson": "json", ".xml": "xml", ".yaml": "yaml", ".yml": "yaml"}
MOST_TITLE_ROWS = 30


@dataclass(frozen=True)
class Look:
    """One table of a file: its shape, what it is called, how sure the shape is and why."""

    path: Path
    shape: Shape
    label: str  # of the table: the file's stem, the sheet, the table of a dump
    confidence_pct: int
    reason: str
    header: tuple[str, ...] = ()
    content: Path | None = None  # where it is unpacked, if the file is an archive

    @property
    def read_from(self) -> Path:
        """The file to read the rows from."""
        return self.content or self.path


class NotRecognisedError(Exception):
    """The file holds no table that could be found; the text says why."""


def looks_of(path: Path, names: Mapping[str, Sequence[str]]) -> list[Look]:
    """The tables of a file.

    Args:
        path: the file.
        names: columns of tables as a ``create table`` beside the files states them, by table: for files without header.

    Raises:
        NotRecognisedError: there is none, or the file cannot be read.
    """
    suffix = path.suffix.lower()
    try:
        if suffix in _EXCEL:
            found = list(_sheets(path))
        elif suffix in (".parquet", ".pq") or _begins(path, b"PAR1"):
            found = [Look(path, Shape(format="parquet"), _stem(path), 100, "Parquet states its columns")]
        elif suffix in _TREES:
            found = [
                Look(path, Shape(format=_TREES[suffix], tree=Tree(records=r, lines=k)), _stem(path), 90, why)  # type: ignore[arg-type]
                for r, k, why in find_trees(path, _TREES[suffix])
            ]
        elif suffix == ".sql":
            found = [
                Look(
                    path, Shape(format="sql", sql=SqlDump(table=table)), table.rpartition(".")[2], 100, "rows of a dump"
                )
                for table in tables_with_rows(path)
            ]
        else:
            found = [_text(path, names)]
    except (OSError, UnicodeError, ValueError) as error:
        raise NotRecognisedError(f"cannot be read: {error}") from None
    if not found:
        raise NotRecognisedError("no table with rows was found in it")
    return found


def _stem(path: Path) -> str:
    stem = path.name
    while Path(stem).suffix.lower() in {".csv", ".tsv", ".txt", ".dat", ".parquet", ".pq", *_TREES, *_EXCEL}:
        stem = Path(stem).stem
    return stem


def _begins(path: Path, magic: bytes) -> bool:
    with path.open("rb") as stream:
        return stream.read(len(magic)) == magic


def _head(path: Path) -> tuple[bytes, bool]:
    """The first bytes, and whether that is all."""
    with path.open("rb") as stream:
        head = stream.read(SAMPLE_BYTES)
        return head, not stream.read(1)


def _text(path: Path, names: Mapping[str, Sequence[str]]) -> Look:
    head, is_whole = _head(path)
    if not head.strip():
        raise NotRecognisedError("the file is empty")
    if head.lstrip().startswith((b"{", b"[{")) and encoding_of(head) == "utf-8":
        trees = find_trees(path, "json")
        if trees:
            records, lines, why = trees[0]
            return Look(path, Shape(format="json", tree=Tree(records=records, lines=lines)), _stem(path), 90, why)
    found = find_dialect(head, is_whole=is_whole)
    if found is None:
        raise NotRecognisedError("it is no text, and of no format that is known")
    if found.has_header:
        header = tuple(name.strip() for name in found.rows[0])
        return Look(path, Shape(csv=found.dialect), _stem(path), found.confidence_pct, found.reason, header)
    width = max(map(len, found.rows), key=[len(row) for row in found.rows].count)
    own, why = _names_for(_stem(path), width, names)
    csv = CsvDialect.model_validate({**found.dialect.model_dump(), "names": own})
    return Look(path, Shape(csv=csv), _stem(path), found.confidence_pct, f"{found.reason}; {why}", own)


def _names_for(stem: str, width: int, names: Mapping[str, Sequence[str]]) -> tuple[tuple[str, ...], str]:
    """The columns of a file without header: those of the table it is called after, if it has as many."""
    for table, columns in names.items():
        if table.rpartition(".")[2].casefold() == stem.rpartition(".")[2].casefold() and len(columns) == width:
            return tuple(columns), f"no header: the names are those of {table} in the given .sql"
    return tuple(f"column_{n}" for n in range(1, width + 1)), "no header, and no .sql names its columns"


def _sheets(path: Path) -> Iterator[Look]:
    """The sheets that hold a table, each with the row of its header."""
    import python_calamine

    try:
        book = python_calamine.CalamineWorkbook.from_path(path)
    except python_calamine.CalamineError as error:
        raise ValueError(str(error)) from None
    tables = [(name, place, found) for place, name in enumerate(book.sheet_names) if (found := _table_in(book, name))]
    for name, place, (row, header) in tables:
        is_only = len(tables) == 1 and place == 0
        sheet = ExcelSheet(sheet=None if is_only else name, header_row=row)
        reason = f"sheet {name!r}" + ("" if row == 1 else f", header in row {row} below {row - 1} rows of title")
        label = _stem(path) if is_only or re.fullmatch(r"(?i)(sheet|tabelle|feuil|hoja|foglio|blad)\d*", name) else name
        yield Look(path, Shape(format="excel", excel=sheet), label, 95 if row == 1 else 85, reason, header)


def _table_in(book: object, name: str) -> tuple[int, tuple[str, ...]] | None:
    """The row of the header, and its names: the first row of texts as wide as what stands below it."""
    rows = book.get_sheet_by_name(name).to_python(nrows=MOST_TITLE_ROWS + 200)  # type: ignore[attr-defined]
    widths = [sum(cell != "" for cell in row) for row in rows]
    usual = sorted(width for width in widths if width)[len([w for w in widths if w]) // 2] if any(widths) else 0
    for place, row in enumerate(rows[:MOST_TITLE_ROWS]):
        cells = [str(cell).strip() for cell in row if cell != ""]
        is_named = all(isinstance(cell, str) for cell in row) and len(set(cells)) == len(cells)
        below = [width for width in widths[place + 1 : place + 6] if width]
        if len(cells) >= max(2, usual * 0.6) and is_named and below and max(below) >= len(cells) * 0.5:
            return place + 1, tuple(cells)
    return None
