"""The charts of what a series is made of and of what its forecast leaves, as reportlab Drawings.

Not here: the charts of the reports (charts.py), the geometry (axes.py).
"""

from datetime import date

import numpy as np
import pandas as pd
from reportlab.graphics.shapes import Drawing, Group, Line, PolyLine
from reportlab.lib.colors import HexColor

from reporting import style
from reporting.axes import Plot
from reporting.charts import points
from reporting.shapes import date_axis, legend, put, rectangle, text, value_axis

PANELS = (
    ("observed", "Observed", style.ACTUAL),
    ("trend", "Trend", style.FORECAST),
    ("seasonal", "Season", style.ACTUAL),
    ("remainder", "Remainder", style.MUTED),
)
_NINETY_FIVE = 1.96  # standard errors of a correlation that is none


def decomposition_chart(
    parts: pd.DataFrame, *, currency: str = "", width_pt: float = 511.0, panel_pt: float = 92.0
) -> Drawing | None:
    """A series and its parts, one panel below the other, each with an axis of its own.

    Args:
        parts: columns ds, observed, trend, seasonal, remainder.
        currency: of the values; empty where they are no money.
    """
    drawing = Drawing(width_pt, panel_pt * len(PANELS))
    for k, (column, name, colour) in enumerate(PANELS):
        known = [(p.day, p.value) for p in points(parts, "ds", column) if p.value is not None]
        if not known:
            return None
        panel = Drawing(width_pt, panel_pt)
        days = [day.toordinal() for day, _ in known]
        plot = value_axis(panel, [v for _, v in known], x_range=(min(days), max(days)), currency=currency)
        _draw(panel, plot, known, colour)
        legend(panel, [(name, colour, False)])
        if k == len(PANELS) - 1:
            date_axis(panel, plot)
        drawing.add(Group(*panel.contents, transform=(1, 0, 0, 1, 0, panel_pt * (len(PANELS) - 1 - k))))
    return drawing


def correlation_chart(
    errors: pd.Series, *, lags: int, width_pt: float = 511.0, height_pt: float = 130.0
) -> Drawing | None:
    """The autocorrelation of consecutive errors by lag, with the band that 95 % of mere chance stays in.

    Args:
        errors: in time's order; None is drawn of fewer than 3, or where they are all alike.
        lags: how many, at least 1; at most one fewer than there are errors.
    """
    values = errors.to_numpy(dtype="float64")
    lags = min(lags, len(values) - 1)
    centred = values - values.mean() if len(values) else values
    total = float(centred @ centred)
    if len(values) < 3 or lags < 1 or not np.isfinite(total) or total <= 0:
        return None
    heights = [float(centred[k:] @ centred[:-k]) / total for k in range(1, lags + 1)]
    band = _NINETY_FIVE / len(values) ** 0.5
    drawing = Drawing(width_pt, height_pt)
    plot = value_axis(drawing, [*heights, band, -band], x_range=(0.0, lags + 1.0), currency="")
    low, high = plot.y(-band), plot.y(band)
    drawing.add(rectangle(plot.left, low, plot.width, high - low, style.SURFACE))
    wide = min(plot.width / (lags + 1) * 0.6, 9.0)
    for lag, height in enumerate(heights, start=1):
        bottom, top = sorted((plot.y(0.0), plot.y(height)))
        colour = style.BAD if abs(height) > band else style.ACTUAL
        drawing.add(rectangle(plot.x(lag) - wide / 2, bottom, wide, max(top - bottom, 0.4), colour))
        if lag == 1 or lag % max(1, lags // 7) == 0:
            put(drawing, text((plot.x(lag), plot.bottom - 11), str(lag), anchor="middle"))
    zero = plot.y(0.0)
    drawing.add(Line(plot.left, zero, plot.left + plot.width, zero, strokeColor=HexColor(style.MUTED), strokeWidth=0.5))
    legend(
        drawing,
        [("Autocorrelation of one-step errors, by lag", style.ACTUAL, True), ("95% of chance", style.SURFACE, True)],
    )
    return drawing


def _draw(drawing: Drawing, plot: Plot, known: list[tuple[date, float]], colour: str) -> None:
    flat = [(plot.x(day.toordinal()), plot.y(value)) for day, value in known]
    if len(flat) == 1:
        drawing.add(rectangle(flat[0][0] - 2, flat[0][1] - 2, 4, 4, colour))
        return
    line = [v for point in flat for v in point]
    drawing.add(PolyLine(line, strokeColor=HexColor(colour), strokeWidth=0.9, strokeLineJoin=1, strokeLineCap=1))
