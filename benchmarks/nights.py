"""What a night costs: the first one with all its stages, and one more day on top of a history and of ten times it.

Not here: the night that is run (part_of_night.py). The demo's exports are generated, every entity of them.
"""

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from benchmarks.machine import Cost
from examples.demo.generate import generate
from orchestration.settings import PROJECT_ROOT

UNTIL = date(2026, 6, 17)  # a Wednesday in the middle of a month: the next days are a file each
LONG_DAYS = 2680  # from February 2019, when the house was founded
SHORT_DAYS = 199  # a tenth of the lines, because business grew


@dataclass(frozen=True)
class Size:
    """How much business there is on a day."""

    lines_per_day: int
    products: int
    customers: int


@dataclass
class History:
    """A home with so many days of sales in it, and what its nights cost."""

    folder: Path
    size: Size
    days: int
    lines: int = 0
    until: date = UNTIL
    nights: list[Cost] = field(default_factory=list)
    stages: list[dict[str, float]] = field(default_factory=list)

    def first_night(self) -> None:
        """Generate the history and load all of it."""
        self.lines = self._generate(self.days)
        self._night()

    def next_night(self) -> None:
        """One more trading day, and the night that takes it in."""
        while True:
            self.until += timedelta(days=1)
            if lines := self._generate(1):
                self.lines += lines
                break
        self._night()

    def _generate(self, days: int) -> int:
        size = self.size
        summary = generate(
            self.folder / "data",
            until=self.until,
            days=days,
            lines_per_day=size.lines_per_day,
            products=size.products,
            customers=size.customers,
        )
        return sum(summary.lines.values())

    def _night(self) -> None:
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("DAYBREAK_", "DAGSTER_", "DBT_", "PG"))}
        environment |= {
            "DAYBREAK_HOME": str(self.folder / "home"),
            "DAYBREAK_DATA": str(self.folder / "data"),
            "DAYBREAK_BUSINESS": str(PROJECT_ROOT / "examples" / "demo"),
            "DAYBREAK_POSTGRES_PORT": "0",
        }
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.part_of_night"],
            cwd=PROJECT_ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise SystemExit(f"the night of {self.folder} failed:\n{done.stderr[-4000:]}")
        report: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        self.stages.append(report.pop("stages"))
        self.nights.append(Cost(**report))


@dataclass(frozen=True)
class NewDay:
    """What a day costs on top of the long history, over what it costs on top of the short one."""

    short: History
    long: History

    @property
    def cpu_ratio(self) -> float:
        """Of the medians of CPU seconds."""
        return _median(self.long, "cpu") / _median(self.short, "cpu")

    @property
    def seconds_ratio(self) -> float:
        """Of the medians of seconds."""
        return _median(self.long, "seconds") / _median(self.short, "seconds")


def measure_new_day(folder: Path, size: Size, repetitions: int, *, long_days: int, short_days: int) -> NewDay:
    """Load both histories, then the same new days into both, in turn."""
    short = History(folder / "short", size, short_days)
    long = History(folder / "long", size, long_days)
    for history in (short, long):
        history.folder.mkdir(parents=True)
        history.first_night()
    for _ in range(repetitions):
        short.next_night()
        long.next_night()
    return NewDay(short, long)


def stages_table(histories: Sequence[History]) -> str:
    """Seconds of each stage: the first night, and the median of the new days."""
    names = list(dict.fromkeys(name for history in histories for name in history.stages[0]))
    heads = [f"{history.lines:,} lines" for history in histories]
    lines = [
        f"{'':20}" + "".join(f"{head:>26}" for head in heads),
        f"{'seconds':20}" + f"{'first':>14}{'new day':>12}" * len(heads),
    ]
    for name in names:
        cells = ""
        for history in histories:
            later = [night.get(name, 0.0) for night in history.stages[1:]]
            cells += f"{history.stages[0].get(name, 0):14.1f}{statistics.median(later):12.2f}"
        lines.append(f"{name:20}{cells}")
    for label in ("seconds", "python_cpu", "postgres_cpu", "python_mb", "postgres_mb"):
        cells = "".join(f"{getattr(h.nights[0], label):14.1f}{_median(h, label):12.2f}" for h in histories)
        lines.append(f"{'total ' + label:20}{cells}")
    return "\n".join(lines)


def _median(history: History, name: str) -> float:
    return statistics.median([float(getattr(night, name)) for night in history.nights[1:]])
