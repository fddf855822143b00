"""Excel's own charts, on the workbook's own cells, so that a reader can change them.

Not here: the cells (excel_cells.py), or the charts of the PDF (charts.py).
"""

from openpyxl.chart import BarChart, LineChart, Reference
from openpyxl.chart.axis import DateAxis
from openpyxl.chart.label import DataLabelList
from openpyxl.chart.layout import Layout, ManualLayout
from openpyxl.chart.shapes import GraphicalProperties
from openpyxl.drawing.line import LineProperties
from openpyxl.worksheet.worksheet import Worksheet

from reporting import style
from reporting.excel_cells import money_format

WIDTH_CM, HEIGHT_CM = 31.0, 9.5  # as wide as the summary sheet's table in Excel


def _dress(chart: LineChart | BarChart, *, title: str, number_format: str) -> None:
    chart.title = title
    chart.width, chart.height = WIDTH_CM, HEIGHT_CM
    for axis in (chart.x_axis, chart.y_axis):
        axis.delete = False  # openpyxl 3.1 hides both axes unless told otherwise
        axis.title = None
    chart.y_axis.number_format = number_format
    chart.y_axis.majorGridlines.spPr = GraphicalProperties(ln=LineProperties(solidFill=style.excel_hex(style.RULE)))
    chart.y_axis.graphicalProperties = GraphicalProperties(ln=LineProperties(noFill=True))


def line_chart(sheet: Worksheet, *, first_row: int, last_row: int, currency: str) -> LineChart:
    """Actual, forecast and interval bounds by day: columns A (day) to G, headings in first_row."""
    chart = LineChart()
    chart.add_data(Reference(sheet, min_col=2, max_col=7, min_row=first_row, max_row=last_row), titles_from_data=True)
    chart.set_categories(Reference(sheet, min_col=1, min_row=first_row + 1, max_row=last_row))
    chart.x_axis = DateAxis(crossAx=100)
    chart.y_axis.crossAx = 500
    _dress(chart, title="Daily net revenue and forecast", number_format=money_format(currency, decimals=0))
    chart.x_axis.number_format = "d mmm"
    chart.x_axis.majorTimeUnit, chart.x_axis.majorUnit, chart.x_axis.baseTimeUnit = "days", 14, "days"
    chart.x_axis.tickLblPos = "low"
    chart.legend.position = "t"
    looks = [(style.ACTUAL, 2.0, "solid"), (style.FORECAST, 2.0, "solid")]
    looks += [(style.FORECAST, 1.0, "sysDash")] * 2 + [(style.BAND_80, 1.0, "sysDot")] * 2
    for series, (colour, width_pt, dash) in zip(chart.series, looks, strict=True):
        series.smooth = False
        series.marker.symbol = "none"
        series.graphicalProperties.line.solidFill = style.excel_hex(colour)
        series.graphicalProperties.line.width = int(width_pt * 12_700)  # English Metric Units per point
        series.graphicalProperties.line.dashStyle = dash
    return chart


def column_chart(sheet: Worksheet, *, value_column: int, first_row: int, last_row: int, currency: str) -> BarChart:
    """Net revenue by month: months in column A, headings in first_row."""
    chart = _bars(sheet, "col", (1, value_column), (first_row, last_row))
    _dress(chart, title="Net revenue by month", number_format=money_format(currency, decimals=0))
    chart.x_axis.number_format = "mmm yy"
    chart.x_axis.tickLblPos = "low"
    chart.gapWidth = 45
    return chart


def bar_chart(
    sheet: Worksheet, *, title: str, columns: tuple[int, int], rows: tuple[int, int], currency: str
) -> BarChart:
    """Horizontal bars, the first row on top; columns are those of labels and values,
    rows those of the headings and of the last bar."""
    chart = _bars(sheet, "bar", columns, rows)
    _dress(chart, title=title, number_format=money_format(currency, decimals=0))
    chart.x_axis.scaling.orientation = "maxMin"
    chart.y_axis.delete = True
    chart.y_axis.majorGridlines = None
    chart.gapWidth = 35
    chart.dataLabels = DataLabelList(showVal=True, showSerName=False, showCatName=False, showLegendKey=False)
    chart.dataLabels.numFmt = money_format(currency, decimals=0)
    chart.layout = Layout(
        manualLayout=ManualLayout(x=0.28, y=0.14, w=0.66, h=0.82, xMode="edge", yMode="edge", layoutTarget="inner")
    )
    return chart


def _bars(sheet: Worksheet, direction: str, columns: tuple[int, int], rows: tuple[int, int]) -> BarChart:
    chart = BarChart()
    chart.type = direction
    chart.legend = None
    chart.add_data(Reference(sheet, min_col=columns[1], min_row=rows[0], max_row=rows[1]), titles_from_data=True)
    chart.set_categories(Reference(sheet, min_col=columns[0], min_row=rows[0] + 1, max_row=rows[1]))
    for series in chart.series:
        series.graphicalProperties.solidFill = style.excel_hex(style.ACTUAL)
        series.invertIfNegative = False
    return chart
