"""What an attribute was before: raw.attribute_changes, one row per entity, key, attribute and first day of a value.

Not here: the rows as they stand now (merge.py), and the spans of days that follow from the changes (dbt's marts).
"""

from collections.abc import Collection

from orchestration.ingestion.entity import Entity
from orchestration.warehouse import Connection


def record(
    connection: Connection,
    entity: Entity,
    source: str,
    *,
    attributes: Collection[str],
    business_zone: str,
    is_anew: bool = False,
) -> int:
    """Note what the good rows of ``typed`` say of the entity's tracked attributes; returns the number of changes.

    A value holds from the row's own ``valid_from``. Where it gives none, from the day of the load in the business's
    time zone, and the first value that was ever seen of a key since always. What is known already adds nothing.

    Args:
        connection: a connection with the load's transaction open and its lines in the ledger still ``loading``.
        entity: what is loaded.
        source: the source's name.
        attributes: the columns that the source maps: what it does not speak of it does not change.
        business_zone: the business's time zone.
        is_anew: whether contents are read again under a changed mapping: they then count for the days on which they
            were taken in before, too.
    """
    tracked = _tracked(entity, attributes)
    if not tracked:
        return 0
    parameters = {"entity": entity.name, "source": source, "zone": business_zone, "is_anew": is_anew}
    connection.execute(_said(entity, tracked), parameters)
    return connection.execute(_CHANGES, parameters).rowcount


def forget(connection: Connection, entity: Entity, source: str, *, attributes: Collection[str]) -> int:
    """Delete what the contents said that are now read anew under a changed mapping; returns how many changes.

    What came from a content that has been overwritten since stays: nothing else remembers it. An attribute that the
    source no longer maps goes whole.
    """
    if not entity.tracked:
        return 0
    return connection.execute(
        """delete from raw.attribute_changes
           where entity = %(entity)s and _source = %(source)s
             and (attribute <> all(%(tracked)s) or _load_id in (
                 select former.load_id from ops.loads former join ops.loads tonight using (source, file_sha256)
                 where tonight.source = %(source)s and tonight.status = 'loading'))""",
        {"entity": entity.name, "source": source, "tracked": _tracked(entity, attributes)},
    ).rowcount


def _tracked(entity: Entity, attributes: Collection[str]) -> list[str]:
    return [name for name in entity.tracked if name in attributes]


def _said(entity: Entity, tracked: Collection[str]) -> str:
    """Table ``said``: what every good row says of each tracked attribute, and from which day; in their order.

    A content that is read anew says it once for each day on which it was taken in before.
    """
    (key,) = entity.key
    pairs = ", ".join(f"('{name}', t.{name}::text)" for name in tracked)
    given = "t.valid_from" if any(c.name == "valid_from" for c in entity.columns) else "null::date"
    return f"""create temporary table said on commit drop as
        select t.{key} as entity_key, a.attribute, a.value_text, {given} is not null as is_given,
               coalesce({given}, (former.loaded_at at time zone %(zone)s)::date) as day,
               former.load_id as place, tonight.load_id, t._row
        from typed t
        join ops.loads tonight on tonight.load_id = t._row / 10000000000
        join ops.loads former on former.source = tonight.source and former.file_sha256 = tonight.file_sha256
             and (former.load_id = tonight.load_id or %(is_anew)s and former.status = 'superseded'),
        lateral (values {pairs}) as a (attribute, value_text)
        where t._rule is null"""


# Of one day the last word counts. A given day is kept even where it changes nothing: a day between may still come. Any
# other is kept where it differs from the day before, and the first of all stands for the time before it, too.
_CHANGES = """
    with known as (
        select c.entity_key, c.attribute, c.value_text, c.valid_from
        from raw.attribute_changes c
        where c.entity = %(entity)s
          and (c.entity_key, c.attribute) in (select entity_key, attribute from said)
    ),
    oldest as (
        select entity_key, attribute, min(coalesce(valid_from, '-infinity')) as day from known group by 1, 2
    ),
    first_word as (
        select distinct on (entity_key, attribute) s.*
        from said s left join oldest o using (entity_key, attribute)
        where o.day is null or s.day < o.day
        order by entity_key, attribute, s.day, s.place, s._row
    ),
    spoken as (
        select entity_key, attribute, null::date as day, value_text, is_given, load_id, _row
        from first_word where not is_given
        union all
        (select distinct on (entity_key, attribute, day)
                entity_key, attribute, day, value_text, is_given, load_id, _row
         from said order by entity_key, attribute, day, place desc, _row desc)
    ),
    in_order as (
        select *, lag(value_text) over by_day as value_before
        from (select s.*, k.entity_key is not null as is_known
              from spoken s
              left join known k on k.entity_key = s.entity_key and k.attribute = s.attribute
                               and k.valid_from is not distinct from s.day
              union all
              select k.entity_key, k.attribute, k.valid_from, k.value_text, true, null, null, null
              from known k
              where not exists (select from spoken s where s.entity_key = k.entity_key and s.attribute = k.attribute
                                                       and s.day is not distinct from k.valid_from)) e
        window by_day as (partition by entity_key, attribute order by day nulls first)
    )
    insert into raw.attribute_changes (entity, entity_key, attribute, value_text, valid_from, _source, _load_id, _line)
    select %(entity)s, entity_key, attribute, value_text, day, %(source)s, load_id, _row %% 10000000000
    from in_order
    where load_id is not null and (is_given or is_known or value_text is distinct from value_before)
    on conflict on constraint attribute_changes_key
    do update set value_text = excluded.value_text, _source = excluded._source, _load_id = excluded._load_id,
                  _line = excluded._line, _loaded_at = clock_timestamp()
    where attribute_changes.value_text is distinct from excluded.value_text"""
