"""The charts of the reports, as reportlab Drawings: as they are in the PDF, as SVG elsewhere.

Not here: the geometry (axes.py), colours (style.py), or Excel's own charts (excel_charts.py).
Each function returns None where there is nothing to draw, so that no page ever shows an empty frame.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby

import pandas as pd
from reportlab.graphics import renderSVG
from reportlab.graphics.shapes import Circle, Drawing, PolyLine
from reportlab.lib.colors import HexColor

from reporting import style
from reporting.axes import Plot
from reporting.fonts import text_width
from reporting.format import MONTHS, compact, number
from reporting.shapes import area, date_axis, legend, put, rectangle, text, value_axis

HISTORY_DAYS = 91  # 13 weeks: long enough for the trend, short enough to see the week's own shape
MONTHS_SHOWN = 24  # two years: every month has its own last year beside it


@dataclass(frozen=True)
class Point:
    """One day's value; None where it is missing."""

    day: date
    value: float | None


def chart_svg(drawing: Drawing) -> str:
    """The drawing as an SVG document, with fonts that a browser has.

    >>> chart_svg(Drawing(10, 10)).startswith("<?xml")
    True
    """
    svg = str(renderSVG.drawToString(drawing))
    return svg.replace(
        "font-family: Helvetica-Bold", "font-family: Helvetica, Arial, sans-serif; font-weight: bold"
    ).replace("font-family: Helvetica;", "font-family: Helvetica, Arial, sans-serif;")


def revenue_chart(  # noqa: PLR0913 - what is drawn, and how large
    daily: pd.DataFrame,
    forecast: pd.DataFrame,
    *,
    currency: str,
    width_pt: float = 511.0,
    height_pt: float = 205.0,
    history_days: int = HISTORY_DAYS,
    label: str = "Net revenue per day",
) -> Drawing | None:
    """Daily revenue of the last days and its forecast with 80 % and 95 % intervals; or any other such series.

    Args:
        daily: columns day, net_revenue; a missing value leaves a gap in the line.
        forecast: columns ds, mean, lo_80, hi_80, lo_95, hi_95; may be empty.
        currency: three letters; empty where the values are no money.
        history_days: the last rows of daily that are drawn.
        label: what the values are.
    """
    history = points(daily, "day", "net_revenue")[-history_days:]
    ahead = points(forecast, "ds", "mean")
    bands = {n: _band(forecast, n) for n in (95, 80)}
    values = [p.value for p in (*history, *ahead) if p.value is not None]
    if not values:
        return None
    values += [v for band in bands.values() for _, low, high in band for v in (low, high)]
    days = [p.day.toordinal() for p in (*history, *ahead)]
    drawing = Drawing(width_pt, height_pt)
    plot = value_axis(drawing, values, x_range=(min(days), max(days)), currency=currency)
    date_axis(drawing, plot)
    for level, colour in ((95, style.BAND_95), (80, style.BAND_80)):
        _draw_band(drawing, plot, bands[level], colour)
    if ahead:  # from the last period that is over: the one under way is neither history nor forecast
        _draw_line(drawing, plot, [*history[-1:], *ahead], style.FORECAST)
    _draw_line(drawing, plot, history, style.ACTUAL)
    entries = [(label, style.ACTUAL, False)] if history else []
    if ahead:
        entries += [("Forecast", style.FORECAST, False)]
        entries += [(f"{n}% interval", c, True) for n, c in ((80, style.BAND_80), (95, style.BAND_95)) if bands[n]]
    legend(drawing, entries)
    return drawing


def monthly_chart(
    monthly: pd.DataFrame,
    *,
    currency: str,
    as_of_date: date,
    width_pt: float = 511.0,
    height_pt: float = 165.0,
) -> Drawing | None:
    """Net revenue by month as columns, the month of as_of_date lighter while it is not over.

    Args:
        monthly: columns month (its first day), net_revenue.
    """
    months = [p for p in points(monthly, "month", "net_revenue") if p.value is not None][-MONTHS_SHOWN:]
    if not months:
        return None
    drawing = Drawing(width_pt, height_pt)
    plot = value_axis(drawing, [p.value or 0.0 for p in months], x_range=(0, len(months)), currency=currency)
    is_over = (as_of_date + timedelta(days=1)).day == 1
    open_month = None if is_over else (as_of_date.year, as_of_date.month)
    for k, month in enumerate(months):
        is_open = (month.day.year, month.day.month) == open_month
        _draw_month(drawing, plot, k, month, style.PARTIAL if is_open else style.ACTUAL)
    entries = [("Net revenue per month", style.ACTUAL, True)]
    if any((m.day.year, m.day.month) == open_month for m in months):
        entries.append(("Month to date", style.PARTIAL, True))
    legend(drawing, entries)
    return drawing


