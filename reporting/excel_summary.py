"""The workbook's first sheet: title, and the KPIs with their changes and meanings.

Not here: the other sheets (excel.py), or how a value becomes a cell (excel_cells.py).
"""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from openpyxl.formatting.rule import CellIsRule
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.worksheet.worksheet import Worksheet

from reporting import style
from reporting.excel_cells import fill, line_below, money_format, put_number, put_styled
from reporting.format import change, currency_decimals, long_date, number, stamp
from reporting.sales_summary import PERIODS, SalesSummary

HEAD_ROW = 4  # where a sheet's figures begin: title, freshness, a blank row, then the headings


def put_title(sheet: Worksheet, title: str, note: str) -> None:
    """A sheet's first two rows: what it is, and how fresh."""
    put_styled(sheet["A1"], title, size_pt=16, colour=style.BRAND, is_bold=True)
    put_styled(sheet["A2"], note, size_pt=10, colour=style.MUTED)
    sheet.row_dimensions[1].height = 26


def freshness(summary: SalesSummary) -> str:
    """How fresh the figures are, and in which currency."""
    figures, published = long_date(summary.as_of_date), stamp(summary.published_at)
    return f"Figures up to {figures} · published {published} · amounts in {summary.currency.upper()}"


def summary_sheet(sheet: Worksheet, summary: SalesSummary) -> int:
    """Title, then the KPIs of both periods with their changes and meanings; gives the first free row."""
    sheet.title = "Summary"
    put_title(sheet, summary.business, freshness(summary))
    for letter, width in zip("ABCDEFG", (27, 16, 17, 12, 16, 12, 68), strict=True):
        sheet.column_dimensions[letter].width = width
    row = HEAD_ROW
    if summary.headline.empty:
        put_styled(sheet.cell(row, 1), summary.reason("headline"), size_pt=11)
        row += 2
    for period, title in PERIODS.items():
        rows = summary.headline_of(period)
        if len(rows):
            row = _kpi_block(sheet, summary, rows, title=title, row=row) + 1
    sheet.freeze_panes = "A4"
    return row + 1


def _kpi_block(sheet: Worksheet, summary: SalesSummary, rows: pd.DataFrame, *, title: str, row: int) -> int:
    """One period's KPIs from the row on; gives the row after them."""
    meanings = dict(summary.definitions_shown())
    titles = (title, "Value", "Previous period", "Change", "Last year", "Change", "What it means")
    for k, heading in enumerate(titles, start=1):
        cell = sheet.cell(row, k)
        put_styled(cell, heading, colour=style.PAPER, is_bold=True)
        cell.fill = fill(style.BRAND)
        cell.alignment = Alignment(horizontal="right" if 1 < k < 7 else "left", vertical="center", indent=int(k == 7))
    sheet.row_dimensions[row].height = 20
    for kpi in rows.to_dict("records"):
        row += 1
        _kpi_row(sheet, row, kpi, summary.currency)
        put_styled(sheet.cell(row, 7), meanings[str(kpi["label"])], colour=style.MUTED)
        sheet.cell(row, 7).alignment = Alignment(horizontal="left", wrap_text=True, vertical="center", indent=1)
        sheet.row_dimensions[row].height = 18
        for k in range(1, 8):
            sheet.cell(row, k).border = line_below()
    return row + 1


def _kpi_row(sheet: Worksheet, row: int, kpi: Mapping[str, Any], currency: str) -> None:
    unit, is_points = kpi["unit"], kpi["unit"] == "pct"
    put_styled(sheet.cell(row, 1), kpi["label"], is_bold=True)
    values = {2: kpi["value"], 3: kpi["previous_period"], 5: kpi["previous_year"]}
    for k, value in values.items():
        largest = max((abs(number(v) or 0.0) for v in values.values()), default=0.0)
        decimals = 0 if largest >= 10_000 else currency_decimals(currency)
        formats = {
            "money": money_format(currency, decimals=decimals),
            "pct": "0.0%",
            "days": "#,##0.0",
            "times": "#,##0.00",
        }
        put_number(sheet.cell(row, k), value, formats.get(unit, "#,##0"), scale=0.01 if is_points else 1.0)
        sheet.cell(row, k).font = Font(name="Calibri", size=10, bold=k == 2)
    suffix = '" pp"' if is_points else "%"
    for k, before in ((4, values[3]), (6, values[5])):
        size = change(kpi["value"], before, unit=unit).size
        cell = sheet.cell(row, k)
        # Points are written as points, percentages as shares: so they stay in formulas.
        put_number(cell, size, f"▲ 0.0{suffix};▼ 0.0{suffix};0.0{suffix}", scale=1.0 if is_points else 0.01)
        cell.font = Font(name="Calibri", size=10)
        if not pd.isna(kpi["is_up_good"]):
            _colour_change(
                sheet, cell.coordinate, flat=0.05 if is_points else 0.0005, is_up_good=bool(kpi["is_up_good"])
            )


def _colour_change(sheet: Worksheet, coordinate: str, *, flat: float, is_up_good: bool) -> None:
    """Colour a change by whether it is good news; what is blank or rounds to 0.0 keeps its colour."""
    for operator, bound, is_good in (("greaterThan", flat, is_up_good), ("lessThan", -flat, not is_up_good)):
        colour, soft = (style.GOOD, style.GOOD_SOFT) if is_good else (style.BAD, style.BAD_SOFT)
        rule = CellIsRule(
            operator=operator, formula=[repr(bound)], font=Font(color=style.excel_hex(colour), bold=True),
            fill=PatternFill(bgColor=style.excel_hex(soft), fill_type="solid"),
        )  # fmt: skip
        sheet.conditional_formatting.add(coordinate, rule)
