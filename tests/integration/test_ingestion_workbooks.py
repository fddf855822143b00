"""Workbooks: typed cells, header rows further down, error cells, and how a bad one is refused.

Not here: what its texts mean (test_ingestion_values.py).
"""

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from orchestration.errors import ConfigurationError, SourceError
from orchestration.ingestion.readers import workbook
from tests.support.ingestion import COMMA, HEADER, House, sales


def excel(**changes: Any) -> dict[str, Any]:
    return sales(files="*.xlsx", format="excel", **changes)


def write_book(path: Path, *sheets: tuple[str, list[list[Any]]]) -> None:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for title, rows in sheets:
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
    book.save(path)


def test_a_workbook_with_real_dates_and_numbers(house: House) -> None:
    house.describe(excel(columns={"ordered_at": {"from": "at", "format": "%d.%m.%Y"}, "customer_id": "who"}))
    day = datetime(2024, 2, 29)
    write_book(
        house.data / "a.xlsx",
        (
            "Sales",
            [
                [*HEADER.split(","), "who", None, None],
                ["1", 1, day, "P", 2, 1.1, 17850, None, None],
                ["2", 1.0, "29.02.2024", 7.0, 0.1 + 0.2, 0.00001, "007", None, None],
                [None] * 8,
                ["3", 1, day.replace(hour=10, minute=30), "P", "x", 1, 1e15, None, None],
                ["4", 1, day, "P", 1, 1, None, None, "beyond"],
                ["5", 1, date(2024, 2, 28), "=P", True, 1, 4e15, None, None],
            ],
        ),
    )
    house.night()
    found = house.rows(
        """select order_id, line_id, order_date::text, product_id, qty_units, unit_price, customer_id
           from raw.sales_lines order by 1"""
    )
    assert found == [
        ("1", "1", "2024-02-29", "P", 2, Decimal("1.1"), "17850"),
        ("2", "1", "2024-02-29", "7", Decimal("0.3"), Decimal("0.00001"), "007"),
    ]
    assert house.rejected() == [
        (5, "qty_units", "x", "not_a_number"), (6, None, None, "column_count"), (7, "product_id", None, "missing"),
    ]  # fmt: skip


def test_a_formula_counts_as_the_value_it_was_saved_with(house: House, tmp_path: Path) -> None:
    house.describe(excel())
    path = house.data / "a.xlsx"
    write_book(path, ("S", [HEADER.split(","), ["1", 1, datetime(2024, 2, 29), "P", "=1+1", 1]]))
    house.night()  # openpyxl saves no values: the cell is empty, and the row says so
    assert house.rejected() == [(2, "qty_units", None, "missing")]


def test_the_second_sheet_and_a_header_further_down(house: House) -> None:
    house.describe(excel(excel={"sheet": "Données", "header_row": 3}))
    rows = [["A title"], [], HEADER.split(","), ["1", 1, datetime(2024, 2, 29), "P", 2, 1]]
    write_book(house.data / "a.xlsx", ("first", [["nothing"]]), ("Données", rows))
    house.night()
    assert house.rows("select order_id, _line from raw.sales_lines") == [("1", 4)]


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda path: path.write_bytes(b"no workbook"), "cannot read the workbook"),
        (lambda path: path.write_bytes(b""), "cannot read the workbook"),
        (lambda path: write_book(path, ("Dates", [HEADER.split(",")])), "no sheet 'Data'; did you mean 'Dates'"),
        (lambda path: write_book(path, ("Data", [])), "there is no header row|has no row 1"),
        (lambda path: write_book(path, ("Data", [["order", None, "at"]])), "column 2: the header has no name"),
    ],
)
def test_a_bad_workbook_is_refused(house: House, make: Callable[[Path], None], problem: str) -> None:
    house.describe(excel(excel={"sheet": "Data"}))
    make(house.data / "a.xlsx")
    with pytest.raises(SourceError, match=problem):
        house.night()
    assert house.column("select status from ops.loads") == ["stopped"]


