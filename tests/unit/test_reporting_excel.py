"""The workbook: opened again and held to what was put in."""

import io
import math
import zipfile
from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook, load_workbook
from python_calamine import CalamineWorkbook

from reporting.excel import HEAD_ROW, SHEETS, render_workbook, write_workbook
from reporting.excel_cells import MAX_CELL, put_date, put_number, put_text, safe_text
from reporting.sales_summary import SalesSummary
from tests.unit.test_reporting_summary import AS_OF, PUBLISHED, believable, empty

NAMES = ["Summary", *(title for title, _, _ in SHEETS)]


def _open(summary: SalesSummary) -> Workbook:
    return load_workbook(io.BytesIO(render_workbook(summary)))


def _products(names: list[object]) -> pd.DataFrame:
    n = len(names)
    return pd.DataFrame(
        {"product_id": [f"P{k}" for k in range(n)], "product_name": names, "category": "A",
         "net_revenue": [100.0 - k for k in range(n)], "units": 1, "share_pct": 1.0}
    )  # fmt: skip


def test_sheets_tables_charts_and_setup() -> None:
    summary = believable()
    book = _open(summary)
    assert book.sheetnames == NAMES
    assert len(book["Summary"]._charts) == 3
    for sheet in book.worksheets[1:]:
        (table,) = sheet.tables.values()
        assert table.ref.startswith(f"A{HEAD_ROW}:")
        headings = [c.value for c in sheet[HEAD_ROW]]
        assert [c.name for c in table.tableColumns] == headings
        assert sheet.freeze_panes == f"B{HEAD_ROW + 1}"
        assert sheet.page_setup.orientation == "landscape"
        assert (sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight) == (1, 0)
        assert sheet.oddFooter.right.text == "Page &P of &N"
    assert book["Daily"].max_row == HEAD_ROW + 730
    assert book["Daily"].cell(HEAD_ROW + 730, 2).value == pytest.approx(summary.daily["net_revenue"].iloc[-1])
    assert book["Daily"].cell(HEAD_ROW + 1, 2).number_format.startswith('"£"#,##0.00')
    assert book["Forecast"].max_row == HEAD_ROW + 91 + 28
    assert book.properties.title == "Sales summary · Morgenröte Home & Garden"
    assert book["Summary"].oddHeader.left.text == "Morgenröte Home && Garden"


def test_kpis_with_changes_and_the_colour_of_good_news() -> None:
    sheet = _open(believable())["Summary"]
    rows = {sheet.cell(r, 1).value: r for r in range(HEAD_ROW + 1, HEAD_ROW + 9)}
    revenue, returns = rows["Net revenue"], rows["Return rate"]
    assert sheet.cell(revenue, 2).value == pytest.approx(84_213.4)
    assert sheet.cell(revenue, 4).value == pytest.approx((84_213.4 - 80_911.2) / 80_911.2)
    assert sheet.cell(returns, 2).value == pytest.approx(0.034)
    assert sheet.cell(returns, 4).value == pytest.approx(0.5)
    assert '" pp"' in sheet.cell(returns, 4).number_format
    assert "returns" in sheet.cell(revenue, 7).value
    rules = {str(r.sqref): {x.operator: x.dxf.font.color.rgb for x in r.rules} for r in sheet.conditional_formatting}
    up_good, up_bad = rules[f"D{revenue}"], rules[f"D{returns}"]
    assert up_good["greaterThan"] == up_bad["lessThan"] != up_good["lessThan"] == up_bad["greaterThan"]
    assert f"D{rows['Discounts']}" not in rules  # neither direction is good news


DANGEROUS = [
    "=1+1",
    "=cmd|'/c calc'!A1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "#N/A",
    '=HYPERLINK("http://x")',
]


def test_text_never_becomes_a_formula() -> None:
    summary = empty(business="=1+1", products=_products(list(DANGEROUS)))
    book = _open(summary)
    cells = [c for sheet in book.worksheets for row in sheet.iter_rows() for c in row]
    assert [c.coordinate for c in cells if c.data_type in {"f", "e"}] == []
    shown = [book["Products"].cell(HEAD_ROW + 1 + k, 2) for k in range(len(DANGEROUS))]
    assert [c.value for c in shown] == [safe_text(v) for v in DANGEROUS]
    assert all(c.quotePrefix for c in shown if c.value[0] in "=+-@")


