"""Rows of a live database as a file: those from the last watermark on, as text, read as one snapshot.

Not here: the connection (databases.py), and what the rows mean: from here on they go the way of every file.
"""

import csv
import io
import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import sqlalchemy as sa

from orchestration.business import Business
from orchestration.errors import SourceError
from orchestration.ingestion.files import SourceFile
from orchestration.ingestion.origins import watermarks
from orchestration.ingestion.origins.databases import GLANCE_SECONDS, LiveDatabase
from orchestration.ingestion.origins.scratch import Scratch
from orchestration.ingestion.origins.watermarks import Boundary
from orchestration.ingestion.readers.cells import cell_text
from orchestration.ingestion.readers.opening import decimal_marks
from orchestration.shapes import DatabaseQuery, Shape
from orchestration.sources import Source
from orchestration.warehouse import Connection
from orchestration.yaml_files import nearest

# How an extract is written, whatever the source says of files.
SHAPE = Shape(format="csv")
ROWS_PER_FETCH = 10_000
ROWS_SAMPLED = 10_000
# A live table changes all day long: by itself it starts a night at most this often.
PAUSE_SECONDS = 3600


@dataclass(frozen=True)
class _LastRead:
    """What the ledger says of the newest load of a database's rows."""

    watermark: str | None
    rows_sha256: str | None
    seconds_ago: float


@dataclass
class Extracts:
    """What a source's database has that the ledger has not taken in.

    ``note`` then says what a person should know although nothing failed.
    """

    connection: Connection
    business: Business
    source: Source
    data_folder: Path
    scratch: Scratch
    note: str | None = None

    def __post_init__(self) -> None:
        assert self.source.database is not None
        self.query: DatabaseQuery = self.source.database
        described = self.business.connections[self.query.connection]
        self.database = LiveDatabase(self.query.connection, described, self.data_folder)

    @property
    def name(self) -> str:
        """What is read, as the ledger calls it."""
        return f"{self.query.connection}:{self.query.table or 'query of ' + self.source.name}"

    def pending(self, mapping_sha256: str) -> list[SourceFile]:
        """The rows from the last watermark on as one file; none if they are those that the last look left there.

        ``>=``, not ``>``: a row with the last watermark may have been committed after it was read. What comes twice
        is a duplicate by its key. Rows without a watermark come every time.

        Raises:
            SourceError: the table, or the watermark's column, is not there.
            UnreachableError: the database does not answer.
        """
        last = self._last_read(mapping_sha256)
        since = last.watermark if last else None
        path, started_ns = self.scratch.new_path(), time.time_ns()
        boundary = self._write(path, since)
        sha256 = boundary.everything.sha256()
        if last and last.rows_sha256 == sha256:
            return []
        if since and not boundary.everything.count:
            self.note = (
                f"{self.name} has no row of {self.query.watermark} ≥ {watermarks.shown(since)} any more: were rows "
                "deleted, or an older copy put back? What changed before that is not read"
            )
            return []
        name = self.name + (f" ({self.query.watermark} ≥ {watermarks.shown(since)})" if since else "")
        return [
            SourceFile(
                path,
                name,
                path.stat().st_size,
                started_ns,
                sha256=sha256,
                watermark=None if boundary.last is None else watermarks.written(boundary.last),
                rows_sha256=boundary.sha256(),
            )
        ]

    def sample(self) -> SourceFile:
        """The newest rows; without a watermark any. Raises as ``pending`` does."""
        path = self.scratch.new_path()
        boundary = self._write(path, None, is_sample=True)
        return SourceFile(path, self.name, path.stat().st_size, time.time_ns(), sha256=boundary.everything.sha256())

    def waiting(self, mapping_sha256: str) -> list[SourceFile]:
        """One entry if the table's newest watermark is not the one that was read last; one query at most."""
        last = self._last_read(mapping_sha256)
        if self.query.watermark is None or (last and last.seconds_ago < PAUSE_SECONDS):
            return []
        with self.database.reading(seconds=GLANCE_SECONDS) as live:
            column = _quoted(live, self.query.watermark)
            newest = live.execute(_text(f"select max({column}) from {self._relation(live)}")).scalar()
        if newest is None or watermarks.is_far_ahead(newest, datetime.now(UTC)):
            return []
        text = watermarks.written(newest)
        if last and last.watermark == text:
            return []
        name = f"{self.name} ({self.query.watermark} up to {watermarks.shown(text)})"
        return [SourceFile(Path(self.name), name, 0, 0)]

    def _last_read(self, mapping_sha256: str) -> _LastRead | None:
        row = self.connection.execute(
            """select watermark, rows_sha256, extract(epoch from clock_timestamp() - loaded_at)::float
               from ops.loads where source = %s and status = 'loaded' and mapping_sha256 = %s
               order by load_id desc limit 1""",
            [self.source.name, mapping_sha256],
        ).fetchone()
        return _LastRead(*row) if row else None

    def _write(self, path: Path, since: str | None, *, is_sample: bool = False) -> Boundary:
        """Write the rows from ``since`` on into ``path``, in the order of their watermarks."""
        with self.database.reading() as live, path.open("w", encoding="utf-8", errors="surrogatepass") as target:
            header = self._header(live)
            place = header.index(self.query.watermark) if self.query.watermark else None
            rows = live.execution_options(stream_results=True, max_row_buffer=ROWS_PER_FETCH).execute(
                *self._statement(live, since, is_sample=is_sample)
            )
            lines = _Lines(target, [decimal_marks(self.source).get(name, ".") for name in header])
            boundary = Boundary(lines.write(header), datetime.now(UTC), last=watermarks.read(since) if since else None)
            for block in rows.partitions(ROWS_PER_FETCH):
                before = target.tell()
                for row in block:
                    boundary.add(None if place is None else row[place], lines.write(row))
                self.scratch.require(target.tell() - before, self.name)
                if is_sample and boundary.everything.count >= ROWS_SAMPLED:
                    break
            rows.close()
        return boundary

    def _header(self, live: sa.Connection) -> list[str]:
        """The names of the columns. Raises SourceError if the table or the watermark's column is not there."""
        if self.query.table:
            schema, _, table = self.query.table.rpartition(".")
            inspector = sa.inspect(live)
            if not inspector.has_table(table, schema or None):
                known = [*inspector.get_table_names(schema or None), *inspector.get_view_names(schema or None)]
                raise SourceError(
                    f"{self.query.connection}: there is no table {self.query.table!r}{nearest(table, known)}",
                    remedy=f"correct {self.source.where('database.table')}",
                )
        header = list(live.execute(_text(f"select * from {self._relation(live)} where 1 = 0")).keys())
        watermark = self.query.watermark
        if watermark is not None and watermark not in header:
            raise SourceError(
                f"{self.name}: there is no column {watermark!r}{nearest(watermark, header)}",
                remedy=f"correct {self.source.where('database.watermark')}",
            )
        return header

    def _statement(
        self, live: sa.Connection, since: str | None, *, is_sample: bool
    ) -> tuple[sa.TextClause, dict[str, Any]]:
        statement = f"select * from {self._relation(live)}"
        if self.query.watermark is None:
            return _text(statement), {}
        column = _quoted(live, self.query.watermark)
        order = f" order by {column}{' desc' if is_sample else ''}"
        if since is None:
            return _text(statement + order), {}
        condition = _escaped(f" where {column} ") + ">= :since" + _escaped(f" or {column} is null{order}")
        return sa.text(_escaped(statement) + condition), {"since": watermarks.read(since)}

    def _relation(self, live: sa.Connection) -> str:
        if self.query.table:
            return ".".join(_quoted(live, part) for part in self.query.table.split("."))
        # in a subquery nothing but a select is accepted; the line end is for a comment in the last line
        return f"({(self.query.query or '').strip().rstrip(';')}\n) q"


