"""Every rule on a real PostgreSQL: a clean table passes, each rule finds the row made to break it.

The bi tables are made from the columns and types that dbt's contracts promise.
"""

from collections.abc import Iterator, Mapping
from functools import cache
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
from tests.support.check_cases import CASES, LINEAGE, Row, day
from tests.support.loopback import free_port
from tests.support.postgres import create_database, drop_database

BI_CONTRACTS = sorted((Path(__file__).parents[2] / "dbt_project" / "models" / "bi").glob("*.yml"))


@cache
def bi_contracts() -> dict[str, Any]:
    """What dbt's contracts say of bi, by model: 0.4 s to read, and asked for by every table's test."""
    files = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in BI_CONTRACTS]
    return {model["name"]: model for file in files for model in file.get("models", [])}


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
    columns = ", ".join(f"{c['name']} {c['data_type']}" for c in bi_contracts()[f"bi_{table}"]["columns"])
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
