"""From ``typed`` into ``raw``: the new is inserted, the changed replaces, the same is skipped; all of it is counted.

Not here: how ``typed`` came about (staging.py). Files count as if they had been loaded one after the other, so that two
files in one night that contradict each other end as they would in two nights: the later one wins.
"""

from collections.abc import Mapping, Sequence

import psycopg

from orchestration.ingestion.entity import Entity
from orchestration.warehouse import Connection

_LINEAGE = "%(source)s, t._row / 10000000000, t._row %% 10000000000"


def reject_repeats(connection: Connection, entity: Entity) -> None:
    """Reject (rule 0) every good row that is identical to the one with its business key before it in its file.

    Only in its file: two exports that overlap are as good in one night as they are in two.
    """
    key = entity.key_of("t")
    whole = _row_of(entity, "t")
    connection.execute(
        f"""update typed t set _rule = 0 from (
                select _row, ({whole}) is not distinct from lag({whole}) over in_file as is_same,
                       lag(_row) over in_file is null as is_first
                from typed t where _rule is null
                window in_file as (partition by _row / 10000000000, {key} order by _row)) r
            where r._row = t._row and r.is_same and not r.is_first"""
    )


def write(
    connection: Connection, entity: Entity, source: str, token: int, *, former: Mapping[int, int] | None = None
) -> int:
    """Write the last row of each business key and note the days touched; returns the number of new rows in ``raw``.

    ``former``: of a load that reads a content again, for new joined files, the load that took it in. Rows that a later
    load than that one brought stay: the content is old, only what it looks up is new.

    ``judged`` then has every good row that was not simply inserted: its key stood in ``raw``, or comes again tonight.
    """
    connection.execute("create temporary table touched (day date) on commit drop")
    n_inserted = _fill_empty(connection, entity, source)
    if n_inserted is None:
        _find_repeats(connection, entity)
        _judge(connection, entity, former or {})
        n_inserted = _merge(connection, entity, source)
    connection.execute(
        "insert into ops.touched_days (token, day) select %s, day from touched on conflict do nothing", [token]
    )
    return n_inserted


def delete_source(connection: Connection, entity: Entity, source: str, token: int) -> int:
    """Delete all rows of a source and re-open the days they stood on; returns how many there were."""
    _open_days_of(connection, entity, token, "_source = %s", source)
    return connection.execute(f"delete from {entity.table} where _source = %s", [source]).rowcount


def delete_loads(connection: Connection, entity: Entity, load_ids: Sequence[int], token: int) -> None:
    """Delete the rows that these loads brought, and re-open the days they stood on."""
    _open_days_of(connection, entity, token, "_load_id = any(%s)", list(load_ids))
    connection.execute(f"delete from {entity.table} where _load_id = any(%s)", [list(load_ids)])


def _open_days_of(connection: Connection, entity: Entity, token: int, which: str, value: object) -> None:
    """Open the days on which the rows that are about to go stood; of what revalues sales, every day there is."""
    if entity.day_column:
        days, parameters = f"{entity.day_column} from {entity.table} where {which}", [token, value]
    elif entity.revalues_sales:
        days, parameters = "order_date from raw.sales_lines", [token]
    else:
        return
    connection.execute(
        f"insert into ops.touched_days (token, day) select distinct %s::bigint, {days} on conflict do nothing",
        parameters,
    )


def _fill_empty(connection: Connection, entity: Entity, source: str) -> int | None:
    """The first load of all: nothing in ``raw`` to compare with. None if that is not so, or a key comes twice.

    An index made of all rows at once takes 0.3 s where half a million single entries take 1.2, and rows written to a
    table that is new or truncated in the same transaction need no log where ``wal_level`` is minimal (0.4 s).
    """
    row = connection.execute(f"select exists (select from {entity.table})").fetchone()
    if row is None or row[0]:
        return None
    try:
        with connection.transaction():
            connection.execute(f"truncate {entity.table}; alter table {entity.table} drop constraint {entity.name}_key")
            connection.execute(f"drop index if exists {entity.table}_day")
            n_inserted = _insert(connection, entity, source, "where t._rule is null")
            connection.execute(f"alter table {entity.table} add {entity.key_ddl}")
            if entity.day_column:
                connection.execute(entity.day_index_ddl)
            connection.execute("create temporary table judged (_row bigint, outcome text) on commit drop")
    except psycopg.errors.UniqueViolation:
        return None
    if entity.day_column:
        connection.execute(f"insert into touched select distinct {entity.day_column} from typed where _rule is null")
    return n_inserted


