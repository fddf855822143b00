"""What a night of hand-made facts leaves: sales lines as ingestion would, tables of bi_build as dbt would.

Not here: who may write them, and when (tests/integration/test_night.py, test_publication.py).
"""

from datetime import date
from typing import Any

import psycopg

from orchestration.night import Counts, Night
from orchestration.publication import BiTable
from orchestration.settings import PROJECT_ROOT
from orchestration.warehouse import writing

DEMO = PROJECT_ROOT / "examples" / "demo"
TABLES = [BiTable("dim_product"), BiTable("sales_lines", "order_date")]
MONDAY, TUESDAY = date(2024, 2, 26), date(2024, 2, 27)
LEAP_DAY = date(2024, 2, 29)

Rows = list[tuple[Any, ...]]


def rows(url: str, query: str) -> Rows:
    with psycopg.connect(url, autocommit=True) as connection:
        return connection.execute(query).fetchall()


def load_sales(night: Night, *days: date) -> None:
    """One sales line a day, as ingestion leaves it."""
    with writing(night.connection):
        for day in days:
            night.connection.execute(
                """insert into raw.sales_lines (order_id, line_id, ordered_at, order_date, line_kind, product_id,
                       qty_units, unit_price, discount_amount, line_amount, _source, _load_id, _line)
                   values (%s, '1', %s, %s, 'sale', 'P', 1, 1, 0, 1, 'test', 1, 1) on conflict do nothing""",
                [f"R{day}", day, day],
            )
            night.connection.execute(
                "insert into ops.touched_days (token, day) values (%s, %s) on conflict do nothing", [night.token, day]
            )


def build(night: Night, amounts: dict[date, int], *, columns: str = "order_date date, amount numeric") -> None:
    """What dbt would leave in bi_build: of ``sales_lines`` the days asked for, of the products all."""
    with writing(night.connection):
        night.connection.execute(
            f"""drop schema if exists bi_build cascade; create schema bi_build;
                create table bi_build.sales_lines ({columns});
                create table bi_build.dim_product (product_id text);
                insert into bi_build.dim_product values ('night {night.token}')"""
        )
        for day, amount in amounts.items():
            night.connection.execute("insert into bi_build.sales_lines values (%s, %s)", [day, amount])
    for stage in ("facts", "bi"):
        with night.stage(stage) as record:
            record.counts = Counts(written=len(amounts))


def published(url: str) -> Rows:
    return rows(url, "select order_date, amount from bi.sales_lines order by 1")
