"""Values into cells: text that stays text, numbers and dates in their formats, frames as real tables.

Not here: which sheets a workbook has (excel.py), or its charts (excel_charts.py).
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import pandas as pd
from openpyxl.cell.cell import Cell
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.table import Table, TableStyleInfo
from openpyxl.worksheet.worksheet import Worksheet

from reporting import style
from reporting.format import currency_decimals, currency_prefix, number

MAX_CELL = 32_767  # UTF-16 units: Excel's limit; openpyxl cuts there without a word
CUT_MARK = " … [cut]"
MAX_ROWS = 200_000  # beyond it a workbook no longer opens in the memory of an office computer
FIRST_EXCEL_DAY = date(1900, 3, 1)  # Excel's calendar has a 29 February 1900 that never was

_LEFT = Alignment(horizontal="left")
_INDENTED = Alignment(horizontal="left", indent=1)
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f]")
_NOT_XML = re.compile("[\ud800-\udfff\ufffe\uffff]")
_ESCAPE = re.compile("_(?=x[0-9A-Fa-f]{4}_)")  # Excel reads _x0041_ in a cell as the letter A


def safe_text(value: object) -> str:
    """Text as a cell can hold it: control characters as their pictures, over-long text cut with a mark.

    >>> safe_text("=1+1"), safe_text("bell\\x07"), safe_text("_x0041_")
    ('=1+1', 'bell␇', '_x005F_x0041_')
    >>> len(safe_text("x" * 40_000)), safe_text("x" * 40_000)[-8:]
    (32767, ' … [cut]')
    """
    shown = _CONTROL.sub(lambda m: chr(0x2400 + ord(m.group())), str(value).replace("\r\n", "\n").replace("\r", "\n"))
    shown = _ESCAPE.sub("_x005F_", _NOT_XML.sub("\ufffd", shown))
    if len(shown) + sum(c > "\uffff" for c in shown) <= MAX_CELL:
        return shown
    kept = shown.encode("utf-16-le")[: 2 * (MAX_CELL - len(CUT_MARK))].decode("utf-16-le", errors="ignore")
    return kept + CUT_MARK


def put_text(cell: Cell, value: object) -> None:
    """Write text that never becomes a formula, now or when the cell is edited; missing is no value."""
    if value is None or value != value or value == "":
        return
    cell.value = safe_text(value)
    cell.data_type = "s"  # openpyxl makes a formula of anything that begins with =, and an error of #N/A
    if str(value)[:1] in tuple("=+-@\t\r"):
        cell.quotePrefix = True


def put_number(cell: Cell, value: object, number_format: str, *, scale: float = 1.0) -> None:
    """Write a finite number times scale; NaN, infinity and None leave the cell empty."""
    finite = number(value)
    cell.number_format = number_format
    if finite is not None:
        cell.value = finite * scale


def put_date(cell: Cell, value: object, number_format: str) -> None:
    """Write a day; one before March 1900, which Excel cannot count right, as ISO text. Missing is empty."""
    if value is None or value != value:
        return
    day = value.date() if isinstance(value, datetime) else value
    if not isinstance(day, date):
        put_text(cell, value)
    elif day < FIRST_EXCEL_DAY:
        put_text(cell, day.isoformat())
    else:
        cell.value, cell.number_format = day, number_format
        cell.alignment = _LEFT


def money_format(currency: str, *, decimals: int | None = None) -> str:
    """Excel's number format for amounts in the currency, negative in red with a minus.

    >>> money_format("EUR", decimals=0)
    '"€"#,##0;[Red]-"€"#,##0'
    """
    places = currency_decimals(currency) if decimals is None else decimals
    digits = f'"{currency_prefix(currency)}"#,##0' + ("." + "0" * places if places else "")
    return f"{digits};[Red]-{digits}"


@dataclass(frozen=True)
class Field:
    """A table's column: the frame's column, its heading, its kind and its width in characters.

    The kind is text, money, count, decimal, pct, day or month.
    """

    name: str
    title: str
    kind: str = "text"
    width: float = 14.0

    @property
    def is_left(self) -> bool:
        """Text and dates stand left, numbers right."""
        return self.kind in {"text", "day", "month"}


def write_table(
    sheet: Worksheet, frame: pd.DataFrame, fields: Sequence[Field], *, first_row: int, currency: str
) -> str:
    """Write the frame as an Excel table named after its sheet; gives its reference, such as A4:C20.

    Raises:
        ValueError: the frame has no rows (Excel repairs such a table away), or a kind is unknown.
    """
    if frame.empty:
        raise ValueError("a table needs at least one row")
    for k, field in enumerate(fields, start=1):
        _put_heading(sheet.cell(first_row, k), field)
        sheet.column_dimensions[get_column_letter(k)].width = field.width
    sheet.row_dimensions[first_row].height = 34  # a line for the filter buttons below the words
    shown = frame.head(MAX_ROWS)
    for k, field in enumerate(fields, start=1):
        write = _writer(field.kind, currency)
        # Text that follows a right-aligned number would touch it.
        indent = int(k > 1 and field.is_left and not fields[k - 2].is_left)
        for row, value in enumerate(shown[field.name], start=first_row + 1):
            write(sheet.cell(row, k), value)
            if indent:
                sheet.cell(row, k).alignment = _INDENTED
        sheet.cell(first_row, k).alignment = Alignment(
            horizontal="left" if field.is_left else "right", vertical="top", wrap_text=True, indent=indent
        )
    reference = f"A{first_row}:{get_column_letter(len(fields))}{first_row + len(shown)}"
    table = Table(displayName=re.sub(r"\W", "", sheet.title) + "Table", ref=reference)
    table.tableStyleInfo = TableStyleInfo(name="TableStyleLight1", showRowStripes=True)
    sheet.add_table(table)
    return reference


def _put_heading(cell: Cell, field: Field) -> None:
    """A heading in the house's colours of its own: other programs than Excel leave out a table's style."""
    put_styled(cell, field.title, colour=style.PAPER, is_bold=True)
    cell.fill = fill(style.BRAND)


def _writer(kind: str, currency: str) -> Callable[[Cell, object], None]:
    money = money_format(currency)
    writers: dict[str, Callable[[Cell, object], None]] = {
        "text": put_text,
        "money": lambda cell, v: put_number(cell, v, money),
        "count": lambda cell, v: put_number(cell, v, "#,##0"),
        "decimal": lambda cell, v: put_number(cell, v, "#,##0.00"),
        "pct": lambda cell, v: put_number(cell, v, "0.0%", scale=0.01),
        "day": lambda cell, v: put_date(cell, v, "d mmm yyyy"),
        "month": lambda cell, v: put_date(cell, v, "mmm yyyy"),
    }
    if kind not in writers:
        raise ValueError(f"unknown kind {kind!r}")
    return writers[kind]


def put_styled(
    cell: Cell, value: object, *, size_pt: float = 10.0, colour: str = style.INK, is_bold: bool = False
) -> None:
    """Write text in a font of the house."""
    put_text(cell, value)
    cell.font = Font(name="Calibri", size=size_pt, bold=is_bold, color=style.excel_hex(colour))


def fill(colour: str) -> PatternFill:
    """A solid cell background."""
    return PatternFill("solid", fgColor=style.excel_hex(colour))


def line_below(colour: str = style.RULE) -> Border:
    """A thin rule under a cell."""
    return Border(bottom=Side(style="thin", color=style.excel_hex(colour)))


def print_setup(sheet: Worksheet, *, title: str, business: str, on_one_page: bool = False) -> None:
    """A4, as wide as the page, with what it is above and page x of y below; no gridlines.

    Landscape, or upright and scaled to one page where charts must not be cut by a page's end.
    """
    sheet.sheet_view.showGridLines = False
    sheet.page_setup.orientation = "portrait" if on_one_page else "landscape"
    sheet.page_setup.paperSize = sheet.PAPERSIZE_A4
    sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight = 1, int(on_one_page)
    sheet.sheet_properties.pageSetUpPr.fitToPage = True
    sheet.page_margins.left = sheet.page_margins.right = 0.5
    # & begins a code in Excel's headers: doubled it stands for itself. A header may have 255 characters.
    sheet.oddHeader.left.text = safe_text(business)[:100].replace("&", "&&")
    sheet.oddHeader.right.text = f"{title} · &A".replace("\n", " ")
    sheet.oddFooter.right.text = "Page &P of &N"
