"""The questions of dashboards are answered by the indexes of bi: the planner chooses them, on tables large enough.

Not here: how fast (python -m benchmarks), nor that the answers are those of the raw lines (tests/pipeline).
"""

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from typing import Any

import psycopg
import pytest

from benchmarks.dashboard import statement
from benchmarks.dashboard_queries import QUERIES, Query
from tests.support.dbt_warehouse import Warehouse

ASKED_BY_INDEX = [query for query in QUERIES if query.index_of]
DAYS, AS_OF = 1200, date(2025, 6, 30)
# Rows of each table, and the values of the columns that questions ask by: of row i, in the order of the days.
DAY = f"date '{AS_OF}' - {DAYS} + (i * {DAYS}::bigint / {{n}})::integer"
FILLED: dict[str, tuple[int, Mapping[str, str]]] = {
    "dim_product": (300, {"product_key": "i", "is_charge_code": "false"}),
    "dim_rep": (30, {"rep_key": "i"}),
    "sales_lines": (60_000, {"line_key": "i", "order_date": DAY, "customer_key": "i * 7919 % 400"}),
    "sales_daily_product": (60_000, {"order_date": DAY, "product_key": "i"}),
    "sales_daily_slice": (30_000, {"order_date": DAY, "rep_key": "i % 30"}),
    "sales_monthly_product": (
        12_000,
        {"month_start": f"(date '{AS_OF}' - interval '1 month' * ((12000 - i) / 300))::date", "product_key": "i"},
    ),
}  # fmt: skip
BY_TYPE = {"date": f"date '{AS_OF}'", "boolean": "true", "text": "'x'", "timestamp with time zone": "now()"}


@pytest.fixture(scope="module")
def filled(new_warehouse: Callable[[], Warehouse]) -> Warehouse:
    """bi_build as dbt makes it, with its indexes, and invented rows in it."""
    warehouse = new_warehouse()
    models = [f"+bi_{table}" for table in FILLED]
    result = warehouse.dbt("run", "--full-refresh", "--select", *models)
    assert result.success, result.exception
    with warehouse.connect() as connection:
        for table, (n, values) in FILLED.items():
            _fill(connection, table, n, values)
    return warehouse


def _fill(connection: "psycopg.Connection[Any]", table: str, n: int, values: Mapping[str, str]) -> None:
    columns = connection.execute(
        "select column_name, data_type from information_schema.columns"
        " where table_schema = 'bi_build' and table_name = %s",
        [table],
    ).fetchall()
    made = [values[name].format(n=n) if name in values else BY_TYPE.get(kind, "i") for name, kind in columns]
    connection.execute(f"truncate bi_build.{table}")
    connection.execute(
        f"insert into bi_build.{table} ({', '.join(name for name, _ in columns)})"
        f" select {', '.join(made)} from generate_series(1, {n}) as i"
    )
    connection.execute(f"analyze bi_build.{table}")


def _scans(plan: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Every table of the plan, with how it is read."""
    if "Relation Name" in plan:
        yield plan["Relation Name"], plan["Node Type"]
    for part in plan.get("Plans", []):
        yield from _scans(part)


@pytest.mark.parametrize("query", ASKED_BY_INDEX, ids=[query.name for query in ASKED_BY_INDEX])
def test_a_dashboard_reads_its_large_table_by_an_index(filled: Warehouse, query: Query) -> None:
    picked = {"as_of": AS_OF, "customer_key": 7, "product_key": 7}
    with psycopg.connect(filled.url, cursor_factory=psycopg.ClientCursor) as connection:
        asked = statement("explain (format json) " + query.of_bi, "bi_build", picked)
        plan = connection.execute(asked).fetchone()
    assert plan is not None
    root = plan[0] if isinstance(plan[0], list) else json.loads(plan[0])
    how = dict(_scans(root[0]["Plan"]))[query.index_of]
    assert how in ("Index Scan", "Index Only Scan", "Bitmap Heap Scan")
