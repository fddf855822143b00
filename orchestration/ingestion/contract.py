"""The source contract: every entity a business can bring, and the DDL of schemas raw and quarantine.

Not here: the entities themselves (entities/, a module per side of the business), or how a file is mapped to one
(compile.py). A new entity is a new value in one of those modules.
"""

from orchestration.ingestion.entities import customers, finance, people, planning, products, sales, supply
from orchestration.ingestion.entity import LINEAGE_DDL, Entity, literal

ENTITIES: dict[str, Entity] = {
    entity.name: entity
    for side in (sales, products, customers, supply, people, planning, finance)
    for entity in side.ENTITIES
}

CHANGES_DDL = f"""
create table if not exists raw.attribute_changes (
    entity text not null,
    entity_key text not null,
    attribute text not null,
    value_text text,
    valid_from date,
{LINEAGE_DDL},
    constraint attribute_changes_key unique nulls not distinct (entity, entity_key, attribute, valid_from)
);
comment on table raw.attribute_changes is
    'One row per entity, key, attribute and day from which a value holds; of the attributes whose history is kept.';
comment on column raw.attribute_changes.value_text is 'The value as text; null where there is none from that day on.';
comment on column raw.attribute_changes.valid_from is
    'The first day; null for a value that held since before its key was first seen.';
"""

QUARANTINE_DDL = """
create schema if not exists quarantine;
create table if not exists quarantine.rejected_rows (
    rejected_id bigint generated always as identity primary key,
    load_id bigint not null,
    entity text not null,
    source text not null,
    file_path text not null,
    line bigint not null,
    column_name text,
    value text,
    rule text not null,
    reason text not null,
    raw_row jsonb not null,
    rejected_at timestamptz not null default clock_timestamp()
);
create index if not exists rejected_rows_load on quarantine.rejected_rows (load_id);
comment on table quarantine.rejected_rows is
    'One row per source row that could not be loaded: file, line, column, value, rule broken, a sentence, and the row.';
"""


def raw_ddl() -> str:
    """The DDL of schemas raw and quarantine; idempotent.

    >>> "create table if not exists raw.sales_lines" in raw_ddl()
    True
    """
    tables = [e.ddl for e in ENTITIES.values()]
    comments = [e.comments_ddl for e in ENTITIES.values()]
    new_columns = _ddl_of_new_columns()
    return "\n".join(["create schema if not exists raw;", *tables, new_columns, *comments, CHANGES_DDL, QUARANTINE_DDL])


def _ddl_of_new_columns() -> str:
    """Adds what a warehouse lacks that was made when the contract had fewer columns; looks before it locks a table."""
    listed = ",\n".join(
        f"('{entity.table}', '{column.name}', {literal(column.later_ddl)})"
        for entity in ENTITIES.values()
        for column in entity.columns
    )
    return f"""do $$ declare missing record; begin
    for missing in
        select * from (values {listed}) as known (in_table, name, ddl)
        where not exists (select from pg_attribute where attrelid = in_table::regclass and attname = name)
    loop
        execute format('alter table %s add column %s', missing.in_table, missing.ddl);
    end loop;
end $$;"""
