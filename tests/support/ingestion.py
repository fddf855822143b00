"""A small business for the tests of ingestion: its folder, its files, its nights, and what then stands where.

Not here: what should stand there (tests/integration/test_ingestion_*.py).
"""

import copy
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from orchestration.business import Business, load_business
from orchestration.ingestion.contract import ENTITIES
from orchestration.ingestion.load import LoadReport, load_source
from orchestration.stack.local_postgres import LocalPostgres
from orchestration.warehouse import Connection, connect, initialise
from tests.support.postgres import create_database, drop_database

PROFILE = {"name": "Ünïcode & Söhne", "currency": "EUR", "time_zone": "Europe/Berlin"}
SALES: dict[str, Any] = {
    "name": "sales",
    "entity": "sales_lines",
    "files": "*.csv",
    "format": "csv",
    "max_rejected_pct": 100,
    "columns": {
        "order_id": "order",
        "line_id": "line",
        "ordered_at": "at",
        "product_id": "product",
        "qty_units": "qty",
        "unit_price": "price",
    },
    "classify": [{"kind": "return", "when": "qty_units < 0"}, {"kind": "sale"}],
}
HEADER = "order,line,at,product,qty,price"
COMMA = {"from": "price", "decimal": ",", "thousands": "."}


def line(order: str = "1", number: str = "1", day: str = "2024-02-29", qty: str = "2", price: str = "1.50") -> str:
    """One line of a CSV file of ``SALES``."""
    return f"{order},{number},{day} 10:00:00,P-1,{qty},{price}"


def sales(**changes: Any) -> dict[str, Any]:
    """``SALES`` with other values; ``columns`` are merged into its own."""
    source = copy.deepcopy(SALES)
    source["columns"].update(changes.pop("columns", {}))
    return source | changes


class House:
    """A business folder, a data folder and a database that belong together."""

    def __init__(self, connection: Connection, folder: Path) -> None:
        self.connection = connection
        self.folder = folder / "business"
        self.data = folder / "data"
        self.folder.mkdir()
        self.data.mkdir()
        self.token = 0
        self.describe(SALES)

    def describe(self, *sources: dict[str, Any], **profile: str) -> Business:
        """Write the business folder anew, and read it."""
        dump = {"allow_unicode": True, "sort_keys": False}
        (self.folder / "business.yaml").write_text(yaml.safe_dump(PROFILE | profile, **dump), encoding="utf-8")
        (self.folder / "sources.yaml").write_text(yaml.safe_dump({"sources": list(sources)}, **dump), encoding="utf-8")
        self.business = load_business(self.folder)
        return self.business

    def write(self, name: str, content: str | bytes, *rows: str) -> Path:
        """A file: bytes as they are, text as UTF-8; with ``rows`` the content is the header."""
        path = self.data / name
        path.parent.mkdir(parents=True, exist_ok=True)
        text = "".join(f"{row}\n" for row in (content, *rows)) if rows else content
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    def night(self, source: int = 0, **options: Any) -> LoadReport:
        """Take the lease and load one source."""
        self.token += 1
        self.connection.execute("update ops.lease set token = %s", [self.token])
        self.connection.execute("select set_config('daybreak.token', %s, false)", [str(self.token)])
        return self.load(source, **options)

    def load(self, source: int = 0, **options: Any) -> LoadReport:
        """Load one source under the token of the last night."""
        own = self.business.sources[source]
        return load_source(self.connection, self.business, own, self.data, token=self.token, **options)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        return self.connection.execute(query).fetchall()

    def column(self, query: str) -> list[Any]:
        """The first column of a query's rows."""
        return [row[0] for row in self.rows(query)]

    def raw(self) -> list[tuple[Any, ...]]:
        """raw.sales_lines without its lineage."""
        return self.rows(
            """select order_id, line_id, ordered_at, order_date, line_kind, product_id, product_name, customer_id,
                      country, channel, qty_units, unit_price, discount_amount, line_amount
               from raw.sales_lines order by order_id, line_id"""
        )

    def rejected(self) -> list[tuple[Any, ...]]:
        """Line, column, value and rule of the rejected rows."""
        return self.rows("select line, column_name, value, rule from quarantine.rejected_rows order by load_id, line")

    def rules(self) -> list[str]:
        """The rules of the rejected rows."""
        return [row[3] for row in self.rejected()]

    def days_of_the_night(self) -> list[str]:
        """The days that the last night opened."""
        return self.column(f"select day::text from ops.touched_days where token = {self.token} order by day")

    def everything(self) -> list[list[tuple[Any, ...]]]:
        """All that a load could change, but for the ledger's times."""
        return [
            self.raw(),
            self.rows("select _source, _load_id, _line, _loaded_at from raw.sales_lines order by order_id, line_id"),
            self.rows("select * from ops.touched_days order by day"),
            self.rows("select * from ops.loads order by load_id"),
            self.rows("select * from quarantine.rejected_rows order by rejected_id"),
        ]


def age(path: Path, seconds: int) -> None:
    """Make a file look as if it had been written ``seconds`` earlier."""
    then = path.stat().st_mtime - seconds
    os.utime(path, (then, then))


@pytest.fixture(scope="session")
def house_url(postgres_server: LocalPostgres) -> Iterator[str]:
    """A database with Daybreak's tables for the tests of a run, one after the other: a fresh one takes 0.4 s."""
    name = create_database(postgres_server)
    initialise(postgres_server.url(name))
    yield postgres_server.url(name)
    drop_database(postgres_server, name)


@pytest.fixture
def house(house_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """A small business with an empty warehouse and a home of its own."""
    monkeypatch.setenv("DAYBREAK_HOME", str(tmp_path / "home"))
    with connect(house_url) as connection:
        tables = [*(entity.table for entity in ENTITIES.values()), "raw.attribute_changes", "quarantine.rejected_rows"]
        tables += ["ops.loads", "ops.known_files", "ops.source_shapes", "ops.accepted_sources", "ops.touched_days"]
        tables += ["ops.publications"]
        connection.execute(f"truncate {', '.join(tables)} restart identity; update ops.lease set token = 0")
        yield House(connection, tmp_path)
