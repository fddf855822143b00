"""What `daybreak init` makes of files as they are found in the world: entities, mappings, joins.

Not here: how files are looked at (test_starter_looks.py), other languages (test_starter_languages.py), what stays open
(test_starter_open.py), and the check of the result (tests/integration/test_init.py).
"""

from pathlib import Path

import pytest
import yaml

from orchestration.business import load_business
from orchestration.ingestion.names import names_read
from orchestration.settings import PROJECT_ROOT
from orchestration.sources import Source
from orchestration.starter.init import start
from tests.support.starter import NORTHWIND, begun, plain, sources, superstore, table

SHARED = PROJECT_ROOT.parent / "shared" / "data"


def test_one_flat_file_brings_sales_products_and_customers(tmp_path: Path) -> None:
    started = begun(tmp_path, {"superstore.csv": b"\xef\xbb\xbf" + superstore().encode()})
    found = sources(started)
    assert set(found) == {"sales_lines", "products", "customers"}
    sales = plain(found["sales_lines"])
    assert {k: v for k, v in sales.items() if k not in ("unit_price", "discount_amount")} == {
        "order_id": "Order ID",
        "line_id": "Row ID",
        "ordered_at": "Order Date",
        "shipped_on": "Ship Date",
        "product_id": "Product ID",
        "product_name": "Product Name",
        "customer_id": "Customer ID",
        "country": "Country",
        "territory_id": "Region",
        "qty_units": "Quantity",
        "line_amount": "Sales",
    }
    assert found["sales_lines"].columns["ordered_at"].format == "%m/%d/%Y"
    # the discount is a share, and the total after it: a product's price before it is always the same
    assert 'nullif(1 - cast("Discount" as numeric), 0)' in (sales["unit_price"] or "")
    assert "Discount" in (sales["discount_amount"] or "")
    assert plain(found["products"]) == {
        "product_id": "Product ID",
        "product_name": "Product Name",
        "category": "Category",
        "subcategory": "Sub-Category",
    }
    # a customer orders to many cities: the city is the order's, not the customer's
    assert plain(found["customers"]) == {
        "customer_id": "Customer ID",
        "customer_name": "Customer Name",
        "segment": "Segment",
        "country": "Country",
        "region": "State",
    }
    assert [line.partition(":")[0] for line in started.to_confirm] == ["superstore.territory_id"]
    profile_of_business = yaml.safe_load((started.folder / "business.yaml").read_text(encoding="utf-8"))
    assert (profile_of_business["currency"], profile_of_business["time_zone"]) == ("USD", "America/New_York")


def test_lines_find_their_order_and_products_their_category(tmp_path: Path) -> None:
    started = begun(tmp_path, NORTHWIND)
    found = sources(started)
    assert set(found) == {"sales_lines", "products", "customers", "sales_reps"}
    lines = found["sales_lines"]
    (join,) = lines.joins
    assert (join.name, join.files, join.on, join.unmatched) == (
        "orders",
        "orders.csv",
        {"order_id": "order_id"},
        "reject",
    )
    assert plain(lines) == {
        "order_id": "order_id",
        "line_id": "product_id",
        "ordered_at": "orders.order_date",
        "due_on": "orders.required_date",
        "shipped_on": "orders.shipped_date",
        "customer_id": "orders.customer_id",
        "rep_id": "orders.employee_id",
        "country": "orders.ship_country",
        "product_id": "product_id",
        "qty_units": "quantity",
        "unit_price": "round(cast(unit_price as numeric), 4)",
        "discount_amount": "round(cast(quantity as numeric) * round(cast(unit_price as numeric), 4) * "
        "round(cast(discount as numeric), 4), 6)",
    }
    products = plain(found["products"])
    assert (products["category"], products["supplier_id"]) == ("categories.category_name", "supplier_id")
    assert found["products"].joins[0].unmatched == "keep"
    reps = plain(found["sales_reps"])
    assert reps["rep_name"] == "concat_ws(' ', btrim(first_name), btrim(last_name))"
    assert reps["manager_id"] == "reports_to"
    assert "shippers" in started.strangers
    # freight stands once in the order, and is charged
    (freight,) = [s for s in load_business(started.folder).sources if s.name == "freight"]
    assert plain(freight) | {"ordered_at": "order_date"} == plain(freight)
    assert (freight.columns["unit_price"].from_, freight.columns["line_kind"].constant) == ("freight", "charge")
    confirm = {line.partition(":")[0] for line in started.to_confirm}
    assert {"order_details.discount_amount", "freight.unit_price"} <= confirm


RETAIL = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country"


