"""Publishing: what dbt built in ``bi_build`` becomes ``bi`` in one transaction, or not at all.

Not here: building it (defs/dbt.py). Readers see the publication of last night until the commit, and tonight's after it;
no statement of theirs waits for it, except in the moment a change of the code replaces the whole schema.
"""

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from orchestration import failpoints
from orchestration.errors import ContractError
from orchestration.night import Night
from orchestration.warehouse import BI_READER, Connection, script, writing

BUILT = "bi_build"
LIVE = "bi"
RETIRED = "bi_retired"

_PUBLICATION_DDL = f"""
create table if not exists {LIVE}.publication (
    business text not null, currency text not null, as_of_date date not null,
    published_at timestamptz not null, night bigint not null, previous_night bigint not null);
comment on table {LIVE}.publication is 'One row: the publication that bi holds; as_of_date is the last day in it.';
comment on column {LIVE}.publication.business is 'The business''s name.';
comment on column {LIVE}.publication.currency is 'The currency of every amount in bi, as ISO 4217 writes it.';
comment on column {LIVE}.publication.as_of_date is 'The day the figures are about: the last one in them.';
comment on column {LIVE}.publication.published_at is 'When this publication became visible.';
comment on column {LIVE}.publication.previous_night is 'The night published before it: 0 for none.';
comment on column {LIVE}.publication.night is 'The night that published it: its token, higher with every night.';
"""


@dataclass(frozen=True)
class BiTable:
    """A table of ``bi``: replaced whole, or by day or month if it names the column that has them."""

    name: str
    day_column: str | None = None
    month_column: str | None = None


def bi_tables(manifest: Path) -> list[BiTable]:
    """The tables of ``bi`` as the dbt project declares them, from the manifest that dbt made of it."""
    nodes = json.loads(manifest.read_text(encoding="utf-8"))["nodes"].values()
    models = [n for n in nodes if n["resource_type"] == "model" and n["fqn"][1] == "bi"]
    return [
        BiTable(n["alias"], n["meta"].get("day_column"), n["meta"].get("month_column"))
        for n in sorted(models, key=lambda n: n["alias"])
    ]


@dataclass(frozen=True)
class Publication:
    """What was published: rows now in the tables that changed, and days."""

    rows_written: int
    days: int
    is_full: bool


def needs_full_build(connection: Connection, fingerprint: str) -> bool:
    """Whether all days must be built anew: nothing was published yet, or other code built what stands.

    Other code may have built facts that no night published: a change that was taken back after a failed night.
    """
    row = connection.execute(
        """select p.code_fingerprint = %(now)s and not exists (
               select from ops.nights n where n.token > p.token and n.built_fingerprint <> %(now)s)
           from ops.publications p order by p.token desc limit 1""",
        {"now": fingerprint},
    ).fetchone()
    return row is None or not row[0]


def publish(night: Night, tables: Sequence[BiTable], fingerprint: str) -> Publication:
    """Publish tonight's build.

    Raises:
        ContractError: this run did not build everything it would publish.
        LeaseLostError: a newer night is at work; nothing was changed.
    """
    if not night.has_run("facts", "bi"):
        raise ContractError(
            "this run has not built marts and bi, and an older build must not be published",
            remedy="run the whole nightly job",
        )
    connection = night.connection
    is_full = needs_full_build(connection, fingerprint)
    with writing(connection):
        connection.execute("set local lock_timeout = '30s'")
        row = connection.execute("select count(*) from ops.open_days").fetchone()
        days = int(row[0]) if row else 0
        rows = _swap_schema(connection, tables) if is_full else sum(_apply(connection, table) for table in tables)
        failpoints.reach("publish.applied")
        connection.execute(
            "insert into ops.publications (token, as_of_date, code_fingerprint, is_full, days_published) "
            "values (%s, %s, %s, %s, %s)",
            [night.token, night.as_of_date, fingerprint, is_full, days],
        )
        connection.execute(
            "update ops.touched_days set published_token = %s where published_token is null", [night.token]
        )
        _state_publication(connection)
        create_functions(connection)
    failpoints.reach("publish.committed")
    drop_retired(connection)
    return Publication(rows_written=rows, days=days, is_full=is_full)


