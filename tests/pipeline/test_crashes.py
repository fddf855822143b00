"""Nights killed where it hurts, while people read: nothing lost, nothing doubled, and nobody sees two nights at once.

Not here: nights that fail by themselves (test_night.py).
"""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest

from orchestration.business import load_business
from orchestration.night import lease
from tests.support.night import (
    FIRST_UNTIL,
    NEXT_DAY,
    Home,
    NightRun,
    add_second_day,
    bi_rows,
    copy_home,
    differences,
    rows_of,
    wait,
)
from tests.support.night_witnesses import Readers, Seen, crash

# With several workers: --dist loadscope, so that one of them runs this file and its nights are run once.
pytestmark = [pytest.mark.timeout(1200)]

SIGKILLED = -9
BEFORE_THE_COMMIT = ("load.staged", "load.merged", "dbt.facts", "dbt.bi", "publish.applied")
POINTS = (*BEFORE_THE_COMMIT, "publish.committed")
ORPHAN_SECONDS = 90
# What dbt hears from the server once its night is no longer the newest: its session was ended, or its token is refused.
ENDED = "lease lost|terminating connection due to administrator command|server closed the connection unexpectedly"
NIGHT_SESSIONS = "select count(*) from pg_stat_activity where application_name like 'daybreak night %'"


@dataclass
class Story:
    """A home whose second night was killed at every point in turn; ``urls``: the database after each of them."""

    home: Home
    urls: dict[str, str] = field(default_factory=dict)
    kills: dict[str, NightRun] = field(default_factory=dict)
    orphans: dict[str, "Orphans"] = field(default_factory=dict)
    pair: list[NightRun] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def rows(self, chapter: str, query: str) -> list[tuple[Any, ...]]:
        return rows_of(self.urls[chapter], query)


@dataclass(frozen=True)
class Orphans:
    """What a killed night's dbt did once the next night held the lease."""

    found: int
    last_words: str
    sessions_left: int
    written_before: list[tuple[Any, ...]]
    written_after: list[tuple[Any, ...]]