def test_daily_files_without_line_numbers_with_codes_in_two_cases(tmp_path: Path) -> None:
    files = {}
    for day in range(1, 4):
        rows = [
            f"{536000 + day * 100 + n // 3},{85000 + n % 20}{'a' if n % 2 else 'A'},MUG {n % 20},{n % 5 + 1},"
            f"2010-12-0{day} 08:{n:02d}:00,2.55,17850.0,United Kingdom"
            for n in range(60)
        ]
        rows += [f"C53{day}999,85001A,MUG 1,-2,2010-12-0{day} 10:00:00,2.55,,United Kingdom"] * 2
        rows += [f"53{day}998,POST,POSTAGE,1,2010-12-0{day} 10:00:00,18.00,12583.0,France"]
        files[f"2010-12-0{day}.csv"] = table(RETAIL, *rows)
    found = sources(begun(tmp_path, files))["sales_lines"]
    assert found.files == "*.csv"
    assert plain(found) == {
        "order_id": "InvoiceNo",
        "line_id": "StockCode",
        "ordered_at": "InvoiceDate",
        "product_id": "StockCode",
        "product_name": "Description",
        "customer_id": "regexp_replace(\"CustomerID\", '\\.0$', '')",
        "country": "Country",
        "qty_units": "Quantity",
        "unit_price": "UnitPrice",
    }
    assert found.columns["line_id"].numbered_within == ("InvoiceNo", "StockCode")
    assert found.columns["line_id"].case == found.columns["product_id"].case == "upper"
    assert [(entry.kind, entry.when) for entry in found.classify] == [
        ("charge", "product_id in ('POST')"),
        ("return", "order_id like 'C%' or qty_units < 0"),
        ("sale", None),
    ]


ADVENTURE = {
    "Sales.SalesOrderDetail.csv": table(
        "SalesOrderID,SalesOrderDetailID,OrderQty,ProductID,UnitPrice,UnitPriceDiscount,LineTotal",
        *(
            f"{43659 + n // 2},{n + 1},{n % 4 + 1},{n % 9 + 1},{20 + n % 9},{0.15 if n % 3 else 0},"
            f"{round((n % 4 + 1) * (20 + n % 9) * (0.85 if n % 3 else 1), 6)}"
            for n in range(80)
        ),
    ),
    "Sales.SalesOrderHeader.csv": table(
        "SalesOrderID,OrderDate,DueDate,ShipDate,Status,OnlineOrderFlag,CustomerID,SalesPersonID,TerritoryID,SubTotal",
        *(
            f"{43659 + n},2011-05-{n % 28 + 1:02d},2011-06-12,2011-06-07,5,{n % 2},{n % 6 + 1},{n % 3 + 274},"
            f"{n % 4 + 1},1"
            for n in range(40)
        ),
    ),
    "Sales.Customer.csv": table(
        "CustomerID,PersonID,TerritoryID,AccountNumber,ModifiedDate",
        *(f"{n},,{n % 4 + 1},AW0000{n},2014-09-12 11:15:07.263000000" for n in range(1, 7)),
    ),
    "derived.CustomerNames.csv": table(
        "customer_id,first_name,last_name,store_name",
        *(f"{n},Jo,Miller {n},{'A Shop' if n % 2 else ''}" for n in range(1, 7)),
    ),
    "Production.Product.csv": table(
        "ProductID,Name,ProductNumber,Class,StandardCost,ListPrice,DaysToManufacture,ProductSubcategoryID,ProductModelID,"
        "SellStartDate,SellEndDate,DiscontinuedDate",
        *(
            f"{n},Bike {n},BK-{n},H,{n}.5,{n + 20}.25,1,{n % 3 + 1},{n},2008-04-30 00:00:00,,,"[:-1]
            for n in range(1, 10)
        ),
    ),
    "Production.ProductSubcategory.csv": table(
        "ProductSubcategoryID,ProductCategoryID,Name", "1,1,Mountain Bikes", "2,1,Road Bikes", "3,2,Gloves"
    ),
    "Production.ProductCategory.csv": table("ProductCategoryID,Name", "1,Bikes", "2,Clothing"),
    "Production.ProductModel.csv": table("ProductModelID,Name", *(f"{n},Model {n}" for n in range(1, 10))),
    "Sales.SalesPerson.csv": table(
        "BusinessEntityID,TerritoryID,SalesQuota,CommissionPct", "274,1,,0", "275,2,300000,0.012", "276,4,250000,0.015"
    ),
    "derived.EmployeeNames.csv": table(
        "employee_id,first_name,last_name,job_title", *(f"{n},Ken,Sánchez {n},Rep" for n in range(270, 280))
    ),
    "Sales.CurrencyRate.csv": table(
        "CurrencyRateID,CurrencyRateDate,FromCurrencyCode,ToCurrencyCode,AverageRate",
        *(f"{n},2011-05-{n:02d} 00:00:00,USD,CAD,1.{n:02d}" for n in range(1, 20)),
    ),
}


