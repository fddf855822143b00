"""Days of exports whose shape a test changes, and what a refused night says.

Not here: which changes are refused (tests/integration/test_ingestion_drift*.py).
"""

import random
from typing import Any

import pytest

from orchestration.errors import SourceError
from tests.support.ingestion import HEADER, House, line, sales

NAMES = HEADER.split(",")
PRODUCTS: dict[str, Any] = {
    "name": "products",
    "entity": "products",
    "files": "p*.csv",
    "columns": {"product_id": "id", "product_name": "n"},
}
BY_DAY = {"columns": {"ordered_at": {"from": "at", "format": "%d.%m.%Y"}}}


def day(
    number: int, *, month: int = 2, n: int = 30, form: str = "{y}-{m:02}-{d:02} 10:00:00", **fixed: str
) -> list[str]:
    """A day's lines: all with other orders, their amounts about 20."""
    chosen = random.Random(number)
    when = form.format(y=2024, m=month, d=number)
    rows = []
    for i in range(n):
        row = {
            "order": f"{month}-{number}-{i}", "line": "1", "at": when, "product": f"P-{i % 7}",
            "qty": str(chosen.randint(1, 9)), "price": f"{chosen.uniform(5, 60):.2f}",
        }  # fmt: skip
        rows.append(",".join((row | fixed)[name] for name in NAMES))
    return rows


def refused(house: House) -> str:
    """Why the night refused the files; nothing of them is loaded."""
    before = house.raw()
    with pytest.raises(SourceError) as caught:
        house.night()
    assert house.raw() == before
    return str(caught.value)


JOINED = sales(
    files="lines*.csv",
    joins=[{"name": "header", "files": "headers*.csv", "on": {"order": "id"}}],
    columns={"ordered_at": "header.day"},
)
LINES, HEADERS = "order,line,product,qty,price", "id,day"


def priced(name: str, price: str, n: int = 30) -> list[str]:
    """Lines of one price, with orders of their own."""
    return [line(f"{name}{i}", price=price) for i in range(n)]
