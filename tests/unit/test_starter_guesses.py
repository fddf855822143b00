"""What `daybreak init` makes of files: entities, mappings, joins, what is proven, what is to be confirmed.

Not here: how files are looked at (test_starter_looks.py), and the check of the result (tests/integration/test_init.py).
"""

import random
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from orchestration.business import load_business
from orchestration.errors import ConfigurationError
from orchestration.ingestion.names import names_read
from orchestration.settings import PROJECT_ROOT
from orchestration.sources import Source
from orchestration.starter import write
from orchestration.starter.amounts import guess_amounts
from orchestration.starter.init import Started, start
from orchestration.starter.matching import Candidate
from orchestration.starter.profile import profile

SHARED = PROJECT_ROOT.parent / "shared" / "data"


def begun(tmp_path: Path, files: Mapping[str, str | bytes]) -> Started:
    """A business folder for files of that content."""
    data = tmp_path / "data"
    for name, content in files.items():
        (data / name).parent.mkdir(parents=True, exist_ok=True)
        (data / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return start(tmp_path / "shop", [data], force=False, say=lambda text: None)


def sources(started: Started) -> dict[str, Source]:
    """The written sources by their entity; the first of each."""
    found: dict[str, Source] = {}
    for source in load_business(started.folder).sources:
        found.setdefault(source.entity, source)
    return found


def plain(source: Source) -> dict[str, str | None]:
    """What each column is read from, or the expression it comes of."""
    return {
        target: mapping.from_ or mapping.expression or f"={mapping.constant}"
        for target, mapping in source.columns.items()
    }


def table(header: str, *rows: str) -> str:
    return "\n".join([header, *rows]) + "\n"


# Files as they are found in the world, small ------------------------------------------------------------------------

SUPERSTORE = (
    "Row ID,Order ID,Order Date,Ship Date,Ship Mode,Customer ID,Customer Name,Segment,Country,City,State,Postal Code,"
    "Region,Product ID,Category,Sub-Category,Product Name,Sales,Quantity,Discount,Profit"
)


def superstore() -> str:
    """Order lines with totals after a discount that is a share, and no prices."""
    rng = random.Random(1)
    rows = []
    for n in range(1, 301):
        product, customer, off = rng.randrange(30), rng.randrange(40), rng.choice([0, 0, 0.1, 0.2, 0.5])
        units = rng.randrange(1, 6)
        sales = round(units * (10 + product) * (1 - off), 4)
        rows.append(
            f"{n},CA-2017-{100000 + n // 2},{n % 12 + 1}/{n % 28 + 1}/2017,{n % 12 + 1}/{n % 28 + 1}/2017,First Class,"
            f"CG-{customer},Name {customer},{'Consumer' if customer % 2 else 'Corporate'},United States,City {n % 9},"
            f"Texas,{77000 + n},{['South', 'West'][n % 2]},"
            f"FUR-{product:05d},{['Furniture', 'Technology'][product % 2]},"
            f"Kind {product % 7},Chair {product},{sales},{units},{off},1.5"
        )
    return table(SUPERSTORE, *rows)


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


NORTHWIND = {
    "order_details.csv": table(
        "order_id,product_id,unit_price,quantity,discount",
        *(
            f"{10248 + n // 3},{n % 3 + 1 + n % 2 * 3},{9.80000019 if n % 2 else 14},{n % 7 + 1},"
            f"{0.150000006 if n % 4 else 0}"
            for n in range(90)
        ),
    ),
    "orders.csv": table(
        "order_id,customer_id,employee_id,order_date,required_date,shipped_date,ship_via,freight,ship_name,ship_country",
        *(
            f"{10248 + n}, C{n % 5},{n % 3 + 1}, 1996-07-{n % 28 + 1:02d}, 1996-08-{n % 28 + 1:02d}, 1996-07-20,"
            f"1,{n}.5, X, France"
            for n in range(30)
        ),
    ),
    "products.csv": table(
        "product_id,product_name,supplier_id,category_id,unit_price,units_in_stock,discontinued",
        *(f"{n}, Product no {n},{n % 2 + 1},{n % 3 + 1},9.80000019,5,0" for n in range(1, 8)),
    ),
    "categories.csv": table(
        "category_id,category_name,description", "1, Beverages, all drinks", "2, Condiments, sauces", "3, Meat, all"
    ),
    "customers.csv": table(
        "customer_id,company_name,contact_name,city,country",
        *(f"C{n}, Company {n}, Jo {n}, Reims, France" for n in range(5)),
    ),
    "employees.csv": table(
        "employee_id,last_name,first_name,title,hire_date,reports_to", "1, Davolio, Nancy, Rep, 1992-05-01,2",
        "2, Fuller, Andrew, Boss, 1992-08-14,", "3, Leverling, Janet, Rep, 1992-04-01,2",
    ),
    "shippers.csv": table("shipper_id,company_name,phone", "1, Speedy, 555-1", "2, United, 555-2"),
}  # fmt: skip


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


# Languages ----------------------------------------------------------------------------------------------------------


# Order, line, day, product, its name, customer, units, price, discount, country.
LANGUAGES = {
    "German": (";", "Belegnummer|Position|Belegdatum|Artikelnummer|Artikelbezeichnung|Kundennummer|Menge|Einzelpreis"
                    "|Rabatt|Land"),
    "French": (";", "N° commande|Ligne|Date de commande|Code article|Désignation article|N° client|Quantité"
                    "|Prix unitaire|Remise|Pays"),
    "Spanish": ("|", "numero_pedido|linea|fecha_pedido|codigo_producto|nombre_producto|codigo_cliente|cantidad"
                     "|precio_unitario|descuento|pais"),
    "Italian": (";", "Numero ordine|Riga|Data ordine|Codice articolo|Descrizione articolo|Codice cliente|Quantità"
                     "|Prezzo unitario|Sconto|Paese"),
    "Portuguese": (";", "Nº Pedido|Linha|Data do pedido|Código do produto|Nome do produto|Código do cliente|Quantidade"
                        "|Preço unitário|Desconto|País"),
    "Dutch": (";", "Ordernummer|Regel|Besteldatum|Artikelnummer|Artikelnaam|Klantnummer|Aantal|Stuksprijs|Korting"
                   "|Land"),
    "Polish": (";", "nr_zamowienia|pozycja|data_zamowienia|kod_towaru|nazwa_towaru|nr_klienta|ilosc|cena_jednostkowa"
                    "|rabat|kraj"),
    "Swedish": (";", "Ordernr|Rad|Orderdatum|Artikelnr|Artikelnamn|Kundnr|Antal|Enhetspris|Rabatt|Land"),
    "short": (",", "order_no|line_no|order_dt|item_no|item_desc|cust_no|qty|unit_price|disc_amt|country"),
    "CamelCase": ("\t", "OrderNumber|LineNumber|OrderDate|ProductCode|ProductName|ClientID|Qty|UnitPrice|DiscountAmt"
                        "|Country"),
}  # fmt: skip


@pytest.mark.parametrize("language", LANGUAGES)
def test_sales_in_many_languages(tmp_path: Path, language: str) -> None:
    delimiter, listed = LANGUAGES[language]
    names = listed.split("|")
    rows = [
        delimiter.join(
            [f"A{1000 + n // 3}", str(n % 3 + 1), f"{n % 28 + 1:02d}.03.2024", f"P-{n % 11}", f"Kettle no {n % 11}",
             f"K{n % 7}", str(n % 5 + 1), "19.90" if delimiter == "," else "19,90", "0", "DE"]
        )
        for n in range(60)
    ]  # fmt: skip
    found = sources(begun(tmp_path, {"export_1.csv": table(delimiter.join(names), *rows)}))["sales_lines"]
    targets = (
        "order_id",
        "line_id",
        "ordered_at",
        "product_id",
        "product_name",
        "customer_id",
        "qty_units",
        "unit_price",
    )
    expected = dict(zip(targets, names, strict=False)) | {"discount_amount": names[8], "country": names[9]}
    assert plain(found) == expected
    assert found.decimal == ("." if delimiter == "," else ",")
    assert found.columns["ordered_at"].format == "%d.%m.%Y"


# Arithmetic ---------------------------------------------------------------------------------------------------------


def amounts(**columns: list[str]) -> dict[str, str]:
    """The guesses by target, as SQL or as reason where the column stays as it is."""
    found = {name: Candidate(profile(name, values), 1.0) for name, values in columns.items()}
    guesses = guess_amounts(found, decimal=".", is_typed=False)
    return {t: str(made.mapping.get("expression", made.reason)) for t, made in guesses.items()}


UNITS, PRICES, CUTS = (
    ["2", "3", "4", "5", "1", "6"],
    ["10.00", "20.00", "5.00", "8.00", "99.00", "1.50"],
    ["1", "2", "5", "4", "10", "3"],
)


@pytest.mark.parametrize(
    ("meaning", "total"),
    [
        ("amount", lambda q, p, d: q * p - d),
        ("percent", lambda q, p, d: q * p * (1 - d / 100)),
        ("amount per unit", lambda q, p, d: q * (p - d)),
        ("amount added", lambda q, p, d: q * p + d),
    ],
)
def test_what_a_discount_is_shows_in_what_adds_up(meaning: str, total: object) -> None:
    totals = [
        f"{total(float(q), float(p), float(d)):.2f}"  # type: ignore[operator]
        for q, p, d in zip(UNITS, PRICES, CUTS, strict=True)
    ]
    found = amounts(qty_units=UNITS, unit_price=PRICES, discount_amount=CUTS, line_amount=totals)
    assert f"discount as {meaning}" in found["qty_units"]
    expected = {
        "amount": "100% of 6 discounted lines",
        "percent": "/ 100, 6)",
        "amount per unit": "cast(qty_units as numeric) * cast(discount_amount as numeric)",
        "amount added": "-cast(discount_amount as numeric)",
    }
    assert expected[meaning] in found["discount_amount"]


def test_a_price_that_is_after_the_discount_already_is_not_cut_twice(tmp_path: Path) -> None:
    rows = [f"{n},1,2024-01-{n % 28 + 1:02d},P{n % 5},3,{20 + n}.50,{18 + n}.25,2.25" for n in range(30)]
    header = "order_id,line_id,order_date,product_id,qty,price_regular,price_actual,discount"
    found = plain(sources(begun(tmp_path, {"sales.csv": table(header, *rows)}))["sales_lines"])
    assert found["unit_price"] == "cast(price_regular as numeric)"
    assert found["discount_amount"] == "round(cast(qty as numeric) * cast(discount as numeric), 6)"


def test_totals_that_do_not_add_up_are_to_be_confirmed(tmp_path: Path) -> None:
    rows = [f"{n},1,2024-01-{n % 28 + 1:02d},P{n % 5},2,10.00,{25 + n}" for n in range(30)]
    started = begun(
        tmp_path, {"sales.csv": table("order_id,line_id,order_date,product_id,qty,unit_price,line_total", *rows)}
    )
    assert any("do not add up" in line for line in started.to_confirm)


def test_a_total_without_price_gives_the_price(tmp_path: Path) -> None:
    rows = [f"{n};1;{n % 28 + 1:02d}.01.2024;P{n % 5};2;1.{n:03d},50 €" for n in range(30)]
    found = sources(begun(tmp_path, {"sales.csv": table("Beleg;Pos;Datum;Artikelnr;Menge;Betrag", *rows)}))[
        "sales_lines"
    ]
    price, total = found.columns["unit_price"], found.columns["line_amount"]
    assert price.expression is not None
    assert price.expression.endswith('/ nullif(cast("Menge" as numeric), 0), 6)')
    assert (price.decimal, total.decimal) == (".", ".")


# What stays open ----------------------------------------------------------------------------------------------------


def test_what_is_missing_is_written_as_missing(tmp_path: Path) -> None:
    rows = [f"2024-01-{n % 28 + 1:02d},item_{n % 5},CA_{n // 28},{n % 9}" for n in range(56)]
    started = begun(tmp_path, {"sales_by_store.csv": table("date,item_id,store_id,sales", *rows)})
    (made,) = started.proposals
    assert made.missing == ["unit_price"]
    found = sources(started)["sales_lines"]
    assert found.columns["unit_price"].from_ == "?"  # no file has such a column: a check stops there
    assert plain(found)["order_id"] == "concat_ws('|', \"date\", store_id)"
    assert plain(found)["line_id"] == "item_id"


def test_an_incomplete_source_that_no_night_needs_is_a_comment(tmp_path: Path) -> None:
    files = {
        **NORTHWIND,
        "employee_territories.csv": table("employee_id,territory_id", "1,0689", "1,0158", "2,0158", "3,1971"),
    }
    started = begun(tmp_path, files)
    text = (started.folder / "sources.yaml").read_text(encoding="utf-8")
    assert "# Not a source yet: nothing was found for valid_from." in text
    assert "rep_territories" not in sources(started)


def test_files_that_are_no_sales_say_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"no source was recognised.*\(a: .*; b\.bin: "):
        begun(tmp_path, {"a.csv": "colour,shape\nred,round\nblue,flat\n", "b.bin": b"\0\1" * 40})
    assert not (tmp_path / "shop").exists()


