"""JSON, XML, YAML and SQL dumps through whole loads: the same sales in every format, and a dump that pg_dump wrote.

Not here: what a file of these formats may look like (tests/unit/test_reader_*.py).
"""

import json
import subprocess
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from orchestration.errors import SourceError
from orchestration.ingestion.readers.opening import open_reader
from orchestration.shapes import Shape
from orchestration.stack.postgres_files import binaries
from tests.support.ingestion import House, sales

ORDERS: list[dict[str, Any]] = [
    {"no": "007", "at": "2024-02-28 10:00:00", "customer": {"id": "c1", "country": "NO"},
     "items": [{"pos": 1, "sku": "ä\"'<&", "qty": 2, "price": 19.90},
               {"pos": 2, "sku": "P-2", "qty": -1, "price": 0.05}]},
    {"no": "8", "at": "2024-02-29 10:00:00", "customer": {"id": "c2", "country": "AT"},
     "items": [{"pos": 1, "sku": "P-1", "qty": 1, "price": "much"}]},
    {"no": "9", "at": "2024-02-29 11:00:00", "customer": {"id": "c1", "country": "NO"},
     "items": [{"pos": 1, "sku": "P-1", "qty": 1000000, "price": 1.5}]},
]  # fmt: skip
FLAT = [
    {"no": o["no"], "at": o["at"], "customer.id": o["customer"]["id"], "customer.country": o["customer"]["country"]}
    | {f"items.{k}": v for k, v in item.items()}
    for o in ORDERS
    for item in o["items"]
]
COLUMNS: dict[str, Any] = {
    "order_id": "no", "line_id": "items.pos", "ordered_at": "at", "product_id": "items.sku", "qty_units": "items.qty",
    "unit_price": "items.price", "customer_id": {"expression": "upper(customer.id)"}, "country": "customer.country",
}  # fmt: skip


def as_xml() -> str:
    def escaped(value: object) -> str:
        return str(value).replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")

    orders = "".join(
        f'<Order no="{o["no"]}"><at>{o["at"]}</at><customer country="{o["customer"]["country"]}"><id>'
        f"{o['customer']['id']}</id></customer>"
        + "".join(
            f"<items>{''.join(f'<{k}>{escaped(v)}</{k}>' for k, v in item.items())}</items>" for item in o["items"]
        )
        + "</Order>\n"
        for o in ORDERS
    )
    return f"<Orders>{orders}</Orders>"


def as_inserts(quotes: str, prefix: str = "") -> str:
    def literal(value: object) -> str:
        return f"{prefix}'" + value.replace("'", "''") + "'" if isinstance(value, str) else str(value)

    names = ", ".join(f"{quotes[0]}{name}{quotes[1]}" for name in FLAT[0])
    rows = ", ".join("(" + ", ".join(map(literal, row.values())) + ")" for row in FLAT)
    return f"INSERT INTO {quotes[0]}t{quotes[1]} ({names}) VALUES {rows};\n"


NESTED = {"tree": {"records": "data.orders", "lines": "items"}}
FORMATS: dict[str, tuple[str, dict[str, Any]]] = {
    "json": (json.dumps({"data": {"orders": ORDERS}}), NESTED),
    "json lines": ("".join(f"{json.dumps(row)}\n" for row in FLAT), {}),
    "xml": (as_xml(), {"tree": {"lines": "items"}}),
    "yaml": (yaml.safe_dump({"data": {"orders": ORDERS}}, allow_unicode=True), NESTED),
    "sql postgres": (as_inserts('""'), {"sql": {"table": "t"}}),
    "sql mysql": (as_inserts("``"), {"sql": {"table": "t"}}),
    "sql sqlserver": (f"USE x\nGO\n{as_inserts('[]', 'N')}GO\n", {"sql": {"table": "t"}}),
}


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("decimal", [".", ","])
def test_the_same_sales_in_every_format(house: House, form: str, decimal: str) -> None:
    content, shape = FORMATS[form]
    columns = COLUMNS | ({"order_id": "@no", "country": "customer.@country"} if form == "xml" else {})
    if form in ("xml", "yaml"):
        decimal = "."  # their numbers are texts: they stand as they are written
    name = form.split()[0]
    house.describe(sales(files="*.txt", format=name, decimal=decimal, columns=columns, **shape))
    house.write("export.txt", content)
    report = house.night()
    assert (report.rows_read, report.rows_inserted, report.rows_rejected) == (4, 3, 1)
    assert house.rows(
        """select order_id, line_id, product_id, customer_id, country, qty_units, unit_price
           from raw.sales_lines order by 1, 2"""
    ) == [
        ("007", "1", "ä\"'<&", "C1", "NO", 2, Decimal("19.90")),
        ("007", "2", "P-2", "C1", "NO", -1, Decimal("0.05")),
        ("9", "1", "P-1", "C1", "NO", 1000000, Decimal("1.5")),
    ]
    assert [row[:3] for row in house.rejected()] == [(3, "unit_price", "much")]
    assert house.night().files == 0