def _swap_schema(connection: Connection, tables: Sequence[BiTable]) -> int:
    """Rename the build to ``bi``: names only, so no lock on a table that somebody reads."""
    _drop_strangers(connection, tables)
    connection.execute(f"drop schema if exists {RETIRED} cascade")
    connection.execute(f"alter schema {LIVE} rename to {RETIRED}")
    connection.execute(f"alter schema {BUILT} rename to {LIVE}")
    connection.execute(f"grant usage on schema {LIVE} to {BI_READER}")
    counts = (connection.execute(_count(table)).fetchone() for table in tables)
    return sum(int(row[0]) for row in counts if row)


def _drop_strangers(connection: Connection, tables: Sequence[BiTable]) -> None:
    """Drop what an earlier build left of models that are no more: dbt does not, and it would stand in bi for ever."""
    rows = connection.execute(
        "select table_name from information_schema.tables where table_schema = %s and table_name <> all(%s)",
        [BUILT, [table.name for table in tables]],
    ).fetchall()
    for row in rows:
        connection.execute(sql.SQL("drop table {} cascade").format(sql.Identifier(BUILT, row[0])))


def _count(table: BiTable) -> sql.Composed:
    return sql.SQL("select count(*) from {}").format(sql.Identifier(LIVE, table.name))


def _apply(connection: Connection, table: BiTable) -> int:
    """Take tonight's rows over into a table of ``bi``: all of them, or those of the open days."""
    columns = _columns(connection, BUILT, table.name)
    if columns != _columns(connection, LIVE, table.name):
        raise ContractError(
            f"bi.{table.name} has other columns than tonight's build of it, although the code is the same"
        )
    live, built = sql.Identifier(LIVE, table.name), sql.Identifier(BUILT, table.name)
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    connection.execute(sql.SQL("delete from {}{}").format(live, _open_part(table)))
    return connection.execute(
        sql.SQL("insert into {} ({}) select {} from {}").format(live, names, names, built)
    ).rowcount


def _open_part(table: BiTable) -> sql.Composable:
    """The condition of the rows that tonight's build replaces; none for a table that is replaced whole."""
    if table.day_column:
        return sql.SQL(" where {} in (select day from ops.open_days)").format(sql.Identifier(table.day_column))
    if table.month_column:
        return sql.SQL(" where {} in (select date_trunc('month', day)::date from ops.open_days)").format(
            sql.Identifier(table.month_column)
        )
    return sql.SQL("")


def _columns(connection: Connection, schema: str, table: str) -> list[str]:
    rows = connection.execute(
        "select column_name from information_schema.columns "
        "where table_schema = %s and table_name = %s order by ordinal_position",
        [schema, table],
    ).fetchall()
    return [row[0] for row in rows]


def _state_publication(connection: Connection) -> None:
    """One row that tells a reader which publication it reads; then all of ``bi`` is the reader's to select."""
    connection.execute(
        f"""{_PUBLICATION_DDL}
            delete from {LIVE}.publication;
            insert into {LIVE}.publication
            select b.name, b.currency, p.as_of_date, p.published_at, p.token,
                   (select coalesce(max(token), 0) from ops.publications where token < p.token)
            from ops.business b cross join (select * from ops.publications order by token desc limit 1) p;
            grant select on all tables in schema {LIVE} to {BI_READER}"""
    )


def create_functions(connection: Connection) -> None:
    """Make the functions of ``bi`` anew, in the transaction that is open: a swap leaves them behind in the old schema.

    Their bodies are read when they are called, not now: a publication of fewer tables is none the worse for them.
    """
    connection.execute("set local check_function_bodies = off")
    connection.execute(script("bi_functions.sql"))


def drop_retired(connection: Connection) -> None:
    """Drop the schema that a swap left behind; if somebody still reads it, a later night does."""
    with suppress(psycopg.Error), connection.transaction():
        connection.execute("set local lock_timeout = '2s'")
        connection.execute(f"drop schema if exists {RETIRED} cascade")
