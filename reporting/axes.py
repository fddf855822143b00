"""The geometry of a chart: round ticks, readable dates, and the mapping from values to points on the page.

Not here: what is drawn (charts.py).
"""

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from reporting.format import MONTHS

_LARGEST = sys.float_info.max


def nice_ticks(low: float, high: float, *, at_most: int = 6) -> list[float]:
    """Round, evenly spaced values that cover low … high and zero: steps of 1, 2, 2.5 or 5 × a power of ten.

    After P. Heckbert, "Nice Numbers for Graph Labels", Graphics Gems (1990). Zero is always there because the
    length of a column or the height of a line is read against it.

    Raises:
        ValueError: a bound is not finite, or at_most is below 3.

    >>> nice_ticks(0, 87_000)
    [0.0, 20000.0, 40000.0, 60000.0, 80000.0, 100000.0]
    >>> nice_ticks(-3, 4)
    [-4.0, -2.0, 0.0, 2.0, 4.0]
    >>> nice_ticks(0, 0)
    [0.0, 1.0]
    """
    if not (math.isfinite(low) and math.isfinite(high)) or at_most < 3:
        raise ValueError(f"no ticks for {low} … {high}, at most {at_most}")
    low, high = min(low, high, 0.0), max(low, high, 0.0)
    largest = max(-low, high)
    if largest < 1e-300:
        return [0.0, 1.0]
    # Worked at a scale of 1: beyond 1e300 the steps themselves would overflow.
    unit = 10.0 ** math.floor(math.log10(largest))
    low, high = low / unit, high / unit
    for step in (0.01, 0.02, 0.025, 0.05, 0.1, 0.2, 0.25, 0.5, 1.0, 2.0, 2.5, 5.0, 10.0):
        first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
        if last - first + 1 <= at_most:
            break
    ticks = (k * step * unit if step >= 1 else k / round(1 / step) * unit for k in range(first, last + 1))
    return [min(max(t, -_LARGEST), _LARGEST) for t in ticks]


def date_ticks(first: date, last: date, *, at_most: int = 8) -> list[tuple[date, str]]:
    """Days to label between two dates, both included: days, Mondays, firsts of months, or years.

    >>> [label for _, label in date_ticks(date(2024, 1, 15), date(2024, 7, 1))]
    ['1 Feb', '1 Mar', '1 Apr', '1 May', '1 Jun', '1 Jul']
    >>> [label for _, label in date_ticks(date(2024, 2, 28), date(2024, 3, 1))]
    ['28 Feb', '29 Feb', '1 Mar']
    """
    days = (last - first).days
    if days < at_most:
        return [(d, _day_label(d)) for d in (first + timedelta(k) for k in range(days + 1))]
    for weeks in (1, 2):
        if days <= 7 * weeks * at_most:
            monday = first + timedelta(-first.weekday() % 7)
            return [(d, _day_label(d)) for d in _every(monday, last, 7 * weeks)]
    firsts = _month_firsts(first, last)
    for step in (1, 2, 3, 6, 12, 24, 60, 120, 240, 600):
        chosen = [d for d in firsts if (d.year * 12 + d.month - 1) % step == 0]
        if len(chosen) <= at_most:
            break
    if step >= 12:
        return [(d, str(d.year)) for d in chosen]
    return [(d, _day_label(d) if days < 200 else f"{MONTHS[d.month - 1][:3]} {d.year}") for d in chosen]


def _day_label(day: date) -> str:
    return f"{day.day} {MONTHS[day.month - 1][:3]}"


def _every(first: date, last: date, step_days: int) -> list[date]:
    return [first + timedelta(k) for k in range(0, (last - first).days + 1, step_days)]


def _month_firsts(first: date, last: date) -> list[date]:
    months = range(first.year * 12 + first.month - 1, last.year * 12 + last.month)
    return [d for d in (date(m // 12, m % 12 + 1, 1) for m in months) if first <= d <= last]


@dataclass(frozen=True)
class Plot:
    """A rectangle on the page (points, origin bottom left) and the ranges of values it shows.

    >>> plot = Plot(left=10, bottom=20, width=100, height=50, x_range=(0, 10), y_range=(0, 5))
    >>> plot.x(5), plot.y(5)
    (60.0, 70.0)
    """

    left: float
    bottom: float
    width: float
    height: float
    x_range: tuple[float, float]
    y_range: tuple[float, float]

    def x(self, value: float) -> float:
        """Points from the left for a value on the horizontal axis; one single value stands in the middle."""
        return self.left + self.width * _share(value, self.x_range)

    def y(self, value: float) -> float:
        """Points from the bottom for a value on the vertical axis."""
        return self.bottom + self.height * _share(value, self.y_range)


def _share(value: float, bounds: Sequence[float]) -> float:
    low, high = bounds
    if high == low:
        return 0.5
    # Halved first: high − low overflows when both are near the largest float.
    return (value / 2 - low / 2) / (high / 2 - low / 2)
