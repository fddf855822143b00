"""CSV into ``incoming``: as it is where PostgreSQL and RFC 4180 read it alike, row by row where they might not.

Not here: the other formats (the modules beside it).
"""

import codecs
import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from orchestration.errors import SourceError
from orchestration.ingestion.readers.records import ROWS_PER_LOAD, Record, Staged, checked_header, stage_records
from orchestration.shapes import CsvDialect
from orchestration.warehouse import Connection

CHUNK_BYTES = 1 << 20
LONGEST_FIELD = 1 << 24  # 16 MB: an open quote must not read the rest of a huge file into one field


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
        first = next(self._records(), None)
        if first is None:
            raise SourceError(f"{self.path}: the file is empty", remedy="an export without rows still has its header")
        if first.fields is None:
            raise SourceError(f"{self.path}, line 1: {first.reason}", remedy="the first row must name the columns")
        return checked_header(self.path, first.fields)

    def records(self) -> Iterator[Record]:
        """The records below the header; blank lines are none."""
        return islice(self._records(), 1, None)

    def stage(self, connection: Connection, columns: Sequence[str], load_id: int) -> Staged:
        """COPY the file as it is where that is safe, else row by row."""
        try:
            with connection.transaction():
                return self._stage_as_is(connection, columns, load_id)
        except (_NotPlainError, psycopg.errors.DataError):
            return stage_records(self, connection, columns, load_id)

    def _stage_as_is(self, connection: Connection, columns: Sequence[str], load_id: int) -> Staged:
        if len(columns) == 1 or not self.dialect.is_plain or self.dialect.names:
            raise _NotPlainError  # of one column a blank line would be a row
        connection.execute("select setval('incoming_row', %s)", [load_id * ROWS_PER_LOAD + 1])
        names = sql.SQL(", ").join(map(sql.Identifier, columns))
        # an empty field is null in every format, in quotes or not
        options = "format csv, delimiter {}, quote {}, encoding {}, force_null ({})"
        statement = sql.SQL(f"copy incoming ({{}}) from stdin ({options})").format(
            names,
            sql.Literal(self.dialect.delimiter),
            sql.Literal(self.dialect.quote),
            sql.Literal({"utf-8": "UTF8", "cp1252": "WIN1252", "latin-1": "LATIN1"}[self.dialect.encoding]),
            names,
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
            header = stream.readline().removeprefix(codecs.BOM_UTF8)
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

    def _records(self) -> Iterator[Record]:
        """Every record, the header first; blank lines are no records.

        Raises:
            SourceError: the file cannot be read, or a quote is never closed.
        """
        lines: list[str] = []
        try:
            with self._text() as stream:
                reader = csv.reader(_kept(stream, lines), **self._csv_options())
                begins = 1
                while (found := _next_record(reader)) is not None:
                    fields, fault = found
                    if fields or fault or begins == 1:
                        text = "".join(lines)
                        yield (
                            Record(begins, None, "quoting", fault, text) if fault else Record(begins, fields, text=text)
                        )
                    begins = reader.line_num + 1
                    lines.clear()
        except csv.Error as error:
            raise SourceError(
                f"{self.path}, line {begins}: {error}", remedy="a quote that is never closed begins here"
            ) from None
        except OSError as error:
            raise SourceError(f"{self.path}: cannot be read: {error.strerror}") from None

    def _text(self) -> io.TextIOWrapper:
        # surrogateescape keeps bytes that are not of the encoding, so that their line can be shown and told apart
        encoding = "utf-8-sig" if self.dialect.encoding == "utf-8" else self.dialect.encoding
        return self.path.open(encoding=encoding, errors="surrogateescape", newline="")

    def _csv_options(self) -> dict[str, Any]:
        csv.field_size_limit(LONGEST_FIELD)
        # strict: "abc"def would otherwise be read as abcdef, and an open quote at the end of the file as closed
        return {"delimiter": self.dialect.delimiter, "quotechar": self.dialect.quote, "strict": True}


def _kept(stream: Iterable[str], lines: list[str]) -> Iterator[str]:
    """The lines of ``stream``, each remembered in ``lines``."""
    for line in stream:
        lines.append(line)
        yield line


def _next_record(reader: Iterator[list[str]]) -> tuple[list[str], str] | None:
    """The next record, or what is wrong with its quoting; the reader then goes on with the line after it."""
    try:
        return next(reader), ""
    except StopIteration:
        return None
    except csv.Error as error:
        if "expected after" not in str(error):
            raise  # the file ended inside quotes, or a field is longer than any field is
        return [], "A quoted field goes on after its closing quote."


class _NotPlainError(Exception):
    """The file must be parsed row by row."""


def _plainness(dialect: CsvDialect) -> Callable[[bytes], bool]:
    """A test that every line of a block is one record that PostgreSQL and RFC 4180 read alike."""
    delimiter, quote = (re.escape(c.encode()) for c in (dialect.delimiter, dialect.quote or ""))
    field = rb"(?:Q(?:[^Q\r\n]|QQ)*Q|[^QD\r\n]*)".replace(b"Q", quote).replace(b"D", delimiter)
    line = re.compile(field + rb"(?:" + delimiter + field + rb")*\r?(?:\n|\Z)")
    mark = (dialect.quote or "").encode()

    def is_plain(block: bytes) -> bool:
        if b"\\." in block or b"\0" in block or block.count(b"\r") != block.count(b"\r\n"):
            return False
        # only the lines with a quote in them are looked at: to find the next quote costs a twentieth of reading all
        found = block.find(mark)
        while found >= 0:
            matched = line.match(block, block.rfind(b"\n", 0, found) + 1)
            if matched is None:
                return False
            found = block.find(mark, matched.end())
        return True

    return is_plain
