"""A whole Daybreak for tests: a home of its own, a small shop's exports, nights as subprocesses, what bi says.

Not here: what a night must have done (tests/pipeline). Everything is real: processes, server, files, signals.
"""

import contextlib
import csv
import io
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from examples.demo.dialect import HEADER as SALES_COLUMNS
from examples.demo.generate import Summary, generate
from orchestration.database import known_url
from orchestration.settings import PROJECT_ROOT, Settings
from orchestration.stack.local_postgres import DATABASE, LocalPostgres, running

DEMO = PROJECT_ROOT / "examples" / "demo"
# Six products and some twelve lines a day: every kind of line and every kind of dirt, and a night is all overhead.
SMALL = {"products": 6, "customers": 12, "lines_per_day": 15, "dirty_share": 0.04}
FIRST_DAYS, FIRST_UNTIL = 60, date(2024, 3, 9)  # 1 January to 9 March: a leap day, a month that is not over
NEXT_DAY = date(2024, 3, 11)
NIGHT_SECONDS = 280
CORRECTIONS = "sales_nachtrag.csv"  # sorts behind every dated file, so what it says counts
HEADER = ";".join(SALES_COLUMNS)

# What two nights that say the same say differently: when it was published, by which night, and from which loads.
NIGHTLY_TABLES = {
    "publication", "data_quality",
    # What earlier nights said of the days that came.
    "forecast_accuracy_by_lead", "forecast_track_record", "forecast_value_added",
}  # fmt: skip

Rows = list[tuple[Any, ...]]


@dataclass(frozen=True)
class NightRun:
    """How a night ended, as a shell sees it."""

    exit_code: int
    stdout: str
    stderr: str
    seconds: float

    @property
    def report(self) -> dict[str, Any]:
        """The one JSON object on stdout, read as strictly as another language would: NaN is no JSON."""

        def refuse(constant: str) -> None:
            raise ValueError(f"{constant} is no JSON")

        return dict(json.loads(self.stdout, parse_constant=refuse))

    def must_succeed(self) -> "NightRun":
        assert self.exit_code == 0, f"exit code {self.exit_code}\n{self.stdout[-3000:]}\n{self.stderr[-6000:]}"
        return self