def test_an_error_cell_rejects_its_row(house: House) -> None:
    house.describe(excel(columns={"discount_amount": "off"}, excel={"header_row": 2}))
    day = datetime(2024, 2, 29)
    rows: list[list[Any]] = [
        ["#REF!", "a title"],
        [*HEADER.split(","), "note", "off"],
        ["1", 1, day, "P", 1, 1, "#N/A", 0],  # nothing reads the note
        ["2", 1, day, "P", 1, 1, "x", "#N/A"],  # not the default, which is 0
        ["3", 1, day, "#DIV/0!", "#REF!", 1],
        [],
        [None, None, "#NAME?"],
        ["4", 1, day, "P", 1, 1, None, None, None, "#NULL!"],
        ["5", 1, day, "P", 1, 1],
        [None] * 6 + ["#N/A"],
    ]
    write_book(house.data / "a.xlsx", ("Sales", rows), ("other", [[None], [None], ["#N/A"]]))
    assert house.night().rows_read == 6
    assert house.column("select order_id from raw.sales_lines order by 1") == ["1", "5"]
    assert house.rejected() == [(line, None, None, "excel_error") for line in (4, 5, 7, 8)]
    found = house.rows("select reason, raw_row ->> 'line' from quarantine.rejected_rows order by line")
    assert found[0] == ("Cell H4 holds the error #N/A.", "2\t1\t2024-02-29\tP\t1\t1\tx\t#N/A\t\t")
    assert [reason for reason, _ in found[1:]] == [
        "Cell D5 holds the error #DIV/0!.", "Cell C7 holds the error #NAME?.", "Cell J8 holds the error #NULL!.",
    ]  # fmt: skip


def test_a_text_that_looks_like_an_error_is_a_text(house: House) -> None:
    house.describe(excel(columns={"product_name": "name"}))
    book = openpyxl.Workbook()
    for row in ([*HEADER.split(","), "name"], ["1", 1, datetime(2024, 2, 29), "P", 1, 1, "#N/A"]):
        book.active.append(row)
    book.active["G2"].data_type = "s"
    book.save(house.data / "a.xlsx")
    house.night()
    assert house.rows("select order_id, product_name from raw.sales_lines") == [("1", "#N/A")]


@pytest.mark.parametrize("scanned_bytes", [1, 2, 3, 5, 64])
def test_an_error_is_found_wherever_the_scan_is_cut(
    house: House, monkeypatch: pytest.MonkeyPatch, scanned_bytes: int
) -> None:
    monkeypatch.setattr(workbook, "SCANNED_BYTES", scanned_bytes)
    house.describe(excel())
    write_book(house.data / "a.xlsx", ("S", [HEADER.split(","), ["2", 1, datetime(2024, 2, 29), "P", "#N/A", 1]]))
    house.night()
    assert house.rejected() == [(2, None, None, "excel_error")]


def test_a_workbook_without_errors_is_read_once_only(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openpyxl, "load_workbook", None)
    house.describe(excel())
    write_book(house.data / "a.xlsx", ("S", [HEADER.split(","), ["1", 1, datetime(2024, 2, 29), "P", 1, 1]]))
    house.night()
    assert house.column("select order_id from raw.sales_lines") == ["1"]


def test_typed_numbers_of_a_workbook_are_read_with_the_column_s_mark(house: House) -> None:
    columns = {
        "unit_price": COMMA,
        "discount_amount": {"expression": "coalesce(off, price)", "decimal": ","},
        "customer_id": "who",
    }
    house.describe(excel(columns=columns))
    day = datetime(2024, 2, 29)
    rows: list[list[Any]] = [
        [*HEADER.split(","), "off", "who"],
        ["1", 1, day, "P", 2.5, 12.345, 0.125, 1.5],
        ["2", 1, day, "P", "2.5", "12.345", "1,5", "1.5"],
        ["3", 1, day, "P", 1, 1e-5, None, 1],
        ["4", 1, day, "P", 1, 1234567.5, 1e15, None],
    ]
    write_book(house.data / "a.xlsx", ("S", rows))
    house.night()
    assert house.rows(
        "select order_id, qty_units, unit_price, discount_amount, customer_id from raw.sales_lines order by 1"
    ) == [
        ("1", Decimal("2.5"), Decimal("12.345"), Decimal("0.125"), "1.5"),
        ("2", Decimal("2.5"), 12345, Decimal("1.5"), "1.5"),
        ("3", 1, Decimal("0.00001"), Decimal("0.00001"), "1"),
    ]
    assert [row[:1] for row in house.rejected()] == [(5,)]  # 1e15 is more than an amount may be


def test_one_name_read_with_two_marks_is_refused(house: House) -> None:
    house.describe(excel(columns={"unit_price": COMMA, "discount_amount": "price"}))
    write_book(house.data / "a.xlsx", ("S", [HEADER.split(",")]))
    with pytest.raises(
        ConfigurationError, match=r"discount_amount.decimal: 'price' is read with '\.' here and with ','"
    ):
        house.night()
