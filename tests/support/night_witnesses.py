"""Who is there while nights come and go: BI users who read in a loop, and a hand that kills a night at a named point.

Not here: homes and their data (night.py), or what must have been seen (tests/pipeline).
"""

import contextlib
import signal
import subprocess
import threading
import time
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import psutil
import psycopg

from tests.support.night import NIGHT_SECONDS, Home, NightRun


@dataclass(frozen=True)
class Seen:
    """What one transaction of a reader saw; the totals are of net revenue."""

    night: int
    as_of_date: date
    last_day: date
    of_lines: Decimal
    of_days: Decimal
    of_products: Decimal
    of_months: Decimal


LOOK = {
    "publication": "select night, as_of_date from bi.publication",
    "lines": "select max(order_date), sum(net_revenue) from bi.sales_lines",
    "days": "select sum(net_revenue) from bi.sales_daily",
    "products": "select sum(net_revenue) from bi.sales_daily_product",
    "months": "select sum(net_revenue) from bi.sales_monthly",
}


def look(connection: "psycopg.Connection[Any]") -> Seen:
    """Read bi in one transaction that sees one moment."""
    with connection.transaction():
        connection.execute("set transaction isolation level repeatable read read only")
        (night, as_of), (last, lines), (days,), (products,), (months,) = (
            connection.execute(query).fetchall()[0] for query in LOOK.values()
        )
    return Seen(night, as_of, last, lines, days, products, months)


class Readers:
    """BI users who read ``bi`` in a loop while nights come and go; every look and every error is kept."""

    def __init__(self, url: str, *, readers: int = 2, pause_seconds: float = 0.03) -> None:
        self.url = url
        self.pause_seconds = pause_seconds
        self.seen: dict[Seen, int] = {}
        self.errors: list[str] = []
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._read, daemon=True) for _ in range(readers)]

    def __enter__(self) -> "Readers":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout=30)

    def _read(self) -> None:
        try:
            with psycopg.connect(self.url, autocommit=True) as connection:
                while not self._stop.is_set():
                    seen = look(connection)
                    self.seen[seen] = self.seen.get(seen, 0) + 1
                    time.sleep(self.pause_seconds)
        except Exception as error:
            self.errors.append(f"{type(error).__name__}: {error}")


# crashes ------------------------------------------------------------------------------------------------------------


def crash(home: Home, failpoint: str) -> tuple[NightRun, list[psutil.Process]]:
    """Run a night that dies at ``failpoint``; what it leaves running (dbt) is stopped in its tracks and handed over."""
    night = home.start(failpoint=failpoint)
    watched = psutil.Process(night.pid)
    children: dict[int, psutil.Process] = {}
    ended = threading.Event()

    def watch() -> None:
        while not ended.is_set():
            with contextlib.suppress(psutil.Error):
                children.update({child.pid: child for child in watched.children()})
            time.sleep(0.02)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    # Not communicate(): an orphan may hold the pipes open, and is to be stopped the moment its parent is gone.
    said = _Drain(night)
    exit_code = night.wait(NIGHT_SECONDS)
    ended.set()
    watcher.join()
    orphans = [child for child in children.values() if _is_dbt(child) and _suspend(child)]
    return NightRun(exit_code, "", said.stderr(), 0.0), orphans


class _Drain:
    """Reads a process's pipes on the side, so that it never waits for us."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._lines: list[str] = []
        for pipe in (process.stdout, process.stderr):
            threading.Thread(target=lambda p=pipe: self._lines.extend(p or ()), daemon=True).start()

    def stderr(self) -> str:
        return "".join(self._lines)


def _is_dbt(process: psutil.Process) -> bool:
    try:
        return any(argument.endswith("/dbt") for argument in process.cmdline())
    except psutil.Error:
        return False


def _suspend(process: psutil.Process) -> bool:
    try:
        process.send_signal(signal.SIGSTOP)
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
