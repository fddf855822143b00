"""CSV into ``incoming``: as it is where PostgreSQL and RFC 4180 read it alike, row by row where they might not.

Not here: the other formats (table_readers.py).
"""

import csv
import io
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from orchestration.business import CsvDialect
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

CHUNK_BYTES = 1 << 20
LONGEST_FIELD = 1 << 20


class CsvReader:
    """CSV as RFC 4180 has it, in any single-byte delimiter and quote.

    A file whose every line is well-formed goes to PostgreSQL as it is, which parses it; only a file with quoting that
    the two sides could read differently, ragged lines, NULs or broken encoding is parsed here, row by row.
    """

    def __init__(self, path: Path, dialect: CsvDialect) -> None:
        self.path = path
        self.dialect = dialect

    def header(self) -> list[str]:
        """The first record."""
        with self._text() as stream:
            first = next(csv.reader(stream, **self._csv_options()), None)
        if first is None:
            raise SourceError(f"{self.path}: the file is empty", remedy="an export without rows still has its header")
        return checked_header(self.path, first)

    def stage(self, connection: Connection, columns: Sequence[str], load_id: int) -> Staged:
        """COPY the file as it is where that is safe, else row by row."""
        try:
            with connection.transaction():
                return self._stage_as_is(connection, columns, load_id)
        except (_NotPlainError, psycopg.errors.DataError):
            return self._stage_by_row(connection, columns, load_id)

    def _stage_as_is(self, connection: Connection, columns: Sequence[str], load_id: int) -> Staged:
        connection.execute("select setval('incoming_row', %s)", [load_id * ROWS_PER_LOAD + 1])
        statement = sql.SQL("copy incoming ({}) from stdin (format csv, delimiter {}, quote {}, encoding {})").format(
            sql.SQL(", ").join(map(sql.Identifier, columns)),
            sql.Literal(self.dialect.delimiter),
            sql.Literal(self.dialect.quote),
            sql.Literal({"utf-8": "UTF8", "cp1252": "WIN1252", "latin-1": "LATIN1"}[self.dialect.encoding]),
        )
        with connection.cursor() as cursor:
            with cursor.copy(statement) as copy:
                for block in self._plain_blocks():
                    copy.write(block)
            return Staged(rows=cursor.rowcount)

    def _plain_blocks(self) -> Iterator[bytes]:
        """Blocks of whole lines after the header; raises _NotPlainError at a line that is not one plain record."""
        is_plain = _plainness(self.dialect)
        with self.path.open("rb") as stream:
            header = stream.readline()
            if not is_plain(header):
                raise _NotPlainError
            rest = b""
            while chunk := stream.read(CHUNK_BYTES):
                block, newline, rest = (rest + chunk).rpartition(b"\n")
                block += newline
                if not is_plain(block):
                    raise _NotPlainError
                yield block
            if not is_plain(rest):
                raise _NotPlainError
            yield rest

    def _stage_by_row(self, connection: Connection, columns: Sequence[str], load_id: int) -> Staged:
        unreadable: list[Unreadable] = []
        rows = 0
        names = sql.SQL(", ").join(map(sql.Identifier, ["_row", *columns]))
        with (
            connection.cursor() as cursor,
            cursor.copy(sql.SQL("copy incoming ({}) from stdin").format(names)) as copy,
        ):
            for line, record in self._records():
                row = load_id * ROWS_PER_LOAD + line
                problem = problem_of(record, len(columns))
                if problem:
                    text = self.dialect.delimiter.join(record)
                    unreadable.append(Unreadable(row, *problem, printable(text)))
                else:
                    copy.write_row((row, *record))
                    rows += 1
        return Staged(rows, tuple(unreadable))

    def _records(self) -> Iterator[tuple[int, list[str]]]:
        """Every record after the header with the line it begins on; blank lines are no records."""
        with self._text() as stream:
            reader = csv.reader(stream, **self._csv_options())
            begins = 1
            try:
                for record in reader:
                    if begins > 1 and record:
                        yield begins, record
                    begins = reader.line_num + 1
            except csv.Error as error:
                raise SourceError(
                    f"{self.path}, line {begins}: {error}", remedy="a quote that is never closed begins here"
                ) from None

    def _text(self) -> io.TextIOWrapper:
        # surrogateescape keeps bytes that are not of the encoding, so that their line can be shown and told apart
        encoding = "utf-8-sig" if self.dialect.encoding == "utf-8" else self.dialect.encoding
        return self.path.open(encoding=encoding, errors="surrogateescape", newline="")

    def _csv_options(self) -> dict[str, Any]:
        csv.field_size_limit(LONGEST_FIELD)
        return {"delimiter": self.dialect.delimiter, "quotechar": self.dialect.quote}


class _NotPlainError(Exception):
    """The file must be parsed row by row."""


def _plainness(dialect: CsvDialect) -> Callable[[bytes], bool]:
    """A test that every line of a block is one record that PostgreSQL and RFC 4180 read alike."""
    delimiter, quote = (re.escape(c.encode()) for c in (dialect.delimiter, dialect.quote))
    field = rb"(?:Q(?:[^Q\r\n]|QQ)*Q|[^QD\r\n]*)".replace(b"Q", quote).replace(b"D", delimiter)
    line = re.compile(field + rb"(?:" + delimiter + field + rb")*\r?")
    quoted_line = re.compile(rb"^[^\n]*" + quote + rb"[^\n]*$", re.MULTILINE)
    mark = dialect.quote.encode()

    def is_plain(block: bytes) -> bool:
        if b"\\." in block or b"\0" in block or block.startswith(b"\xef\xbb\xbf" * 2):
            return False
        if mark not in block:
            return True
        return all(line.fullmatch(m.group()) for m in quoted_line.finditer(block))

    return is_plain