def test_records_that_are_none_stand_in_quarantine_with_their_text(house: House) -> None:
    house.describe(sales(files="*.json", format="json"))
    good = {"order": "1", "line": 1, "at": "2024-02-29 10:00:00", "product": "P", "qty": 1, "price": 2}
    house.write("a.json", "".join(f"{line}\n" for line in [json.dumps(good), '{"order": "2",', json.dumps(good)]))
    twice = json.dumps(good).replace('"line"', '"order"')
    nul = json.dumps(good | {"order": "a\0"})
    house.write("b.json", f"[{json.dumps(good | {'order': '3'})},\n{twice}, {nul}]")
    report = house.night()
    counts = report.rows_inserted, report.rows_replaced, report.rows_duplicate, report.rows_rejected
    assert (report.rows_read, *counts) == (6, 2, 0, 1, 3)
    assert house.rows(
        "select file_path, line, rule, raw_row->>'line' from quarantine.rejected_rows order by file_path, line"
    ) == [
        ("a.json", 2, "json", '{"order": "2",'),
        ("b.json", 2, "repeated_field", twice),
        ("b.json", 3, "nul_character", "a\\x00\t1\t2024-02-29 10:00:00\tP\t1\t2"),
    ]


def test_a_quiet_day_and_a_missing_field(house: House) -> None:
    optional = {"tree": {"optional": ["discount"]}}
    house.describe(sales(files="*.json", format="json", columns={"discount_amount": "discount"}, **optional))
    house.write("a.json", "[]")
    assert house.night().rows_read == 0
    row = {"order": "1", "line": 1, "at": "2024-02-29 10:00:00", "product": "P", "qty": 1, "price": 2}
    house.write("b.json", json.dumps([row]))
    assert house.night().rows_inserted == 1
    house.write("c.json", json.dumps([{key: value for key, value in row.items() if key != "price"}]))
    with pytest.raises(SourceError, match=r"c.json: there is no column 'price', which sales.columns.unit_price reads"):
        house.night()


@pytest.fixture
def awkward(house: House) -> Iterator[list[tuple[Any, ...]]]:
    """A table of every awkward text that a dump must escape, in a schema of its own."""
    texts = [
        "",
        "a'b",
        'a"b',
        "a\\b",
        "\\N",
        "\\.",
        "a\tb",
        "a\nb",
        "a\r\nb",
        "; --",
        "/* ' */",
        "$$",
        "ä🙂",
        "NULL",
        "\x01\x7f",
    ]
    rows = [(i, text, Decimal("-12345678901234.50") if i % 2 else None, i / 7) for i, text in enumerate(texts)]
    house.connection.execute(
        'create schema shop; create table shop."Order Lines" (id int, note text, amount numeric(18, 2), ratio float8, '
        "flag boolean default true, check (((id > -1) and ((id < 99) or (id = 100)))))"
    )
    with house.connection.cursor() as cursor:
        cursor.executemany('insert into shop."Order Lines" values (%s, %s, %s, %s)', rows)
    yield [(str(i), text, "" if n is None else str(n).replace(".", ",")) for i, text, n, _ in rows]
    house.connection.execute("drop schema shop cascade")


@pytest.mark.parametrize("options", [[], ["--inserts"], ["--column-inserts", "--rows-per-insert=3"], ["--data-only"]])
def test_what_pg_dump_writes_is_read_back(
    house: House, house_url: str, tmp_path: Path, awkward: list[tuple[Any, ...]], options: list[str]
) -> None:
    program = binaries() / "pg_dump"
    dump = tmp_path / "dump.sql"
    subprocess.run([program, "--schema=shop", "--schema=raw", f"--file={dump}", *options, house_url], check=True)
    shape = Shape.model_validate({"format": "sql", "sql": {"table": "shop.order lines"}})
    marks = {"amount": ","} if options != ["--data-only"] else {}
    reader = open_reader(dump, shape, marks)
    assert reader.header() == ["id", "note", "amount", "ratio", "flag"]
    records = [record.fields or () for record in reader.records()]
    rows = [(*row[:2], row[2].replace(".", ",")) for row in records] if not marks else [(*row[:3],) for row in records]
    assert rows == awkward
    assert {row[4] for row in records} <= {"t", "true"}
    assert [float(row[3]) for row in records] == [i / 7 for i in range(len(records))]
