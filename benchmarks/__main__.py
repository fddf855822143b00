"""All benchmarks, and a table of what was measured beside what is promised: ``python -m benchmarks [--full]``.

Not here: the measuring, a module per part. What is promised is a ratio to a peer in the same run, or memory: seconds
alone say more about the machine. Only dashboards, reconciliation and the night of 30,000 forecasts are promised a time.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks import dashboard, forecasts, ingestion, marts, memory, nights, reconciliation
from benchmarks.machine import described

QUICK = nights.Size(lines_per_day=120, products=60, customers=200)
FULL = nights.Size(lines_per_day=5000, products=1500, customers=10_000)
QUICK_LINES, FULL_LINES = 200_000, 10_000_000
MOST_OF_A_COPY, MOST_MB, MOST_OF_A_SHORT_HISTORY = 4.0, 600, 1.3
MOST_OF_A_REBUILD_PCT, MOST_GROWTH = 10.0, 1.0
PARTS = ("load", "memory", "nights", "marts", "forecasts", "reconciliation")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; 0 whatever came out: a busy machine must not fail anybody's build."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--full", action="store_true", help="5 million rows in one file, a history of 10 million lines")
    parser.add_argument("--only", choices=PARTS, nargs="+", default=PARTS)
    parser.add_argument(
        "--online-retail", type=Path, metavar="DIR", help="its daily files, to load instead of the demo"
    )
    parser.add_argument("--repetitions", type=int, help="default: 3, but 1 for nights without --full")
    parser.add_argument("--demo-days", type=int, default=ingestion.DEMO_DAYS, help="days of sales to load")
    parser.add_argument("--rows", type=int, help="rows of the large file")
    parser.add_argument("--days", type=int, default=nights.LONG_DAYS, help="days of the long history")
    parser.add_argument("--lines-per-day", type=int)
    parser.add_argument("--lines", type=int, help="of the larger warehouse whose marts are built")
    forecasts.add_options(parser)
    options = parser.parse_args(arguments)
    promises: list[str] = []
    print(f"{described()}\n", flush=True)
    if "load" in options.only:
        promises.append(_load(options.online_retail, options.repetitions or 3, options.demo_days))
    if "memory" in options.only:
        promises.append(_memory(options.rows or (5_000_000 if options.full else 500_000), options.demo_days))
    if "nights" in options.only:
        size = FULL if options.full else QUICK
        if options.lines_per_day:
            size = nights.Size(options.lines_per_day, size.products, size.customers)
        promises.append(_nights(size, options.repetitions or (3 if options.full else 1), options.days))
    if "marts" in options.only:
        lines = options.lines or (FULL_LINES if options.full else QUICK_LINES)
        promises += _marts(lines, options.repetitions or (3 if options.full else 1))
    if "forecasts" in options.only:
        promises += forecasts.measure(options)
    if "reconciliation" in options.only:
        promises += _reconciliation()
    print("\n".join(["promised and measured", *promises, described()]))
    return 0


def _load(online_retail: Path | None, repetitions: int, demo_days: int) -> str:
    with tempfile.TemporaryDirectory(prefix="daybreak-benchmark-data-") as name:
        subject = ingestion.online_retail(online_retail) if online_retail else ingestion.demo(Path(name), demo_days)
        result = ingestion.measure(subject, repetitions)
    print(ingestion.table(subject, result) + "\n", flush=True)
    return _promise(f"loading {subject.title}, over a bare COPY", result.ratio, MOST_OF_A_COPY, "×")


def _memory(rows: int, demo_days: int) -> str:
    rows, cost = memory.measure_memory(rows, demo_days)
    print(f"one file of {rows:,} rows: {cost.seconds:.1f} s, {rows / cost.seconds:,.0f} rows/s")
    print(f"at most {cost.python_mb:.0f} MB in Python, {cost.postgres_mb:.0f} MB in PostgreSQL beside what it shares\n")
    return _promise(f"MB of Python for a file of {rows:,} rows", cost.python_mb, MOST_MB, "MB")


def _nights(size: nights.Size, repetitions: int, days: int) -> str:
    short_days = max(days * nights.SHORT_DAYS // nights.LONG_DAYS, 1)
    with tempfile.TemporaryDirectory(prefix="daybreak-benchmark-nights-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # the server may run as another user
        result = nights.measure_new_day(folder, size, repetitions, long_days=days, short_days=short_days)
    print(f"from the files to bi\n{nights.stages_table([result.short, result.long])}", flush=True)
    times = result.long.lines / result.short.lines
    print(
        f"in seconds, a new day costs {result.seconds_ratio:.2f} × as much on {times:.1f} × the history\n", flush=True
    )
    what = f"CPU of a new day on {times:.1f} × the history"
    return _promise(what, result.cpu_ratio, MOST_OF_A_SHORT_HISTORY, "×")


def _marts(lines: int, repetitions: int) -> list[str]:
    with tempfile.TemporaryDirectory(prefix="daybreak-benchmark-marts-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # the server may run as another user
        with marts.built(folder / "short", lines // 10, repetitions) as (short, _):
            pass
        with marts.built(folder / "long", lines, repetitions) as (long, url):
            answers = dashboard.measure(url)
    print(f"all of dbt\n{marts.table([short, long])}\n\n{dashboard.table(answers)}\n", flush=True)
    rebuild = f"CPU of a rebuild per line, {long.lines:,} over {short.lines:,} lines"
    promises = [_promise(rebuild, marts.growth(short, long), MOST_GROWTH, "×")]
    slowest = max(answers, key=lambda answer: answer.p95_ms)
    promises.append(_promise(f"slowest dashboard query: {slowest.name}", slowest.p95_ms, dashboard.MOST_MS, "ms"))
    if lines >= FULL_LINES:  # on fewer lines all of dbt's work is its starting, and raw lines are quick to read
        promises.append(_promise("CPU of a new day, of the rebuild's", long.share_pct, MOST_OF_A_REBUILD_PCT, "%"))
        worst = max(answers, key=lambda answer: answer.p95_ms / answer.raw_ms)
        share = 100 * worst.p95_ms / worst.raw_ms
        promises.append(_promise(f"of the raw query: {worst.name}", share, 100 * dashboard.MOST_OF_RAW, "%"))
    return promises


def _reconciliation() -> list[str]:
    costs = [reconciliation.measure(nodes) for nodes in reconciliation.MOST_MS]
    print(f"forecasts that add up\n{reconciliation.table(costs)}\n", flush=True)
    return [
        _promise(f"reconciling {c.nodes:,} nodes × 6 steps", c.tree_ms, reconciliation.MOST_MS[c.nodes], "ms")
        for c in costs
    ]


def _promise(what: str, value: float, most: float, unit: str) -> str:
    return f"  {what:55} {value:8.2f} {unit:2}  promised: ≤ {most:g} {unit}  {'kept' if value <= most else 'MISSED'}"


if __name__ == "__main__":
    sys.exit(main())