class _Lines:
    """Rows as lines of CSV."""

    def __init__(self, target: IO[str], marks: list[str]) -> None:
        self.target = target
        self.marks = marks
        self.buffer = io.StringIO()
        self.writer = csv.writer(self.buffer, lineterminator="\n")

    def write(self, values: Any) -> str:
        """Write a row; returns its line."""
        self.buffer.seek(0)
        self.buffer.truncate()
        self.writer.writerow([value_text(value, mark) for value, mark in zip(values, self.marks, strict=True)])
        line = self.buffer.getvalue()
        self.target.write(line)
        return line


def value_text(value: Any, mark: str) -> str:
    """A value of a database as text: instants in UTC, structures as JSON, bytes in hexadecimal; else as ``cell_text``.

    >>> value_text({"a": [1]}, "."), value_text(b"\\x01", "."), value_text(1.5, ",")
    ('{"a": [1]}', '01', '1,5')
    """
    if isinstance(value, str):
        return value
    if isinstance(value, datetime) and value.tzinfo is not None:
        value = value.astimezone(UTC)
    if isinstance(value, dict | list | tuple):
        return json.dumps(value, ensure_ascii=False, default=lambda inner: value_text(inner, "."))
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).hex()
    return cell_text(value, mark)


def _quoted(live: sa.Connection, name: str) -> str:
    return live.dialect.identifier_preparer.quote(name)


def _text(statement: str) -> sa.TextClause:
    return sa.text(_escaped(statement))


def _escaped(statement: str) -> str:
    """The statement without parameters: a colon in it is a colon."""
    return statement.replace(":", "\\:")
