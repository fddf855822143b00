"""An ERP on a real PostgreSQL as a source of a small business: its table, its rows, and how the business describes it.

Not here: nights that read it (tests/integration/test_ingestion_database*.py).
"""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from orchestration.stack.local_postgres import LocalPostgres
from tests.support.ingestion import House, sales
from tests.support.postgres import create_database, drop_database
from tests.support.stores import describe

TABLE = "shop.orders"
COLUMNS = ("order", "line", "at", "product", "qty", "price")


@pytest.fixture(scope="session")
def erp_url(postgres_server: LocalPostgres) -> Iterator[str]:
    """A database of somebody else, for all tests of a worker: each of them makes its own schema in it."""
    name = create_database(postgres_server)
    yield postgres_server.url(name)
    drop_database(postgres_server, name)


class Erp:
    """Somebody else's table of orders."""

    def __init__(self, connection: psycopg.Connection[Any], url: str) -> None:
        self.connection = connection
        self.url = url.replace("postgresql://", "postgresql+psycopg://")

    def run(self, statement: str, *values: Any) -> None:
        self.connection.execute(statement, values)

    def add(self, order: int, changed: str | None, price: str = "1.50", qty: str = "2") -> None:
        self.run(
            """insert into shop.orders values (%s, 1, '2024-02-29 10:00+01', 'P-1', %s, %s, %s)
               on conflict ("order", line) do update set price = excluded.price, changed = excluded.changed""",
            order, qty, price, changed,
        )  # fmt: skip


@pytest.fixture
def erp(erp_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Erp]:
    with psycopg.connect(erp_url, autocommit=True) as connection:
        erp = Erp(connection, erp_url)
        erp.run(
            """drop schema if exists shop cascade; create schema shop;
               create table shop.orders ("order" bigint, line int, at timestamptz, product text, qty numeric(9,3),
                                         price numeric(9,4), changed timestamp, primary key ("order", line))"""
        )
        monkeypatch.setenv("TEST_ERP_URL", erp.url)
        yield erp


def described(house: House, url: str = "${TEST_ERP_URL}", **database: Any) -> None:
    origin = {"connection": "erp", "table": TABLE, "watermark": "changed"} | database
    origin = {key: value for key, value in origin.items() if value is not None}
    describe(house, from_database(origin), connections={"erp": {"url": url}})


def from_database(origin: dict[str, Any], **changes: Any) -> dict[str, Any]:
    source = sales(database=origin, **changes)
    return {key: value for key, value in source.items() if key not in ("files", "format")}
