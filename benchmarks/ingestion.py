"""How long loading sales files takes, against a bare COPY of the same rows: the price of validation and quarantine.

Not here: the rest of the night. Run it as ``python -m benchmarks.ingestion [--data DIR]``; DIR holds the daily files
of Online Retail. Without it the demo's sales are generated, so that it runs anywhere.
"""

import argparse
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import psycopg
from psycopg import sql

from examples.demo.generate import generate
from orchestration.business import Business, load_business
from orchestration.ingestion.load import load_source
from orchestration.settings import PROJECT_ROOT
from orchestration.sources import Source
from orchestration.stack.local_postgres import running
from orchestration.warehouse import connect, initialise

CHUNK_BYTES = 1 << 20
DEMO_UNTIL, DEMO_DAYS = date(2026, 6, 17), 800


@dataclass(frozen=True)
class Subject:
    """What is loaded: a source, its files, and the typed table that the bare COPY fills."""

    title: str
    business: Business
    source: Source
    data_folder: Path
    files: tuple[Path, ...]
    bare_ddl: str


@dataclass(frozen=True)
class Measured:
    """Seconds per repetition, both ways, and the rows of each."""

    rows: int
    load_seconds: tuple[float, ...]
    copy_seconds: tuple[float, ...]

    @property
    def ratio(self) -> float:
        """Median of loading over median of the bare COPY."""
        return statistics.median(self.load_seconds) / statistics.median(self.copy_seconds)


# The types that PostgreSQL itself can read from the files: German numbers it cannot, so they stay text.
ONLINE_RETAIL_DDL = (
    "invoice text, stock_code text, description text, quantity numeric(20,6), invoiced_at timestamp, "
    "unit_price numeric(20,6), customer text, country text"
)
DEMO_DDL = (
    "order_id text, line integer, ordered_at timestamp, product text, product_name text, customer text, country text, "
    "channel text, quantity text, unit_price text, discount text, document text, territory text, rep text, "
    "location text, promotion text, wanted text, shipped text"
)


def online_retail(data_folder: Path) -> Subject:
    """The daily files of UCI Online Retail in ``data_folder``."""
    return _subject("Online Retail", PROJECT_ROOT / "examples" / "online_retail", data_folder, ONLINE_RETAIL_DDL)


def demo(data_folder: Path, days: int = DEMO_DAYS) -> Subject:
    """The demo's sales, generated into ``data_folder``; without dirty rows, which a bare COPY could not take."""
    generate(data_folder, until=DEMO_UNTIL, days=days, dirty_share=0)
    return demo_in(data_folder)


def demo_in(data_folder: Path) -> Subject:
    """The demo's sales that lie in ``data_folder``."""
    return _subject("demo", PROJECT_ROOT / "examples" / "demo", data_folder, DEMO_DDL)


def _subject(title: str, folder: Path, data_folder: Path, bare_ddl: str) -> Subject:
    business = load_business(folder)
    source = business.sources_of("sales_lines")[0]
    files = tuple(sorted(data_folder.glob(source.files)))
    return Subject(title, business, source, data_folder, files, bare_ddl)


def measure(subject: Subject, repetitions: int) -> Measured:
    """Load and copy in turn, ``repetitions`` times, each into a database of its own on one fresh server."""
    loads, copies, rows = [], [], 0
    with tempfile.TemporaryDirectory(prefix="daybreak-benchmark-") as name:
        home = Path(name)
        home.chmod(0o755)  # the server may run as another user
        with running(home / "postgres") as server:
            for i in range(repetitions):
                with _database(server.url(), f"bench_{i}") as url:
                    copied, seconds = bare_copy(url, subject)
                    copies.append(seconds)
                    rows, loading = load(url, subject)
                    loads.append(loading)
                if copied != rows:
                    raise SystemExit(f"the bare COPY took {copied} rows, the load read {rows}: not the same work")
    return Measured(rows, tuple(loads), tuple(copies))


@contextmanager
def _database(server_url: str, name: str) -> Iterator[str]:
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        try:
            yield server_url.rpartition("/")[0] + "/" + name
        finally:
            connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


def bare_copy(url: str, subject: Subject) -> tuple[int, float]:
    """COPY every file, headers skipped, into a plain typed table in one transaction; rows and seconds."""
    dialect = subject.source.csv
    statement = sql.SQL("copy bare from stdin (format csv, header, delimiter {}, quote {})").format(
        sql.Literal(dialect.delimiter), sql.Literal(dialect.quote)
    )
    rows = 0
    with connect(url) as connection:
        connection.execute(f"create table bare ({subject.bare_ddl})")
        connection.execute("set datestyle to 'ISO, DMY'")
        connection.execute("checkpoint")
        started = time.perf_counter()
        with connection.transaction(), connection.cursor() as cursor:
            for path in subject.files:
                with path.open("rb") as stream, cursor.copy(statement) as copy:
                    while chunk := stream.read(CHUNK_BYTES):
                        copy.write(chunk)
                rows += cursor.rowcount
        return rows, time.perf_counter() - started


def load(url: str, subject: Subject) -> tuple[int, float]:
    """``load_source`` of every file into an empty raw; rows read and seconds."""
    initialise(url)
    with connect(url, token=0) as connection:
        connection.execute("checkpoint")
        started = time.perf_counter()
        report = load_source(connection, subject.business, subject.source, subject.data_folder, token=0)
        return report.rows_read, time.perf_counter() - started


def table(subject: Subject, measured: Measured) -> str:
    """The result as a small table, with the machine it was measured on."""
    lines = [
        f"{subject.title}: {len(subject.files)} files, {measured.rows:,} rows, {len(measured.load_seconds)} times each",
        f"{'':12} {'median s':>9} {'fastest s':>9} {'rows/s':>10}",
        *(
            f"{label:12} {statistics.median(s):9.2f} {min(s):9.2f} {measured.rows / statistics.median(s):10,.0f}"
            for label, s in (("bare COPY", measured.copy_seconds), ("load", measured.load_seconds))
        ),
        f"ratio of the medians: {measured.ratio:.2f} ×",
        f"{os.cpu_count()} CPUs ({platform.machine()}), {platform.system()}, Python {platform.python_version()}",
    ]
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; the exit code says whether the ratio is within ``--at-most``."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ingestion", description=__doc__)
    parser.add_argument("--data", type=Path, help="folder with the daily files of Online Retail")
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--at-most", type=float, help="fail if the ratio is above this")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="daybreak-benchmark-data-") as name:
        subject = online_retail(options.data) if options.data else demo(Path(name))
        if not subject.files:
            raise SystemExit(f"no file matches {subject.source.files!r} below {subject.data_folder}")
        measured = measure(subject, options.repetitions)
    print(table(subject, measured))
    return int(options.at_most is not None and measured.ratio > options.at_most)


if __name__ == "__main__":
    sys.exit(main())
