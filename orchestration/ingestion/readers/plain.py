"""Delimited text that PostgreSQL's COPY reads, and reads as row by row: as it is, or written as COPY has it.

Not here: reading it row by row, which whatever is not plain needs (delimited.py).
"""

import codecs
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from psycopg import sql

from orchestration.ingestion.readers.encoding import BYTE_ORDER_MARK, open_text
from orchestration.ingestion.readers.records import ROWS_PER_LOAD, Staged
from orchestration.ingestion.readers.separated import LONGEST_RECORD, row_end_pattern
from orchestration.shapes import CsvDialect
from orchestration.warehouse import Connection

CHUNK_BYTES = 1 << 20
SERVER_ENCODINGS = {"utf-8": "UTF8", "utf-16": "UTF8", "cp1252": "WIN1252", "latin-1": "LATIN1"}
ROW_MARK, FIELD_MARK = "\0", "\x01"
# what COPY's text format reads as something else, and how that is written; the backslash first
ESCAPES = {"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


class NotPlainError(Exception):
    """The file must be read row by row."""


def stage_plain(
    connection: Connection, path: Path, dialect: CsvDialect, *, columns: Sequence[str], load_id: int
) -> Staged:
    """COPY the file into ``incoming``, inside a transaction that the caller rolls back if it was not plain.

    Raises:
        NotPlainError: PostgreSQL might read the file otherwise than it is read row by row.
        UnicodeDecodeError, psycopg.errors.DataError: neither is it plain.
    """
    if len(columns) == 1:
        raise NotPlainError  # of one column a blank line would be a row
    n_header_lines = 0 if dialect.names else 1
    connection.execute("select setval('incoming_row', %s)", [load_id * ROWS_PER_LOAD + n_header_lines])
    if dialect.is_plain:
        options, blocks = _csv_options(dialect, columns), _as_it_is(path, dialect)
    else:
        options, blocks = sql.SQL("format text, null '', encoding 'UTF8'").format(), _as_copy_has_it(path, dialect)
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    with connection.cursor() as cursor:
        with cursor.copy(sql.SQL("copy incoming ({}) from stdin ({})").format(names, options)) as copy:
            for block in blocks:
                copy.write(block)
        return Staged(rows=cursor.rowcount)


# as it is -------------------------------------------------------------------------------------------------------------


def _csv_options(dialect: CsvDialect, columns: Sequence[str]) -> sql.Composed:
    # an empty field is null in every format, in quotes or not
    return sql.SQL("format csv, delimiter {}, quote {}, encoding {}, force_null ({})").format(
        sql.Literal(dialect.delimiter),
        sql.Literal(dialect.quote),
        sql.Literal(SERVER_ENCODINGS[dialect.encoding]),
        sql.SQL(", ").join(map(sql.Identifier, columns)),
    )


def _as_it_is(path: Path, dialect: CsvDialect) -> Iterator[bytes]:
    """Blocks of whole lines after the header; raises NotPlainError at a line that is not one plain record."""
    is_plain = _plainness(dialect)
    has_header, rest = dialect.names is None, b""
    for chunk in _chunks(path, dialect.encoding):
        block, newline, rest = (rest + chunk).rpartition(b"\n")
        block += newline
        if len(rest) > LONGEST_RECORD or not is_plain(block):
            raise NotPlainError
        if has_header and block:
            has_header, block = False, block.partition(b"\n")[2]
        yield block
    if not is_plain(rest):
        raise NotPlainError
    if not has_header:
        yield rest


def _chunks(path: Path, encoding: str) -> Iterator[bytes]:
    """The file in pieces without the byte order mark at its beginning; UTF-16, which COPY does not know, as UTF-8."""
    if encoding == "utf-16":
        with open_text(path, encoding, is_strict=True) as text:
            while characters := text.read(CHUNK_BYTES):
                yield characters.encode()
        return
    with path.open("rb") as stream:
        if stream.read(len(codecs.BOM_UTF8)) != codecs.BOM_UTF8:
            stream.seek(0)
        while chunk := stream.read(CHUNK_BYTES):
            yield chunk


def _plainness(dialect: CsvDialect) -> Callable[[bytes], bool]:
    """A test that every line of a block is one record that PostgreSQL and RFC 4180 read alike."""
    delimiter, quote = (re.escape(c.encode()) for c in (dialect.delimiter, dialect.quote or ""))
    field = rb"(?:Q(?:[^Q\r\n]|QQ)*Q|[^QD\r\n]*)".replace(b"Q", quote).replace(b"D", delimiter)
    line = re.compile(field + rb"(?:" + delimiter + field + rb")*\r?(?:\n|\Z)")
    mark = (dialect.quote or "").encode()

    def is_plain(block: bytes) -> bool:
        if b"\\." in block or b"\0" in block or block.count(b"\r") != block.count(b"\r\n"):
            return False
        if block.startswith(codecs.BOM_UTF8) or b"\n" + codecs.BOM_UTF8 in block:
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


# as COPY has it -------------------------------------------------------------------------------------------------------


def _as_copy_has_it(path: Path, dialect: CsvDialect) -> Iterator[bytes]:
    """Blocks of whole rows after the header in COPY's text format; raises NotPlainError where a quote might matter."""
    marked = _row_marker(dialect)
    has_header, rest = dialect.names is None, ""
    with open_text(path, dialect.encoding, is_strict=True) as stream:
        while chunk := stream.read(CHUNK_BYTES):
            _check_characters(chunk, dialect)
            rows, mark, rest = marked(rest + chunk).rpartition(ROW_MARK)
            rows += mark
            if len(rest) > LONGEST_RECORD or rows.startswith(BYTE_ORDER_MARK) or ROW_MARK + BYTE_ORDER_MARK in rows:
                raise NotPlainError
            if has_header and rows:
                has_header, rows = False, rows.partition(ROW_MARK)[2]
            yield _written(rows, dialect)
    last = _written(rest, dialect)
    if rest.startswith(BYTE_ORDER_MARK):
        raise NotPlainError
    if not has_header:
        yield last


def _row_marker(dialect: CsvDialect) -> Callable[[str], str]:
    """A function that puts the mark in place of every row end."""
    if dialect.row_end is None:
        return lambda text: text.replace("\r\n", ROW_MARK).replace("\n", ROW_MARK)
    row_end = re.compile(row_end_pattern(dialect.row_end))
    return lambda text: row_end.sub(ROW_MARK, text)


def _check_characters(text: str, dialect: CsvDialect) -> None:
    is_quoted = dialect.quote is not None and dialect.quote in text
    has_marks = ROW_MARK in text or (FIELD_MARK in text and dialect.delimiter != FIELD_MARK)
    if is_quoted or has_marks:
        raise NotPlainError


def _written(rows: str, dialect: CsvDialect) -> bytes:
    """Rows that end in marks as COPY's text format has them."""
    if dialect.row_end is None and "\r" in rows:
        raise NotPlainError  # the line end of old Macs
    text = rows.replace(dialect.delimiter, FIELD_MARK)
    for character, escape in ESCAPES.items():
        text = text.replace(character, escape)
    return text.replace(FIELD_MARK, "\t").replace(ROW_MARK, "\n").encode()
