"""Judging one file as a night would, in a transaction that is rolled back: for `daybreak check`.

Not here: anything that stays.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import Rollback

from orchestration.business import Business
from orchestration.ingestion.compile import Mapped, compile_source
from orchestration.ingestion.files import SourceFile
from orchestration.ingestion.joins import Joined, header_names, open_file, open_joined, stage_source
from orchestration.ingestion.merge import reject_repeats
from orchestration.ingestion.names import check_columns, found_column, names_read
from orchestration.ingestion.quarantine import sentence, value_at_fault
from orchestration.ingestion.staging import make_incoming, make_typed, prepare
from orchestration.ingestion.values import literal
from orchestration.sources import Source
from orchestration.warehouse import Connection


@dataclass(frozen=True)
class Judged:
    """How the rows of a file fare: read, rejected, and what is wrong with the first rejected one."""

    read: int
    rejected: int
    first_reason: str | None


def judge_sample(
    connection: Connection, business: Business, source: Source, file: SourceFile, joined: Sequence[Joined] = ()
) -> Judged:
    """Read ``file`` under the mapping of ``source`` and judge its rows; nothing is written.

    Raises:
        SourceError: the file cannot be read, lacks a column, or an expression fails on a value.
        ConfigurationError: an expression of the mapping is wrong.
    """
    own = open_file(file, source)
    opened = open_joined(source, joined)
    check_columns(source, [*own.header, *header_names(joined, opened)], file.relative_path)
    judged = Judged(0, 0, None)
    with connection.transaction():
        staging = stage_source(connection, source, [own], load_ids=[1], joined=joined, opened=opened)
        mapped = _typed(connection, business, source, staging)
        if source.duplicates == "reject":
            reject_repeats(connection, mapped.entity)
        read, rejected = _fetch(
            connection,
            """select (select count(*) from typed) + (select count(*) from unreadable),
                      (select count(_rule) from typed) + (select count(*) from unreadable)""",
        )
        judged = Judged(read, rejected, _first_reason(connection, mapped))
        raise Rollback
    return judged


def check_expressions(connection: Connection, business: Business, source: Source) -> None:
    """Have PostgreSQL type the expressions of ``source`` without any file: every column is there, and no row.

    Raises:
        ConfigurationError: it refuses one: a number is compared with a text, say.
    """
    with connection.transaction():
        prepare(connection)
        staging = make_incoming(connection, sorted(names_read(source)))
        for k in range(len(source.joins)):
            connection.execute(f"alter table incoming add {found_column(k)} text")
        _typed(connection, business, source, staging)
        raise Rollback


def _typed(connection: Connection, business: Business, source: Source, staging: Mapping[str, str]) -> Mapped:
    """The temporary table ``typed`` of what is staged."""
    mapped = compile_source(source, staging=staging, business_zone=business.profile.time_zone)
    make_typed(connection, mapped)
    return mapped


def _first_reason(connection: Connection, mapped: Mapped) -> str | None:
    rules = ", ".join(f"({rule.number}, {literal(rule.reason)})" for rule in mapped.rules)
    row = connection.execute(
        f"""select _row % 10000000000, reason from (
                (select t._row, {sentence("r.reason", "w.value")} as reason
                 from typed t join incoming s using (_row)
                 join (values {rules}) as r (number, reason) on r.number = t._rule,
                 lateral (select {value_at_fault(mapped)} as value) w
                 order by t._row limit 1)
                union all (select _row, reason from unreadable order by _row limit 1)) first
            order by _row limit 1"""
    ).fetchone()
    return None if row is None else f"line {row[0]}: {row[1]}"


def _fetch(connection: Connection, query: str) -> tuple[Any, ...]:
    row = connection.execute(query).fetchone()
    assert row is not None
    return tuple(row)