def dump(name: str, text: str) -> str:
    """A table as a dump writes it."""
    header, *rows = text.splitlines()
    values = ",\n".join("(" + ", ".join(f"'{cell}'" for cell in row.split(",")) + ")" for row in rows)
    return f"INSERT INTO {name} ({header}) VALUES\n{values};\n"


def test_a_database_that_is_there_three_times_is_one(tmp_path: Path) -> None:
    broken = {
        f"broken/{name}": text.replace("_id", "ID").replace(",1,", ",1.00,").rpartition("\n")[0].rpartition("\n")[0]
        for name, text in NORTHWIND.items()
    }
    script = "".join(dump(name.removesuffix(".csv"), text) for name, text in NORTHWIND.items())
    started = begun(tmp_path, {**NORTHWIND, **broken, "all.sql": script})
    alone = begun(tmp_path / "alone", NORTHWIND)
    written = [(s.entity, s.files, [j.files for j in s.joins]) for s in load_business(started.folder).sources]
    assert written == [(s.entity, s.files, [j.files for j in s.joins]) for s in load_business(alone.folder).sources]
    assert started.strangers["broken/orders.csv"] == "a copy of orders.csv"


def test_exports_that_overlap_keep_their_line_numbers(tmp_path: Path) -> None:
    header = "Row ID,Order ID,Order Date,Product ID,Quantity,Sales"
    rows = [f"{n},O{n // 3},2024-01-{n % 28 + 1:02d},P{n % 2},2,10.50" for n in range(90)]
    early, late = table(header, *rows[:60]), table(header, *rows[10:])
    started = begun(tmp_path, {"shop_early.csv": early, "shop_late.csv": late, "shop_zcopy.csv": early})
    found = sources(started)["sales_lines"]
    assert (found.files, plain(found)["line_id"]) == ("shop_*.csv", "Row ID")
    assert started.strangers["shop_zcopy.csv"] == "the same content as shop_early.csv"


