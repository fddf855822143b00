"""Half a million real sales lines, recomputed by another engine from the CSV files, by rules written a second time.

Not here: small cases (test_night.py). DuckDB reads the same files; none of our SQL or mapping is used on its side.
"""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from orchestration.ingestion.load import LoadReport
from orchestration.settings import PROJECT_ROOT
from orchestration.stack.local_postgres import LocalPostgres
from tests.support.recompute_books import online_retail
from tests.support.recompute_checks import Recomputed, RecomputedKpis, ours, recompute
from tests.support.recompute_night import built

DATA = PROJECT_ROOT.parent / "shared" / "data" / "online_retail_I" / "by_day"
BUSINESS = PROJECT_ROOT / "examples" / "online_retail"

pytestmark = [
    pytest.mark.timeout(600),
    pytest.mark.skipif(not DATA.is_dir(), reason=f"the Online Retail data is not beside the project ({DATA.name})"),
]


@pytest.fixture(scope="module")
def recomputed() -> Iterator[Recomputed]:
    """The invoice book in DuckDB, straight from the CSV files, and what the engine computes of it."""
    books = online_retail(DATA)
    with books.db:
        yield recompute(books)


@pytest.fixture(scope="module")
def book(recomputed: Recomputed) -> duckdb.DuckDBPyConnection:
    """The lines of the invoice book."""
    recomputed.books.db.execute("""
        create or replace view book as
        select order_id as invoice, product as code, units, customer, day, units * price as amount, kind from lines
    """)
    return recomputed.books.db


@pytest.fixture(scope="module")
def loaded(
    postgres_server: LocalPostgres, parsed_project: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, LoadReport]]:
    """All files taken in, and everything built by dbt: the first half of a night. URL and what was loaded."""
    with built(postgres_server, parsed_project, BUSINESS, DATA, tmp_path_factory.mktemp("dbt")) as warehouse:
        (report,) = warehouse.reports.values()
        yield warehouse.url, report


@pytest.fixture(scope="module")
def url(loaded: tuple[str, LoadReport]) -> str:
    return loaded[0]


class TestRecomputed(RecomputedKpis):
    at_least = 40
    grains = frozenset({"company", "category", "country"})

    def test_every_line_of_every_file_is_taken_in(
        self, loaded: tuple[str, LoadReport], book: duckdb.DuckDBPyConnection
    ) -> None:
        lines, days = book.sql("select count(*), count(distinct day) from book").fetchall()[0]
        assert (lines, days) == (541_909, 305)
        report = loaded[1]
        assert (report.files, report.rows_read, report.rows_inserted, report.days_touched) == (days, lines, lines, days)
        assert (report.rows_replaced, report.rows_duplicate, report.rows_rejected) == (0, 0, 0)

    @pytest.mark.parametrize(
        ("measure", "theirs"),
        [
            ("net_revenue", "coalesce(sum(amount) filter (kind in ('sale', 'return')), 0)"),
            ("gross_sales", "coalesce(sum(amount) filter (kind = 'sale'), 0)"),
            ("returns", "-coalesce(sum(amount) filter (kind = 'return'), 0)"),
            ("units", "coalesce(sum(units) filter (kind = 'sale'), 0)"),
            ("returned_units", "-coalesce(sum(units) filter (kind = 'return'), 0)"),
            ("charges", "coalesce(sum(amount) filter (kind = 'charge'), 0)"),
            ("adjustments", "coalesce(sum(amount) filter (kind = 'adjustment'), 0)"),
            ("orders", "count(distinct invoice) filter (kind = 'sale')"),
            ("active_customers", "count(distinct customer) filter (kind = 'sale')"),
            ("lines", "count(*)"),
        ],
    )
    def test_every_day_agrees(self, url: str, book: duckdb.DuckDBPyConnection, measure: str, theirs: str) -> None:
        expected = {
            day: Decimal(value) for day, value in book.sql(f"select day, {theirs} from book group by day").fetchall()
        }
        found = dict(ours(url, f"select order_date, {measure} from marts.mv_sales_daily_summary where lines > 0"))
        assert len(expected) == 305
        assert {
            day: (expected.get(day), found.get(day))
            for day in {*expected, *found}
            if expected.get(day) != found.get(day)
        } == {}

    def test_a_day_without_trade_is_a_day_of_zeros(self, url: str, book: duckdb.DuckDBPyConnection) -> None:
        ((first, last),) = book.sql("select min(day), max(day) from book").fetchall()
        days, quiet, revenue = ours(
            url,
            """select count(*), count(*) filter (where lines = 0), sum(net_revenue) filter (where lines = 0)
               from marts.mv_sales_daily_summary""",
        )[0]
        assert (days, quiet, revenue) == ((last - first).days + 1, (last - first).days + 1 - 305, 0)

    @pytest.mark.parametrize("measure", ["charges", "adjustments"])
    def test_what_is_no_sale_agrees_in_total(self, url: str, book: duckdb.DuckDBPyConnection, measure: str) -> None:
        expected = book.sql(f"select sum(amount) from book where kind = '{measure[:-1]}'").fetchall()
        assert ours(url, f"select sum({measure}) from marts.mv_sales_monthly_summary") == expected
        assert expected[0][0] != 0

    @pytest.mark.parametrize(
        ("sold", "cancelled", "units", "amount"),
        [("541431", "C541433", 74_215, Decimal("77183.60")), ("581483", "C581484", 80_995, Decimal("168469.60"))],
    )
    def test_the_two_giant_orders_are_a_sale_and_its_return(
        self, url: str, sold: str, cancelled: str, units: int, amount: Decimal
    ) -> None:
        lines = (
            "select line_kind, qty_units, net_revenue, units, returned_units from marts.fct_sales_lines where order_id"
        )
        assert ours(url, f"{lines} = '{sold}'") == [("sale", units, amount, units, 0)]
        assert ours(url, f"{lines} = '{cancelled}'") == [("return", -units, -amount, 0, units)]

    def test_bad_debt_is_an_adjustment(self, url: str) -> None:
        assert ours(
            url,
            """select order_id, line_kind, product_id, adjustments, net_revenue from marts.fct_sales_lines
               where order_id like 'A%' order by 1""",
        ) == [
            ("A563185", "adjustment", "B", Decimal("11062.06"), 0),
            ("A563186", "adjustment", "B", Decimal("-11062.06"), 0),
            ("A563187", "adjustment", "B", Decimal("-11062.06"), 0),
        ]

    def test_codes_that_are_no_products_are_never_sales(self, url: str, book: duckdb.DuckDBPyConnection) -> None:
        codes = "('POST', 'DOT', 'C2', 'M', 'BANK CHARGES', 'AMAZONFEE', 'CRUK', 'D', 'S', 'B')"
        kinds = ours(
            url,
            f"""select product_id, line_kind, count(*) from marts.fct_sales_lines
                where product_id in {codes} group by 1, 2 order by 1, 2""",
        )
        assert kinds == sorted(
            book.sql(f"select code, kind, count(*) from book where code in {codes} group by 1, 2").fetchall()
        )
        assert {kind for _, kind, _ in kinds} == {"charge", "adjustment"}
        # M is written in lower case once; it is the same code.
        assert ours(url, "select count(*) from marts.dim_product where product_id in ('m', 'M')") == [(1,)]
