"""The rows that cannot be loaded: each into quarantine with the rule it broke; and whether there are too many.

Not here: the rules (rules.py, compile.py). One row in quarantine for every rejected row, so that the counts add up.
"""

from collections.abc import Mapping
from decimal import Decimal

from psycopg import sql

from orchestration.ingestion.compile import Mapped
from orchestration.sources import Source
from orchestration.warehouse import Connection


def quarantine(connection: Connection, mapped: Mapped, staging: Mapping[str, str]) -> None:
    """Put every rejected row into quarantine with the rule it broke; ``tally`` then counts rows read and rejected."""
    rules = ", ".join(
        f"({r.number}, {_quoted(r.column)}, {_quoted(r.rule)}, {_quoted(r.reason)})" for r in mapped.rules
    )
    names = ", ".join(_quoted(name) for name in staging)
    fields = ", ".join(f"s.{column}" for column in staging.values())
    connection.execute(
        f"""create temporary table tally on commit drop as
            select load_id, sum(rows_read)::bigint as rows_read, sum(rows_rejected)::bigint as rows_rejected
            from (select _row / 10000000000 as load_id, count(*) as rows_read, count(_rule) as rows_rejected
                  from typed group by 1
                  union all
                  select _row / 10000000000, count(*), count(*) from unreadable group by 1) n
            group by load_id;
            insert into quarantine.rejected_rows
                (load_id, entity, source, file_path, line, column_name, value, rule, reason, raw_row)
            select l.load_id, l.entity, l.source, l.file_path, t._row % 10000000000, r.column_name, w.value, r.rule,
                   {sentence("r.reason", "w.value")}, jsonb_object(array[{names}]::text[], array[{fields}]::text[])
            from typed t
            join incoming s using (_row)
            join (values {rules}) as r (number, column_name, rule, reason) on r.number = t._rule
            join ops.loads l on l.load_id = t._row / 10000000000,
            lateral (select {value_at_fault(mapped)} as value) w
            where t._rule is not null
            order by t._row"""
    )
    quarantine_unreadable(connection)


def quarantine_unreadable(connection: Connection) -> None:
    """Put every line that is no row into quarantine."""
    connection.execute(
        """insert into quarantine.rejected_rows
               (load_id, entity, source, file_path, line, rule, reason, raw_row)
           select l.load_id, l.entity, l.source, l.file_path, u._row % 10000000000, u.rule, u.reason,
                  jsonb_build_object('line', u.line_text)
           from unreadable u join ops.loads l on l.load_id = u._row / 10000000000
           where l.status = 'loading'  -- joined files that are known are staged again, and nothing of them is new
           order by u._row"""
    )


def value_at_fault(mapped: Mapped) -> str:
    """SQL of the text that broke rule ``t._rule``, over ``typed t`` and ``incoming s``."""
    cases = " ".join(f"when {r.number} then {r.value}" for r in mapped.rules if r.column is not None)
    return f"case t._rule {cases} end" if cases else "null::text"


def sentence(reason: str, value: str) -> str:
    """SQL of the sentence, with the value in it; a value of kilobytes is no help to anybody."""
    shown = f"case when length({value}) > 100 then left({value}, 100) || '…' else {value} end"
    return f"replace({reason}, '{{value}}', coalesce('''' || ({shown}) || '''', 'nothing'))"


def too_many_rejected(connection: Connection, source: Source) -> str | None:
    """A sentence if more rows were rejected than the source allows, naming the rules that rejected most."""
    row = connection.execute(
        "select coalesce(sum(rows_read), 0), coalesce(sum(rows_rejected), 0) from tally"
    ).fetchone()
    read, rejected = row if row else (0, 0)
    if rejected * 100 <= read * Decimal(str(source.max_rejected_pct)):
        return None
    examples = connection.execute(
        """select q.rule, count(*),
                  (array_agg(q.file_path || ', line ' || q.line || ': ' || q.reason order by q.rejected_id))[1]
           from quarantine.rejected_rows q join ops.loads l using (load_id)
           where l.status = 'loading' group by q.rule order by count(*) desc limit 3"""
    ).fetchall()
    shown = "; ".join(f"{count} × {rule} (first: {example})" for rule, count, example in examples)
    return (
        f"{source.name}: {rejected} of {read} rows were rejected, more than the {source.max_rejected_pct:g} % "
        f"it allows; nothing of it was loaded: {shown}"
    )


def _quoted(text: str | None) -> str:
    return "null" if text is None else sql.Literal(text).as_string(None)
