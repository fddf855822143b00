"""What all readers share: the place of a row, what a file brought, and what makes a line no row.

Every row keeps its place: ``_row`` = load id × 10^10 + line in the file.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from orchestration.errors import SourceError

ROWS_PER_LOAD = 10**10


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
    """The trimmed column names. Raises SourceError on an empty or repeated one."""
    header = [name.strip() for name in names]
    if not any(header):
        raise SourceError(f"{path}: there is no header row", remedy="the first row must name the columns")
    for position, name in enumerate(header, start=1):
        if not name:
            raise SourceError(f"{path}, column {position}: the header has no name here", remedy="name the column")
        if header.index(name) != position - 1:
            raise SourceError(
                f"{path}, column {position}: the header names {name!r} twice", remedy="rename one of them"
            )
    return header


def problem_of(record: Sequence[str], n_columns: int) -> tuple[str, str] | None:
    """The rule a record breaks, and a sentence; None if it is a row."""
    if len(record) != n_columns:
        return "column_count", f"The line has {len(record)} fields, the header names {n_columns}."
    text = "".join(record)
    if "\0" in text:
        return "nul_character", "The line holds a NUL character."
    if any("\ud800" <= c <= "\udfff" for c in text):
        return "encoding", "The line holds bytes that are not of the file's encoding."
    return None


def printable(text: str) -> str:
    r"""The text with what PostgreSQL cannot store written as escapes.

    >>> printable("a\0b")
    'a\\x00b'
    """
    return re.sub("[\0\ud800-\udfff]", lambda m: f"\\x{ord(m.group()) & 0xFF:02x}", text)