@dataclass
class Home:
    """A DAYBREAK_HOME with its business folder and its data folder, all below ``root``."""

    root: Path

    @property
    def folder(self) -> Path:
        return self.root / "home"

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def business(self) -> Path:
        return self.root / "business"

    @property
    def settings(self) -> Settings:
        return Settings(home=self.folder, business=self.business, data=self.data, postgres_port=0)

    # nights ---------------------------------------------------------------------------------------------------------

    def start(
        self, *arguments: str, failpoint: str | None = None, changes: Mapping[str, str] | None = None
    ) -> "subprocess.Popen[str]":
        """Begin ``daybreak nightly --json`` in a process of its own."""
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("DAYBREAK_", "DAGSTER_", "DBT_", "PG"))}
        environment |= {
            "DAYBREAK_HOME": str(self.folder),
            "DAYBREAK_BUSINESS": str(self.business),
            "DAYBREAK_DATA": str(self.data),
            "DAYBREAK_POSTGRES_PORT": "0",
        }
        environment |= {"DAYBREAK_FAILPOINT": failpoint} if failpoint else {}
        return subprocess.Popen(
            [sys.executable, "-m", "orchestration.cli", "nightly", "--json", *arguments],
            cwd=PROJECT_ROOT, env=environment | dict(changes or {}), text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def nightly(
        self, *arguments: str, failpoint: str | None = None, changes: Mapping[str, str] | None = None
    ) -> NightRun:
        """Run one night to its end."""
        return wait(self.start(*arguments, failpoint=failpoint, changes=changes))

    # what it says ---------------------------------------------------------------------------------------------------

    @property
    def server(self) -> LocalPostgres:
        return LocalPostgres(self.folder / "postgres")

    @contextlib.contextmanager
    def serving(self) -> Iterator["Home"]:
        """Keep the home's server running, as a stack would; without waiting for the disk: no test cuts the power."""
        with running(self.folder / "postgres", changes={"fsync": "off"}):
            yield self

    def url(self, database: str = DATABASE) -> str:
        return self.server.url(database)

    def reader_url(self) -> str:
        return known_url(self.settings, reader=True)

    def rows(self, query: str, parameters: Sequence[Any] | None = None, *, database: str = DATABASE) -> Rows:
        return rows_of(self.url(database), query, parameters)

    def keep(self, chapter: str) -> str:
        """Copy the database as it stands to ``chapter``: 0.2 s, and later nights do not touch it. Returns its name."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(
                sql.SQL("create database {} template {}").format(sql.Identifier(chapter), sql.Identifier(DATABASE))
            )
        return chapter

    # data -----------------------------------------------------------------------------------------------------------

    def write_sales(self, name: str, lines: Sequence[str]) -> Path:
        """A sales export with these lines below the header, put in place at once."""
        path = self.data / "sales" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(".part")
        unfinished.write_text("\n".join([HEADER, *lines, ""]), encoding="utf-8")
        unfinished.replace(path)
        return path

    def sales_lines(self, name: str) -> list[str]:
        """The lines of a sales export, without its header."""
        return (self.data / "sales" / name).read_text(encoding="utf-8").splitlines()[1:]


def wait(process: "subprocess.Popen[str]") -> NightRun:
    """Wait for a night; one that hangs is ended and fails the test."""
    started = time.monotonic()
    try:
        stdout, stderr = process.communicate(timeout=NIGHT_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        stdout, stderr = process.communicate()
        pytest.fail(f"the night did not end within {NIGHT_SECONDS} s:\n{stderr[-3000:]}")
    return NightRun(process.returncode, stdout, stderr, time.monotonic() - started)


def new_home(root: Path) -> Home:
    """A home without data: the demo's business folder, and empty folders beside it."""
    home = Home(root)
    root.mkdir(parents=True, exist_ok=True)
    home.data.mkdir()
    home.business.mkdir()
    for path in DEMO.glob("*.yaml"):
        shutil.copy(path, home.business)
    return home


def fill(home: Home, *, until: date = FIRST_UNTIL) -> Summary:
    """The small shop's exports up to ``until``; those that stand are left alone."""
    days = FIRST_DAYS + (until - FIRST_UNTIL).days
    return generate(home.data, until=until, days=days, **SMALL)  # type: ignore[arg-type]


def add_second_day(home: Home) -> None:
    """One more day's exports, and a file with a late line, a corrected one and one that moves to another day."""
    fill(home, until=NEXT_DAY)
    home.write_sales(CORRECTIONS, corrections(home))


def corrections(home: Home) -> list[str]:
    """For three days that were published: a line never seen before, other units on the leap day, a line moved on."""
    leap_day = clean_sales(home.sales_lines("sales_2024-02.csv"), "29.02.2024")[0]
    moved = clean_sales(home.sales_lines("sales_2024-03-05.csv"), "05.03.2024")[0]
    late = clean_sales(home.sales_lines("sales_2024-03-01.csv"), "01.03.2024")[0]
    return [
        changed(late, Belegnummer="RE-240301-99001", Menge="7"),
        changed(leap_day, Menge=str(int(fields_of(leap_day)["Menge"]) + 3)),
        changed(moved, Datum="06.03.2024 09:30"),
    ]


def clean_sales(lines: Sequence[str], day: str) -> list[str]:
    """Those of the export's lines that are faultless sales of that day."""
    return [
        line
        for line in lines
        if (f := fields_of(line))["Datum"].startswith(day)
        and f["Belegart"] == "Rechnung"
        and f["Menge"].isdigit()
        and re.fullmatch(r"[0-9]+,[0-9]{2}", f["Einzelpreis"])
        and f["Land"] in ("DE", "AT", "PL", "NL", "BE", "FR")
        and f["Belegnummer"].strip()
        and f["Artikelnummer"].strip()
    ]


def fields_of(line: str) -> dict[str, str]:
    """An export line's fields by the header's names."""
    return dict(zip(HEADER.split(";"), next(csv.reader([line], delimiter=";")), strict=True))


def changed(line: str, **fields: str) -> str:
    """The export line with other values in some fields."""
    text = io.StringIO()
    csv.writer(text, delimiter=";", lineterminator="").writerow((fields_of(line) | fields).values())
    return text.getvalue()


def rows_of(url: str, query: str, parameters: Sequence[Any] | None = None) -> Rows:
    with psycopg.connect(url, autocommit=True) as connection:
        return connection.execute(query, parameters).fetchall()


# bi as readers see it ---------------------------------------------------------------------------------------------


def bi_tables(url: str) -> list[str]:
    """The tables and views of ``bi``, by name."""
    kinds = "relnamespace = 'bi'::regnamespace and relkind in ('r', 'v', 'm')"
    return [row[0] for row in rows_of(url, f"select relname from pg_class where {kinds} order by 1")]


def bi_rows(url: str) -> dict[str, list[str]]:
    """Every row of ``bi`` as text, table by table; of the KPIs' history the latest date, which every home has."""
    dump = {}
    for table in set(bi_tables(url)) - NIGHTLY_TABLES:
        latest = " where is_latest" if table == "kpi_snapshots" else ""
        dump[table] = [row[0] for row in rows_of(url, f"select to_jsonb(t)::text from bi.{table} t{latest} order by 1")]
    return dump


def differences(
    mine: Mapping[str, list[str]], theirs: Mapping[str, list[str]]
) -> dict[str, tuple[list[str], list[str]]]:
    """Per table that differs: up to three rows that only one side has. Empty if both say the same."""
    found = {}
    for table in sorted({*mine, *theirs}):
        left, right = Counter(mine.get(table, ["no such table"])), Counter(theirs.get(table, ["no such table"]))
        if left != right:
            found[table] = (list((left - right).elements())[:3], list((right - left).elements())[:3])
    return found


def copy_home(source: Path, target: Path) -> Home:
    """A copy of a home whose server is stopped; cp keeps the data folder's owner and modes, shutil would not."""
    target.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["cp", "-a", str(source), str(target)], check=True)
    return Home(target)
