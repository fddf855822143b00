"""Parquet: its types as texts, rows with NULs, and how a broken file is refused.

Not here: what its texts mean (test_ingestion_values.py).
"""

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from orchestration.errors import SourceError
from tests.support.ingestion import COMMA, HEADER, House, line, sales


def write_parquet(path: Path, **columns: Any) -> None:
    n = len(columns["order"])
    plain: dict[str, Any] = {
        "line": ["1"] * n, "at": ["2024-02-29 10:00:00"] * n, "product": ["P"] * n, "qty": [1] * n, "price": [1] * n,
    }  # fmt: skip
    parquet.write_table(pa.table(plain | columns), path, row_group_size=2)


@pytest.fixture
def parquet_house(house: House) -> House:
    house.describe(sales(files="*.parquet", format="parquet", columns={"product_name": "name"}))
    return house


def test_a_timestamp_with_a_zone_is_the_instant_it_says(parquet_house: House) -> None:
    instant = datetime(2024, 7, 1, 22, 30, tzinfo=UTC)
    for i, zone in enumerate(["UTC", "America/New_York", None]):
        at = pa.array([instant if zone else instant.replace(tzinfo=None)], pa.timestamp("ns", zone))
        write_parquet(parquet_house.data / f"{i}.parquet", order=[str(i)], at=at, name=["x"])
    parquet_house.night()
    assert parquet_house.rows("select ordered_at, order_date::text from raw.sales_lines order by order_id") == [
        (instant, "2024-07-02"), (instant, "2024-07-02"), (instant.replace(hour=20), "2024-07-01"),
    ]  # fmt: skip


def test_parquet_types(parquet_house: House) -> None:
    write_parquet(
        parquet_house.data / "a.parquet",
        order=pa.array(["1", "2", "1", "4", "5"]).dictionary_encode(),
        line=pa.array([1, 1, 2, 1, 1], pa.int64()),
        at=pa.array([datetime(2024, 2, 29, 1, 2, 3, 4)] * 5, pa.timestamp("us")),
        qty=pa.array([Decimal("0"), Decimal("1.5"), None, Decimal("-3"), Decimal("7.1")], pa.decimal128(38, 10)),
        price=pa.array([0.1 + 0.2, 2.0, 3.0, float("nan"), 5e-7], pa.float64()),
        name=pa.array(['a,"b"', "\\.", None, "NA", ""]),
        unused=pa.array([[1], None, [], [2, 3], [4]]),
        binary=pa.array([b"\xff", b"", None, b"a", b"b"]),
    )
    report = parquet_house.night()
    assert (report.rows_read, report.rows_inserted) == (5, 2)
    assert parquet_house.rows(
        "select order_id, line_id, qty_units, unit_price, product_name, _line from raw.sales_lines order by _line"
    ) == [("1", "1", 0, Decimal("0.3"), 'a,"b"', 1), ("2", "1", Decimal("1.5"), 2, "\\.", 2)]
    assert parquet_house.rejected() == [
        (3, "qty_units", None, "missing"),
        (4, "unit_price", "NaN", "not_a_number"),
        (5, "unit_price", "0.0000005", "not_a_number"),
    ]


def test_dates_and_whole_floats(parquet_house: House) -> None:
    write_parquet(parquet_house.data / "a.parquet", order=[17850.0], at=[date(2024, 2, 29)], name=[None])
    parquet_house.night()
    assert parquet_house.rows("select order_id, order_date::text, product_name from raw.sales_lines") == [
        ("17850", "2024-02-29", None)
    ]


def test_typed_numbers_of_parquet_are_read_with_the_column_s_mark(house: House) -> None:
    house.describe(sales(files="*.parquet", format="parquet", decimal=",", columns={"unit_price": COMMA}))
    kinds = [pa.float64(), pa.float32(), pa.decimal128(10, 3), pa.string()]
    for i, (kind, value) in enumerate(zip(kinds, [12.345, 12.345, Decimal("12.345"), "12.345"], strict=True)):
        prices = {" price ": pa.array([value], kind)}  # a header is trimmed before it is looked up
        table = pa.table(
            {"order": [str(i)], "line": [1], "at": ["2024-02-29"], "product": [1.5], "qty": [2.5]} | prices
        )
        parquet.write_table(table, house.data / f"{i}.parquet")
    house.night()
    assert house.rows("select product_id, qty_units, unit_price from raw.sales_lines order by order_id") == [
        ("1.5", Decimal("2.5"), Decimal("12.345"))
    ] * 3 + [("1.5", Decimal("2.5"), 12345)]


def test_narrow_floats_are_the_decimals_they_were_made_of(parquet_house: House) -> None:
    prices = pa.array([19.99, 0.1, 16777215.0, 1234.567, None], pa.float32())
    qty = pa.array([0.5, 2.25, 2047.0, 19.98, 1.0], pa.float16())
    write_parquet(parquet_house.data / "a.parquet", order=list("12345"), price=prices, qty=qty, name=["x"] * 5)
    parquet_house.night()
    assert parquet_house.rows("select unit_price, qty_units from raw.sales_lines order by order_id") == [
        (Decimal("19.99"), Decimal("0.5")), (Decimal("0.1"), Decimal("2.25")), (16777215, 2047),
        (Decimal("1234.567"), Decimal("19.98")),
    ]  # fmt: skip
    assert parquet_house.rejected() == [(5, "unit_price", None, "missing")]


def test_a_nul_in_a_parquet_text_rejects_only_its_row(parquet_house: House) -> None:
    orders = [str(n) for n in range(6)]
    names = ["a", "b", "c\0d", None, "", "f"]
    write_parquet(parquet_house.data / "a.parquet", order=orders, name=names)
    parquet_house.night()
    assert parquet_house.rows("select order_id, _line, product_name from raw.sales_lines order by 1") == [
        ("0", 1, "a"), ("1", 2, "b"), ("3", 4, None), ("4", 5, None), ("5", 6, "f"),
    ]  # fmt: skip
    assert parquet_house.rejected() == [(3, None, None, "nul_character")]


def test_an_empty_parquet_file_and_a_broken_one(parquet_house: House) -> None:
    write_parquet(parquet_house.data / "a.parquet", order=pa.array([], pa.string()), name=pa.array([], pa.string()))
    assert parquet_house.night().rows_read == 0
    whole = (parquet_house.data / "a.parquet").read_bytes()
    parquet_house.write("b.parquet", whole[: len(whole) // 2])
    with pytest.raises(SourceError, match=r"b\.parquet: not a Parquet file"):
        parquet_house.night()


def test_a_blank_is_the_same_in_every_path_and_format(house: House) -> None:
    filled = {"product_name": {"expression": "coalesce(x, 'none')"}}
    house.describe(sales(columns=filled), sales(name="p", files="*.parquet", format="parquet", columns=filled))
    house.write("a.csv", HEADER + ",x", line("1") + ",", line("2") + ',""')
    house.write("b.csv", HEADER + ",x", line("3") + ",", line("4") + ',"a\nb"')
    house.night(0)
    write_parquet(house.data / "c.parquet", order=["5", "6"], x=["", None])
    house.night(1)
    names = house.column("select product_name from raw.sales_lines order by order_id")
    assert names == ["none", "none", "none", "a\nb", "none", "none"]