def test_a_key_that_comes_again_is_to_be_confirmed(tmp_path: Path) -> None:
    header = "order_id,order_date,product_id,quantity,unit_price"
    rows = [f"{n // 4},2024-01-{n % 28 + 1:02d},P{n // 2 % 2},2,10.50" for n in range(90)]
    started = begun(tmp_path, {"sales.csv": table(header, *rows)})
    assert "sales.line_id: is there a column that numbers the lines?" in started.to_confirm


def test_a_list_of_all_countries_is_not_where_the_business_is(tmp_path: Path) -> None:
    lines = table(
        "order_id,line_id,order_date,product_id,quantity,unit_price,country_code",
        *(f"{n},1,2024-01-{n % 28 + 1:02d},P{n % 5},2,10.50,{'ABCDE'[n % 5]}" for n in range(60)),
    )
    places = table(
        "country_code,country", *(f"{a},{b}" for a, b in zip("ABCDE", ["AD", "AE", "AF", "AG", "AI"], strict=True))
    )
    started = begun(tmp_path, {"sales.csv": lines, "places.csv": places})
    text = (started.folder / "business.yaml").read_text(encoding="utf-8")
    assert "currency: USD  # CONFIRM: nothing in the files says which: name yours" in text
    assert "time_zone: UTC  # CONFIRM: nothing in the files says where" in text


