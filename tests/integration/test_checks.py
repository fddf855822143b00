"""Every rule on a real PostgreSQL: a clean table passes, each rule finds the row made to break it.

The bi tables are made from the columns and types that dbt's contracts promise.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pytest
import yaml
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from orchestration.checks import Failure, SuiteResult, run_suite, unpublished_rows
from orchestration.errors import ConfigurationError, ContractError, TransientError
from orchestration.expectations import Rule, Suite
from orchestration.ingestion.contract import ENTITIES
from orchestration.stack.local_postgres import LocalPostgres
from orchestration.suites import suites
from orchestration.warehouse import Connection, connect, initialise
from tests.support.loopback import free_port
from tests.support.postgres import create_database, drop_database

Row = dict[str, Any]
BI_CONTRACTS = sorted((Path(__file__).parents[2] / "dbt_project" / "models" / "bi").glob("*.yml"))
DAY = date(2026, 3, 1)
LINEAGE = {"_source": "shop", "_load_id": 1, "_line": 1}
MEASURES = {"gross_sales": 100, "discounts": 10, "returns": 5, "net_revenue": 85} | dict.fromkeys(
    ["charges", "adjustments", "units", "returned_units", "cost", "costed_revenue"], 1
)
COUNTS = {"lines": 3, "orders": 2, "active_customers": 2, "new_customers": 1, "returning_customers": 1}


@dataclass(frozen=True)
class Case:
    """A table's clean row, the key of row number n, and what breaks the rules that no pattern covers."""

    clean: Row
    key: Callable[[int], Row]
    breaks: Mapping[str, Row]


NET_BREAK = {"net_revenue is gross_sales − discounts − returns": {"net_revenue": 85.02}}
PERIOD_BREAK = NET_BREAK | {"active_customers are the new and the returning ones": {"new_customers": 2}}


def day(n: int) -> date:
    return DAY + timedelta(days=n)


