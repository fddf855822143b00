"""From ``typed`` into ``raw``: what is new is inserted, what changed replaces, what is the same is skipped; all counted.

Not here: how ``typed`` came about (load.py). Files count as if they had been loaded one after the other, so that two
files in one night that contradict each other end as they would in two nights: the later one wins.
"""

from orchestration.ingestion.contract import ENTITIES, Entity
from orchestration.warehouse import Connection


def find_repeats(connection: Connection, entity: Entity, *, reject: bool) -> None:
    """Find the rows whose business key comes more than once tonight, and how each compares with the one before it.

    With ``reject`` a row that is identical to the one before it gets rule 0 (duplicate) and goes to quarantine.
    """
    key = ", ".join(entity.key)
    whole = _row_of(entity, "t")
    connection.execute(
        f"""create temporary table repeats on commit drop as
            select _row, lag(_row) over by_key is null as is_first, lead(_row) over by_key is null as is_last,
                   ({whole}) is not distinct from lag({whole}) over by_key as is_same
            from typed t
            where _rule is null
              and ({key}) in (select {key} from typed where _rule is null group by {key} having count(*) > 1)
            window by_key as (partition by {key} order by _row)"""
    )
    if reject:
        connection.execute(
            "update typed t set _rule = 0 from repeats r where r._row = t._row and r.is_same and not r.is_first"
        )
        # what is rejected is no repeat; the row before it is now the last
        connection.execute("drop table repeats")
        find_repeats(connection, entity, reject=False)


def write(connection: Connection, entity: Entity, source: str, token: int) -> None:
    """Judge every good row (inserted, replaced, duplicate), write the last one of each key, note the days touched."""
    _judge(connection, entity)
    columns = ", ".join(c.name for c in entity.columns)
    own = ", ".join(f"t.{c.name}" for c in entity.columns)
    assignments = ", ".join(f"{c.name} = t.{c.name}" for c in entity.columns if c.name not in entity.key)
    same_key = " and ".join(f"r.{k} = t.{k}" for k in entity.key)
    lineage = "%(source)s, t._row / 10000000000, t._row % 10000000000"
    connection.execute(
        f"""insert into {entity.table} ({columns}, _source, _load_id, _line)
            select {own}, {lineage.replace(" % ", " %% ")} from typed t join judged j using (_row)
            where j.is_last and not j.is_known""",
        {"source": source},
    )
    connection.execute(
        f"""update {entity.table} r
            set {assignments}, _source = %(source)s, _load_id = t._row / 10000000000, _line = t._row %% 10000000000,
                _loaded_at = clock_timestamp()
            from typed t join judged j using (_row)
            where {same_key} and j.is_last and j.is_known and ({_row_of(entity, "r")}) is distinct from ({_row_of(entity, "t")})""",
        {"source": source},
    )
    _touch_days(connection, entity, token)


def delete_source(connection: Connection, entity_name: str, source: str, token: int) -> None:
    """Delete all rows of a source and re-open the days they stood on."""
    entity = ENTITIES[entity_name]
    if entity.day_column:
        connection.execute(
            f"""insert into ops.touched_days (token, day)
                select distinct %s::bigint, {entity.day_column} from {entity.table} where _source = %s on conflict do nothing""",
            [token, source],
        )
    connection.execute(f"delete from {entity.table} where _source = %s", [source])


def _judge(connection: Connection, entity: Entity) -> None:
    """Table ``judged``: every good row's outcome, whether it is its key's last, and the day its old version stood on."""
    same_key = " and ".join(f"r.{k} = t.{k}" for k in entity.key)
    day = f"r.{entity.day_column}" if entity.day_column else "null::date"
    connection.execute(
        f"""create temporary table judged on commit drop as
            select t._row, coalesce(p.is_last, true) as is_last, r._load_id is not null as is_known, {day} as old_day,
                   case when not coalesce(p.is_first, true) then case when p.is_same then 'duplicate' else 'replaced' end
                        when r._load_id is null then 'inserted'
                        when ({_row_of(entity, "r")}) is not distinct from ({_row_of(entity, "t")}) then 'duplicate'
                        else 'replaced' end as outcome
            from typed t
            left join repeats p using (_row)
            left join {entity.table} r on {same_key}
            where t._rule is null"""
    )
    connection.execute("analyze judged")


def _touch_days(connection: Connection, entity: Entity, token: int) -> None:
    """Open the sales days on which something changed: the new rows' and those the replaced rows stood on before."""
    day = entity.day_column
    changed = "join judged j using (_row) where j.outcome <> 'duplicate'"
    days = (
        f"select t.{day} from typed t {changed} union select j.old_day from typed t {changed} and j.old_day is not null"
    )
    connection.execute(
        f"create temporary table touched on commit drop as {days if day else 'select null::date as order_date where false'}"
    )
    connection.execute(
        "insert into ops.touched_days (token, day) select %s, t.* from touched t on conflict do nothing",
        [token],
    )


def _row_of(entity: Entity, alias: str) -> str:
    return "row(" + ", ".join(f"{alias}.{c.name}" for c in entity.columns) + ")"