def test_no_formula_in_the_file_itself() -> None:
    content = render_workbook(empty(products=_products(list(DANGEROUS))))
    with zipfile.ZipFile(io.BytesIO(content)) as book:
        for name in book.namelist():
            if name.startswith("xl/worksheets/sheet"):
                assert b"<f>" not in book.read(name)
                assert b"<f " not in book.read(name)


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=80))
def test_any_text_can_be_written_and_read(text: str) -> None:
    book = Workbook()
    put_text(book.active["A1"], text)
    buffer = io.BytesIO()
    book.save(buffer)
    read = load_workbook(io.BytesIO(buffer.getvalue())).active["A1"]
    assert read.data_type in {"s", "n"}
    assert (read.value or "") == safe_text(text)


def test_control_characters_and_length() -> None:
    assert safe_text("a\x00b\x1fc") == "a␀b␟c"
    assert safe_text("\ud800") == "\ufffd"
    assert safe_text("_x0041_") == "_x005F_x0041_"
    for name in ("x" * 40_000, "漢" * 40_000, "😀" * 40_000):
        kept = safe_text(name)
        assert kept.endswith("[cut]")
        assert MAX_CELL - 1 <= len(kept.encode("utf-16-le")) // 2 <= MAX_CELL
    assert safe_text("x" * MAX_CELL) == "x" * MAX_CELL
    sheet = _open(empty(products=_products(["n" * 40_000])))["Products"]
    assert sheet.cell(HEAD_ROW + 1, 2).value.endswith("[cut]")


@pytest.mark.parametrize("value", [None, math.nan, math.inf, -math.inf, pd.NA])
def test_not_finite_is_blank(value: object) -> None:
    cell = Workbook().active["A1"]
    put_number(cell, value, "0")
    assert cell.value is None


def test_dates_before_excels_calendar_are_text() -> None:
    sheet = Workbook().active
    for k, day in enumerate((date(1899, 12, 31), date(1900, 2, 28), date(1900, 3, 1), pd.NaT, None), start=1):
        put_date(sheet.cell(k, 1), day, "d mmm yyyy")
    assert [sheet.cell(k, 1).value for k in (1, 2, 4, 5)] == ["1899-12-31", "1900-02-28", None, None]
    assert sheet.cell(3, 1).is_date
    put_date(sheet["B1"], pd.Timestamp("2024-02-29 13:00"), "d mmm yyyy")
    assert sheet["B1"].value == date(2024, 2, 29)


def test_empty_sections_say_why() -> None:
    summary = empty()
    book = _open(summary)
    assert book.sheetnames == NAMES
    for title, section, _ in SHEETS:
        assert book[title].cell(HEAD_ROW, 1).value == summary.reason(section)
        assert not book[title].tables
    assert not book["Summary"]._charts
    assert book["Summary"].cell(HEAD_ROW, 1).value == summary.reason("headline")


def test_one_row_and_missing_values() -> None:
    one = pd.DataFrame({"day": [date(2024, 2, 29)], "net_revenue": [math.nan], "orders": [pd.NA]})
    sheet = _open(empty(daily=one, products=_products([None])))["Daily"]
    assert sheet.cell(HEAD_ROW + 1, 1).value.date() == date(2024, 2, 29)
    assert sheet.cell(HEAD_ROW + 1, 2).value is None
    assert sheet.cell(HEAD_ROW + 1, 3).value is None


def test_ten_thousand_products() -> None:
    content = render_workbook(believable(products=10_000))
    book = CalamineWorkbook.from_filelike(io.BytesIO(content))
    for name in ("Products", "Stock"):
        rows = book.get_sheet_by_name(name).to_python(skip_empty_area=False)
        assert len(rows) == HEAD_ROW + 10_000
        assert rows[-1][0] == "P-09999"


def test_same_content_same_bytes_and_dated_by_publication(tmp_path: Path) -> None:
    first, second = tmp_path / "a.xlsx", tmp_path / "b.xlsx"
    write_workbook(believable(), first)
    write_workbook(believable(), second)
    assert first.read_bytes() == second.read_bytes()
    properties = load_workbook(first).properties
    assert properties.created == properties.modified == PUBLISHED.replace(tzinfo=None)
    with zipfile.ZipFile(first) as book:
        assert {e.date_time for e in book.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    later = SalesSummary(**{**vars(believable()), "published_at": PUBLISHED + timedelta(hours=1)})
    assert render_workbook(later) != first.read_bytes()
    assert AS_OF.isoformat() in properties.subject
