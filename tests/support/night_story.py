"""Six nights of a small shop on one home, three of which fail, and a copy of the database after each of them.

Not here: what each of them must have left behind (tests/pipeline/test_night.py).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from orchestration.settings import PROJECT_ROOT
from tests.support.night import (
    NEXT_DAY,
    Home,
    NightRun,
    add_second_day,
    changed,
    clean_sales,
    copy_home,
    fill,
    rows_of,
)

NEXT_FILE = f"sales_{NEXT_DAY}.csv"
PAST = date(2024, 2, 29)


@dataclass
class Story:
    """A home's life: how each night ended, and a copy of the database after it (``urls``)."""

    home: Home
    nights: dict[str, NightRun]
    urls: dict[str, str]

    def rows(self, chapter: str, query: str) -> list[tuple[Any, ...]]:
        return rows_of(self.urls[chapter], query)


@contextmanager
def lived(first_night: Path, folder: Path) -> Iterator[Story]:
    """The nights, in the order of the keys of ``nights``, on a copy of the home of the first one."""
    home = copy_home(first_night, folder / "shop")
    with home.serving():
        story = Story(home, {}, {})
        story.urls["first"] = home.url(home.keep("first"))

        def night(chapter: str, *arguments: str) -> None:
            story.nights[chapter] = home.nightly(*arguments)
            story.urls[chapter] = home.url(home.keep(chapter))

        _spoil_the_next_day(home)
        night("dirty")
        _make_the_next_day_impossible(home)
        night("impossible")
        night("another business", "--business", str(PROJECT_ROOT / "examples" / "online_retail"))
        (home.data / "sales" / NEXT_FILE).unlink()
        add_second_day(home)
        night("second day")
        night("nothing new")
        night("past", "--as-of", PAST.isoformat())
        yield story


def _spoil_the_next_day(home: Home) -> None:
    """The next day's export with every other line's quantity unreadable: far more than the 10 % that are allowed."""
    fill(home, until=NEXT_DAY)
    lines = home.sales_lines(NEXT_FILE)
    home.write_sales(NEXT_FILE, [changed(line, Menge="zwölf") if n % 2 else line for n, line in enumerate(lines)])


def _make_the_next_day_impossible(home: Home) -> None:
    """The next day's export with a line that is well formed and cannot be true: twenty million cases of something."""
    (home.data / "sales" / NEXT_FILE).unlink()
    fill(home, until=NEXT_DAY)
    lines = home.sales_lines(NEXT_FILE)
    chosen = clean_sales(lines, f"{NEXT_DAY:%d.%m.%Y}")[0]
    home.write_sales(NEXT_FILE, [changed(line, Menge="20000000") if line == chosen else line for line in lines])