@pytest.fixture(scope="module")
def story(first_night: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """The second night, killed at each point in turn and at last let through, twice at once; readers read all along."""
    home = copy_home(first_night, tmp_path_factory.mktemp("crashes") / "shop")
    with home.serving():
        story = Story(home)
        story.urls["first"] = home.url(home.keep("first"))
        before = set(home.data.rglob("*"))
        add_second_day(home)
        news = [path for path in home.data.rglob("*") if path not in before and path.is_file()]
        others = [path for path in news if path.parent.name != "sales"]
        # first the sales alone, so that it is they who are killed
        aside = {path: path.rename(home.root / f"{i}-{path.name}") for i, path in enumerate(others)}
        for point in POINTS:
            if point == "dbt.facts":
                for path, kept in aside.items():
                    kept.rename(path)
            with Readers(home.reader_url()) as readers:
                story.kills[point], left = crash(home, point)
                story.orphans[point] = _let_orphans_try(home, left)
            _remember(story, readers)
            story.urls[point] = _keep(home, point)
        with Readers(home.reader_url()) as readers:
            story.pair = [wait(night) for night in [home.start(), home.start()]]
        _remember(story, readers)
        story.urls["final"] = _keep(home, "final")
        yield story


def _remember(story: Story, readers: Readers) -> None:
    story.seen += readers.seen
    story.errors += readers.errors


def _keep(home: Home, chapter: str) -> str:
    """A copy of the database as soon as nobody is connected to it."""
    deadline = time.monotonic() + 20
    busy = "select count(*) from pg_stat_activity where datname = 'daybreak'"
    while home.rows(busy, database="postgres") != [(0,)] and time.monotonic() < deadline:
        time.sleep(0.05)
    return home.url(home.keep(chapter))


def _let_orphans_try(home: Home, orphans: list[psutil.Process]) -> Orphans:
    """Take the lease as the next night would, let the dead night's dbt go on, and look what it wrote."""
    # A night that waits for the dead one's lock would be refused; the server frees it when the process is gone.
    with lease(home.url(), run_id="the next night", business=load_business(home.business)) as night:
        before, sessions = _written(home), home.rows(NIGHT_SESSIONS)[0][0]
        for orphan in orphans:
            orphan.resume()
        _, alive = psutil.wait_procs(orphans, timeout=ORPHAN_SECONDS)
        assert not alive, f"the dead night's dbt still runs after {ORPHAN_SECONDS} s"
        after = _written(home)
        night.finish("failed", "only here to see what an orphan can do")
    logs = sorted(home.folder.glob("dbt/dbt_*/dbt.log"), key=lambda log: log.stat().st_mtime)
    last_words = logs[-1].read_text(encoding="utf-8")[-200_000:] if orphans else ""
    return Orphans(len(orphans), last_words, sessions, before, after)


def _written(home: Home) -> list[tuple[Any, ...]]:
    """Every relation of the warehouse with its file and the newest transaction among its rows."""
    tables = home.rows(
        """select c.oid::regclass::text, c.relkind, c.relfilenode from pg_class c
           where relnamespace::regnamespace::text in ('raw', 'staging', 'marts', 'kpis', 'bi_build', 'bi', 'forecast')
           and relkind in ('r', 'v', 'm') order by 1"""
    )
    newest = {
        name: home.rows(f"select count(*), max(xmin::text::bigint) from {name}")[0]
        for name, kind, _ in tables
        if kind != "v"
    }
    return [(name, file, newest.get(name)) for name, _, file in tables]


@pytest.mark.parametrize("point", POINTS)
def test_the_night_was_killed_there(story: Story, point: str) -> None:
    assert story.kills[point].exit_code == SIGKILLED
    if point != "publish.committed":
        assert story.rows(point, "select count(*) from ops.publications") == [(1,)]


@pytest.mark.parametrize("point", BEFORE_THE_COMMIT)
def test_bi_is_last_nights_until_the_commit(story: Story, point: str) -> None:
    assert differences(bi_rows(story.urls[point]), bi_rows(story.urls["first"])) == {}


def test_bi_is_tonights_from_the_commit_on(story: Story, never_interrupted: dict[str, list[str]]) -> None:
    assert differences(bi_rows(story.urls["publish.committed"]), never_interrupted) == {}


def test_nothing_is_lost_and_nothing_doubled_in_the_end(story: Story, never_interrupted: dict[str, list[str]]) -> None:
    assert differences(bi_rows(story.urls["final"]), never_interrupted) == {}
    assert story.rows("final", "select count(*) from ops.open_days") == [(0,)]
    assert story.rows("final", "select count(*) from ops.loads where status <> 'loaded'") == [(0,)]
    per_file = "select count(*), count(distinct (source, file_path)) from ops.loads"
    assert len(set(story.rows("final", per_file)[0])) == 1


@pytest.mark.parametrize("point", ["load.staged", "load.merged"])
def test_a_killed_load_leaves_no_trace(story: Story, point: str) -> None:
    for table in ("raw.sales_lines", "quarantine.rejected_rows", "ops.loads", "ops.touched_days"):
        count = f"select count(*) from {table}"
        assert story.rows(point, count) == story.rows("first", count), table


@pytest.mark.parametrize("point", ["dbt.facts", "dbt.bi"])
def test_a_dead_nights_dbt_cannot_write_once_the_lease_is_taken(story: Story, point: str) -> None:
    orphans = story.orphans[point]
    assert orphans.found == 1, "dbt had ended before the night was killed: nothing was tried"
    assert re.search(ENDED, orphans.last_words)
    assert orphans.sessions_left <= 1  # the new night's own
    assert orphans.written_after == orphans.written_before


def test_readers_never_saw_an_error_or_two_nights_at_once(story: Story) -> None:
    assert story.errors == []
    assert len(story.seen) >= 3  # last night, tonight, tonight once more
    for seen in story.seen:
        assert seen.of_lines == seen.of_days == seen.of_products == seen.of_months, seen
        assert seen.as_of_date == seen.last_day, seen
    assert {seen.as_of_date for seen in story.seen} == {FIRST_UNTIL, NEXT_DAY}
    assert len({(seen.night, seen.of_lines) for seen in story.seen}) == len({seen.night for seen in story.seen})


def test_of_two_nights_at_once_one_is_refused(story: Story) -> None:
    assert sorted(run.exit_code for run in story.pair) == [0, 6], [run.stderr[-2000:] for run in story.pair]
    refused = next(run for run in story.pair if run.exit_code == 6)
    assert "another night holds the lease" in refused.report["reason"]
    assert "wait for it to end" in refused.report["remedy"]


def test_every_attempt_is_on_record(story: Story) -> None:
    status = dict(story.rows("final", "select status, count(*) from ops.nights group by 1"))
    # The killed ones are given up by whoever comes next; the lease taken to watch the orphans failed by its own word.
    assert status == {"abandoned": len(POINTS), "failed": len(POINTS), "succeeded": 2}
