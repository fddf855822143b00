"""Half a million real sales lines, recomputed by another engine from the CSV files, by rules written a second time.

Not here: small cases (test_night.py). DuckDB reads the same files; none of our SQL or mapping is used on its side.
"""

import os
import subprocess
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import pytest
from pydantic import SecretStr

from orchestration.business import load_business
from orchestration.dbt_manifest import DBT_PROJECT, dbt_environment, dbt_executable
from orchestration.ingestion.load import LoadReport, load_source
from orchestration.night import lease
from orchestration.settings import PROJECT_ROOT, Settings
from orchestration.stack.local_postgres import LocalPostgres
from orchestration.warehouse import initialise
from tests.support.postgres import create_database, drop_database

DATA = PROJECT_ROOT.parent / "shared" / "data" / "online_retail_I" / "by_day"
BUSINESS = PROJECT_ROOT / "examples" / "online_retail"

pytestmark = [
    pytest.mark.timeout(600),
    pytest.mark.skipif(not DATA.is_dir(), reason=f"the Online Retail data is not beside the project ({DATA.name})"),
]

Rows = list[tuple[Any, ...]]

# The kinds as a person would tell them, from the invoice book: the first that fits counts.
CLASSIFIED = """
create table lines as
with typed as (
    select "InvoiceNo" as invoice, upper("StockCode") as code, cast("Quantity" as integer) as units,
           cast("UnitPrice" as decimal(18, 6)) as price, cast("InvoiceDate" as timestamp) as booked_at,
           nullif("CustomerID", '') as customer
    from read_csv('{files}', header = true, all_varchar = true, delim = ',', quote = '"', escape = '"')
)
select invoice, code, units, customer, cast(booked_at as date) as day, units * price as amount,
    case
        when starts_with(invoice, 'A') then 'adjustment'                                  -- bad debt
        when code = 'B' or code = 'D' or code = 'S' then 'adjustment'                     -- debt, discount, samples
        when price = 0 and units < 0 then 'adjustment'                                    -- stock written off
        when price = 0 and customer is null then 'adjustment'                             -- stock found
        when code in ('POST', 'DOT', 'C2', 'C3', 'M', 'BANK CHARGES', 'AMAZONFEE', 'CRUK') then 'charge'
        when starts_with(code, 'GIFT') then 'charge'
        when starts_with(invoice, 'C') or units < 0 then 'return'
        else 'sale'
    end as kind
from typed
"""


@pytest.fixture(scope="module")
def book() -> Iterator[duckdb.DuckDBPyConnection]:
    """The invoice book in DuckDB, straight from the CSV files."""
    with duckdb.connect() as connection:
        connection.execute(CLASSIFIED.format(files=(DATA / "*.csv").as_posix().replace("'", "''")))
        yield connection


@pytest.fixture(scope="module")
def loaded(
    postgres_server: LocalPostgres, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, LoadReport]]:
    """All files taken in, and staging and marts built by dbt: the first half of a night. URL and what was loaded."""
    name = create_database(postgres_server)
    url = postgres_server.url(name)
    initialise(url)
    business = load_business(BUSINESS)
    with lease(url, run_id="online retail", business=business) as night:
        (source,) = business.sources
        report = load_source(night.connection, business, source, DATA, token=night.token)
        night.set_as_of(None)
        _build_facts(url, night.token, tmp_path_factory.mktemp("dbt"))
    yield url, report
    drop_database(postgres_server, name)


