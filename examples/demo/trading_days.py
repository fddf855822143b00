"""When Hartwell & Lowe trades, and how much of a normal day's demand a calendar day brings.

Not here: what is sold to whom (demand.py).
"""

import math
from datetime import date, timedelta
from functools import lru_cache

FOUNDED = date(2019, 1, 1)  # the first day the generator can be asked for
LEVEL_DAY = date(2024, 1, 1)  # the day on which growth is 1: `lines_per_day` is the level of about this day
GROWTH_PER_YEAR = 0.06

# Monday to Friday average to 1, so `lines_per_day` is what a normal weekday brings; Sunday is closed.
WEEKDAY = (1.20, 0.95, 0.90, 0.92, 1.03, 0.25, 0.0)


@lru_cache(maxsize=64)
def easter(year: int) -> date:
    """Easter Sunday of a Gregorian year (the anonymous algorithm in Meeus, Astronomical Algorithms, ch. 8).

    >>> easter(2024), easter(2025)
    (datetime.date(2024, 3, 31), datetime.date(2025, 4, 20))
    """
    golden, (century, rest) = year % 19, divmod(year, 100)
    skipped, kept = divmod(century, 4)
    correction = (century - (century + 8) // 25 + 1) // 3
    moon = (19 * golden + century - skipped - correction + 15) % 30
    leaps, remainder = divmod(rest, 4)
    weekday = (32 + 2 * kept + 2 * leaps - moon - remainder) % 7
    late = (golden + 11 * moon + 22 * weekday) // 451
    month, day = divmod(moon + weekday - 7 * late + 114, 31)
    return date(year, month, day + 1)


@lru_cache(maxsize=64)
def holidays(year: int) -> frozenset[date]:
    """The public holidays that hold in all of Germany.

    >>> date(2024, 5, 9) in holidays(2024)   # Ascension Day
    True
    """
    fixed = {date(year, month, day) for month, day in ((1, 1), (5, 1), (10, 3), (12, 25), (12, 26))}
    return frozenset(fixed | {easter(year) + timedelta(days=n) for n in (-2, 1, 39, 50)})


def is_open(day: date) -> bool:
    """Whether the house trades on that day: not on Sundays, not on public holidays.

    >>> is_open(date(2024, 2, 29)), is_open(date(2024, 3, 3)), is_open(date(2024, 12, 25))
    (True, False, False)
    """
    return WEEKDAY[day.weekday()] > 0 and day not in holidays(day.year)


def next_open(day: date) -> date:
    """That day, or the first open one after it.

    >>> next_open(date(2024, 3, 29))   # Good Friday; the Saturday after it is open
    datetime.date(2024, 3, 30)
    """
    while not is_open(day):
        day += timedelta(days=1)
    return day


def level(day: date) -> float:
    """Demand of a smooth day relative to LEVEL_DAY: g(t) = (1 + GROWTH_PER_YEAR)^t, t in years.

    >>> round(level(date(2025, 1, 1)), 3)
    1.06
    """
    return math.exp(math.log1p(GROWTH_PER_YEAR) * (day - LEVEL_DAY).days / 365.25)


def day_factor(day: date) -> float:
    """Demand of a calendar day relative to a smooth one: 0 when closed, more on the eve of a holiday.

    >>> day_factor(date(2024, 3, 3)), day_factor(date(2024, 3, 4))
    (0.0, 1.2)
    """
    if not is_open(day):
        return 0.0
    tomorrow = day + timedelta(days=1)
    return WEEKDAY[day.weekday()] * (1.35 if tomorrow in holidays(tomorrow.year) else 1.0)


def season(day: date, amplitude: float, peak_day: int) -> float:
    """Yearly season of a category: s = exp(a · cos(2π (day of year − peak) / 365.25)).

    >>> round(season(date(2024, 7, 9), 0.4, 190), 2), round(season(date(2024, 1, 9), 0.4, 190), 2)
    (1.49, 0.67)
    """
    return math.exp(amplitude * math.cos(2 * math.pi * (day.timetuple().tm_yday - peak_day) / 365.25))
