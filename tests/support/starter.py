"""Files of any content, and the business folder that `daybreak init` makes of them.

Not here: what it should make of them (tests/unit/test_starter_*.py).
"""

import random
from collections.abc import Mapping
from pathlib import Path

from orchestration.business import load_business
from orchestration.sources import Source
from orchestration.starter.init import Started, start


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