def test_an_operational_database_of_many_tables(tmp_path: Path) -> None:
    started = begun(tmp_path, ADVENTURE)
    found = sources(started)
    assert set(found) == {"sales_lines", "customers", "products", "sales_reps", "exchange_rates"}
    lines = plain(found["sales_lines"])
    header = "sales_order_header"
    assert lines == {
        "order_id": "SalesOrderID",
        "line_id": "SalesOrderDetailID",
        "ordered_at": f"{header}.OrderDate",
        "due_on": f"{header}.DueDate",
        "shipped_on": f"{header}.ShipDate",
        "product_id": "ProductID",
        "customer_id": f"{header}.CustomerID",
        "territory_id": f"{header}.TerritoryID",
        "rep_id": f"{header}.SalesPersonID",
        "channel": f"{header}.OnlineOrderFlag",
        "qty_units": "OrderQty",
        "unit_price": "UnitPrice",
        # proven: units × price × (1 − discount) is the total
        "discount_amount": 'round(cast("OrderQty" as numeric) * cast("UnitPrice" as numeric) * '
        'cast("UnitPriceDiscount" as numeric), 6)',
        "line_amount": "LineTotal",
    }
    products = found["products"]
    assert [join.on for join in products.joins] == [
        {"ProductSubcategoryID": "ProductSubcategoryID"},
        {"product_subcategory.ProductCategoryID": "ProductCategoryID"},
    ]
    assert plain(products) == {
        "product_id": "ProductID",
        "product_name": "Name",
        "category": "product_category.Name",
        "subcategory": "product_subcategory.Name",
        "unit_cost": "StandardCost",
        "list_price": "ListPrice",
        "launched_on": 'left("SellStartDate", 10)',
    }
    customers = plain(found["customers"])
    assert customers["customer_name"] == (
        "coalesce(nullif(btrim(customer_names.store_name), ''), "
        "concat_ws(' ', btrim(customer_names.first_name), btrim(customer_names.last_name)))"
    )
    reps = found["sales_reps"]
    assert reps.files == "Sales.SalesPerson.csv"  # the ten employees are not all reps: nobody ever speaks of the others
    assert plain(reps)["commission_pct"] == 'cast("CommissionPct" as numeric) * 100'
    assert plain(found["exchange_rates"])["rate"] == "AverageRate"
    assert "Production.ProductModel" in started.strangers


def test_the_same_database_as_it_is_unloaded_without_headers(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {}
    script = ""
    for name, text in ADVENTURE.items():
        header, *rows = text.splitlines()
        stem = name.removesuffix(".csv").rpartition(".")[2]
        script += (
            f"CREATE TABLE [x].[{stem}](\n" + ",\n".join(f"[{c}] [int] NULL" for c in header.split(",")) + "\n);\n"
        )
        body = "".join("+|".join(row.split(",")) + "&|\r\n" for row in rows)
        files[f"{stem}.csv"] = body.encode("utf-16")
    files["schema.sql"] = script.encode("utf-16")
    found = sources(begun(tmp_path, files))
    assert set(found) == {"sales_lines", "customers", "products", "sales_reps", "exchange_rates"}
    lines = found["sales_lines"]
    assert (lines.csv.delimiter, lines.csv.row_end, lines.csv.encoding) == ("+|", "&|\r\n", "utf-16")
    assert lines.csv.names is not None
    assert lines.csv.names[0] == "SalesOrderID"
    assert lines.joins[0].csv.names is not None
    assert plain(lines)["ordered_at"] == "sales_order_header.OrderDate"


# The real files, where they are -------------------------------------------------------------------------------------


def read_by(source: Source, target: str) -> set[str]:
    """The columns that one column of a source is made of, without the names of joins."""
    alone = source.model_copy(update={"columns": {target: source.columns[target]}, "joins": ()})
    return {name.rpartition(".")[2] for name in names_read(alone)}


def mapped_as(folder: Path, example: str) -> tuple[int, int, list[str]]:
    """How many columns of a hand-made mapping were found as it has them, of how many; and those found otherwise."""
    right, total, wrong = 0, 0, []
    guessed = load_business(folder).sources
    for source in load_business(PROJECT_ROOT / "examples" / example).sources:
        if source.columns.get("line_kind"):
            continue
        total += len(source.columns)
        own = next((s for s in guessed if s.entity == source.entity), None)
        for target in source.columns:
            if own is None or target not in own.columns:
                continue
            mine, theirs = read_by(own, target), read_by(source, target)
            right += mine == theirs
            wrong += [f"{source.name}.{target}: {sorted(mine)} for {sorted(theirs)}"] if mine != theirs else []
    return right, total, wrong


@pytest.mark.skipif(not SHARED.is_dir(), reason="the data sets are not here")
@pytest.mark.parametrize(
    ("files", "example", "least", "otherwise"),
    [
        (["superstore/superstore_a_bom_mdy.csv"], "superstore", 21, 0),
        (["northwind"], "northwind", 30, 0),
        (["northwind/malformed_csv"], "northwind_malformed", 25, 0),
        (["online_retail_I/by_day/2010-12-01.csv", "online_retail_I/by_day/2011-11-30.csv"], "online_retail", 9, 0),
        (["adventureworks/csv"], "adventureworks", 74, 2),
    ],
)
def test_the_public_data_sets_are_mapped_as_by_hand(
    tmp_path: Path, files: list[str], example: str, least: int, otherwise: int
) -> None:
    given = [SHARED / name for name in files]
    if example == "northwind":
        given = sorted((SHARED / "northwind").glob("*.csv"))
    started = start(tmp_path / "shop", given, force=False, say=lambda text: None)
    right, total, wrong = mapped_as(started.folder, example)
    assert right >= least, f"{right} of {total}; otherwise: {wrong}"
    assert len(wrong) <= otherwise, wrong
