"""Text whose fields are parted by several characters, or whose rows end in more than a line end: ``a+|b&|``.

Not here: what one character parts and a line end ends, which the csv module reads (delimited.py).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import TextIO

from orchestration.ingestion.readers.records import Record
from orchestration.shapes import CsvDialect

BLOCK_CHARACTERS = 1 << 20
# 32 million: where a quote or a row end is missing, the rest of a huge file must not become one record
LONGEST_RECORD = 1 << 25
ROW_WEIGHT = 100  # what a row of it weighs beside its characters: 16 million empty lines would fill gigabytes
QUOTING_FAULT = ("quoting", "A quoted field goes on after its closing quote.")


class EndlessRecordError(Exception):
    """A record does not end: the rows end otherwise than the dialect says, or a quote is never closed."""

    line = 0  # where the record begins, as far as that is known


def separated_records(stream: TextIO, dialect: CsvDialect) -> Iterator[Record]:
    r"""Every record of ``stream``, the header too; empty ones are none.

    ``line`` is the line that a record begins on; where the dialect has its own row end, it is the record's number.

    Raises:
        EndlessRecordError: a record does not end.

    >>> from io import StringIO
    >>> dialect = CsvDialect(delimiter="+|", row_end="&|\n", quote=None)
    >>> [(r.line, r.fields) for r in separated_records(StringIO("1+|a\nb&|\n2+|&|\r\n"), dialect)]
    [(1, ['1', 'a\nb']), (2, ['2', ''])]
    """
    line, delimiter, quote = 1, dialect.delimiter, dialect.quote
    rows = _lines(stream) if dialect.row_end is None else _rows(stream, dialect.row_end)
    try:
        for text, end in rows:
            if quote is not None and quote in text:
                record, n_rows = _quoted_record(line, text, end, rows=rows, dialect=dialect)
                yield record
                line += n_rows if dialect.row_end is None else 1
            else:
                if text or line == 1:
                    yield Record(line, text.split(delimiter), text=text)
                line += 1
    except EndlessRecordError as error:
        error.line = line
        raise


def limited_lines(stream: TextIO) -> Iterator[str]:
    """The lines of ``stream`` with their ends. Raises EndlessRecordError at one that goes on for ever."""
    while text := stream.readline(LONGEST_RECORD):
        if len(text) == LONGEST_RECORD:
            raise EndlessRecordError(f"more than {LONGEST_RECORD:,} characters")
        yield text


def row_end_pattern(row_end: str) -> str:
    r"""A regular expression for a row end, in which ``\n`` is also the line end of Windows.

    >>> bool(re.fullmatch(row_end_pattern("&|\n"), "&|\r\n"))
    True
    """
    return r"\r?\n".join(map(re.escape, re.split(r"\r?\n", row_end)))


def _lines(stream: TextIO) -> Iterator[tuple[str, str]]:
    """Each line and its end, which may be any."""
    for line in limited_lines(stream):
        text = line.rstrip("\r\n")
        yield text, line[len(text) :]


def _rows(stream: TextIO, row_end: str) -> Iterator[tuple[str, str]]:
    """Each row and its end."""
    split = re.compile(f"({row_end_pattern(row_end)})").split
    rest = ""
    while block := stream.read(BLOCK_CHARACTERS):
        *parts, rest = split(rest + block)
        yield from zip(parts[::2], parts[1::2], strict=True)
        if len(rest) > LONGEST_RECORD:
            raise EndlessRecordError(f"more than {LONGEST_RECORD:,} characters")
    if rest:
        yield rest, ""


def _quoted_record(
    line: int, text: str, end: str, *, rows: Iterator[tuple[str, str]], dialect: CsvDialect
) -> tuple[Record, int]:
    """The record that begins with the row ``text``, and of how many ``rows`` it is made: quotes may hold row ends."""
    parser = _QuotedRecord(dialect.delimiter, dialect.quote or "")
    pieces, n_rows, size = [text, end], 1, len(text)
    while not parser.feed(text, end):
        try:
            text, end = next(rows)
        except StopIteration:
            raise EndlessRecordError("unexpected end of data") from None
        pieces += text, end
        n_rows, size = n_rows + 1, size + len(text) + ROW_WEIGHT
        if size > LONGEST_RECORD:
            raise EndlessRecordError(f"more than {LONGEST_RECORD:,} characters")
    whole = "".join(pieces)
    fault = QUOTING_FAULT if parser.is_faulty else ("", "")
    return Record(line, None if parser.is_faulty else parser.fields, *fault, text=whole), n_rows


@cache
def _inside(quote: str) -> re.Pattern[str]:
    """What may stand between two quotes: anything, and quotes that are doubled."""
    return re.compile("[^Q]*+(?:QQ[^Q]*+)*+".replace("Q", re.escape(quote)))


@dataclass
class _QuotedRecord:
    """A record being read, quotes as in RFC 4180: at both ends of a field or else a character like others."""

    delimiter: str
    quote: str
    fields: list[str] = field(default_factory=list)
    open: list[str] | None = None  # what was read of the quoted field that is not closed yet
    is_faulty: bool = False

    def feed(self, text: str, end: str) -> bool:
        """Take in a row and its end; False if a quoted field goes on in the next row."""
        at = 0
        while at >= 0:
            if self.open is not None or text.startswith(self.quote, at):
                at = self._quoted_field(text, at)
            else:
                at = self._plain_field(text, at)
        if self.open is not None:
            self.open.append(end)
        return self.open is None

    def _plain_field(self, text: str, at: int) -> int:
        """Read the field that begins there; returns where the next one begins, or -1."""
        stop = text.find(self.delimiter, at)
        self.fields.append(text[at:] if stop < 0 else text[at:stop])
        return stop if stop < 0 else stop + len(self.delimiter)

    def _quoted_field(self, text: str, at: int) -> int:
        """Read on in the field that is open or opens there; returns where the next one begins, or -1."""
        if self.open is None:
            self.open, at = [], at + 1
        inside = _inside(self.quote).match(text, at)
        assert inside is not None  # it matches nothing too
        self.open.append(inside.group())
        if inside.end() == len(text):
            return -1
        self.fields.append("".join(self.open).replace(self.quote * 2, self.quote))
        self.open, at = None, inside.end() + 1
        if at == len(text):
            return -1
        self.is_faulty = not text.startswith(self.delimiter, at)
        return -1 if self.is_faulty else at + len(self.delimiter)
