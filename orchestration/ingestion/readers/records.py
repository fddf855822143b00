"""What all readers share: a record, its place, what makes it no row, and how records come into ``incoming``.

Every row keeps its place: ``_row`` = load id × 10^10 + line in the file. Not here: reading a format (its neighbours).
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

import psycopg
from psycopg import sql

from orchestration.errors import SourceError
from orchestration.warehouse import Connection

ROWS_PER_LOAD = 10**10
# PostgreSQL's tables end at 1,600 columns; no sales export comes near.
MOST_COLUMNS = 1_500
# Beyond this the file is not what the mapping says (another delimiter, say), and its lines would fill the memory.
MOST_UNREADABLE = 100_000
MOST_UNREADABLE_CHARACTERS = 1 << 27
LONGEST_SHOWN = 60
_NOT_STORABLE = re.compile("[\0\ud800-\udfff]")


class Record(NamedTuple):  # of millions: a frozen dataclass takes a third longer to make
    """One record of a file: where it begins, its fields as text, or the rule it breaks and why it is no row.

    ``line`` is what a person looks for in the file: the line, the sheet's row or, where there is neither, the record's
    number. ``text`` is the record as it stands in the file, where that is not simply its fields.
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
                f"{path}, column {position}: the header is not of the file's encoding: {shown(name)}",
                remedy="set csv.encoding in sources.yaml, or export as UTF-8",
            )
        if header.index(name) != position - 1:
            raise SourceError(
                f"{path}, column {position}: the header names {shown(name)} twice", remedy="rename one of them"
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


def too_many_unreadable(path: Path, lines: Sequence[Unreadable], n_characters: int = 0) -> None:
    """Raise SourceError if so many lines are no rows, or such long ones, that the file is not what the mapping says."""
    if len(lines) > MOST_UNREADABLE or n_characters > MOST_UNREADABLE_CHARACTERS:
        most = f"{MOST_UNREADABLE:,} lines"
        if n_characters > MOST_UNREADABLE_CHARACTERS:
            most = f"{MOST_UNREADABLE_CHARACTERS:,} characters"
        raise SourceError(
            f"{path}: more than {most} are no rows; the first, line {lines[0].row % ROWS_PER_LOAD}: {lines[0].reason}",
            remedy="see to delimiter, quote and encoding in sources.yaml",
        )


def printable(text: str) -> str:
    r"""The text with what PostgreSQL cannot store written as escapes.

    >>> printable("a\0b")
    'a\\x00b'
    """
    return _NOT_STORABLE.sub(lambda m: f"\\x{ord(m.group()) & 0xFF:02x}", text)


def shown(text: str) -> str:
    """A text of a file as a message shows it: in quotes, printable, and not at length.

    >>> shown("price"), len(shown("x" * 10_000))
    ("'price'", 63)
    """
    return repr(printable(text if len(text) <= LONGEST_SHOWN else text[:LONGEST_SHOWN] + "…"))


def stage_records(reader: Reader, connection: Connection, columns: Sequence[str], load_id: int) -> Staged:
    """COPY the records of ``reader`` into ``incoming`` row by row; an empty text is null.

    Raises:
        SourceError: the file cannot be read on, too many of its records are no rows, or one is too wide for a table.
    """
    n_rows, n_characters, unreadable = 0, 0, list[Unreadable]()
    names = sql.SQL(", ").join(map(sql.Identifier, ["_row", *columns]))
    statement = sql.SQL("copy incoming ({}) from stdin").format(names)
    try:
        with connection.cursor() as cursor, cursor.copy(statement) as copy:
            for record in reader.records():
                row, fields = load_id * ROWS_PER_LOAD + record.line, record.fields
                problem = (record.rule, record.reason) if record.rule else problem_of(fields or (), len(columns))
                if problem is None:
                    copy.write_row((row, *[field or None for field in fields or ()]))
                    n_rows += 1
                    continue
                text = printable((record.text or "\t".join(fields or ())).rstrip("\r\n"))
                unreadable.append(Unreadable(row, *problem, text))
                n_characters += len(text)
                too_many_unreadable(reader.path, unreadable, n_characters)
    except psycopg.errors.ProgramLimitExceeded as error:
        raise SourceError(
            f"{reader.path}: {len(columns)} columns of such width are more than a table takes: "
            f"{error.diag.message_primary}",
            remedy="export the columns that are needed",
        ) from None
    return Staged(n_rows, tuple(unreadable))
