"""The chart of what-ifs: each scenario beside the base forecast, as a reportlab Drawing.

Not here: the numbers (forecasting/scenarios.py), or the other charts (charts.py).
"""

from datetime import date

import pandas as pd
from reportlab.graphics.shapes import Circle, Drawing, Group, PolyLine
from reportlab.lib.colors import HexColor

from reporting import style
from reporting.axes import Plot
from reporting.charts import points
from reporting.fonts import text_width
from reporting.shapes import date_axis, legend, value_axis

MOST_PANELS = 6


def scenarios_chart(table: pd.DataFrame, *, width_pt: float = 511.0, panel_pt: float = 100.0) -> Drawing | None:
    """One panel per scenario: the sum of the products that it concerns, under it and without it.

    Args:
        table: columns scenario, ds, base, mean, a row per product and period; the first six scenarios are drawn.

    Returns:
        None where there is none.
    """
    names = list(dict.fromkeys(table.loc[table["base"].notna(), "scenario"]))[:MOST_PANELS]
    if not names:
        return None
    drawing = Drawing(width_pt, panel_pt * len(names))
    for k, name in enumerate(names):
        sums = table[table["scenario"] == name].groupby("ds", as_index=False)[["base", "mean"]].sum()
        lines = [[(p.day, p.value) for p in points(sums, "ds", c) if p.value is not None] for c in ("base", "mean")]
        days = [day.toordinal() for line in lines for day, _ in line]
        values = [value for line in lines for _, value in line]
        panel = Drawing(width_pt, panel_pt)
        plot = value_axis(panel, [0.0, *values], x_range=(min(days), max(days)), currency="")
        date_axis(panel, plot)
        for line, colour in zip(lines, (style.MUTED, style.FORECAST), strict=True):
            _draw(panel, plot, line, colour)
        legend(panel, [(_fitting(name, width_pt - 120), style.FORECAST, False), ("as forecast", style.MUTED, False)])
        drawing.add(Group(*panel.contents, transform=(1, 0, 0, 1, 0, panel_pt * (len(names) - 1 - k))))
    return drawing


def _fitting(name: str, width_pt: float) -> str:
    """The name, cut where there is no room for it."""
    while name and text_width(name, style.LABEL_PT + 0.4) > width_pt:
        name = name.removesuffix("…")[:-1].rstrip() + "…"
    return name


def _draw(drawing: Drawing, plot: Plot, line: list[tuple[date, float]], colour: str) -> None:
    flat = [v for day, value in line for v in (plot.x(day.toordinal()), plot.y(value))]
    if len(line) == 1:
        drawing.add(Circle(flat[0], flat[1], 2, fillColor=HexColor(colour), strokeColor=None))
    else:
        drawing.add(PolyLine(flat, strokeColor=HexColor(colour), strokeWidth=1.3, strokeLineJoin=1, strokeLineCap=1))