def test_a_column_that_one_source_of_a_file_reads_is_not_unread(tmp_path: Path) -> None:
    started = begun(tmp_path, {"superstore.csv": superstore()})
    text = (started.folder / "sources.yaml").read_text(encoding="utf-8")
    unread = [line for line in text.splitlines() if "# Nothing reads" in line]
    assert len(unread) == len(set(unread)) > 0
    assert not any(name in "".join(unread) for name in ("Segment", "Category", "Quantity"))


def test_tables_of_other_things_with_the_same_columns_are_no_copies(tmp_path: Path) -> None:
    files = {
        "brands.csv": table("id,name", *(f"{n},Brand {n}" for n in range(5))),
        "colours.csv": table("id,name", *(f"{n},Colour {n}" for n in range(9))),
    }
    started = begun(tmp_path, {**NORTHWIND, **files})
    assert not [why for why in started.strangers.values() if "copy" in why]


def test_a_source_that_no_night_would_take_is_written_as_a_comment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plainly = write._column
    monkeypatch.setattr(
        write, "_column", lambda made: "product_name: {no_key: x}" if made.target == "product_name" else plainly(made)
    )
    started = begun(tmp_path, NORTHWIND)
    assert "products" not in sources(started)
    assert "sales_lines" in sources(started)
    assert "# Not a source yet: it cannot be written as one" in (started.folder / "sources.yaml").read_text("utf-8")