def _draw_month(drawing: Drawing, plot: Plot, k: int, month: Point, colour: str) -> None:
    value = month.value or 0.0
    step = plot.width / plot.x_range[1]
    column = min(step * 0.72, 34.0)
    middle = plot.x(k + 0.5)
    start, end = sorted((plot.y(0.0), plot.y(value)))
    drawing.add(rectangle(middle - column / 2, start, column, max(end - start, 0.4), colour))
    amount, size = compact(value), style.LABEL_PT
    while text_width(amount, size) > step - 1.5 and size > 4.5:
        size -= 0.25
    width = text_width(amount, size) + 1.5
    drawing.add(rectangle(middle - width / 2, max(start, end) + 0.8, width, size, style.PAPER))
    put(drawing, text((middle, max(start, end) + 2.5), amount, anchor="middle", size_pt=size))
    letters = 3 if step > 18 else 1
    put(drawing, text((middle, plot.bottom - 9), MONTHS[month.day.month - 1][:letters], anchor="middle"))
    if k == 0 or month.day.month == 1:
        year = str(month.day.year)
        put(drawing, text((middle, plot.bottom - 18), year, anchor="middle", is_bold=True, colour=style.INK))


def bar(value: object, largest: float, *, width_pt: float = 110.0, height_pt: float = 7.5) -> Drawing:
    """One bar for a table's cell, as long as the value's share of the largest; below zero in red.

    >>> bar(50, 100, width_pt=80).contents[0].width
    40.0
    """
    drawing = Drawing(width_pt, height_pt)
    amount = number(value) or 0.0
    length = width_pt * min(abs(amount) / largest, 1.0) if largest else 0.0
    drawing.add(rectangle(0, 0, max(length, 0.5), height_pt, style.ACTUAL if amount >= 0 else style.BAD))
    return drawing


def points(frame: pd.DataFrame, day_column: str, value_column: str) -> list[Point]:
    """The rows that have a day, in its order; the value is None where it is missing or not finite."""
    ordered = frame[frame[day_column].notna()].sort_values(day_column, kind="stable")
    return [Point(_as_date(d), number(v)) for d, v in zip(ordered[day_column], ordered[value_column], strict=True)]


def _as_date(value: date) -> date:
    return value.date() if isinstance(value, datetime) else value


def _segments(series: Sequence[Point]) -> Iterable[list[Point]]:
    """Runs without a gap: a missing value ends one."""
    for is_known, group in groupby(series, key=lambda p: p.value is not None):
        if is_known:
            yield list(group)


def _draw_line(drawing: Drawing, plot: Plot, series: Sequence[Point], colour: str) -> None:
    for run in _segments(series):
        flat = [v for p in run for v in (plot.x(p.day.toordinal()), plot.y(p.value or 0.0))]
        if len(run) == 1:
            drawing.add(Circle(flat[0], flat[1], 2, fillColor=HexColor(colour), strokeColor=None))
        else:
            drawing.add(
                PolyLine(flat, strokeColor=HexColor(colour), strokeWidth=1.3, strokeLineJoin=1, strokeLineCap=1)
            )


def _band(forecast: pd.DataFrame, level: int) -> list[tuple[date, float, float]]:
    lows, highs = (points(forecast, "ds", f"{end}_{level}") for end in ("lo", "hi"))
    return [
        (a.day, a.value, b.value)
        for a, b in zip(lows, highs, strict=True)
        if a.value is not None and b.value is not None
    ]


def _draw_band(drawing: Drawing, plot: Plot, band: Sequence[tuple[date, float, float]], colour: str) -> None:
    xs = [plot.x(d.toordinal()) for d, _, _ in band]
    if len(band) == 1:  # one day has no width of its own
        drawing.add(rectangle(xs[0] - 3, plot.y(band[0][1]), 6, plot.y(band[0][2]) - plot.y(band[0][1]), colour))
    elif band:
        upper = [(x, plot.y(hi)) for x, (_, _, hi) in zip(xs, band, strict=True)]
        lower = [(x, plot.y(lo)) for x, (_, lo, _) in zip(xs, band, strict=True)]
        drawing.add(area(upper + lower[::-1], colour))