def _build_facts(url: str, token: int, target: Path) -> None:
    folder = str(DBT_PROJECT)
    done = subprocess.run(
        [dbt_executable(), "run", "--full-refresh", "--select", "path:models/staging", "path:models/marts",
         "--project-dir", folder, "--profiles-dir", folder, "--target-path", str(target), "--log-path", str(target)],
        env={**os.environ, **dbt_environment(Settings(database_url=SecretStr(url))), "DBT_TARGET_PATH": str(target),
             "PGOPTIONS": f"-c daybreak.token={token}", "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:]


@pytest.fixture(scope="module")
def url(loaded: tuple[str, LoadReport]) -> str:
    return loaded[0]


def ours(url: str, query: str) -> Rows:
    with psycopg.connect(url, autocommit=True) as connection:
        return connection.execute(query).fetchall()


def test_every_line_of_every_file_is_taken_in(loaded: tuple[str, LoadReport], book: duckdb.DuckDBPyConnection) -> None:
    lines, days = book.sql("select count(*), count(distinct day) from lines").fetchall()[0]
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
def test_every_day_agrees(url: str, book: duckdb.DuckDBPyConnection, measure: str, theirs: str) -> None:
    expected = {
        day: Decimal(value) for day, value in book.sql(f"select day, {theirs} from lines group by day").fetchall()
    }
    found = dict(ours(url, f"select order_date, {measure} from marts.mv_sales_daily_summary where lines > 0"))
    assert len(expected) == 305
    assert {
        day: (expected.get(day), found.get(day)) for day in {*expected, *found} if expected.get(day) != found.get(day)
    } == {}


def test_a_day_without_trade_is_a_day_of_zeros(url: str, book: duckdb.DuckDBPyConnection) -> None:
    ((first, last),) = book.sql("select min(day), max(day) from lines").fetchall()
    days, quiet, revenue = ours(
        url,
        """select count(*), count(*) filter (where lines = 0), sum(net_revenue) filter (where lines = 0)
           from marts.mv_sales_daily_summary""",
    )[0]
    assert (days, quiet, revenue) == ((last - first).days + 1, (last - first).days + 1 - 305, 0)


@pytest.mark.parametrize("measure", ["charges", "adjustments"])
def test_what_is_no_sale_agrees_in_total(url: str, book: duckdb.DuckDBPyConnection, measure: str) -> None:
    expected = book.sql(f"select sum(amount) from lines where kind = '{measure[:-1]}'").fetchall()
    assert ours(url, f"select sum({measure}) from marts.mv_sales_monthly_summary") == expected
    assert expected[0][0] != 0


@pytest.mark.parametrize(
    ("sold", "cancelled", "units", "amount"),
    [("541431", "C541433", 74_215, Decimal("77183.60")), ("581483", "C581484", 80_995, Decimal("168469.60"))],
)
def test_the_two_giant_orders_are_a_sale_and_its_return(
    url: str, sold: str, cancelled: str, units: int, amount: Decimal
) -> None:
    lines = (
        "select line_kind, qty_units, net_revenue, units, returned_units from marts.fct_sales_lines where order_id = "
    )
    assert ours(url, f"{lines} '{sold}'") == [("sale", units, amount, units, 0)]
    assert ours(url, f"{lines} '{cancelled}'") == [("return", -units, -amount, 0, units)]


def test_bad_debt_is_an_adjustment(url: str) -> None:
    assert ours(
        url,
        """select order_id, line_kind, product_id, adjustments, net_revenue from marts.fct_sales_lines
           where order_id like 'A%' order by 1""",
    ) == [
        ("A563185", "adjustment", "B", Decimal("11062.06"), 0),
        ("A563186", "adjustment", "B", Decimal("-11062.06"), 0),
        ("A563187", "adjustment", "B", Decimal("-11062.06"), 0),
    ]


def test_codes_that_are_no_products_are_never_sales(url: str, book: duckdb.DuckDBPyConnection) -> None:
    codes = "('POST', 'DOT', 'C2', 'M', 'BANK CHARGES', 'AMAZONFEE', 'CRUK', 'D', 'S', 'B')"
    kinds = ours(
        url,
        f"""select product_id, line_kind, count(*) from marts.fct_sales_lines
            where product_id in {codes} group by 1, 2 order by 1, 2""",
    )
    assert kinds == sorted(
        book.sql(f"select code, kind, count(*) from lines where code in {codes} group by 1, 2").fetchall()
    )
    assert {kind for _, kind, _ in kinds} == {"charge", "adjustment"}
    # M is written in lower case once; it is the same code.
    assert ours(url, "select count(*) from marts.dim_product where product_id in ('m', 'M')") == [(1,)]
