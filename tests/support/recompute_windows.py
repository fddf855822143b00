"""The days each period of a night counts, by the words of kpi_windows' description.

Not here: what is computed over them.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import NamedTuple

from tests.support.recompute_books import Books

DAY = timedelta(days=1)


class Window(NamedTuple):
    """Days a KPI counts, both ends included."""

    period: str
    basis: str
    start: date
    end: date


def windows_of(as_of: date, fiscal_month: int) -> list[Window]:
    """Every period of a night, with the one before and that of the year before. Weeks begin on Mondays."""
    return [*_to_date(as_of, fiscal_month), *_rolling(as_of)]


def put_windows(books: Books) -> list[Window]:
    """Write the night's windows into the books, and return them."""
    windows = windows_of(books.as_of, books.fiscal_month)
    books.db.execute("create table windows (period varchar, basis varchar, start date, until date)")
    books.db.executemany("insert into windows values (?, ?, ?, ?)", windows)
    return windows


def year_before(day: date) -> date:
    """The same date one year earlier; of 29 February the 28th."""
    if (day.month, day.day) == (2, 29):
        return date(day.year - 1, 2, 28)
    return day.replace(year=day.year - 1)


def _months_before(first: date, months: int) -> date:
    number = first.year * 12 + first.month - 1 - months
    return date(number // 12, number % 12 + 1, 1)


def _to_date(as_of: date, fiscal_month: int) -> Iterator[Window]:
    month = as_of.replace(day=1)
    monday = as_of - as_of.weekday() * DAY
    fiscal = (as_of.month - fiscal_month) % 12
    starts = {
        "day": (as_of, as_of - DAY, year_before(as_of), year_before(as_of)),
        "week": (monday, monday - 7 * DAY, monday - 364 * DAY, as_of - 364 * DAY),
    }
    for period, begun, length in [
        ("month", 0, 1), ("quarter", (as_of.month - 1) % 3, 3), ("year", as_of.month - 1, 12),
        ("fiscal_quarter", fiscal % 3, 3), ("fiscal_year", fiscal, 12),
    ]:  # fmt: skip
        start = _months_before(month, begun)
        starts[period] = (start, _months_before(start, length), year_before(start), year_before(as_of))
    for period, (start, before, last_year, last_year_end) in starts.items():
        yield Window(period, "value", start, as_of)
        yield Window(period, "previous_period", before, min(before + (as_of - start), start - DAY))
        yield Window(period, "previous_year", last_year, last_year_end)


def _rolling(as_of: date) -> Iterator[Window]:
    for days in (7, 28, 91, 365):
        ends = {"value": as_of, "previous_period": as_of - days * DAY, "previous_year": year_before(as_of)}
        for basis, end in ends.items():
            yield Window(f"rolling_{days}", basis, end - (days - 1) * DAY, end)
