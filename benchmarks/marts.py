"""What the facts cost: all of dbt's models and tests on a history and on ten times it, and one more day on top of each.

Not here: the other stages of a night (nights.py), and what dashboards then ask (dashboard.py). The demo's exports are
generated, every entity of them, loaded as a night loads them, and published.
"""

import json
import os
import statistics
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import psycopg

from benchmarks.machine import Cost, measured
from benchmarks.nights import UNTIL
from examples.demo.generate import generate, sizes_for
from orchestration.business import load_business
from orchestration.dbt_manifest import DBT_PROJECT, dbt_executable, fingerprint
from orchestration.ingestion.load import load_source
from orchestration.night import Night, lease
from orchestration.publication import bi_tables, publish
from orchestration.reopening import reopen_days
from orchestration.settings import PROJECT_ROOT
from orchestration.stack.environment import connection_pieces
from orchestration.stack.local_postgres import running
from orchestration.warehouse import initialise

SLOWEST = 12


@dataclass
class Facts:
    """A history, what building all of it cost, and what each of the days after it did; seconds of each dbt node."""

    lines: int
    rebuild: Cost = field(default_factory=Cost)
    days: list[Cost] = field(default_factory=list)
    rebuild_nodes: dict[str, float] = field(default_factory=dict)
    day_nodes: dict[str, float] = field(default_factory=dict)

    @property
    def day_cpu(self) -> float:
        """CPU seconds of a new day: the median."""
        return statistics.median(cost.cpu for cost in self.days)

    @property
    def share_pct(self) -> float:
        """CPU of a new day, of 100 of the rebuild's."""
        return 100 * self.day_cpu / self.rebuild.cpu


@contextmanager
def built(folder: Path, lines: int, new_days: int) -> Iterator[tuple[Facts, str]]:
    """A published warehouse of about so many lines and some days more, on its own server; what it cost, and its URL."""
    sizes = sizes_for(lines, UNTIL)
    facts = Facts(lines=_generate(folder, sizes, UNTIL, sizes["days"]))
    with running(folder / "postgres") as server:
        initialise(server.url())
        facts.rebuild, facts.rebuild_nodes = _night(server.url(), server.folder, folder, "--full-refresh")
        until = UNTIL
        while len(facts.days) < new_days:
            until += timedelta(days=1)
            if _generate(folder, sizes, until, days=1):  # else the house was closed
                cost, facts.day_nodes = _night(server.url(), server.folder, folder)
                facts.days.append(cost)
        yield facts, server.url()


def _generate(folder: Path, sizes: Mapping[str, int], until: date, days: int) -> int:
    summary = generate(
        folder / "data",
        until=until,
        days=days,
        products=sizes["products"],
        customers=sizes["customers"],
        lines_per_day=sizes["lines_per_day"],
    )
    return sum(summary.lines.values())


def _night(url: str, server: Path, folder: Path, *how: str) -> tuple[Cost, dict[str, float]]:
    """Load what is new, build what it changes, publish; what the building alone cost, and seconds of each node."""
    business = load_business(PROJECT_ROOT / "examples" / "demo")
    with lease(url, run_id="benchmark", business=business) as night:
        for source in business.sources:
            load_source(night.connection, business, source, folder / "data", token=night.token)
        night.set_as_of(None)
        reopen_days(night.connection, night.token)
        with measured(server) as cost:
            _dbt(night, folder / "dbt", *how)
        for stage in ("facts", "bi"):
            with night.stage(stage):
                pass
        publish(night, bi_tables(folder / "dbt" / "manifest.json"), fingerprint(business.profile))
        night.finish("succeeded")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("vacuum (analyze)")  # what autovacuum does in the course of a day
    results = json.loads((folder / "dbt" / "run_results.json").read_text(encoding="utf-8"))["results"]
    return cost, {r["unique_id"].split(".")[2]: r["execution_time"] for r in results}


def _dbt(night: Night, target: Path, *how: str) -> None:
    pieces = connection_pieces(night.url)
    names = {"host": "HOST", "port": "PORT", "user": "USER", "password": "PASSWORD", "dbname": "DATABASE"}
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("DAYBREAK_", "DBT_", "PG"))}
    environment |= {f"DAYBREAK_PG_{variable}": pieces[name] for name, variable in names.items()}
    environment |= {"PGOPTIONS": f"-c daybreak.token={night.token}", "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"}
    done = subprocess.run(
        [
            dbt_executable(), "build", "--exclude-resource-type", "unit_test", "--quiet", *how,
            "--project-dir", str(DBT_PROJECT), "--profiles-dir", str(DBT_PROJECT),
            "--target-path", str(target), "--log-path", str(target),
        ],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(f"dbt failed:\n{done.stdout[-4000:]}{done.stderr[-2000:]}")


def table(histories: list[Facts]) -> str:
    """Seconds and CPU of the rebuild and of a new day, then the nodes of dbt that took longest on the last history."""
    heads = "".join(f"{facts.lines:>18,} lines" for facts in histories)
    lines = [f"{'':40}{heads}", f"{'':40}" + f"{'rebuild':>13}{'new day':>11}" * len(histories)]
    for label in ("seconds", "python_cpu", "postgres_cpu", "cpu"):
        cells = "".join(
            f"{getattr(f.rebuild, label):13.1f}{statistics.median(getattr(day, label) for day in f.days):11.1f}"
            for f in histories
        )
        lines.append(f"{label:40}{cells}")
    lines.append(f"{'a new day, % of the CPU':40}" + "".join(f"{f.share_pct:24.1f}" for f in histories))
    last = histories[-1]
    for title, nodes in (("rebuild", last.rebuild_nodes), ("new day", last.day_nodes)):
        slowest = sorted(nodes.items(), key=lambda item: -item[1])[:SLOWEST]
        lines.append(f"slowest of the {title}, seconds: " + ", ".join(f"{name} {s:.1f}" for name, s in slowest))
    return "\n".join(lines)


def growth(short: Facts, long: Facts) -> float:
    """CPU seconds of a rebuild per line, on the long history over the short one."""
    return (long.rebuild.cpu / long.lines) / (short.rebuild.cpu / short.lines)
