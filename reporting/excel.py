"""The sales summary as an Excel workbook: its sheets and their tables, and the file itself.

Not here: the first sheet (excel_summary.py), cells and tables (excel_cells.py), charts (excel_charts.py).
"""

import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC
from pathlib import Path

import pandas as pd
from openpyxl import Workbook
from openpyxl.chart import BarChart, LineChart
from openpyxl.worksheet.worksheet import Worksheet

from reporting.charts import HISTORY_DAYS
from reporting.excel_cells import MAX_ROWS, Field, print_setup, put_styled, safe_text, write_table
from reporting.excel_charts import bar_chart, column_chart, line_chart
from reporting.excel_summary import HEAD_ROW, freshness, put_title, summary_sheet
from reporting.files import write_atomically
from reporting.format import count
from reporting.sales_summary import SalesSummary

BARS_SHOWN = 10
CHART_ROWS = 20  # rows a chart covers

_REVENUE = Field("net_revenue", "Net revenue", "money", 15)
_SHARE = Field("share_pct", "Share of net revenue", "pct", 12)

# Each sheet: its name, the summary's section, its columns.
SHEETS: tuple[tuple[str, str, tuple[Field, ...]], ...] = (
    ("Daily", "daily", (Field("day", "Day", "day", 14), _REVENUE, Field("orders", "Orders", "count", 11))),
    ("Monthly", "monthly", (
        Field("month", "Month", "month", 12), Field("gross_sales", "Gross sales", "money", 15),
        Field("discounts", "Discounts", "money"), Field("returns", "Returns", "money"), _REVENUE,
        Field("charges", "Charges", "money"), Field("orders", "Orders", "count", 10),
        Field("units", "Units", "count", 10),
        Field("average_order_value", "Average order value", "money", 13),
        Field("return_rate_pct", "Return rate", "pct", 10),
    )),
    ("Products", "products", (
        Field("product_id", "Product id", width=16), Field("product_name", "Product", width=44),
        Field("category", "Category", width=20), _REVENUE, Field("units", "Units", "count", 11), _SHARE,
    )),
    ("Customers", "customers", (
        Field("customer_id", "Customer id", width=16), Field("customer_name", "Customer", width=44),
        Field("country", "Country", width=16), _REVENUE, Field("orders", "Orders", "count", 11), _SHARE,
    )),
    ("Forecast", "forecast", (
        Field("ds", "Day", "day", 14), Field("actual", "Actual", "money"), Field("mean", "Forecast", "money"),
        Field("lo_80", "Low 80%", "money"), Field("hi_80", "High 80%", "money"),
        Field("lo_95", "Low 95%", "money"), Field("hi_95", "High 95%", "money"),
    )),
    ("Stock", "stock", (
        Field("product_id", "Product id", width=16), Field("product_name", "Product", width=40),
        Field("status", "Status", width=15), Field("order_qty_units", "Order units", "count", 10),
        Field("on_hand_units", "On hand units", "count", 10),
        Field("reorder_point_units", "Reorder point units", "count", 13),
        Field("lead_time_days", "Lead time days", "count", 11), Field("reason", "Why", width=70),
    )),
    ("Anomalies", "anomalies", (
        Field("day", "Day", "day", 14), Field("label", "KPI", width=24), Field("value", "Value", "decimal"),
        Field("expected", "Expected", "decimal"), Field("lo", "Expected from", "decimal"),
        Field("hi", "Expected to", "decimal"), Field("direction", "Direction", width=12),
    )),
    ("Data quality", "data_quality", (
        Field("file", "File", width=44), Field("source", "Source", width=20),
        Field("rows_read", "Rows read", "count"),
        Field("rows_inserted", "New", "count"), Field("rows_replaced", "Replaced", "count"),
        Field("rows_duplicate", "Already there", "count"), Field("rows_rejected", "Rejected", "count"),
    )),
)  # fmt: skip


def write_workbook(summary: SalesSummary, path: Path) -> None:
    """Write the summary as an .xlsx file at path, atomically; equal content gives equal bytes.

    Raises:
        OSError: the folder cannot be written.
    """
    write_atomically(path, render_workbook(summary))