CASES: dict[str, Case] = {
    "raw.sales_lines": Case(
        {"line_id": "1", "ordered_at": "2026-03-01 23:30+00", "order_date": "2026-03-02",
         "line_kind": "sale", "product_id": "Käse", "qty_units": 3, "unit_price": "0.3333",
         "discount_amount": "0.1", "line_amount": "0.90", **LINEAGE},
        lambda n: {"order_id": f"Ö-{n}"},
        {
            "line_kind is one of 'sale', 'return', 'charge', 'adjustment'": {"line_kind": "gift"},
            "a return is not positive": {"line_kind": "return"},
            "line_amount is qty_units × unit_price − discount_amount": {"line_amount": "0.92"},
            "order_date is the day of ordered_at": {"ordered_at": "infinity"},
            "a sale is not negative": {"qty_units": -1, "line_amount": "-0.43"},
            "order_date is not in the future": {"order_date": date.today() + timedelta(days=9)},
        },
    ),
    "raw.products": Case(
        {"product_name": "Käse", "unit_cost": 1, "list_price": 2, "lead_time_days": 7,
         "launched_on": "2024-02-29", **LINEAGE},
        lambda n: {"product_id": f"P{n}"},
        {
            "a product is launched before it is discontinued": {"discontinued_on": "2024-02-28"},
            "a product is not listed below its cost": {"list_price": "0.99"},
        },
    ),
    "raw.customers": Case({"created_on": "2024-02-29", **LINEAGE}, lambda n: {"customer_id": f"C{n}"}, {}),
    "raw.inventory_levels": Case(
        {"product_id": "P1", "location_id": "main", "on_hand_units": 5, "on_order_units": 0, **LINEAGE},
        lambda n: {"snapshot_date": day(n)},
        {"stock on hand is not negative": {"on_hand_units": -1}},
    ),
    "raw.promotions": Case(
        {"starts_on": DAY, "ends_on": DAY, "cost_amount": 5, "discount_pct": 10, **LINEAGE},
        lambda n: {"promotion_id": f"A{n}"},
        {"a promotion does not end before it starts": {"ends_on": "2026-02-28"}},
    ),
    "raw.opportunities": Case(
        {"stage": "offer", "status": "won", "created_on": DAY, "closed_on": DAY, "probability_pct": 100, **LINEAGE},
        lambda n: {"opportunity_id": f"V{n}"},
        {
            "an opportunity is not closed before it is opened": {"closed_on": "2026-02-28"},
            "an opportunity has a closing day where it is won or lost, and only there": {"status": "open"},
        },
    ),
    "raw.touchpoints": Case(
        {"touched_at": DAY, "channel": "call", "lead_id": "L1", **LINEAGE},
        lambda n: {"touchpoint_id": f"T{n}"},
        {
            "a contact is with somebody": {"lead_id": None},
            "touched_at is not in the future": {"touched_at": "infinity"},
        },
    ),
    "raw.funnel_events": Case(
        {"occurred_at": DAY, "visitor_id": "V1", "stage": "visit", **LINEAGE},
        lambda n: {"event_id": f"E{n}"},
        {"occurred_at is not in the future": {"occurred_at": "infinity"}},
    ),
    "raw.product_costs": Case(
        {"valid_from": DAY, "unit_cost": 2, **LINEAGE},
        lambda n: {"product_id": f"P{n}"},
        {"a cost does not end before it begins": {"valid_to": "2026-02-28"}},
    ),
    "raw.product_prices": Case(
        {"valid_from": DAY, "list_price": 2, **LINEAGE},
        lambda n: {"product_id": f"P{n}"},
        {"a price does not end before it begins": {"valid_to": "2026-02-28"}},
    ),
    "raw.suppliers": Case({"lead_time_days": 9, **LINEAGE}, lambda n: {"supplier_id": f"L{n}"}, {}),
    "raw.inventory_movements": Case(
        {"moved_on": DAY, "product_id": "P", "location_id": "L", "movement_kind": "sale", "qty_units": -1, **LINEAGE},
        lambda n: {"movement_id": f"M{n}"},
        {
            "a receipt goes in, a sale and a write-off go out": {"qty_units": 1},
            "moved_on is not in the future": {"moved_on": "infinity"},
        },
    ),
    "raw.purchase_orders": Case(
        {"line_id": "1", "product_id": "P1", "location_id": "main", "ordered_on": DAY, "ordered_units": 9,
         "received_units": 8, "rejected_units": 1, **LINEAGE},
        lambda n: {"purchase_order_id": f"B{n}"},
        {
            "an order is for something": {"ordered_units": 0},
            "no more is rejected than was received": {"rejected_units": 9},
            "nothing is received before it is ordered": {"received_on": "2026-02-28"},
            "nothing is promised for before it is ordered": {"promised_on": "2026-02-28"},
        },
    ),
    "raw.sales_reps": Case(
        {"hired_on": DAY, "commission_pct": 3, **LINEAGE},
        lambda n: {"rep_id": f"R{n}"},
        {"a rep does not leave before the first day": {"left_on": "2026-02-28"}},
    ),
    "raw.rep_territories": Case(
        {"territory_id": "N", "valid_from": DAY, **LINEAGE},
        lambda n: {"rep_id": f"R{n}"},
        {"a territory is not given up before it is taken": {"valid_to": "2026-02-28"}},
    ),
    "raw.targets": Case(
        {"measure": "revenue", "period": "month", "period_start": DAY, "target_value": 9, **LINEAGE},
        lambda n: {"territory_id": f"G{n}"},
        {
            "a target is not negative": {"target_value": -1},
            "period_start is the first day of its period": {"period": "quarter"},
        },
    ),
    "raw.forecast_cycles": Case(
        {"opens_on": DAY, "due_at": "2026-03-01 00:00+02", "period": "week", "period_start": "2026-03-02", **LINEAGE},
        lambda n: {"cycle_id": f"Z{n}"},
        {
            "a round is not due before it opens": {"due_at": "2026-02-27 12:00+00"},
            "period_start is the first day of its period": {"period": "month"},
        },
    ),
    "raw.forecast_submissions": Case(
        {"cycle_id": "Z1", "rep_id": "R1", "submitted_at": DAY, "forecast_amount": 1, "forecast_units": 1, **LINEAGE},
        lambda n: {"submission_id": f"S{n}"},
        {
            "a submission says how much": {"forecast_amount": None, "forecast_units": None},
            "submitted_at is not in the future": {"submitted_at": "infinity"},
        },
    ),
    "raw.forecast_overrides": Case(
        {"member": "P1", "level": "product", "measure": "units", "period": "week", "override_value": 9,
         "planner": "Zoë", "reason": "a trade fair", "made_on": "2026-02-01", **LINEAGE},
        lambda n: {"period_start": day(7 * n)},
        {
            "an override is not negative": {"override_value": -1},
            "an override says of which one it is": {"level": "company"},
            "made_on is not in the future": {"made_on": "infinity"},
        },
    ),
    "raw.invoices": Case(
        {"invoiced_on": DAY, "net_amount": -10, "tax_amount": "-1.90", **LINEAGE},
        lambda n: {"invoice_id": f"RE{n}"},
        {
            "an invoice is not due before it is written": {"due_on": "2026-02-28"},
            "tax has the sign of the amount": {"tax_amount": "1.90"},
        },
    ),
    "raw.payments": Case(
        {"paid_on": DAY, "amount": 5, **LINEAGE},
        lambda n: {"payment_id": f"Z{n}"},
        {"paid_on is not in the future": {"paid_on": "infinity"}},
    ),
    "raw.expenses": Case(
        {"incurred_on": DAY, "expense_kind": "travel", "amount": 5, **LINEAGE}, lambda n: {"expense_id": f"X{n}"}, {}
    ),
    "raw.exchange_rates": Case(
        {"from_currency": "USD", "to_currency": "EUR", "rate": "0.9", **LINEAGE},
        lambda n: {"rate_date": day(n)},
        {
            "a rate is above zero": {"rate": 0},
            "a currency is worth itself": {"to_currency": "USD"},
        },
    ),
    "bi.dim_date": Case({}, lambda n: {"date_key": 20260101 + n, "date_day": day(n)}, {}),
    "bi.dim_product": Case({"product_name": "Käse"}, lambda n: {"product_key": n, "product_id": f"P{n}"}, {}),
    "bi.dim_customer": Case({}, lambda n: {"customer_key": n, "customer_id": f"C{n}"}, {}),
    "bi.sales_lines": Case(
        {"order_date": DAY, "product_key": 1, "customer_key": -1, **MEASURES},
        lambda n: {"line_key": n},
        NET_BREAK,
    ),
    "bi.sales_daily": Case(MEASURES | COUNTS, lambda n: {"order_date": day(n)}, PERIOD_BREAK),
    "bi.sales_monthly": Case(MEASURES | COUNTS, lambda n: {"month_start": day(n)}, PERIOD_BREAK),
    "bi.sales_daily_product": Case(MEASURES, lambda n: {"order_date": day(n), "product_key": n}, NET_BREAK),
    "bi.sales_monthly_product": Case(MEASURES, lambda n: {"month_start": day(n), "product_key": n}, NET_BREAK),
    "bi.sales_monthly_customer": Case(MEASURES, lambda n: {"month_start": day(n), "customer_key": n}, NET_BREAK),
    "bi.customer_profile": Case(
        {"recency_score": 5, "frequency_score": 1, "monetary_score": 3, "recency_days": 0, "net_revenue": -1,
         "revenue_365_days": 0, "churn_status": "active", "expected_revenue_12m": 0},
        lambda n: {"customer_key": n, "customer_id": f"C{n}"},
        {
            "churn_status is one of 'active', 'lapsing', 'churned', '(no purchase)'": {"churn_status": "gone"},
            "there is an expected revenue or a reason": {"expected_revenue_12m": None},
        },
    ),
    "bi.customer_cohorts": Case(
        {"month_start": DAY, "retention_pct": 100, "net_revenue": -1}, lambda n: {"cohort_month": day(n)}, {}
    ),
    "bi.customer_months": Case(
        {"active_customers": 0, "lost_customers": 1}, lambda n: {"month_start": day(n)}, {}
    ),
    "bi.kpi_snapshots": Case(
        {"as_of_date": DAY, "grain": "company", "entity": "all", "period": "month", "value": 1,
         "period_start": "2026-03-01", "period_end": "2026-03-01"},
        lambda n: {"kpi": f"kpi {n}"},
        {"a period begins before it ends": {"period_end": "2026-02-28"}},
    ),
    "bi.sales_by_period": Case(
        MEASURES | {"period": "month", "grain": "company", "entity": "company"},
        lambda n: {"period_start": day(n)},
        NET_BREAK,
    ),
    "bi.targets": Case(
        {"kpi": "units", "grain": "company", "period": "month", "period_start": DAY, "period_end": "2026-03-31",
         "target": 9, "actual": 3, "expected_pct": 50, "status": "behind"},
        lambda n: {"entity": f"company {n}"},
        {
            "a period begins before it ends": {"period_end": "2026-02-28"},
            "status is one of 'not begun', 'on pace', 'behind', 'reached', 'missed', 'unknown'": {"status": None},
        },
    ),
    "bi.forecasts": Case(
        {"as_of_date": DAY, "series": "company_daily_revenue", "ds": DAY, "mean": 0.3, "lo_80": 0.3,
         "hi_80": 0.4, "lo_95": 0.1 + 0.2, "hi_95": 0.4},
        lambda n: {"unique_id": f"P{n}"},
        {
            "the 80 % interval lies within the 95 % interval": {"lo_80": 0.2},
            "the mean lies within the 95 % interval": {"mean": 0.5},
        },
    ),
    "bi.stock_recommendations": Case(
        {"lead_time_days": 7, "service_level_pct": 95, "lead_time_demand_units": 10, "safety_stock_units": 3,
         "reorder_point_units": 13, "order_qty_units": 5, "status": "order now"},
        lambda n: {"product_id": f"P{n}"},
        {
            "status is one of 'order now', 'enough', 'stock unknown'": {"status": None},
            "an order is for something": {"order_qty_units": None},
        },
    ),
    "bi.stock_position": Case(
        {"mover_class": "slow", "on_hand_units": 4, "average_daily_units": 1, "observed_days": 9, "lead_time_lines": 2},
        lambda n: {"product_id": f"P{n}"},
        {"a mover class is one of three": {"mover_class": "medium"}},
    ),
    "bi.stock_daily": Case(
        {"snapshot_date": DAY, "on_hand_units": 4, "counts": 3, "out_of_stock_counts": 1},
        lambda n: {"location_id": f"L{n}"},
        {"no more are out of stock than were counted": {"out_of_stock_counts": 4}},
    ),
    "bi.supplier_performance": Case(
        {"span": "all time", "on_time_pct": 90},
        lambda n: {"supplier_key": n},
        {"span is one of 'last 365 days', 'all time'": {"span": "ever"}},
    ),
    "bi.delivery_performance": Case(
        {"month_start": DAY, "on_time_pct": 90, "backlog_units": 0, "due_lines": 6, "on_time_lines": 3, "late_lines": 2,
         "open_lines": 1},
        lambda n: {"location_key": n},
        {"due lines are on time, late or open": {"open_lines": 0}},
    ),
    "bi.product_profile": Case(
        {"units": 3, "net_revenue": 30, "abc_class": "A"},
        lambda n: {"product_key": n},
        {"abc_class is A, B or C": {"abc_class": "D"}},
    ),
    "bi.product_pairs": Case(
        {"partner_key": 7, "support_pct": 1, "confidence_pct": 10, "reverse_confidence_pct": 20, "p_value": None},
        lambda n: {"product_key": n},
        {},
    ),
    "bi.price_volume_mix": Case(
        {"basis": "previous_year", "grain": "company", "entity": "company", "sales_change": 10, "price_effect": 4,
         "volume_effect": 3, "mix_effect": -1, "new_effect": 5, "lost_effect": -1},
        lambda n: {"period": f"p{n}"},
        {"price, volume, mix, new and lost products are the change of sales": {"mix_effect": 1}},
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def template(postgres_server: LocalPostgres) -> Iterator[str]:
    name = create_database(postgres_server)
    initialise(postgres_server.url(name))
    yield name
    drop_database(postgres_server, name)


@pytest.fixture
def database_url(postgres_server: LocalPostgres, template: str) -> Iterator[str]:
    name = create_database(postgres_server, template=template)
    yield postgres_server.url(name)
    drop_database(postgres_server, name)


@pytest.fixture
def conn(database_url: str) -> Iterator[Connection]:
    with connect(database_url) as connection:
        yield connection


def make_bi(conn: Connection, table: str, schema: str = "bi") -> None:
    """The table as dbt's contract has it, without its constraints, so that a row may break them."""
    files = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in BI_CONTRACTS]
    models = {model["name"]: model for file in files for model in file.get("models", [])}
    columns = ", ".join(f"{c['name']} {c['data_type']}" for c in models[f"bi_{table}"]["columns"])
    conn.execute(f"create schema if not exists {schema}")
    conn.execute(f"create table {schema}.{table} ({columns})")


def without_constraints(conn: Connection, suite: Suite) -> None:
    if suite.schema == "bi":
        make_bi(conn, suite.table)
        return
    conn.execute(f"create table raw.loose as select * from {suite.name}")
    conn.execute(f"drop table {suite.name}")
    conn.execute(f"alter table raw.loose rename to {suite.table}")


def insert(conn: Connection, table: str, *rows: Row) -> None:
    for row in rows:
        query = sql.SQL("insert into {} ({}) values ({})").format(
            sql.Identifier(*table.split(".")),
            sql.SQL(", ").join(map(sql.Identifier, row)),
            sql.SQL(", ").join(map(sql.Placeholder, row)),
        )
        conn.execute(query, row)


def type_of(conn: Connection, suite: Suite, column: str) -> str:
    query = (
        "select data_type from information_schema.columns where (table_schema, table_name, column_name) = (%s, %s, %s)"
    )
    row = conn.execute(query, [suite.schema, suite.table, column]).fetchone()
    assert row is not None, f"{suite.name} has no column {column}"
    return str(row[0])


def breaking(conn: Connection, suite: Suite, rule: Rule) -> list[Row]:
    """Changes to a clean row, each of which breaks the rule: the case's own, or by the rule's pattern."""
    explicit = CASES[suite.name].breaks.get(rule.name)
    if explicit is not None:
        return [explicit]
    column, kind = rule.columns[0], type_of(conn, suite, rule.columns[0])
    if rule.unique:
        first = CASES[suite.name].clean | CASES[suite.name].key(0)
        return [{c: first[c] for c in rule.columns}]
    if rule.name.endswith("is not empty"):
        return [{column: None}] + ([{column: " "}] if kind == "text" else [])
    by_kind: dict[str, list[Any]] = {
        "numeric": ["NaN"],  # with a precision it holds no infinity
        "double precision": ["NaN", "-Infinity"],
        "integer": [-1],
        "bigint": [-1],
        "date": ["infinity", "0001-01-01"],
    }
    values = by_kind[kind] + ([None] if "is null or" in rule.fails_when else [])
    return [{column: value} for value in values]


def text(value: object) -> str | None:
    return None if value is None else str(value)


def found(failures: Mapping[str, Failure], suite: Suite, rule: Rule, row: Row) -> bool:
    """Whether the rule's failure shows this very row."""
    shown = rule.columns if rule.unique else suite.key
    wanted = {c: text(row.get(c)) for c in shown}
    return any(wanted.items() <= example.items() for example in failures[rule.name].examples)


def by_rule(result: SuiteResult) -> dict[str, Failure]:
    return {failure.expectation: failure for failure in result.failures}


def test_there_is_a_case_for_every_suite() -> None:
    assert set(CASES) == set(suites())


@pytest.mark.parametrize("name", CASES)
def test_a_clean_table_passes_and_every_rule_finds_its_row(conn: Connection, database_url: str, name: str) -> None:
    suite, case = suites()[name], CASES[name]
    without_constraints(conn, suite)
    insert(conn, name, case.clean | case.key(0), case.clean | case.key(1))
    clean = run_suite(database_url, name)
    assert (clean.success, clean.failures) == (True, ())
    assert clean.statistics["evaluated_expectations"] == len(suite.rules) + (suite.min_rows > 0)

    made: list[tuple[Rule, Row]] = []
    for rule in suite.rules:
        for changes in breaking(conn, suite, rule):
            row = case.clean | case.key(10 + len(made)) | changes
            insert(conn, name, row)
            made.append((rule, row))
    failures = by_rule(run_suite(database_url, name))
    unseen = [
        (rule.name, row) for rule, row in made if not (rule.name in failures and found(failures, suite, rule, row))
    ]
    assert unseen == []
    assert {rule.name: rule.severity for rule in suite.rules} == {f.expectation: f.severity for f in failures.values()}


@pytest.mark.parametrize("name", CASES)
def test_an_empty_table_passes_only_where_it_may_be_empty(conn: Connection, database_url: str, name: str) -> None:
    if name.startswith("bi."):
        make_bi(conn, suites()[name].table)
    must_have_rows = {
        "raw.sales_lines",
        "bi.dim_date",
        "bi.sales_daily",
        "bi.sales_monthly",
        "bi.kpi_snapshots",
        "bi.sales_by_period",
    }
    result = run_suite(database_url, name)
    assert result.success == (name not in must_have_rows)
    expected = (Failure("at least 1 row", None, "critical", 1, []),) if name in must_have_rows else ()
    assert result.failures == expected


def sale(n: int, **changes: Any) -> Row:
    case = CASES["raw.sales_lines"]
    return case.clean | case.key(n) | changes


def test_a_failing_row_comes_with_key_lineage_and_the_columns_of_the_rule(conn: Connection, database_url: str) -> None:
    insert(
        conn,
        "raw.sales_lines",
        sale(1),
        sale(2, qty_units="NaN", _source="Müller & Söhne.csv", _load_id=7, _line=42),
    )
    result = run_suite(database_url, "raw.sales_lines")
    assert not result.success
    lineage = {"_source": "Müller & Söhne.csv", "_load_id": "7", "_line": "42"}
    example = {"order_id": "Ö-2", "line_id": "1", **lineage, "qty_units": "NaN"}
    rule = "qty_units is between -1e7 and 1e7"
    assert result.failures == (Failure(rule, "qty_units", "critical", 1, [example]),)


def test_all_broken_rows_are_counted_and_ten_are_shown(conn: Connection, database_url: str) -> None:
    insert(conn, "raw.sales_lines", *[sale(n, line_kind="return") for n in range(25)])
    failure = by_rule(run_suite(database_url, "raw.sales_lines"))["a return is not positive"]
    assert failure.unexpected_count == 25
    assert len({example["order_id"] for example in failure.examples}) == 10


def test_a_broken_warning_is_told_and_does_not_fail(conn: Connection, database_url: str) -> None:
    insert(conn, "raw.sales_lines", sale(1, qty_units=-1, line_amount="-0.4333"))
    result = run_suite(database_url, "raw.sales_lines")
    assert result.success
    assert [(f.expectation, f.severity) for f in result.failures] == [("a sale is not negative", "warning")]


def test_a_price_rounded_to_four_digits_reconciles_over_many_units(conn: Connection, database_url: str) -> None:
    rounded = {"qty_units": 10_000, "unit_price": "0.3333", "discount_amount": 0, "line_amount": "3333.33"}
    insert(conn, "raw.sales_lines", sale(1, **rounded), sale(2, **rounded | {"line_amount": "3333.60"}))
    failure = by_rule(run_suite(database_url, "raw.sales_lines"))
    assert [e["order_id"] for e in failure["line_amount is qty_units × unit_price − discount_amount"].examples] == [
        "Ö-2"
    ]


def test_the_built_tables_are_checked_before_they_are_published(conn: Connection, database_url: str) -> None:
    case = CASES["bi.dim_date"]
    make_bi(conn, "dim_date")
    make_bi(conn, "dim_date", "bi_build")
    insert(conn, "bi.dim_date", case.key(1))
    insert(conn, "bi_build.dim_date", case.key(1), case.key(1))
    assert run_suite(database_url, "bi.dim_date").success
    built = run_suite(database_url, "bi.dim_date", schema="bi_build")
    assert not built.success
    assert by_rule(built)["date_key is unique"].examples == [{"date_key": "20260102", "rows": "2"}]


def test_what_a_unique_index_holds_is_not_counted_again(conn: Connection, database_url: str) -> None:
    def asked() -> int:
        return int(run_suite(database_url, "bi.sales_daily_product").statistics["evaluated_expectations"])

    case = CASES["bi.sales_daily_product"]
    make_bi(conn, "sales_daily_product")
    insert(conn, "bi.sales_daily_product", case.clean | case.key(1))
    rules = asked()
    conn.execute("create unique index on bi.sales_daily_product (product_key, order_date)")
    assert asked() == rules  # a null is unlike every other null: of columns that may hold several it says nothing
    conn.execute("alter table bi.sales_daily_product alter order_date set not null, alter product_key set not null")
    assert asked() == rules - 1


def test_rows_are_looked_at_until_they_are_published(conn: Connection, database_url: str) -> None:
    """A night that refuses what it loaded must not be followed by one that finds nothing new and publishes it."""
    days, loads = (unpublished_rows(ENTITIES[name]) for name in ("sales_lines", "products"))
    bad_sale = sale(1, line_kind="gift", order_date=day(1), ordered_at=day(1))
    bad_product = {"product_id": "P1", "product_name": " ", **LINEAGE}
    insert(conn, "raw.sales_lines", bad_sale, sale(2))
    insert(conn, "raw.products", bad_product)
    conn.execute(
        """insert into ops.loads (token, entity, source, file_path, file_sha256, file_bytes, file_mtime_ns,
                                  mapping_sha256, status) values (5, 'products', 's', 'f', 'x', 1, 1, 'm', 'loaded');
           insert into ops.touched_days (token, day) values (5, date '2026-03-02')"""
    )

    def verdicts() -> tuple[bool, bool]:
        sales = run_suite(database_url, "raw.sales_lines", where=days)
        return sales.success, run_suite(database_url, "raw.products", where=loads).success

    conn.execute("update raw.products set _load_id = (select load_id from ops.loads)")
    assert verdicts() == (False, False)  # tonight's and, had tonight failed, tomorrow's
    conn.execute(
        """insert into ops.publications (token, as_of_date, code_fingerprint, is_full, days_published)
           values (5, '2026-03-02', 'code', false, 1);
           update ops.touched_days set published_token = 5"""
    )
    assert verdicts() == (True, True)
    conn.execute("insert into ops.touched_days (token, day) values (6, date '2026-03-02')")
    assert verdicts() == (False, True)
    conn.execute("delete from raw.sales_lines")
    assert by_rule(run_suite(database_url, "raw.sales_lines", where=days)).keys() == {"at least 1 row"}


def test_what_cannot_be_checked_is_an_error_not_a_pass(conn: Connection, database_url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"no suite 'bi\.nothing'"):
        run_suite(database_url, "bi.nothing")
    with pytest.raises(ContractError, match=r"no table bi\.forecasts"):
        run_suite(database_url, "bi.forecasts")
    with pytest.raises(ConfigurationError, match="not the name of a schema"):
        run_suite(database_url, "bi.forecasts", schema='bi"; drop schema raw; --')
    conn.execute("create table bi.dim_date (date_key int)")
    with pytest.raises(ContractError, match=r"bi\.dim_date.*date_day"):
        run_suite(database_url, "bi.dim_date")
    with pytest.raises(TransientError, match="cannot reach PostgreSQL"):
        run_suite(f"postgresql://x@127.0.0.1:{free_port()}/x", "bi.dim_date")


def test_any_password_reaches_the_server(conn: Connection, database_url: str) -> None:
    parts, password = conninfo_to_dict(database_url), "p$HOME@%40/ü"
    role = f"checker_{parts['dbname']}"
    conn.execute(
        sql.SQL("create role {} login superuser password {}").format(sql.Identifier(role), sql.Literal(password))
    )
    try:
        url = f"postgresql://{role}:{quote(password, safe='$')}@127.0.0.1:{parts['port']}/{parts['dbname']}"
        insert(conn, "raw.sales_lines", sale(1))  # of a table without rows nothing is asked
        assert run_suite(url, "raw.sales_lines").success
    finally:
        conn.execute(sql.SQL("drop role {}").format(sql.Identifier(role)))


def test_nothing_is_left_connected(conn: Connection, database_url: str) -> None:
    insert(conn, "raw.sales_lines", sale(1))
    run_suite(database_url, "raw.sales_lines")
    query = "select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
    for _ in range(50):
        if conn.execute(query).fetchone() == (0,):
            return
        conn.execute("select pg_sleep(0.1)")
    pytest.fail("a connection of the checks is still open")


def test_a_table_without_lineage_is_refused_by_postgresql_itself(conn: Connection) -> None:
    with pytest.raises(psycopg.errors.NotNullViolation):
        insert(conn, "raw.sales_lines", {k: v for k, v in sale(1).items() if k != "_line"})