def test_the_folder_is_not_written_over(tmp_path: Path) -> None:
    begun(tmp_path, NORTHWIND)
    with pytest.raises(ConfigurationError, match=r"business\.yaml is there already"):
        begun(tmp_path, NORTHWIND)
    start(tmp_path / "shop", [tmp_path / "data"], force=True, say=lambda text: None)
    with pytest.raises(ConfigurationError, match="no such file or folder"):
        start(tmp_path / "other", [tmp_path / "nowhere"], force=False, say=lambda text: None)


def test_every_guess_says_how_sure_it_is_and_why(tmp_path: Path) -> None:
    started = begun(tmp_path, NORTHWIND)
    text = (started.folder / "sources.yaml").read_text(encoding="utf-8")
    columns = [line for line in text.splitlines() if line.startswith("      ") and ": " in line and "- {" not in line]
    assert columns
    assert all(" %: " in line.partition("#")[2] for line in columns)
    assert "# Nothing reads units_in_stock (whole number)." in text


def test_headers_that_would_break_yaml(tmp_path: Path) -> None:
    rows = [f"{n},1,2024-01-{n % 28 + 1:02d},P{n % 5},2,10.00" for n in range(30)]
    header = 'order_id,line_id,order_date,product_id,"qty: {a} #1, ""x""",unit_price'
    found = sources(begun(tmp_path, {"sales.csv": table(header, *rows)}))["sales_lines"]
    assert plain(found)["qty_units"] == 'qty: {a} #1, "x"'


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
