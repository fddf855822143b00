"""Microsoft's bicycle maker, whose KPIs another engine computes from the CSV files: costs, quotas, stock, purchases.

Not here: what every example is checked for (tests/support/recompute_checks.py).
"""

from collections.abc import Iterator
from decimal import Decimal

import pytest

from orchestration.settings import PROJECT_ROOT
from orchestration.stack.local_postgres import LocalPostgres
from tests.support.recompute_books import adventureworks
from tests.support.recompute_checks import Recomputed, RecomputedKpis, ours, recompute
from tests.support.recompute_night import built

DATA = PROJECT_ROOT.parent / "shared" / "data" / "adventureworks"

pytestmark = [
    pytest.mark.timeout(600),
    pytest.mark.skipif(not DATA.is_dir(), reason=f"the AdventureWorks data is not beside the project ({DATA.name})"),
]


@pytest.fixture(scope="module")
def url(postgres_server: LocalPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = PROJECT_ROOT / "examples" / "adventureworks"
    with built(postgres_server, folder, DATA, tmp_path_factory.mktemp("dbt")) as warehouse:
        yield warehouse.url


@pytest.fixture(scope="module")
def recomputed() -> Iterator[Recomputed]:
    books = adventureworks(DATA / "csv")
    with books.db:
        yield recompute(books)


class TestRecomputed(RecomputedKpis):
    at_least = 60
    grains = frozenset({"company", "category", "segment", "channel", "territory", "rep", "location", "supplier"})


def test_margin_is_at_the_cost_of_the_order_date(url: str, recomputed: Recomputed) -> None:
    ((revenue, cost, cost_of_today, uncosted),) = recomputed.books.db.execute("""
        select sum(net) filter (where is_costed), sum(cost) filter (where is_costed),
            sum(cost_of_today) filter (where is_costed), count(*) filter (where kind = 'sale' and not is_costed)
        from sold
    """).fetchall()
    assert ours(
        url,
        """select sum(costed_revenue), sum(cost), sum(gross_profit), sum(uncosted_lines)
           from kpis.sales_by_period where period = 'year' and grain = 'company'""",
    ) == [(revenue, cost, revenue - cost, uncosted)]
    # Judged by what the goods cost today the business would seem to have earned a third more or less than it did.
    margin, margin_of_today = (100 * (revenue - each) / revenue for each in (cost, cost_of_today))
    assert round(margin, 2), round(margin_of_today, 2) == (Decimal("0"), Decimal("0"))
    assert uncosted == 45


def test_lines_without_a_cost_are_told_apart(url: str) -> None:
    ((lines, uncosted, earliest, latest),) = ours(
        url,
        """select count(*), sum(uncosted_lines), min(order_date) filter (where uncosted_lines > 0),
               max(order_date) filter (where uncosted_lines > 0)
           from marts.fct_sales_lines where line_kind = 'sale'""",
    )
    assert (lines, uncosted) == (83_978, 45)
    covered = dict(ours(
        url,
        """select window_start, amount from kpis.kpi_values_sales
           where kpi = 'cost_coverage_pct' and grain = 'company' and amount is not null""",
    ))  # fmt: skip
    assert earliest <= latest
    assert all(0 < share <= 100 for share in covered.values())
