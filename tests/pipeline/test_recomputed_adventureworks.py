"""Microsoft's bicycle maker, whose KPIs another engine computes from the CSV files: costs, quotas, stock, purchases.

Not here: what every example is checked for (tests/support/recompute_checks.py).
"""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

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
def url(
    postgres_server: LocalPostgres, parsed_project: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    folder = PROJECT_ROOT / "examples" / "adventureworks"
    with built(postgres_server, parsed_project, folder, DATA, tmp_path_factory.mktemp("dbt")) as warehouse:
        yield warehouse.url


@pytest.fixture(scope="module")
def recomputed() -> Iterator[Recomputed]:
    books = adventureworks(DATA / "csv")
    with books.db:
        yield recompute(books)


class TestRecomputed(RecomputedKpis):
    at_least = 60
    grains = frozenset({"company", "category", "segment", "channel", "territory", "rep", "location", "supplier"})

    def test_margin_is_at_the_cost_of_the_order_date(self, url: str, recomputed: Recomputed) -> None:
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
        profit, profit_of_today = revenue - cost, revenue - cost_of_today
        assert (profit, profit_of_today) == (Decimal("9110385.044523"), Decimal("5924508.071823"))
        # At what the goods cost today a third of the profit would be gone: 6.60 of each 100 instead of 10.15.
        assert round(100 * profit / revenue, 2) == Decimal("10.15")
        assert round(100 * profit_of_today / revenue, 2) == Decimal("6.60")

    def test_lines_without_a_cost_are_told_apart(self, url: str) -> None:
        of_kinds = """select {what} from marts.fct_sales_lines where line_kind = 'sale' and uncosted_lines = 1"""
        products, lines, revenue, earliest = (
            "count(distinct product_id)",
            "count(*)",
            "sum(net_revenue)",
            "min(order_date)",
        )
        assert ours(url, of_kinds.format(what=f"{lines}, {products}, {revenue}, {earliest}")) == [
            (45, 25, Decimal("28222.619000"), date(2013, 5, 30))
        ]
        assert ours(url, of_kinds.format(what="sum(costed_revenue), sum(cost), count(unit_cost)")) == [(0, 0, 0)]
        # In the year they are of, they are the part of the revenue that gross profit and margin do not speak of.
        ((coverage, revenue_of_year),) = ours(
            url,
            """select max(value) filter (where kpi = 'cost_coverage_pct'), max(value) filter (where kpi = 'net_revenue')
               from kpis.kpi_snapshots where grain = 'company' and period = 'year'""",
        )
        assert coverage == round(100 - 100 * Decimal("28222.619") / revenue_of_year, 6)
        assert coverage < 100
