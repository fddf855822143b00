"""The example businesses on the real files they are made for: each total is recomputed by another engine.

Not here: a whole night on them (tests/pipeline). Where the data does not stand beside the project, they are skipped.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import duckdb
import pandas as pd
import pytest

from orchestration.business import load_business
from orchestration.ingestion.load import LoadReport
from orchestration.stack.environment import PROJECT_ROOT
from tests.support.ingestion import House

DATA = PROJECT_ROOT.parent / "shared" / "data"

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="needs the public data sets beside the project")
Loaded = Callable[[str, str], dict[str, LoadReport]]


@pytest.fixture
def loaded(house: House) -> Loaded:
    """Loads every source of an example; returns what each brought."""

    def load(example: str, data: str) -> dict[str, LoadReport]:
        house.business, house.data = load_business(PROJECT_ROOT / "examples" / example), DATA / data
        return {source.name: house.night(i) for i, source in enumerate(house.business.sources)}

    return load


def frame(path: str, **options: Any) -> pd.DataFrame:
    """A file as pandas reads it, every value the text it is."""
    return pd.read_csv(DATA / path, dtype=str, keep_default_na=False, **options)


def recomputed(query: str, **frames: pd.DataFrame) -> list[tuple[Any, ...]]:
    """The rows of a DuckDB query over frames."""
    with duckdb.connect() as engine:
        for name, of in frames.items():
            engine.register(name, of)
        return engine.execute(query).fetchall()


def fates(reports: dict[str, LoadReport]) -> dict[str, tuple[int, int]]:
    """Rows read and rejected, by source."""
    return {name: (r.rows_read, r.rows_rejected) for name, r in reports.items()}


SUPERSTORE = {
    "superstore": ("superstore_a_bom_mdy.csv", "utf-8-sig"),
    "superstore_cp1252": ("superstore_b_cp1252_crlf_shift3y.csv", "cp1252"),
}


@pytest.mark.parametrize("example", SUPERSTORE)
def test_superstore_in_either_dialect_has_the_totals_of_its_file(house: House, loaded: Loaded, example: str) -> None:
    file, encoding = SUPERSTORE[example]
    assert fates(loaded(example, "superstore"))["orders"] == (9994, 0)
    (found,) = house.rows(
        """select count(*), count(distinct order_id), sum(line_amount), sum(qty_units), sum(discount_amount),
                  count(distinct customer_id), max(order_date) - min(order_date)
           from raw.sales_lines"""
    )
    (own,) = recomputed(
        """select count(*), count(distinct "Order ID"), sum("Sales"::decimal(18, 6)), sum("Quantity"::int),
                  sum("Sales"::double / (1 - "Discount"::double) * "Discount"::double), count(distinct "Customer ID"),
                  max(strptime("Order Date", '%m/%d/%Y'))::date - min(strptime("Order Date", '%m/%d/%Y'))::date
           from lines""",
        lines=frame(f"superstore/{file}", encoding=encoding),
    )
    assert (*found[:4], *found[5:]) == (*own[:4], *own[5:])
    assert found[:4] == (9994, 5009, Decimal("2297200.860300"), 37873)  # the same in both dialects
    assert float(found[4]) == pytest.approx(own[4], abs=0.05)
    by_category = "select category, count(*), count(distinct subcategory) from raw.products group by 1 order by 1"
    assert house.rows(by_category) == [("Furniture", 375, 4), ("Office Supplies", 1083, 9), ("Technology", 404, 4)]


NORTHWIND = """
    select count(*), sum(d.quantity::int), round(sum(d.unit_price::decimal(18, 4) * d.quantity::int), 2),
           round(sum(d.unit_price::decimal(18, 4) * d.quantity::int * round(d.discount::double, 2)::decimal(4, 2)), 2),
           count(distinct o.customer), count(distinct o.day)
    from details d join orders o on trim(o.order_id) = trim(d.order_id)
