"""Files into the tables of a load: ``incoming`` (texts), ``unreadable`` (lines that are no rows), ``typed``.

Not here: reading a format (readers/) and what the mapping makes of a text (compile.py).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import psycopg
from psycopg import Rollback

from orchestration.errors import ConfigurationError, SourceError
from orchestration.ingestion.compile import Mapped
from orchestration.ingestion.files import SourceFile
from orchestration.ingestion.readers.records import Reader, Unreadable
from orchestration.warehouse import Connection

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Opened:
    """A file of tonight, its reader and its column names."""

    file: SourceFile
    reader: Reader
    header: list[str]


def prepare(connection: Connection) -> None:
    """A schema for what ``make_typed`` reads, made and dropped in the caller's transaction: nobody else ever sees it.

    Not temporary tables: of those PostgreSQL reads with one process only (2.9 s instead of 1.7).
    """
    schema = _schema(connection)
    connection.execute(
        f"""create schema {schema};
            set local search_path to {schema}, public;
            create unlogged sequence incoming_row cache 1000;
            create temporary table unreadable (_row bigint, rule text, reason text, line_text text) on commit drop"""
    )


def make_incoming(connection: Connection, names: Iterable[str]) -> dict[str, str]:
    """The empty table ``incoming``, in the schema of ``prepare``; returns the column of each header name."""
    staging = {name: f"c{i}" for i, name in enumerate(dict.fromkeys(names))}
    columns = "".join(f", {c} text" for c in staging.values())
    connection.execute(
        f"create unlogged table incoming (_row bigint not null default nextval('incoming_row'){columns})"
    )
    return staging


def drop_incoming(connection: Connection) -> None:
    """Drop what ``prepare`` and what came after it left, before the caller commits."""
    connection.execute(f"drop schema {_schema(connection)} cascade")


def _schema(connection: Connection) -> str:
    return f"load_{connection.info.backend_pid}"


def stage_rows(
    connection: Connection,
    opened: Sequence[Opened],
    load_ids: Sequence[int],
    staging: Mapping[str, str],
    on_progress: Progress = lambda done, total: None,
) -> None:
    """COPY all files into ``incoming``, inside the caller's transaction; they may have their columns in any order.

    Raises:
        SourceError: a file cannot be read.
    """
    for i, (one, load_id) in enumerate(zip(opened, load_ids, strict=True), start=1):
        staged = one.reader.stage(connection, [staging[name] for name in one.header], load_id)
        _keep_unreadable(connection, staged.unreadable)
        on_progress(i, len(opened))


def make_typed(connection: Connection, mapped: Mapped) -> None:
    """Table ``typed``: every row of ``incoming`` with the entity's columns, and the first rule it breaks.

    Raises:
        SourceError: an expression of sources.yaml failed on a value.
        ConfigurationError: an expression fits no value at all: it compares a number with a text, say.
    """
    # dates are judged by how they are written back; a sort of half a million rows needs 60 MB to stay in memory; a row
    # costs far more to judge than to hand over from one process to another
    connection.execute(
        """set local datestyle to 'ISO, YMD'; set local work_mem to '64MB';
           set local parallel_setup_cost to 100; set local parallel_tuple_cost to 0.01"""
    )
    try:
        with connection.transaction():
            for statement in mapped.preparation:
                connection.execute(statement)
            connection.execute(f"create temporary table typed on commit drop as {mapped.query}")
    except (psycopg.DataError, psycopg.ProgrammingError) as error:
        raise _failed(connection, mapped, error) from None


def _failed(connection: Connection, mapped: Mapped, error: psycopg.Error) -> Exception:
    """The error of the first expression that fails by itself; ``error`` itself if none does, for then it is ours."""
    for probe in mapped.probes:
        try:
            with connection.transaction():
                for statement in mapped.preparation:
                    connection.execute(statement)
                connection.execute(probe.query)
                raise Rollback
        except psycopg.DataError as failure:
            return SourceError(
                f"{probe.where}: the expression fails on a value: {failure.diag.message_primary}",
                remedy="let it yield null for such values (case when … end), so that only their rows are rejected",
            )
        except psycopg.ProgrammingError as failure:
            return ConfigurationError(
                f"{probe.where}: PostgreSQL refuses the expression: {failure.diag.message_primary}",
                remedy="compare like with like: what a file holds is text, qty_units and prices are numbers",
            )
    return error


def _keep_unreadable(connection: Connection, lines: Sequence[Unreadable]) -> None:
    if lines:
        with connection.cursor() as cursor:
            cursor.executemany(
                "insert into unreadable values (%s, %s, %s, %s)",
                [(u.row, u.rule, u.reason, u.text) for u in lines],
            )
