"""Delimited text into ``incoming``: which way a file is read, its header, and what it looks like when it is another.

Not here: the ways themselves (plain.py: by PostgreSQL; separated.py: by several characters), bytes (encoding.py).
"""

import csv
import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

import psycopg

from orchestration.errors import SourceError
from orchestration.ingestion.readers.encoding import BYTE_ORDER_MARK, open_text, refuse_other_files
from orchestration.ingestion.readers.plain import NotPlainError, stage_plain
from orchestration.ingestion.readers.records import Record, Staged, checked_header, stage_records
from orchestration.ingestion.readers.separated import (
    BLOCK_CHARACTERS,
    LONGEST_RECORD,
    QUOTING_FAULT,
    ROW_WEIGHT,
    EndlessRecordError,
    limited_lines,
    row_end_pattern,
    separated_records,
)
from orchestration.shapes import CsvDialect
from orchestration.warehouse import Connection

LONGEST_FIELD = 1 << 24  # 16 MB: an open quote must not read the rest of a huge file into one field
USUAL_DELIMITERS = (",", ";", "\t", "|", "||", "+|", "~|~", "|~|", "~", "^", "\x01", "\x1f")


class CsvReader:
    """Delimited text as RFC 4180 has it, with any delimiter, quote, row end and encoding.

    A file whose every row is well-formed goes to PostgreSQL, which parses it; only a file with quoting that the two
    sides could read differently, ragged rows, NULs or broken encoding is parsed here, row by row.
    """

    def __init__(self, path: Path, dialect: CsvDialect) -> None:
        self.path = path
        self.dialect = dialect

    def header(self) -> list[str]:
        """The first record, or the names that the dialect gives."""
        names = list(self._all_names)
        if self.dialect.names is None:
            # a delimiter behind the last column: nothing may stand in what it begins
            while len(names) > 1 and not names[-1].strip():
                names.pop()
        return checked_header(self.path, names)

    def records(self) -> Iterator[Record]:
        """The records below the header; blank lines are none."""
        n_names, n_fields = len(self.header()), len(self._all_names)
        records = self._records()
        if self.dialect.names is None:
            next(records, None)
        for record in records:
            if record.line == 1 and not record.text.strip("\r\n"):
                continue
            if record.text.startswith(BYTE_ORDER_MARK):
                reason = "The line begins with a byte order mark: another file was appended here."
                yield Record(record.line, None, "encoding", reason, record.text)
            elif n_names < n_fields and record.fields is not None:
                yield _without_the_unnamed(record, n_names, n_fields)
            else:
                yield record

    def stage(self, connection: Connection, columns: Sequence[str], load_id: int) -> Staged:
        """COPY the file as a whole where that is safe, else row by row."""
        if len(columns) == len(self._all_names):
            try:
                with connection.transaction():
                    return stage_plain(connection, self.path, self.dialect, columns=columns, load_id=load_id)
            except (NotPlainError, UnicodeDecodeError, psycopg.errors.DataError, psycopg.errors.ProgramLimitExceeded):
                pass
        return stage_records(self, connection, columns, load_id)

    @cached_property
    def _all_names(self) -> Sequence[str]:
        """The names of all columns, also of those that have none."""
        refuse_other_files(self.path, self.dialect.encoding)
        self._refuse_other_row_end()
        first = list(islice(self._records(), 2))
        if self.dialect.names is not None:
            self._refuse_other_delimiter(first, len(self.dialect.names))
            return self.dialect.names
        if not first:
            raise SourceError(f"{self.path}: the file is empty", remedy="an export without rows still has its header")
        self._refuse_other_delimiter(first)
        fields = first[0].fields
        if fields is None:
            raise SourceError(f"{self.path}, line 1: {first[0].reason}", remedy="the first row must name the columns")
        return [name.removeprefix(BYTE_ORDER_MARK) for name in fields]

    def _refuse_other_row_end(self) -> None:
        """Raise SourceError if the text begins with lines and none of them ends as the dialect says."""
        row_end = self.dialect.row_end
        if row_end is None:
            return
        with open_text(self.path, self.dialect.encoding) as stream:
            text = stream.read(BLOCK_CHARACTERS)
        if "\n" in text.rstrip() and not re.search(row_end_pattern(row_end), text):
            raise SourceError(f"{self.path}: no row ends in {row_end!r}", remedy="correct csv.row_end in sources.yaml")

    def _refuse_other_delimiter(self, first: Sequence[Record], n_names: int | None = None) -> None:
        """Raise SourceError if the first record is but one field, and another delimiter makes sense of it.

        It must make ``n_names`` fields of it, where the dialect names the columns, and else as many as of the next one.
        """
        if not first or len(first[0].fields or ()) > 1:
            return
        texts = [record.text for record in first[: 1 if n_names else 2]]
        others = [delimiter for delimiter in USUAL_DELIMITERS if delimiter != self.dialect.delimiter]
        for delimiter in sorted(others, key=lambda d: (texts[0].count(d) * len(d), len(d)), reverse=True):
            found = {text.count(delimiter) + 1 for text in texts}
            if found != {1} and (found == {n_names} if n_names else len(found) == 1):
                raise SourceError(
                    f"{self.path}, line 1: one field only with the delimiter {self.dialect.delimiter!r}; did you mean "
                    f"{delimiter!r}?",
                    remedy="correct csv.delimiter in sources.yaml",
                )

    def _records(self) -> Iterator[Record]:
        """Every record, the header first; blank lines are no records.

        Raises:
            SourceError: the file cannot be read, or a record does not end.
        """
        dialect = self.dialect
        by_csv = len(dialect.delimiter) == 1 and dialect.row_end is None
        try:
            with open_text(self.path, dialect.encoding) as stream:
                yield from _csv_records(stream, dialect) if by_csv else separated_records(stream, dialect)
        except EndlessRecordError as error:
            raise SourceError(
                f"{self.path}, line {error.line}: {error}",
                remedy="a quote that is never closed begins here, or the rows end otherwise than sources.yaml says",
            ) from None
        except OSError as error:
            raise SourceError(f"{self.path}: cannot be read: {error.strerror}") from None


