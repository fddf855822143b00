"""A warehouse for tests: raw rows put in as ingestion leaves them, nights begun, and dbt run on it.

Not here: what dbt should make of them (tests/integration/test_dbt_project.py).
"""

import random
from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import psycopg

from orchestration.ingestion.contract import raw_ddl
from orchestration.settings import PROJECT_ROOT
from tests.support.dbt_runs import run_dbt

SQL = PROJECT_ROOT / "orchestration" / "sql"


class Line(NamedTuple):
    """A sales line as ingestion leaves it in raw.sales_lines."""

    order_id: str
    line_id: str
    day: date
    kind: str
    product_id: str
    customer_id: str | None
    country: str | None
    qty_units: int
    unit_price: str
    discount: str = "0"
    channel: str | None = None
    territory_id: str | None = None
    rep_id: str | None = None

    @property
    def amount(self) -> Decimal:
        return self.qty_units * Decimal(self.unit_price) - Decimal(self.discount)


def random_line(choose: random.Random, order_id: str, line_id: str) -> Line:
    """Any line of two months around a leap day: every kind, anonymous customers, no country."""
    kind = choose.choices(["sale", "return", "charge", "adjustment"], [80, 10, 6, 4])[0]
    quantity = choose.randint(1, 5) * (-1 if kind == "return" else 1)
    return Line(
        order_id=order_id,
        line_id=line_id,
        day=date(2024, 2, 1) + timedelta(days=choose.randint(0, 59)),
        kind=kind,
        product_id="POST" if kind == "charge" else f"P{choose.randint(1, 15)}",
        customer_id=choose.choice([None, *(f"C{n}" for n in range(12))]),
        country=choose.choice([None, "DE", "FR", "ÖĞ"]),
        qty_units=quantity,
        unit_price=choose.choice(["9.99", "0.333333", "120"]),
        discount="0.50" if kind == "sale" and choose.random() < 0.3 else "0",
        channel=choose.choice([None, "Web", "Shop"]),
        territory_id=choose.choice([None, "T1", "T2"]),
        rep_id=choose.choice([None, "R1", "R2", "R3"]),
    )


class Warehouse:
    """A database with Daybreak's tables, and the dbt project run on it."""

    def __init__(self, url: str, work: Path, parsed: Path) -> None:
        self.url = url
        self.work = work
        self.parsed = parsed
        with self.connect() as connection:
            for script in ("ops.sql", "stages.sql"):
                connection.execute((SQL / script).read_text(encoding="utf-8"))
            connection.execute(raw_ddl())
            connection.execute(
                "insert into ops.business values (true, 'Ünïcode & Söhne', 'EUR', 'Europe/Berlin', 'de_DE', 4, 1)"
            )

    def connect(self) -> "psycopg.Connection[Any]":
        return psycopg.connect(self.url, autocommit=True)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with self.connect() as connection:
            return connection.execute(query).fetchall()

    def put(self, lines: Iterable[Line]) -> None:
        """Insert or correct lines, and open the day each one leaves and the day it comes to."""
        with self.connect() as connection, connection.transaction():
            for line in lines:
                self._open(connection, line.order_id, line.line_id)
                connection.execute(
                    """
                    insert into raw.sales_lines (
                        order_id, line_id, ordered_at, order_date, line_kind, product_id, product_name,
                        customer_id, country, channel, territory_id, rep_id, qty_units, unit_price, discount_amount,
                        line_amount, _source, _load_id, _line
                    )
                    values (%s, %s, %s::date + interval '10 hours', %s, %s, %s, %s, %s,
                        %s, %s, %s, %s, %s, %s, %s, %s, 'test', 1, 1)
                    on conflict (order_id, line_id) do update set
                        ordered_at = excluded.ordered_at, order_date = excluded.order_date,
                        line_kind = excluded.line_kind, product_id = excluded.product_id,
                        product_name = excluded.product_name, customer_id = excluded.customer_id,
                        country = excluded.country, channel = excluded.channel,
                        territory_id = excluded.territory_id, rep_id = excluded.rep_id, qty_units = excluded.qty_units,
                        unit_price = excluded.unit_price, discount_amount = excluded.discount_amount,
                        line_amount = excluded.line_amount
                    """,
                    [
                        line.order_id, line.line_id, line.day, line.day, line.kind, line.product_id,
                        f"Name of {line.product_id}", line.customer_id, line.country, line.channel, line.territory_id,
                        line.rep_id, line.qty_units, line.unit_price, line.discount, line.amount,
                    ],
                )  # fmt: skip
                self._open(connection, line.order_id, line.line_id)

    def remove(self, keys: Iterable[tuple[str, str]]) -> None:
        """Take lines out of raw and open their days, as a correction to nothing would."""
        with self.connect() as connection, connection.transaction():
            for order_id, line_id in keys:
                self._open(connection, order_id, line_id)
                connection.execute(
                    "delete from raw.sales_lines where order_id = %s and line_id = %s", [order_id, line_id]
                )

    def _open(self, connection: "psycopg.Connection[Any]", order_id: str, line_id: str) -> None:
        connection.execute(
            """
            insert into ops.touched_days (token, day)
            select (select token from ops.lease), order_date from raw.sales_lines
            where order_id = %s and line_id = %s
            on conflict do nothing
            """,
            [order_id, line_id],
        )

    def begin_night(self, as_of: date | None = None) -> int:
        """Take the lease: a new token, every day of earlier nights published."""
        with self.connect() as connection, connection.transaction():
            connection.execute("update ops.touched_days set published_token = token where published_token is null")
            row = connection.execute("update ops.lease set token = token + 1 returning token").fetchone()
            assert row is not None
            connection.execute(
                "insert into ops.nights (token, run_id, as_of_date) values (%s, 'test', %s)", [row[0], as_of]
            )
            return int(row[0])

    def set_as_of(self, as_of: date) -> None:
        with self.connect() as connection:
            connection.execute(
                "update ops.nights set as_of_date = %s where token = (select token from ops.lease)", [as_of]
            )

    def dbt(self, *arguments: str, token: int | None = None) -> Any:
        """Run dbt on this database; with a token it writes as that night."""
        return run_dbt(self.parsed, self.url, *arguments, work=self.work, token=token)

    def build(self, *arguments: str, token: int | None = None) -> None:
        """``dbt build``, models and tests; fails the test with dbt's own messages if anything fails."""
        result = self.dbt("build", *arguments, token=token)
        messages = [
            f"{r.node.name}: {r.status} {r.message}" for r in result.result or [] if r.status in ("error", "fail")
        ]
        assert result.success, "\n".join(messages) or str(result.exception)

    def record_fences(self) -> None:
        """From now on ops.hold_lease() also writes its transaction down in public.fenced."""
        with self.connect() as connection:
            connection.execute(
                """
                create table public.fenced (xid text primary key);
                alter function ops.hold_lease() rename to hold_lease_inner;
                create function ops.hold_lease() returns bigint language plpgsql as $$ begin
                    insert into public.fenced values (pg_current_xact_id()::xid::text) on conflict do nothing;
                    return ops.hold_lease_inner();
                end $$
                """
            )
