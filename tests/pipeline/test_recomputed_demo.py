"""A small demo with its dirty rows, whose KPIs another engine computes from the files: every entity has a source.

Not here: what every example is checked for (tests/support/recompute_checks.py).
"""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from examples.demo.generate import Summary, generate
from orchestration.settings import PROJECT_ROOT
from orchestration.stack.local_postgres import LocalPostgres
from tests.support.recompute_answers import scalar
from tests.support.recompute_books import Books
from tests.support.recompute_checks import Recomputed, RecomputedKpis, absent_entities, recompute
from tests.support.recompute_demo_books import demo
from tests.support.recompute_night import Built, built

pytestmark = pytest.mark.timeout(600)

# A year that begins in April, and more than two years of it: the expected value of a customer needs them.
UNTIL = date(2025, 6, 17)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Summary]:
    folder = tmp_path_factory.mktemp("demo")
    return folder, generate(folder, until=UNTIL, days=800, products=40, customers=90, lines_per_day=40)


@pytest.fixture(scope="module")
def warehouse(
    postgres_server: LocalPostgres,
    parsed_project: Path,
    data: tuple[Path, Summary],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Built]:
    folder = PROJECT_ROOT / "examples" / "demo"
    with built(postgres_server, parsed_project, folder, data[0], tmp_path_factory.mktemp("dbt")) as warehouse:
        yield warehouse


@pytest.fixture(scope="module")
def url(warehouse: Built) -> str:
    return warehouse.url


@pytest.fixture(scope="module")
def recomputed(data: tuple[Path, Summary]) -> Iterator[Recomputed]:
    books = demo(data[0])
    with books.db:
        yield recompute(books)


class TestRecomputed(RecomputedKpis):
    at_least = 68
    grains = frozenset(
        {"company", "category", "segment", "country", "channel", "territory", "rep", "location", "supplier"}
    )

    def test_the_strict_reading_is_the_generators(self, recomputed: Recomputed, data: tuple[Path, Summary]) -> None:
        summary, books = data[1], recomputed.books
        kinds = dict(books.db.execute("select kind, count(*) from lines group by kind").fetchall())
        assert kinds == dict(summary.lines)
        assert _sum(books, "net") == summary.net_revenue
        assert _sum(books, "charges") == summary.charges

    def test_what_is_dirty_is_rejected_and_counted(self, warehouse: Built, data: tuple[Path, Summary]) -> None:
        summary, report = data[1], warehouse.reports["sales"]
        assert sum(summary.rejected.values()) > 100
        assert (report.rows_rejected, report.rows_duplicate) == (sum(summary.rejected.values()), summary.duplicates)
        assert report.rows_inserted == sum(summary.lines.values())

    def test_every_entity_has_a_source(self, url: str) -> None:
        assert absent_entities(url) - {"attribute_changes"} == set()


def _sum(books: Books, column: str) -> Decimal:
    total = scalar(books, f"select sum({column}) from sold")
    assert isinstance(total, Decimal)
    return total