def _csv_records(stream: TextIO, dialect: CsvDialect) -> Iterator[Record]:
    """``separated_records`` of what the csv module can read, which is faster."""
    lines: list[str] = []
    reader = csv.reader(_kept(stream, lines), **_csv_options(dialect))
    begins = 1
    try:
        while (found := _next_fields(reader)) is not None:
            fields, is_faulty = found
            if is_faulty:
                yield Record(begins, None, *QUOTING_FAULT, text="".join(lines))
            elif fields or begins == 1:
                yield Record(begins, fields, text="".join(lines))
            begins = reader.line_num + 1
            lines.clear()
    except (EndlessRecordError, csv.Error) as error:
        endless = EndlessRecordError(*error.args)
        endless.line = begins
        raise endless from None


def _csv_options(dialect: CsvDialect) -> dict[str, Any]:
    csv.field_size_limit(LONGEST_FIELD)
    # strict: "abc"def would otherwise be read as abcdef, and an open quote at the end of the file as closed
    options: dict[str, Any] = {"delimiter": dialect.delimiter, "quotechar": dialect.quote, "strict": True}
    return options | ({"quoting": csv.QUOTE_NONE} if dialect.quote is None else {})


def _kept(stream: TextIO, lines: list[str]) -> Iterator[str]:
    """The lines of ``stream``, those of the record that is being read remembered in ``lines``."""
    size = 0
    for line in limited_lines(stream):
        size = size + len(line) + ROW_WEIGHT if lines else len(line)
        if size > LONGEST_RECORD:
            raise EndlessRecordError(f"more than {LONGEST_RECORD:,} characters")
        lines.append(line)
        yield line


def _next_fields(reader: Iterator[list[str]]) -> tuple[list[str], bool] | None:
    """The next record, and whether its quoting is wrong; the reader then goes on with the line after it."""
    try:
        return next(reader), False
    except StopIteration:
        return None
    except csv.Error as error:
        if "expected after" not in str(error):
            raise  # the file ended inside quotes, or a field is longer than any field is
        return [], True


def _without_the_unnamed(record: Record, n_names: int, n_fields: int) -> Record:
    """The record without the fields that have no name in the header, if nothing stands in them."""
    fields = record.fields or ()
    if len(fields) != n_fields:
        reason = f"The line has {len(fields)} fields, the header has {n_fields}, named or not."
    elif any(fields[n_names:]):
        reason = "A value stands in a column that has no name in the header."
    else:
        return record._replace(fields=fields[:n_names])
    return Record(record.line, None, "column_count", reason, record.text)
