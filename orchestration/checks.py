"""Running a suite of rules on a table with Great Expectations, and showing the rows that break it.

Not here: the rules (suites.py), or what a failure leads to (defs/).
"""

import functools
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import sql

from orchestration.errors import ConfigurationError, ContractError
from orchestration.expectations import Rule, Severity, Suite, rows_that_break
from orchestration.ingestion.entity import Entity
from orchestration.suites import suites
from orchestration.warehouse import Connection, connect

EXAMPLES = 10


@dataclass(frozen=True)
class Failure:
    """A broken promise: how many rows break it, and up to ten of them as text, with key and lineage."""

    expectation: str
    column: str | None
    severity: Severity
    unexpected_count: int
    examples: list[dict[str, Any]]


@dataclass(frozen=True)
class SuiteResult:
    """How a table did. ``success``: no critical rule is broken; ``failures`` holds broken warnings too."""

    suite: str
    success: bool
    statistics: dict[str, Any]
    failures: tuple[Failure, ...]


def unpublished_rows(entity: Entity) -> str:
    """SQL of which rows of the raw table no publication has yet: those of open days, or of loads since the last one.

    Not only tonight's: what a night loaded and then refused must not slip through the next one.
    """
    if entity.day_column:
        return f"{entity.day_column} in (select day from ops.open_days)"
    return (
        "_load_id in (select load_id from ops.loads"
        " where token > (select coalesce(max(token), 0) from ops.publications))"
    )


def run_suite(database_url: str, suite_name: str, schema: str | None = None, where: str = "true") -> SuiteResult:
    """Check one table as it stands now; nothing is written.

    Args:
        database_url: a libpq connection URL.
        suite_name: a name of ``suites()``, such as ``bi.forecasts``.
        schema: where the table lies; default: the suite's own. ``bi_build`` checks bi before it is published.
        where: SQL of which rows the rules look at; the least number of rows is the whole table's.

    Returns:
        The result; for every broken rule the number of rows and up to ten of them, every value as text, so
        that NaN and the last digit stay visible.

    Raises:
        ConfigurationError: there is no such suite.
        ContractError: the table or a column of a rule does not exist.
        TransientError: the database cannot be reached.
    """
    suite = suites().get(suite_name)
    if suite is None:
        raise ConfigurationError(f"no suite {suite_name!r}", remedy=f"one of: {', '.join(suites())}")
    schema = schema or suite.schema
    if not re.fullmatch(r"[a-z_][a-z0-9_]*", schema):
        raise ConfigurationError(f"{schema!r} is not the name of a schema")
    with connect(database_url) as conn:
        if conn.execute("select to_regclass(%s)", [f"{schema}.{suite.table}"]).fetchone() == (None,):
            raise ContractError(f"there is no table {schema}.{suite.table} to check")
        _check_columns(conn, suite, schema)
        table = sql.Identifier(schema, suite.table).as_string(conn)
        rows = table if where == "true" else f"(select * from {table} where {where}) as looked_at"
        queries = _queries(conn, suite, table, rows)
        if not queries:  # most businesses bring few of the entities: 1 ms, not 100
            return SuiteResult(suite.name, True, {"evaluated_expectations": 0}, ())
        result = _validate(database_url, suite, schema, rows=rows, queries=queries)
        failures = tuple(_failures(conn, suite, rows, result["results"], queries))
    success = all(failure.severity != "critical" for failure in failures)
    return SuiteResult(suite.name, success, dict(result["statistics"]), failures)


@functools.cache
def _row_expectation() -> Any:
    """The expectation that a query finds no rows, at half the price of the library's own.

    That one runs its query a second time to count: 2.8 s against 1.4 s for the rules of 500,000 sales lines.
    """
    import great_expectations.expectations as gxe

    class ExpectNoRows(gxe.UnexpectedRowsExpectation):
        metric_dependencies = ("unexpected_rows_query.table",)

        def _validate(self, metrics: dict[str, Any], *_: Any, **__: Any) -> dict[str, Any]:
            rows = metrics["unexpected_rows_query.table"]
            result = {"observed_value": len(rows), "details": {"unexpected_rows": rows}}
            return {"success": not rows, "result": result}

    return ExpectNoRows


def _check_columns(conn: Connection, suite: Suite, schema: str) -> None:
    """Raise ContractError if a column of a rule is missing, also where no row would show it."""
    named = {column for rule in suite.rules for column in rule.columns}
    rows = conn.execute(
        "select attname from pg_attribute where attrelid = to_regclass(%s) and attnum > 0 and not attisdropped",
        [f"{schema}.{suite.table}"],
    ).fetchall()
    missing = sorted(named - {row[0] for row in rows})
    if missing:
        raise ContractError(f"{schema}.{suite.table} cannot be checked: it has no column {', '.join(missing)}")


