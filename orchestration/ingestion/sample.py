"""Judging one file as a night would, in a transaction that is rolled back: for `daybreak check`.

Not here: anything that stays.
"""

from dataclasses import dataclass
from typing import Any

from psycopg import Rollback

from orchestration.business import Business, Source
from orchestration.ingestion.compile import check_columns, compile_source
from orchestration.ingestion.files import SourceFile
from orchestration.ingestion.readers import open_reader
from orchestration.ingestion.staging import make_typed, stage
from orchestration.warehouse import Connection


@dataclass(frozen=True)
class Judged:
    """How the rows of a file fare: read, rejected, and what is wrong with the first rejected one."""

    read: int
    rejected: int
    first_reason: str | None


def judge_sample(connection: Connection, business: Business, source: Source, file: SourceFile) -> Judged:
    """Read ``file`` under the mapping of ``source`` and judge its rows; nothing is written.

    Raises:
        SourceError: the file cannot be read, or lacks a column.
        ConfigurationError: an expression or a date format of the mapping is wrong.
    """
    reader = open_reader(file.path, source)
    header = reader.header()
    check_columns(source, header, file.relative_path)
    judged = Judged(0, 0, None)
    with connection.transaction():
        staging = stage(connection, [reader], [header], [1])
        mapped = compile_source(source, staging=staging, business_zone=business.profile.time_zone)
        make_typed(connection, mapped)
        read, rejected, first = _fetch(
            connection, "select count(*), count(_rule), min(_row) filter (where _rule is not null) from typed"
        )
        unreadable, first_line, reason = _fetch(
            connection,
            "select count(*), min(_row) %% 10000000000, (array_agg(reason order by _row))[1] from unreadable".replace(
                "%%", "%"
            ),
        )
        sentence = f"line {first_line}: {reason}" if reason else None
        if first is not None:
            number = _fetch(connection, f"select _rule from typed where _row = {first}")[0]
            rule = next(r for r in mapped.rules if r.number == number)
            value = _fetch(connection, f"select ({rule.value})::text from incoming s where _row = {first}")[0]
            shown = "nothing" if value is None else repr(value)
            sentence = f"line {first % 10**10}: {rule.reason.replace('{value}', shown)}"
        judged = Judged(read + unreadable, rejected + unreadable, sentence)
        raise Rollback
    return judged


def _fetch(connection: Connection, query: str) -> tuple[Any, ...]:
    row = connection.execute(query).fetchone()
    assert row is not None
    return tuple(row)
