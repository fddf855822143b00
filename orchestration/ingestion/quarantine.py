"""The rows that cannot be loaded: each into quarantine with the rule it broke, and the judgement whether there are too many.

Not here: the rules (compile.py). One row in quarantine for every rejected row, so that the counts add up.
"""

from collections.abc import Mapping

from psycopg import sql

from orchestration.business import Source
from orchestration.ingestion.compile import Mapped
from orchestration.warehouse import Connection


def quarantine(connection: Connection, mapped: Mapped, staging: Mapping[str, str]) -> None:
    """Put every rejected row into quarantine with the rule it broke; ``seen`` then knows every row and its fate."""
    rules = ", ".join(["(0, null, 'duplicate', 'The row repeats an earlier row of its file.')"] + [
        f"({r.number}, {_quoted(r.column)}, {_quoted(r.rule)}, {_quoted(r.reason)})" for r in mapped.rules
    ])  # fmt: skip
    cases = " ".join(f"when {r.number} then {r.value}" for r in mapped.rules if r.value != "null")
    value = f"(case t._rule {cases} end)::text" if cases else "null::text"
    names = ", ".join(_quoted(name) for name in staging)
    fields = ", ".join(f"s.{column}" for column in staging.values())
    connection.execute(
        f"""insert into quarantine.rejected_rows
                (load_id, entity, source, file_path, line, column_name, value, rule, reason, raw_row)
            select l.load_id, l.entity, l.source, l.file_path, t._row % 10000000000, r.column_name, {value}, r.rule,
                   replace(r.reason, '{{value}}', coalesce(quote_literal({value}), 'nothing')),
                   jsonb_object(array[{names}]::text[], array[{fields}]::text[])
            from typed t
            join incoming s using (_row)
            join (values {rules}) as r (number, column_name, rule, reason) on r.number = t._rule
            join ops.loads l on l.load_id = t._row / 10000000000
            where t._rule is not null;
            insert into quarantine.rejected_rows
                (load_id, entity, source, file_path, line, rule, reason, raw_row)
            select l.load_id, l.entity, l.source, l.file_path, u._row % 10000000000, u.rule, u.reason,
                   jsonb_build_object('line', u.line_text)
            from unreadable u join ops.loads l on l.load_id = u._row / 10000000000;
            create temporary view seen as
            select _row / 10000000000 as load_id, _rule is not null as is_rejected from typed
            union all
            select _row / 10000000000, true from unreadable"""
    )


def too_many_rejected(connection: Connection, source: Source) -> str | None:
    """A sentence if more rows were rejected than the source allows, naming the rules that rejected most."""
    row = connection.execute("select count(*), count(*) filter (where is_rejected) from seen").fetchone()
    read, rejected = row if row else (0, 0)
    if rejected <= read * source.max_rejected_pct / 100:
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