def _queries(conn: Connection, suite: Suite, table: str, rows: str) -> list[tuple[Rule, str]]:
    """Each rule with the query for the rows that break it; none for a rule that cannot be broken or has no rows.

    Where a row by itself breaks the rule, it is looked for among the ``suspects``. The batch stands in a comment,
    because the library warns of a query without it.
    """
    queries = []
    if conn.execute(f"select exists (select from {rows})").fetchone() == (True,):
        held = _held_by_an_index(conn, table)
        for rule in suite.rules:
            if not (rule.unique and any(index <= set(rule.columns) for index in held)):
                query = rows_that_break(rule, suite).format(batch=rows if rule.unique else "suspects")
                queries.append((rule, f"{query} /* {{batch}} */"))
    if suite.min_rows:
        name = f"at least {suite.min_rows} row" + "s" * (suite.min_rows > 1)
        few = f"select cast(count(*) as text) as rows\nfrom (select from {table} limit {suite.min_rows}) as few"
        queries.append((Rule(name, ("rows",)), f"{few} having count(*) < {suite.min_rows} /* {{batch}} */"))
    return queries


def _suspects(suite: Suite, rows: str) -> str:
    """The temporary table of the rows that break any rule: each row is looked at once, and not once for every rule."""
    conditions = [f"({rule.fails_when})" for rule in suite.rules if not rule.unique]
    return f"create temporary table suspects as select * from {rows} where {' or '.join(conditions) or 'false'}"


def _held_by_an_index(conn: Connection, table: str) -> list[set[str]]:
    """The columns of the table's unique indexes: to count again what they hold took 43 s for 2.8 million lines."""
    rows = conn.execute(
        """select array_agg(a.attname::text) from pg_index i
           join pg_attribute a on a.attrelid = i.indrelid and a.attnum = any(i.indkey)
           where i.indrelid = to_regclass(%s) and i.indisunique and i.indisvalid and i.indpred is null
               and i.indexprs is null and (i.indnullsnotdistinct or not exists (
                   select from pg_attribute n
                   where n.attrelid = i.indrelid and n.attnum = any(i.indkey) and not n.attnotnull))
           group by i.indexrelid""",
        [table],
    ).fetchall()
    return [set(row[0]) for row in rows]


def _validate(
    database_url: str, suite: Suite, schema: str, *, rows: str, queries: Sequence[tuple[Rule, str]]
) -> Mapping[str, Any]:
    """Run the suite in Great Expectations, in memory: no files, no analytics, no progress bars."""
    # Read by the library as it is imported; importing it takes 3 s, which is why it is not done at the top.
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig
    from sqlalchemy import text

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False, metric_calculations=False)
    # A dollar would be taken for the name of a variable to put in its place.
    url = re.sub(r"^postgres(ql)?://", "postgresql+psycopg2://", database_url).replace("$", "%24")
    source = context.data_sources.add_postgres("warehouse", connection_string=url)
    try:
        asset = source.add_table_asset(suite.table, table_name=suite.table, schema_name=schema)
        # On the one connection that the queries are run on. A query asset would do the same, four times over.
        source.get_execution_engine().execute_query_in_transaction(text(_suspects(suite, rows)))
        expectations: list[Any] = [
            # The limit bounds what a table full of broken rows pulls into memory; they are counted later.
            _row_expectation()(
                unexpected_rows_query=f"{query} limit {EXAMPLES}",
                severity=rule.severity,
                description=rule.name,
                meta={"rule": number},
            )
            for number, (rule, query) in enumerate(queries)
        ]
        definition = gx.ValidationDefinition(
            name=suite.name,
            data=asset.add_batch_definition_whole_table("whole"),
            suite=context.suites.add(gx.ExpectationSuite(name=suite.name, expectations=expectations)),
        )
        result = context.validation_definitions.add(definition).run(result_format="COMPLETE")
        return result.to_json_dict()
    finally:
        # Two pools: one the library tests the table with, one it runs the queries on.
        source.get_execution_engine().close()
        source.get_engine().dispose()


def _failures(
    conn: Connection,
    suite: Suite,
    rows: str,
    results: Iterable[Mapping[str, Any]],
    queries: Sequence[tuple[Rule, str]],
) -> Iterable[Failure]:
    for result in results:
        if result["success"]:
            continue
        if "observed_value" not in result["result"]:
            raise ContractError(f"{suite.name} cannot be checked: {_exception(result['exception_info'])}")
        rule, _ = queries[result["expectation_config"]["meta"]["rule"]]
        examples = result["result"]["details"]["unexpected_rows"]
        if not rule.fails_when and not rule.unique:
            yield Failure(rule.name, None, rule.severity, suite.min_rows - int(examples[0]["rows"]), [])
            continue
        query = rows_that_break(rule, suite).format(batch=rows)
        count = conn.execute(f"select count(*) from ({query}) as broken").fetchone() or (0,)
        yield Failure(rule.name, rule.columns[0], rule.severity, count[0], examples)


def _exception(info: Mapping[str, Any]) -> str:
    """The first message in an exception_info, which is either one exception or one for each metric."""
    if "exception_message" in info:
        return str(info["exception_message"]).partition("\n")[0]
    return next((_exception(value) for value in info.values() if isinstance(value, dict)), "unknown reason")
