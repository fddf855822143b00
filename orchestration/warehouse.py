"""Talking to PostgreSQL: connect, read a frame, replace a date, and write only while the lease is ours.

Not here: what is written (the stages) or who holds the lease (night.py).
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from importlib import resources
from typing import Any

import numpy as np
import pandas as pd
import psycopg
from psycopg import sql
from psycopg.rows import tuple_row

from orchestration.errors import ConfigurationError, ContractError, LeaseLostError, PermanentError, TransientError
from orchestration.ingestion.contract import raw_ddl

Connection = psycopg.Connection[Any]
LEASE_LOST = "DB001"
BI_READER = "bi_reader"
OLDEST_SERVER = 160000
SET_UP_LOCK = 7323902
_COPY_HEADER_BYTES = 19  # signature, flags, length of the extension


def connect(url: str, *, token: int | None = None) -> Connection:
    """A connection in autocommit mode, so that ``transaction()`` is a real transaction and never a savepoint.

    Args:
        url: a libpq connection URL.
        token: the lease's fencing token; a session with one may write only while it is the newest.

    Raises:
        TransientError: the server cannot be reached.
    """
    options = "-c timezone=UTC" + ("" if token is None else f" -c daybreak.token={token}")
    try:
        return psycopg.connect(url, autocommit=True, options=options, application_name="daybreak", connect_timeout=10)
    except psycopg.OperationalError as error:
        raise TransientError(
            f"cannot reach PostgreSQL: {without_password(str(error).strip())}",
            remedy="is the server running, and DAYBREAK_DATABASE_URL right?",
        ) from None


def without_password(text: str) -> str:
    """The text with the password of any URL in it blanked.

    >>> without_password("cannot reach postgresql://me:secret@db/sales")
    'cannot reach postgresql://me:***@db/sales'
    """
    text = re.sub(r"(://[^:/@\s]+):[^@\s]+@", r"\1:***@", text)
    return re.sub(r"(password=)[^&\s]+", r"\1***", text)


@contextmanager
def writing(connection: Connection) -> Iterator[None]:
    """One transaction that holds the lease until it commits.

    Raises:
        LeaseLostError: a newer night has taken the lease; nothing of the transaction is kept.
    """
    try:
        with connection.transaction():
            connection.execute("select ops.hold_lease()")
            yield
    except psycopg.Error as error:
        if error.sqlstate == LEASE_LOST:
            raise LeaseLostError(str(error.diag.message_primary)) from None
        raise


def read_frame(connection: Connection, query: str, parameters: Mapping[str, Any] | None = None) -> pd.DataFrame:
    """The rows of ``query`` as a frame; an empty result keeps its columns."""
    with connection.cursor(row_factory=tuple_row) as cursor:
        cursor.execute(query, parameters)
        names = [column.name for column in cursor.description or ()]
        return pd.DataFrame(cursor.fetchall(), columns=names)


def read_numbers(
    connection: Connection, query: str, parameters: Mapping[str, Any], columns: Mapping[str, str]
) -> dict[str, np.ndarray]:
    """The rows of a query of numbers as one array per column, by binary COPY: ten times as fast as a frame.

    Args:
        connection: to the warehouse.
        query: a select; nulls are not allowed.
        parameters: of the query.
        columns: the query's columns in their order, each with its type: ``i4`` (integer) or ``f8`` (double precision).

    Raises:
        ContractError: the query gave a null or another type.
    """
    layout: list[tuple[str, str]] = [("n_fields", ">i2")]
    for name, kind in columns.items():
        layout += [(f"{name} bytes", ">i4"), (name, f">{kind}")]
    record = np.dtype(layout)
    with connection.cursor() as cursor, cursor.copy(f"copy ({query}) to stdout (format binary)", parameters) as copy:
        data = b"".join(bytes(block) for block in copy)
    body = data[_COPY_HEADER_BYTES:-2]  # the last two bytes say that it is the end
    sizes_are_right = len(body) % record.itemsize == 0
    rows = np.frombuffer(body, dtype=record) if sizes_are_right else np.empty(0, dtype=record)
    if not sizes_are_right or any((rows[f"{name} bytes"] != int(kind[1])).any() for name, kind in columns.items()):
        raise ContractError(f"a query of numbers gave a null or another type than {dict(columns)}")
    return {name: rows[name].astype(kind) for name, kind in columns.items()}


def replace_as_of(connection: Connection, table: str, as_of_date: date, frame: pd.DataFrame) -> int:
    """Replace what ``table`` says about ``as_of_date`` by ``frame``; to be called inside ``writing``.

    Args:
        connection: a connection with an open transaction.
        table: ``schema.table``; it has a column ``as_of_date`` and every column of ``frame``.
        as_of_date: the date to replace.
        frame: the new rows, without ``as_of_date``; missing values become null.

    Returns:
        The number of rows written.
    """
    name = sql.Identifier(*table.split("."))
    connection.execute(sql.SQL("delete from {} where as_of_date = %s").format(name), [as_of_date])
    columns = sql.SQL(", ").join(map(sql.Identifier, ["as_of_date", *frame.columns]))
    plain = frame.astype(object).where(frame.notna(), None)
    with connection.cursor() as cursor:
        with cursor.copy(sql.SQL("copy {} ({}) from stdin").format(name, columns)) as copy:
            for row in plain.itertuples(index=False, name=None):
                copy.write_row((as_of_date, *row))
        return len(frame)


def initialise(url: str) -> None:
    """Create the schemas, tables and roles that Daybreak writes to; does nothing where they exist.

    Raises:
        ConfigurationError: the server is older than PostgreSQL 16, or the role may not create what is needed.
    """
    with connect(url) as connection:
        if connection.info.server_version < OLDEST_SERVER:
            version = connection.info.parameter_status("server_version")
            raise ConfigurationError(f"PostgreSQL {version} is too old", remedy="Daybreak needs PostgreSQL 16 or newer")
        try:
            with connection.transaction():
                # Two starters at once: create-if-not-exists is not safe against itself.
                connection.execute("select pg_advisory_xact_lock(%s)", [SET_UP_LOCK])
                for statement in (script("ops.sql"), raw_ddl(), script("stages.sql"), _bi_ddl()):
                    connection.execute(statement)
        except psycopg.errors.InsufficientPrivilege as error:
            raise PermanentError(
                f"the database role may not set Daybreak up: {error.diag.message_primary}",
                remedy="use the database's owner; a role bi_reader must exist or the owner be allowed to create it",
            ) from None


def ensure_database(url: str, name: str) -> None:
    """Create the database ``name`` on the server of ``url`` if it is not there.

    Raises:
        PermanentError: the role may not create databases.
    """
    with connect(url) as connection:
        if connection.execute("select from pg_database where datname = %s", [name]).fetchone():
            return
        try:
            connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        except psycopg.errors.DuplicateDatabase:
            return
        except psycopg.errors.InsufficientPrivilege:
            raise PermanentError(
                f"there is no database {name!r} and the role may not create it",
                remedy=f"create it as an administrator: create database {name}",
            ) from None


def script(name: str) -> str:
    """The text of one of our SQL scripts."""
    return resources.files("orchestration").joinpath("sql", name).read_text(encoding="utf-8")


def _bi_ddl() -> str:
    return f"""
    create schema if not exists bi;
    do $$ begin
        if not exists (select from pg_roles where rolname = '{BI_READER}') then
            -- roles are the server's: another database's first night may be making it at this moment
            begin
                create role {BI_READER} nologin;
            exception when duplicate_object or unique_violation then
                null;
            end;
        end if;
        -- only where it is missing: a grant rewrites the schema's row, and a night may be publishing
        if not has_schema_privilege('{BI_READER}', 'bi', 'usage') then
            grant usage on schema bi to {BI_READER};
        end if;
    end $$;
    """