def _find_repeats(connection: Connection, entity: Entity) -> None:
    """Table ``repeats``: the rows whose business key comes more than once, each compared with the one before it."""
    key = entity.key_of("t")
    whole = _row_of(entity, "t")
    connection.execute(
        f"""create temporary table repeats on commit drop as
            select _row, lag(_row) over by_key is null as is_first, lead(_row) over by_key is null as is_last,
                   ({whole}) is not distinct from lag({whole}) over by_key as is_same
            from typed t
            where _rule is null
              and ({key}) in (select {key} from typed t where _rule is null group by {key} having count(*) > 1)
            window by_key as (partition by {key} order by _row)"""
    )


def _judge(connection: Connection, entity: Entity, former: Mapping[int, int]) -> None:
    """Table ``judged``: outcome, whether it is its key's last, and the day its old version stood on."""
    connection.execute(f"analyze typed (_row, _rule, {', '.join(entity.key)})")
    day = f"r.{entity.day_column}" if entity.day_column else "null::date"
    connection.execute(
        f"""create temporary table judged on commit drop as
            select t._row, coalesce(p.is_last, true) as is_last, r._load_id is not null as is_known, {day} as old_day,
                   coalesce(r._load_id > f.former, false) as is_stale,
                   case when r._load_id > f.former then 'duplicate'
                        when not p.is_first and p.is_same then 'duplicate'
                        when not p.is_first then 'replaced'
                        when r._load_id is null then 'inserted'
                        when ({_row_of(entity, "r")}) is not distinct from ({_row_of(entity, "t")}) then 'duplicate'
                        else 'replaced' end as outcome
            from typed t
            left join repeats p using (_row)
            left join {entity.table} r on {entity.same_key("r", "t")}
            left join unnest(%s::bigint[], %s::bigint[]) as f (load_id, former)
              on f.load_id = t._row / 10000000000
            where t._rule is null and (p._row is not null or r._load_id is not null)""",
        [list(former.keys()), list(former.values())],
    )
    connection.execute("analyze judged")


def _merge(connection: Connection, entity: Entity, source: str) -> int:
    """Insert the new, update the changed, and open the days of both: a row that moved opens its old day too."""
    new = "left join judged j using (_row) where t._rule is null and (j._row is null or (j.is_last and not j.is_known))"
    n_inserted = _insert(connection, entity, source, new)
    assignments = ", ".join(f"{c.name} = t.{c.name}" for c in entity.columns if c.name not in entity.key)
    connection.execute(
        f"""update {entity.table} r
            set {assignments}, (_source, _load_id, _line) = row({_LINEAGE}), _loaded_at = clock_timestamp()
            from typed t join judged j using (_row)
            where {entity.same_key("r", "t")} and j.is_last and j.is_known and not j.is_stale
              and ({_row_of(entity, "r")}) is distinct from ({_row_of(entity, "t")})""",
        {"source": source},
    )
    if entity.day_column:
        connection.execute(
            f"""insert into touched
                select t.{entity.day_column} from typed t left join judged j using (_row)
                where t._rule is null and j.outcome is distinct from 'duplicate'
                union select old_day from judged where outcome <> 'duplicate' and old_day is not null"""
        )
    return n_inserted


def _insert(connection: Connection, entity: Entity, source: str, which: str) -> int:
    columns = ", ".join(c.name for c in entity.columns)
    own = ", ".join(f"t.{c.name}" for c in entity.columns)
    return connection.execute(
        f"""insert into {entity.table} ({columns}, _source, _load_id, _line)
            select {own}, {_LINEAGE} from typed t {which}""",
        {"source": source},
    ).rowcount


def _row_of(entity: Entity, alias: str) -> str:
    return "row(" + ", ".join(f"{alias}.{c.name}" for c in entity.columns) + ")"
