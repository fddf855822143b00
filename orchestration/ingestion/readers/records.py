"""What all readers share: a record, its place, what makes it no row, and how records come into ``incoming``.

Every row keeps its place: ``_row`` = load id × 10^10 + line in the file. Not here: reading a format (its neighbours).
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from psycopg import sql

from orchestration.errors import SourceError
from orchestration.warehouse import Connection

ROWS_PER_LOAD = 10**10
# PostgreSQL's tables end at 1,600 columns; no sales export comes near.
MOST_COLUMNS = 1_500
# Beyond this the file is not what the mapping says (another delimiter, say), and its lines would fill the memory.
MOST_UNREADABLE = 100_000
_NOT_STORABLE = re.compile("[\0\ud800-\udfff]")


@dataclass(frozen=True)
class Record:
    """One record of a file: where it begins, its fields as text, or the rule it breaks and why it is no row.

    ``text`` is the record as it stands in the file, where that is not simply its fields.
    """

    line: int
    fields: Sequence[str] | None
    rule: str = ""
    reason: str = ""
    text: str = ""


class Reader(Protocol):
    """One file of one format."""

    path: Path

    def header(self) -> list[str]:
        """The column names. Raises SourceError when there are none."""
        ...

    def records(self) -> Iterator[Record]:
        """The records below the header, in their order. Raises SourceError when the file cannot be read on."""
        ...

    def stage(self, connection: Connection, columns: Sequence[str], load_id: int) -> "Staged":
        """COPY the rows into ``incoming``; ``columns`` are the staging columns in the file's order.

        Most formats do it with ``stage_records``; a format that PostgreSQL can read itself is faster.
        """
        ...


@dataclass(frozen=True)
class Unreadable:
    """A line that is not a row of its file: kept for quarantine as it is."""

    row: int
    rule: str
    reason: str
    text: str


@dataclass(frozen=True)
class Staged:
    """What one file brought: rows in ``incoming``, and the lines that could not become rows."""

    rows: int
    unreadable: tuple[Unreadable, ...] = ()


def checked_header(path: Path, names: Sequence[str]) -> list[str]:
    """The trimmed column names. Raises SourceError on an empty, repeated or unreadable one, and on far too many."""
    header = [name.strip() for name in names]
    if not any(header):
        raise SourceError(f"{path}: there is no header row", remedy="the first row must name the columns")
    if len(header) > MOST_COLUMNS:
        raise SourceError(f"{path}: {len(header)} columns are too many", remedy=f"at most {MOST_COLUMNS} are read")
    for position, name in enumerate(header, start=1):
        if not name:
            raise SourceError(f"{path}, column {position}: the header has no name here", remedy="name the column")
        if _NOT_STORABLE.search(name):
            raise SourceError(
                f"{path}, column {position}: the header is not of the file's encoding: {printable(name)!r}",
                remedy="set csv.encoding in sources.yaml, or export as UTF-8",
            )
        if header.index(name) != position - 1:
            raise SourceError(
                f"{path}, column {position}: the header names {name!r} twice", remedy="rename one of them"
            )
    return header


def problem_of(record: Sequence[str], n_columns: int) -> tuple[str, str] | None:
    """The rule a record breaks, and a sentence; None if it is a row.

    >>> problem_of(["1", "2", "3"], 2)
    ('column_count', 'The line has 3 fields, the header names 2.')
    """
    if len(record) != n_columns:
        return "column_count", f"The line has {len(record)} fields, the header names {n_columns}."
    found = _NOT_STORABLE.search("".join(record))
    if found is None:
        return None
    if found.group() == "\0":
        return "nul_character", "The line holds a NUL character."
    return "encoding", "The line holds bytes that are not of the file's encoding."


def too_many_unreadable(path: Path, lines: Sequence[Unreadable]) -> None:
    """Raise SourceError if so many lines are no rows that the file cannot be what the mapping says."""
    if len(lines) > MOST_UNREADABLE:
        raise SourceError(
            f"{path}: more than {MOST_UNREADABLE:,} lines are no rows; the first, line {lines[0].row % ROWS_PER_LOAD}: "
            f"{lines[0].reason}",
            remedy="see to delimiter, quote and encoding in sources.yaml",
        )


def printable(text: str) -> str:
    r"""The text with what PostgreSQL cannot store written as escapes.

    >>> printable("a\0b")
    'a\\x00b'
    """
    return _NOT_STORABLE.sub(lambda m: f"\\x{ord(m.group()) & 0xFF:02x}", text)


def stage_records(reader: Reader, connection: Connection, columns: Sequence[str], load_id: int) -> Staged:
    """COPY the records of ``reader`` into ``incoming`` row by row; an empty text is null.

    Raises:
        SourceError: the file cannot be read on, or too many of its records are no rows.
    """
    n_rows, unreadable = 0, list[Unreadable]()
    names = sql.SQL(", ").join(map(sql.Identifier, ["_row", *columns]))
    with (
        connection.cursor() as cursor,
        cursor.copy(sql.SQL("copy incoming ({}) from stdin").format(names)) as copy,
    ):
        for record in reader.records():
            row, fields = load_id * ROWS_PER_LOAD + record.line, record.fields
            problem = (record.rule, record.reason) if fields is None or record.rule else None
            problem = problem or problem_of(fields or (), len(columns))
            if problem or fields is None:
                text = record.text or "\t".join(fields or ())
                unreadable.append(Unreadable(row, *(problem or ("", "")), printable(text.rstrip("\r\n"))))
                too_many_unreadable(reader.path, unreadable)
            else:
                copy.write_row((row, *(field or None for field in fields)))
                n_rows += 1
    return Staged(n_rows, tuple(unreadable))
