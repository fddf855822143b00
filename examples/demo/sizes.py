"""How large a house must be for a given number of sales lines.

Not here: what such a house does (house.py and on).
"""

from datetime import date, timedelta

from examples.demo.trading_days import FOUNDED, day_factor, level

# Rows of the sales files per line that the calendar expects: returns, freight and write-offs come on top, and
# promotions lift demand, while new and dying products take some away. Measured on 800 and on 1,600 days.
ROWS_PER_LINE = 1.0

DEFAULT_LINES, DEFAULT_DAYS = 115_000, 800
SEVERAL_YEARS_DAYS = 1_600
MOST_PRODUCTS, MOST_CUSTOMERS = 3_000, 12_000


def sizes_for(lines: int, until: date) -> dict[str, int]:
    """Sizes for ``generate`` that bring about ``lines`` sales lines up to ``until``.

    From 500,000 lines on they are spread over 1,600 days, so that a large house has some years behind it.

    Raises:
        ValueError: fewer than one line, or ``until`` leaves no room for so many days since the house was founded.

    >>> sizes_for(10_000_000, date(2026, 6, 17))["days"] >= SEVERAL_YEARS_DAYS
    True
    """
    if lines < 1:
        raise ValueError(f"lines must be at least 1, not {lines}")
    days = SEVERAL_YEARS_DAYS if lines >= 500_000 else DEFAULT_DAYS
    first = max((until - timedelta(days=days - 1)).replace(day=1), FOUNDED)
    if until <= first:
        raise ValueError(f"the house was founded on {FOUNDED}: nothing can end on {until}")
    calendar = (first + timedelta(days=n) for n in range((until - first).days + 1))
    normal_days = sum(level(day) * day_factor(day) for day in calendar)
    growth = lines / DEFAULT_LINES
    return {
        "days": (until - first).days + 1,
        "products": max(5, min(round(120 * growth**0.6), MOST_PRODUCTS)),
        "customers": max(5, min(round(300 * growth**0.65), MOST_CUSTOMERS)),
        "lines_per_day": max(1, round(lines / (normal_days * ROWS_PER_LINE))),
    }