"""


def test_northwind_joins_lines_to_their_orders(house: House, loaded: Loaded) -> None:
    assert fates(loaded("northwind", "northwind")) == {
        "order_lines": (2155, 0), "freight": (830, 0), "products": (77, 0), "stock": (77, 0), "customers": (91, 0),
        "suppliers": (29, 0), "reps": (9, 0), "territories": (53, 0), "rep_territories": (49, 0),
    }  # fmt: skip
    (found,) = house.rows(
        """select count(*), sum(qty_units), round(sum(qty_units * unit_price), 2), round(sum(discount_amount), 2),
                  count(distinct customer_id), count(distinct order_date)
           from raw.sales_lines where line_kind = 'sale'"""
    )
    orders = frame("northwind/orders.csv").rename(columns={"customer_id": "customer", "order_date": "day"})
    (own,) = recomputed(NORTHWIND, details=frame("northwind/order_details.csv"), orders=orders)
    assert found == own
    assert found[:2] == (2155, 51317)
    (freight,) = house.column("select sum(line_amount) from raw.sales_lines where line_kind = 'charge'")
    (own,) = recomputed("select sum(round(freight::double, 4)::decimal(18, 4)) from orders", orders=orders)
    assert freight == own[0]


def test_a_malformed_export_loads_what_is_well_formed_and_keeps_the_rest(house: House, loaded: Loaded) -> None:
    reports = loaded("northwind_malformed", "northwind/malformed_csv")
    folder = DATA / "northwind" / "malformed_csv"
    rows = [line.split(",") for line in (folder / "orders.csv").read_text(encoding="utf-8").splitlines()[1:]]
    whole = [row for row in rows if len(row) == 14]  # none of the fourteen is quoted in this file
    details = frame("northwind/malformed_csv/order-details.csv").rename(
        columns={"orderID": "order_id", "unitPrice": "unit_price"}
    )
    known = {row[0] for row in whole}
    n_lost = int((~details["order_id"].isin(known)).sum())
    assert fates(reports)["order_lines"] == (2155, n_lost)
    assert fates(reports)["freight"] == (830, 830 - len(whole))
    orders = pd.DataFrame(
        {"order_id": [r[0] for r in whole], "customer": [r[1] for r in whole], "day": [r[3] for r in whole]}
    )
    (own,) = recomputed(NORTHWIND, details=details, orders=orders)
    (found,) = house.rows(
        """select count(*), sum(qty_units), round(sum(qty_units * unit_price), 2), round(sum(discount_amount), 2),
                  count(distinct customer_id), count(distinct order_date)
           from raw.sales_lines where line_kind = 'sale'"""
    )
    assert found == own
    kept = house.rows("select source, rule, count(*) from quarantine.rejected_rows group by 1, 2 order by 1, 2")
    by_source: dict[str, int] = {}
    for source, _, n in kept:
        by_source[source] = by_source.get(source, 0) + n
    for source, report in reports.items():
        assert by_source.get(source, 0) == report.rows_rejected, source
    assert ("order_lines", "no_match", n_lost) in kept
    assert ("order_lines.header", "column_count", 830 - len(whole)) in kept


def test_adventureworks_from_its_headed_files(house: House, loaded: Loaded) -> None:
    reports = loaded("adventureworks", "adventureworks")
    assert {name: r.rows_rejected for name, r in reports.items() if r.rows_rejected} == {}
    folder = "adventureworks/csv"
    details, headers = frame(f"{folder}/Sales.SalesOrderDetail.csv"), frame(f"{folder}/Sales.SalesOrderHeader.csv")
    (own,) = recomputed(
        """select count(*), count(distinct d."SalesOrderID"), sum(d."OrderQty"::int),
                  round(sum(d."LineTotal"::decimal(18, 6)), 2), count(distinct h."CustomerID"),
                  count(distinct h."SalesPersonID") filter (where h."SalesPersonID" <> ''),
                  min(h."OrderDate"), max(h."OrderDate")
           from details d join headers h using ("SalesOrderID")""",
        details=details, headers=headers,
    )  # fmt: skip
    (found,) = house.rows(
        """select count(*), count(distinct order_id), sum(qty_units), round(sum(line_amount), 2),
                  count(distinct customer_id), count(distinct rep_id), min(order_date)::text, max(order_date)::text
           from raw.sales_lines where line_kind = 'sale'"""
    )
    assert found == own
    (off,) = house.column(
        "select count(*) from raw.sales_lines where abs(qty_units * unit_price - discount_amount - line_amount) > 0.005"
    )
    assert off == 0
    by_territory = """select territory_id, round(sum(line_amount), 2) from raw.sales_lines where line_kind = 'sale'
                      group by 1 order by 1"""
    assert house.rows(by_territory) == recomputed(
        """select h."TerritoryID", round(sum(d."LineTotal"::decimal(18, 6)), 2)
           from details d join headers h using ("SalesOrderID") group by 1 order by 1""",
        details=details, headers=headers,
    )  # fmt: skip
    tables = {
        "product_costs": ("Production.ProductCostHistory", "StandardCost", "unit_cost"),
        "product_prices": ("Production.ProductListPriceHistory", "ListPrice", "list_price"),
        "products": ("Production.Product", "StandardCost", "unit_cost"),
        "targets": ("Sales.SalesPersonQuotaHistory", "SalesQuota", "target_value"),
        "inventory_levels": ("Production.ProductInventory", "Quantity", "on_hand_units"),
        "purchase_orders": ("Purchasing.PurchaseOrderDetail", "OrderQty", "ordered_units"),
        "exchange_rates": ("Sales.CurrencyRate", "EndOfDayRate", "rate"),
        "customers": ("Sales.Customer", "TerritoryID", "cast(territory_id as numeric)"),
    }
    for entity, (file, theirs, ours) in tables.items():
        rows = frame(f"{folder}/{file}.csv")
        (own,) = recomputed(f'select count(*), sum("{theirs}"::decimal(24, 10)) from rows', rows=rows)
        assert house.rows(f"select count(*), sum({ours}) from raw.{entity}") == [own], entity


def test_adventureworks_from_its_raw_files_agrees_with_the_headed_ones(house: House, loaded: Loaded) -> None:
    reports = loaded("adventureworks_raw", "adventureworks")
    assert {name: r.rows_rejected for name, r in reports.items() if r.rows_rejected} == {}
    raw = {
        "products": "select product_id, product_name, category, unit_cost, launched_on from raw.products order by 1",
        "customers": "select customer_id, segment, territory_id from raw.customers order by 1",
        "stock": "select product_id, location_id, on_hand_units from raw.inventory_levels order by 1, 2",
    }
    from_raw = {name: house.rows(query) for name, query in raw.items()}
    names = house.column("select customer_name from raw.customers where segment = 'Store'")
    house.connection.execute(
        "truncate raw.sales_lines, raw.products, raw.customers, raw.inventory_levels, raw.attribute_changes, ops.loads"
    )
    loaded("adventureworks", "adventureworks")
    assert from_raw == {name: house.rows(query) for name, query in raw.items()}
    assert sorted(names) == sorted(house.column("select customer_name from raw.customers where segment = 'Store'"))
