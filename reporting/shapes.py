"""The shapes charts and cards are made of: text in the right fonts, filled areas, axes, a legend, an arrow.

Not here: what a chart shows (charts.py), or where values fall (axes.py).
"""

from collections.abc import Sequence
from datetime import date

from reportlab.graphics.shapes import Drawing, Line, Polygon, Rect, String
from reportlab.lib.colors import HexColor

from reporting import style
from reporting.axes import Plot, date_ticks, nice_ticks
from reporting.fonts import font_runs, text_width
from reporting.format import compact, currency_prefix

LEGEND_PT = 20.0  # height kept for the legend above a plot
AXIS_PT = 22.0  # height kept for the labels below it


def text(
    at: tuple[float, float],
    content: str,
    *,
    size_pt: float = style.LABEL_PT,
    anchor: str = "start",
    colour: str = style.MUTED,
    is_bold: bool = False,
) -> list[String]:
    """One line of text at a baseline, as one String per font it needs.

    Args:
        at: x and y of the baseline, in points.
        content: shown as it is; characters no font has become a visible mark (fonts.font_runs).
        anchor: which part of the text stands at x: 'start', 'middle' or 'end'.

    >>> [s.fontName for s in text((0, 0), "Net revenue", is_bold=True)]
    ['Helvetica-Bold']
    """
    x = at[0] - {"start": 0.0, "middle": 0.5, "end": 1.0}[anchor] * text_width(content, size_pt, is_bold=is_bold)
    strings = []
    for font, part in font_runs(content, is_bold=is_bold):
        strings.append(String(x, at[1], part, fontName=font, fontSize=size_pt, fillColor=HexColor(colour)))
        x += text_width(part, size_pt, is_bold=is_bold)
    return strings


def put(drawing: Drawing, shapes: Sequence[object]) -> None:
    """Add shapes to the drawing in order."""
    for shape in shapes:
        drawing.add(shape)


def rectangle(x: float, y: float, width: float, height: float, colour: str, *, radius_pt: float = 0.0) -> Rect:
    """A filled rectangle without an outline.

    >>> rectangle(0, 0, 10, 5, "#FFFFFF").strokeColor is None
    True
    """
    return Rect(x, y, width, height, rx=radius_pt, ry=radius_pt, fillColor=HexColor(colour), strokeColor=None)


def area(points: Sequence[tuple[float, float]], colour: str) -> Polygon:
    """A filled outline of (x, y) points."""
    flat = [v for point in points for v in point]
    return Polygon(flat, fillColor=HexColor(colour), strokeColor=None)


def arrow(x: float, y: float, size_pt: float, *, is_up: bool, colour: str) -> Polygon:
    """A triangle that stands on the baseline y: up or down, so that colour is not the only sign."""
    tip, base = (y + size_pt, y) if is_up else (y, y + size_pt)
    return area([(x, base), (x + size_pt, base), (x + size_pt / 2, tip)], colour)


def value_axis(drawing: Drawing, values: Sequence[float], *, x_range: tuple[float, float], currency: str) -> Plot:
    """Draw gridlines with their amounts on the left; gives the plot that remains beside and above them."""
    height = drawing.height - AXIS_PT - LEGEND_PT
    ticks = nice_ticks(min(values), max(values), at_most=6 if height > 90 else 4)
    prefix = currency_prefix(currency) if currency else ""
    labels = [compact(t, prefix=prefix if t else "") for t in ticks]
    left = 6 + max(text_width(label, style.LABEL_PT) for label in labels)
    plot = Plot(left, AXIS_PT, drawing.width - left - 6, height, x_range, (ticks[0], ticks[-1]))
    for tick, label in zip(ticks, labels, strict=True):
        y = plot.y(tick)
        colour = style.MUTED if tick == 0 else style.RULE
        drawing.add(Line(left, y, left + plot.width, y, strokeColor=HexColor(colour), strokeWidth=0.5))
        put(drawing, text((left - 5, y - 2.4), label, anchor="end"))
    return plot


def date_axis(drawing: Drawing, plot: Plot) -> None:
    """Draw dates below the plot, whose horizontal axis counts proleptic days (date.toordinal)."""
    first, last = (date.fromordinal(int(v)) for v in plot.x_range)
    for day, label in date_ticks(first, last, at_most=max(3, int(plot.width // 52))):
        x = plot.x(day.toordinal())
        drawing.add(Line(x, plot.bottom, x, plot.bottom - 3, strokeColor=HexColor(style.MUTED), strokeWidth=0.5))
        half = text_width(label, style.LABEL_PT) / 2 + 2  # a browser's letters are wider than the PDF's
        middle = min(max(x, half), drawing.width - half)
        put(drawing, text((middle, plot.bottom - 11), label, anchor="middle"))


def legend(drawing: Drawing, entries: Sequence[tuple[str, str, bool]]) -> None:
    """Name the series along the top: (name, colour, is it an area rather than a line)."""
    x, y = 0.0, drawing.height - 9.0
    for name, colour, is_area in entries:
        drawing.add(rectangle(x, y - 0.5, 9, 6, colour) if is_area else rectangle(x, y + 1.4, 12, 2, colour))
        x += 13 if is_area else 16
        put(drawing, text((x, y), name, size_pt=style.LABEL_PT + 0.4))
        x += text_width(name, style.LABEL_PT + 0.4) + 14
