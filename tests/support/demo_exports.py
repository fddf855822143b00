"""The demo's exports as tables of texts in DuckDB, read as they were written.

Not here: what must hold between them (tests/unit/test_demo_coherence.py).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import python_calamine

CSV = (
    "sales", "invoices", "payments", "purchase_orders", "opportunities", "touchpoints", "customers", "rep_territories",
    "forecast_cycles", "forecast_submissions", "forecast_overrides", "exchange_rates", "expenses",
)  # fmt: skip
PARQUET = ("inventory_levels", "inventory_movements", "funnel_events", "product_prices", "product_costs")
XLSX = ("promotions", "products", "targets", "sales_reps")

# A German number and day as SQL reads them.
MACROS = """
    create macro num(t) as cast(replace(t, ',', '.') as decimal(18, 2));
    create macro day(t) as cast(strptime(left(t, 10), '%d.%m.%Y') as date);
    create macro moment(t) as strptime(t, '%d.%m.%Y %H:%M');
"""


@contextmanager
def exports_read(folder: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Every export as a table of texts, named like its folder; later files replace what they bring again."""
    with duckdb.connect() as connection:
        connection.execute(MACROS)
        for name in CSV:
            connection.execute(
                f"""create table {name} as select * from read_csv('{folder}/{name}/*.csv', delim = ';', quote = '"',
                    escape = '"', header = true, all_varchar = true, filename = true)"""
            )
        for name in PARQUET:
            connection.execute(f"create table {name} as select * from read_parquet('{folder}/{name}/*.parquet')")
        for name in XLSX:
            _read_workbooks(connection, folder, name)
        connection.execute(
            """create view lines as select *, day(Datum) as am, num(Menge) as qty, num(Einzelpreis) as price,
                   num(Rabatt) as discount, qty * price - discount as net, trim(upper(Artikelnummer)) as article
               from sales;
               create view orders as select * from purchase_orders
               qualify row_number() over (partition by Bestellnummer, Pos order by filename desc) = 1;
               create view chances as select * from opportunities
               qualify row_number() over (partition by Chance order by filename desc) = 1"""
        )
        yield connection


def _read_workbooks(connection: duckdb.DuckDBPyConnection, folder: Path, name: str) -> None:
    rows: list[list[Any]] = []
    for path in sorted(folder.glob(f"{name}/*.xlsx")):
        header, *body = python_calamine.CalamineWorkbook.from_path(path).get_sheet_by_index(0).to_python()
        rows += body
    columns = ", ".join(f'"{title}" text' for title in header)
    connection.execute(f"create table {name} ({columns})")
    marks = ", ".join("?" for _ in header)
    texts = [[None if cell == "" else str(cell) for cell in row] for row in rows]
    connection.executemany(f"insert into {name} values ({marks})", texts)
