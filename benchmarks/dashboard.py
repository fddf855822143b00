"""How fast dashboards are: what Power BI or a person asks of bi, warm, beside the same question asked of the raw lines.

Not here: the questions (dashboard_queries.py) and the warehouse they are asked of (marts.py). On any warehouse:
``python -m benchmarks.dashboard postgresql://... [--schema bi_build]``.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import psycopg
from psycopg import sql

from benchmarks.dashboard_queries import QUERIES, Query
from benchmarks.machine import described

Connection = psycopg.Connection[tuple[object, ...]]
MOST_MS, MOST_OF_RAW = 300.0, 0.05
WARM_UP = 3


@dataclass(frozen=True)
class Answered:
    """One question: how many rows the answer has, the 95th percentile over bi, and the fastest time over raw, in ms."""

    name: str
    rows: int
    p95_ms: float
    raw_ms: float

    @property
    def limit_ms(self) -> float:
        """The promise: 300 ms, or a twentieth of what the raw lines take if that is less."""
        return min(MOST_MS, self.raw_ms * MOST_OF_RAW)


def connect(url: str) -> Connection:
    """A connection that puts values into the statement itself, as BI tools do: every run is planned anew."""
    return psycopg.connect(url, autocommit=True, cursor_factory=psycopg.ClientCursor)


def arguments_of(connection: Connection, schema: str) -> dict[str, object]:
    """What the questions are about: the last sales day, a customer and a product: each busier last year than 19 of 20.

    Raises:
        SystemExit: there is no sales line.
    """
    names = {"bi": sql.Identifier(schema)}
    row = connection.execute(sql.SQL("select max(order_date) from {bi}.sales_daily").format(**names)).fetchone()
    if row is None or not isinstance(as_of := row[0], date):
        raise SystemExit(f"no sales in {schema}")
    busy = sql.SQL(
        "select {key}, {id} from {bi}.{sales} inner join {bi}.{members} using ({key}) where {key} <> -1 "
        "and month_start > {as_of} - 365 group by {key}, {id} order by sum(sale_lines) desc, {key} "
        "limit 1 offset (select count(*) / 20 from {bi}.{members})"
    )
    found: dict[str, object] = {"as_of": as_of}
    for member in ("customer", "product"):
        parts = {
            "key": sql.Identifier(f"{member}_key"),
            "id": sql.Identifier(f"{member}_id"),
            "sales": sql.Identifier(f"sales_monthly_{member}"),
            "members": sql.Identifier(f"dim_{member}"),
        }
        key, text = connection.execute(busy.format(as_of=as_of, **names, **parts)).fetchone() or (None, None)
        found |= {f"{member}_key": key, f"{member}_id": text}
    return found


def statement(question: str, schema: str, arguments: dict[str, object]) -> sql.Composed:
    """The question with its schema and its values in place, as a BI tool sends it."""
    values = {name: sql.Literal(value) for name, value in arguments.items()}
    return sql.SQL(question).format(bi=sql.Identifier(schema), **values)


def measure(url: str, schema: str = "bi", repetitions: int = 30, queries: Sequence[Query] = QUERIES) -> list[Answered]:
    """Ask every question ``repetitions`` times of ``schema`` and twice of raw, on one warm connection."""
    with connect(url) as connection:
        arguments = arguments_of(connection, schema)
        return [_measure_one(connection, query, schema, arguments, repetitions) for query in queries]


def _measure_one(
    connection: Connection, query: Query, schema: str, arguments: dict[str, object], repetitions: int
) -> Answered:
    asked, raw = (statement(text, schema, arguments) for text in (query.of_bi, query.of_raw))
    for _ in range(WARM_UP):
        rows, _ms = _timed(connection, asked)
    times = [_timed(connection, asked)[1] for _ in range(repetitions)]
    return Answered(query.name, rows, percentile_95(times), min(_timed(connection, raw)[1] for _ in range(2)))


def _timed(connection: Connection, asked: sql.Composed) -> tuple[int, float]:
    started = time.perf_counter()
    rows = len(connection.execute(asked).fetchall())
    return rows, 1000 * (time.perf_counter() - started)


def percentile_95(times: Sequence[float]) -> float:
    """The time that 95 % of ``times`` do not exceed, interpolated between neighbours.

    >>> percentile_95([float(n) for n in range(21)])
    19.0
    """
    return statistics.quantiles(times, n=20, method="inclusive")[-1]


def table(answers: Sequence[Answered]) -> str:
    """One line per question."""
    lines = [f"{'':44} {'rows':>6} {'p95 ms':>8} {'raw ms':>9} {'ratio':>7} {'limit ms':>9}"]
    for a in answers:
        kept = "kept" if a.p95_ms <= a.limit_ms else "MISSED"
        times = f"{a.p95_ms:8.1f} {a.raw_ms:9.1f} {a.raw_ms / a.p95_ms:6.0f}× {a.limit_ms:9.1f}"
        lines.append(f"{a.name:44} {a.rows:6,} {times}  {kept}")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Ask everything, and print what it took."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.dashboard", description=__doc__)
    parser.add_argument("url", help="of the database, as libpq takes it")
    parser.add_argument("--schema", default="bi", help="bi_build for what is built and not published")
    parser.add_argument("--repetitions", type=int, default=30)
    options = parser.parse_args(arguments)
    print(described())
    print(table(measure(options.url, options.schema, options.repetitions)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
