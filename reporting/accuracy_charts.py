"""Charts of how right forecasts were: error and coverage by lead, and what each step of the forecasting was worth.

Not here: the numbers (forecasting/accuracy.py, forecasting/value_added.py), or the other charts (charts.py).
"""

import pandas as pd
from reportlab.graphics.shapes import Circle, Drawing, PolyLine
from reportlab.lib.colors import HexColor

from reporting import style
from reporting.axes import Plot
from reporting.fonts import text_width
from reporting.format import MINUS, number
from reporting.shapes import legend, put, rectangle, text, value_axis

BAR_PT, MOST_BARS = 15.0, 16
PERCENT = ""  # the axis has no currency


def by_lead_chart(
    table: pd.DataFrame, *, what: str, width_pt: float = 511.0, height_pt: float = 175.0
) -> Drawing | None:
    """The error (WAPE) of the forecast and of seasonal naive by periods ahead, and the coverage of both intervals.

    Args:
        table: columns lead, wape_pct, naive_wape_pct, coverage_80_pct, coverage_95_pct; a missing value leaves a gap.
        what: whose, as in "weekly units per product".

    Returns:
        None where no lead has an error.
    """
    rows = table[table["lead"] > 0].sort_values("lead")
    shown = (
        ("wape_pct", f"Error of {what}, % of what came", style.FORECAST),
        ("naive_wape_pct", "Seasonal naive", style.MUTED),
        ("coverage_95_pct", "Within the 95% interval, %", style.ACTUAL),
        ("coverage_80_pct", "Within the 80% interval, %", style.PARTIAL),
    )
    lines = {name: _known(rows, name) for name, *_ in shown}
    if not lines["wape_pct"]:
        return None
    values = [value for line in lines.values() for _, value in line]
    leads = [int(lead) for lead in rows["lead"]]
    drawing = Drawing(width_pt, height_pt)
    plot = value_axis(drawing, values, x_range=(min(leads), max(leads)), currency=PERCENT)
    _lead_axis(drawing, plot, leads)
    for name, _, colour in shown:
        _draw(drawing, plot, lines[name], colour)
    legend(drawing, [(label, colour, False) for name, label, colour in shown if lines[name]])
    return drawing


def value_added_chart(table: pd.DataFrame, *, width_pt: float = 511.0) -> Drawing | None:
    """Points of WAPE that each step took away, one bar each: to the right better, to the left worse.

    Args:
        table: columns label, value_added_pct; at most 16 rows are drawn, those without a value are left out.

    Returns:
        None where there is none.
    """
    found = [(str(label), number(value)) for label, value in zip(table["label"], table["value_added_pct"], strict=True)]
    bars = [(label, value) for label, value in found if value is not None][:MOST_BARS]
    if not bars:
        return None
    drawing = Drawing(width_pt, BAR_PT * len(bars) + 16)
    names = min(max(text_width(label, style.LABEL_PT) for label, _ in bars) + 8, 0.45 * width_pt)
    low, high = min(0.0, *(value for _, value in bars)), max(0.0, *(value for _, value in bars))
    room, span = width_pt - names - 80, (high - low) or 1.0
    zero = names + 40 - low / span * room
    for k, (label, value) in enumerate(bars):
        y, length = drawing.height - 14 - BAR_PT * (k + 1), abs(value) / span * room
        start = zero if value >= 0 else zero - length
        drawing.add(rectangle(start, y + 2, max(length, 0.5), BAR_PT - 5, style.GOOD if value >= 0 else style.BAD))
        put(drawing, text((0, y + 4), _fitting(label, names - 4)))
        points = f"{'+' if value > 0 else MINUS if value < 0 else ''}{abs(value):.1f}"
        place = (start + length + 3, y + 4) if value >= 0 else (start - 3, y + 4)
        put(drawing, text(place, points, anchor="start" if value >= 0 else "end", is_bold=True))
    legend(drawing, [("Points of error taken away (WAPE)", style.GOOD, True), ("added", style.BAD, True)])
    return drawing


def _fitting(label: str, width_pt: float) -> str:
    """The label, cut where there is no room for it."""
    if text_width(label, style.LABEL_PT) <= width_pt:
        return label
    while label and text_width(f"{label}…", style.LABEL_PT) > width_pt:
        label = label[:-1]
    return f"{label.rstrip()}…"


def _known(rows: pd.DataFrame, name: str) -> list[tuple[int, float]]:
    pairs = ((int(lead), number(value)) for lead, value in zip(rows["lead"], rows[name], strict=True))
    return [(lead, value) for lead, value in pairs if value is not None]


def _lead_axis(drawing: Drawing, plot: Plot, leads: list[int]) -> None:
    """Whole periods ahead, as many as there is room for."""
    step = -(-len(leads) // max(3, int(plot.width // 30)))
    for lead in leads[::step]:
        put(drawing, text((plot.x(lead), plot.bottom - 9), str(lead), anchor="middle"))
    put(drawing, text((plot.left + plot.width, plot.bottom - 18), "periods ahead", anchor="end"))


def _draw(drawing: Drawing, plot: Plot, line: list[tuple[int, float]], colour: str) -> None:
    flat = [v for lead, value in line for v in (plot.x(lead), plot.y(value))]
    if len(line) == 1:
        drawing.add(Circle(flat[0], flat[1], 2, fillColor=HexColor(colour), strokeColor=None))
    elif line:
        drawing.add(PolyLine(flat, strokeColor=HexColor(colour), strokeWidth=1.3, strokeLineJoin=1, strokeLineCap=1))