def render_workbook(summary: SalesSummary) -> bytes:
    """The workbook's bytes.

    >>> from datetime import date, datetime
    >>> day, moment = date(2026, 2, 28), datetime(2026, 3, 1, 4, tzinfo=UTC)
    >>> summary = SalesSummary(business="Café", currency="EUR", as_of_date=day, published_at=moment)
    >>> render_workbook(summary)[:2]
    b'PK'
    """
    book = Workbook()
    row = summary_sheet(book.active, summary)
    for title, section, fields in SHEETS:
        _section_sheet(book.create_sheet(title), summary, section, fields)
    for chart in _charts(book, summary):
        book.active.add_chart(chart, f"A{row}")
        row += CHART_ROWS
    for sheet in book.worksheets:
        is_summary = sheet is book.active
        print_setup(sheet, title="Sales summary", business=summary.business, on_one_page=is_summary)
    properties = book.properties
    properties.title = safe_text(f"Sales summary · {summary.business}"[:250])
    properties.subject = f"Figures up to {summary.as_of_date:%Y-%m-%d}"
    properties.creator = properties.lastModifiedBy = "Daybreak"
    properties.language = "en"
    properties.created = summary.published_at.astimezone(UTC).replace(tzinfo=None)
    buffer = io.BytesIO()
    book.save(buffer)
    return _dated(buffer.getvalue(), summary)


def _dated(content: bytes, summary: SalesSummary) -> bytes:
    """The same workbook, dated by its publication: openpyxl stamps the clock into it."""
    moment = summary.published_at.astimezone(UTC)
    modified = rf"\g<1>{moment:%Y-%m-%dT%H:%M:%SZ}\g<2>".encode()
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            data = old.read(name)
            if name == "docProps/core.xml":
                data = re.sub(rb"(<dcterms:modified[^>]*>)[^<]*(</dcterms:modified>)", modified, data)
            entry = zipfile.ZipInfo(name)  # without a date it is the first day a zip can hold: 1 January 1980
            entry.compress_type = zipfile.ZIP_DEFLATED
            new.writestr(entry, data)
    return out.getvalue()


def _section_sheet(sheet: Worksheet, summary: SalesSummary, section: str, fields: tuple[Field, ...]) -> None:
    """One section on its own sheet: the whole table, or the sentence that says why there is none."""
    frame = _frame(summary, section)
    left_out = f" · the first {count(MAX_ROWS)} of {count(len(frame))} rows" if len(frame) > MAX_ROWS else ""
    put_title(sheet, sheet.title, freshness(summary) + left_out)
    if frame.empty:
        put_styled(sheet.cell(HEAD_ROW, 1), summary.reason(section), size_pt=11)
        return
    named = tuple(replace(f, title=summary.labels.get(f.name, f.title)) for f in fields)
    write_table(sheet, frame, named, first_row=HEAD_ROW, currency=summary.currency)
    sheet.freeze_panes = sheet.cell(HEAD_ROW + 1, 2)
    sheet.print_title_rows = f"{HEAD_ROW}:{HEAD_ROW}"


def _frame(summary: SalesSummary, section: str) -> pd.DataFrame:
    """The section's rows as its sheet shows them."""
    if section == "forecast":
        return forecast_with_history(summary)
    rows: pd.DataFrame = getattr(summary, section)
    return rows


def forecast_with_history(summary: SalesSummary) -> pd.DataFrame:
    """One row per day: the last days' actual revenue, then the forecast with its interval bounds.

    Empty where there is no forecast, whatever the history.
    """
    columns = ["ds", "actual", *(c for c in summary.forecast.columns if c != "ds")]
    if summary.forecast.empty:
        return pd.DataFrame(columns=columns)
    history = summary.daily.sort_values("day", kind="stable").tail(HISTORY_DAYS)
    past = [{"ds": d, "actual": v} for d, v in zip(history["day"], history["net_revenue"], strict=True)]
    return pd.DataFrame([*past, *summary.forecast.to_dict("records")], columns=columns)


def _charts(book: Workbook, summary: SalesSummary) -> Iterator[LineChart | BarChart]:
    """The charts of the summary sheet, each on its own section's table; none where there is no table."""
    currency = summary.currency
    if not summary.forecast.empty:
        sheet = book["Forecast"]
        yield line_chart(sheet, first_row=HEAD_ROW, last_row=sheet.max_row, currency=currency)
    if not summary.monthly.empty:
        sheet = book["Monthly"]
        yield column_chart(sheet, value_column=5, first_row=HEAD_ROW, last_row=sheet.max_row, currency=currency)
    if not summary.products.empty:
        sheet = book["Products"]
        rows = (HEAD_ROW, min(sheet.max_row, HEAD_ROW + BARS_SHOWN))
        yield bar_chart(sheet, title="Top products", columns=(2, 4), rows=rows, currency=currency)
