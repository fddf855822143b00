"""Delimited text in tests: a table written in any dialect, and what the reader makes of a file on either of its ways.

Not here: what should come of it (tests/integration/test_ingestion_delimited.py and …_hostile.py).
"""

from collections.abc import Sequence
from typing import Any

import pytest

from orchestration.errors import SourceError
from orchestration.ingestion.readers import delimited
from orchestration.ingestion.readers.delimited import CsvReader
from orchestration.ingestion.readers.plain import NotPlainError
from orchestration.ingestion.readers.records import ROWS_PER_LOAD
from orchestration.ingestion.staging import make_incoming, prepare
from orchestration.shapes import CsvDialect
from tests.support.ingestion import House

Rows = list[tuple[int, tuple[str | None, ...]]]
Bad = list[tuple[int, str]]
LOAD_ID = 3


def staged(house: House, content: bytes, dialect: CsvDialect | None = None) -> tuple[Rows, Bad]:
    """The rows of ``incoming`` (line and texts) and the unreadable lines (line and rule) that a file becomes."""
    reader = CsvReader(house.write("staged.csv", content), dialect or CsvDialect())
    with house.connection.transaction(force_rollback=True):
        prepare(house.connection)
        staging = make_incoming(house.connection, reader.header())
        found = reader.stage(house.connection, list(staging.values()), LOAD_ID)
        rows = house.rows("select * from incoming order by _row")
    base = LOAD_ID * ROWS_PER_LOAD
    assert found.rows == len(rows)
    return [(row[0] - base, row[1:]) for row in rows], [(bad.row - base, bad.rule) for bad in found.unreadable]


def without_the_fast_path(house: House, content: bytes, dialect: CsvDialect | None = None) -> tuple[Rows, Bad]:
    """``staged``, row by row."""
    with pytest.MonkeyPatch.context() as patch:

        def refuse(*arguments: Any, **options: Any) -> None:
            raise NotPlainError

        patch.setattr(delimited, "stage_plain", refuse)
        return staged(house, content, dialect)


def by_both_ways(house: House, content: bytes, dialect: CsvDialect | None = None) -> tuple[Rows, Bad] | str:
    """What the file becomes, or why it is refused: the same whether PostgreSQL or Python reads it."""
    ends: list[Any] = []
    for read in (staged, without_the_fast_path):
        try:
            ends.append(read(house, content, dialect))
        except SourceError as error:
            ends.append(str(error))
    assert ends[0] == ends[1]
    return ends[0]  # type: ignore[no-any-return]


def written(rows: Sequence[Sequence[str]], dialect: CsvDialect, *, line_end: str = "\n", has_mark: bool = False) -> str:
    """A table in that dialect; a text that could be taken for something else stands in quotes where there are any."""
    parts = {*dialect.delimiter, *(dialect.row_end or ""), dialect.quote or "", "\r", "\n", "\ufeff"} - {""}
    quote = dialect.quote

    def field(text: str) -> str:
        if quote is None or not parts & set(text):
            return text
        return quote + text.replace(quote, quote * 2) + quote

    end = (dialect.row_end or "\n").replace("\n", line_end)
    return ("\ufeff" if has_mark else "") + "".join(dialect.delimiter.join(map(field, row)) + end for row in rows)


def encoded(text: str, dialect: CsvDialect, *, is_big_endian: bool = False) -> bytes:
    """The text as bytes of that dialect's encoding; of UTF-16 with the mark only if the text has it."""
    if dialect.encoding == "utf-16":
        return text.encode("utf-16-be" if is_big_endian else "utf-16-le")
    return text.encode(dialect.encoding)
