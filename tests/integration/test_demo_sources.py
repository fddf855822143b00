"""The demo's exports through its business folder: every source loads, and rejects exactly what the Summary says.

Not here: whether the exports agree with each other (tests/unit/test_demo_*.py).
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

import examples.demo.generate as generator
from examples.demo.generate import Summary, generate
from orchestration.business import load_business
from orchestration.ingestion.load import LoadReport, load_source
from orchestration.stack.local_postgres import LocalPostgres
from orchestration.warehouse import Connection, connect, initialise
from tests.support.postgres import create_database, drop_database

FOLDER = Path(generator.__file__).parent
BUSINESS = load_business(FOLDER)
SIZE = {"products": 12, "customers": 30, "days": 100, "lines_per_day": 40, "dirty_share": 0.04}
UNTIL = date(2024, 3, 13)
FOLDERS = {source.name: source.files.partition("/")[0] for source in BUSINESS.sources if source.files}


class Shop:
    """The demo's exports and what two nights made of them."""

    def __init__(self, connection: Connection, data: Path) -> None:
        self.connection, self.data = connection, data
        self.summaries: list[Summary] = []
        self.reports: list[dict[str, LoadReport]] = []

    def night(self, until: date) -> None:
        """Generate up to a day and load every source."""
        token = len(self.summaries) + 1
        self.summaries.append(generate(self.data, until=until, **SIZE))  # type: ignore[arg-type]
        self.connection.execute("update ops.lease set token = %s", [token])
        self.connection.execute("select set_config('daybreak.token', %s, false)", [str(token)])
        self.reports.append(
            {
                source.name: load_source(self.connection, BUSINESS, source, self.data, token=token)
                for source in BUSINESS.sources
            }
        )

    def one(self, query: str) -> int:
        row = self.connection.execute(query).fetchone()  # type: ignore[call-overload]
        assert row is not None
        return int(row[0])


@pytest.fixture(scope="module")
def shop(postgres_server: LocalPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    name = create_database(postgres_server)
    url = postgres_server.url(name)
    initialise(url)
    with connect(url) as connection:
        shop = Shop(connection, tmp_path_factory.mktemp("demo"))
        shop.night(UNTIL)
        shop.night(UNTIL + timedelta(days=1))
        yield shop
    drop_database(postgres_server, name)


def counted(shop: Shop, night: int) -> tuple[Counter[str], Counter[str]]:
    """Rows read and rejected by folder, the sales left out."""
    others = [(FOLDERS[name], report) for name, report in shop.reports[night].items() if name != "sales"]
    read = Counter({folder: report.rows_read for folder, report in others})
    return read, Counter({folder: report.rows_rejected for folder, report in others})


def test_every_source_rejects_exactly_the_rows_the_summary_says(shop: Shop) -> None:
    summary, (read, rejected) = shop.summaries[0], counted(shop, 0)
    assert read == summary.other_rows
    assert +rejected == summary.other_rejected
    assert {"invoices", "payments"} <= set(summary.other_rejected)


def test_in_the_next_night_only_exports_that_say_the_same_again_are_left_out(shop: Shop) -> None:
    summary, (read, rejected) = shop.summaries[1], counted(shop, 1)
    assert read <= summary.other_rows
    assert rejected <= summary.other_rejected
    assert {"invoices", "payments", "inventory_movements"} <= {
        folder for folder, rows in read.items() if rows == summary.other_rows[folder]
    }


@pytest.mark.parametrize("night", [0, 1])
def test_the_sales_reject_exactly_the_rows_the_summary_says(shop: Shop, night: int) -> None:
    summary, sales = shop.summaries[night], shop.reports[night]["sales"]
    assert sales.rows_read == summary.rows > 0
    assert sales.rows_rejected == summary.rejected.total()
    assert sales.rows_inserted == summary.lines.total()


def test_every_entity_has_rows_and_a_first_night_repeats_few(shop: Shop) -> None:
    first = shop.reports[0]
    assert {source.entity for source in BUSINESS.sources if first[source.name].rows_inserted} == {
        source.entity for source in BUSINESS.sources
    }
    repeated = {name: report.rows_replaced for name, report in first.items() if report.rows_replaced}
    # An order that is still open when a half-year ends comes again, and so does a rep whose territory changed.
    assert set(repeated) <= {"purchase_orders", "opportunities", "sales_reps", "product_costs", "product_prices"}


def test_the_next_night_changes_only_what_changed(shop: Shop) -> None:
    second = shop.reports[1]
    replaced = {name for name, report in second.items() if report.rows_replaced}
    assert replaced <= {"purchase_orders", "opportunities"}
    assert second["invoices"].rows_inserted > 0
    assert second["invoices"].rows_duplicate > 10 * second["invoices"].rows_inserted


@pytest.mark.parametrize(
    ("table", "column", "other", "key"),
    [
        ("sales_lines", "customer_id", "customers", "customer_id"),
        ("sales_lines", "territory_id", "territories", "territory_id"),
        ("sales_lines", "rep_id", "sales_reps", "rep_id"),
        ("sales_lines", "location_id", "locations", "location_id"),
        ("sales_lines", "promotion_id", "promotions", "promotion_id"),
        ("products", "supplier_id", "suppliers", "supplier_id"),
        ("inventory_levels", "location_id", "locations", "location_id"),
        ("inventory_movements", "location_id", "locations", "location_id"),
        ("purchase_orders", "supplier_id", "suppliers", "supplier_id"),
        ("invoices", "customer_id", "customers", "customer_id"),
        ("payments", "customer_id", "customers", "customer_id"),
        ("rep_territories", "rep_id", "sales_reps", "rep_id"),
        ("sales_reps", "manager_id", "sales_reps", "rep_id"),
        ("targets", "rep_id", "sales_reps", "rep_id"),
        ("forecast_submissions", "cycle_id", "forecast_cycles", "cycle_id"),
        ("forecast_submissions", "rep_id", "sales_reps", "rep_id"),
        ("opportunities", "customer_id", "customers", "customer_id"),
        ("touchpoints", "opportunity_id", "opportunities", "opportunity_id"),
        ("funnel_events", "product_id", "products", "product_id"),
        ("expenses", "rep_id", "sales_reps", "rep_id"),
    ],
)
def test_what_is_named_is_known(shop: Shop, table: str, column: str, other: str, key: str) -> None:
    unknown = f"""select count(*) from raw.{table} t
        where t.{column} is not null and not exists (select from raw.{other} o where o.{key} = t.{column})"""
    assert shop.one(unknown) == 0


def test_later_and_total_add_up() -> None:
    one = Summary((), 0, Counter(), Counter(), 0, 0, 0, 0, *[0] * 5, Counter(a=1), Counter())  # type: ignore[arg-type]
    assert (one + replace(one, rows=2)).other_rows == Counter(a=2)
