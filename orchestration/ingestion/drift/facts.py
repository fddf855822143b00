"""What a file looked like: the facts about its columns by which the next file of its source is known again.

Not here: comparing two files (verdicts.py), and keeping the facts (memory.py). The first lines of each file are enough.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from pydantic import TypeAdapter

from orchestration.ingestion.compile import Mapped
from orchestration.ingestion.entity import Column
from orchestration.ingestion.readers.records import ROWS_PER_LOAD
from orchestration.ingestion.staging import Opened
from orchestration.sources import ColumnMapping, Source
from orchestration.warehouse import Connection

# Of each file its first lines, and fewer where a night brings many files, so that a look at 305 days costs what a look
# at thirty does: at 500 lines each it took a tenth of their load.
MOST_LINES, FEWEST_LINES, LINES_OF_A_NIGHT = 500, 50, 15_000
_FORM_RULES = ("not_a_number", "not_a_whole_number", "not_a_date", "not_a_time", "unknown_value", "unknown_kind")


@dataclass(frozen=True)
class ColumnFacts:
    """What one mapped column held: counts over the lines looked at, and where its values lay."""

    values: int = 0
    unformed: int = 0  # texts that are no value of the column's type
    marked: int = 0  # numbers with a decimal or thousands mark in them
    triples: int = 0  # of those the ones like 1.234, which mean one thing in London and another in Berlin
    size: float | None = None  # geometric mean of what is not zero, without its sign
    first: date | None = None
    last: date | None = None
    swapped_first: date | None = None  # the same, with day and month exchanged; none if a day is later than the 12th
    swapped_last: date | None = None


@dataclass(frozen=True)
class Facts:
    """What one file looked like."""

    file: str
    header: tuple[str, ...]
    rows: int
    n_files: int = 0  # that came for the first time in the same night; 0 if nobody knows any more
    looked_at: int = 0
    off: int = 0  # lines whose stated amount is not units × price − discount
    columns: Mapping[str, ColumnFacts] = field(default_factory=dict)

    def to_json(self) -> str:
        """The facts as JSON."""
        return _ADAPTER.dump_json(self).decode()


_ADAPTER = TypeAdapter(Facts)


def from_json(text: str) -> Facts:
    """The facts that ``to_json`` wrote.

    >>> from_json(Facts("a.csv", ("a",), 1).to_json()).file
    'a.csv'
    """
    return _ADAPTER.validate_json(text)


def measure(
    connection: Connection,
    source: Source,
    mapped: Mapped,
    staging: Mapping[str, str],
    files: Mapping[int, Opened],
) -> dict[int, Facts]:
    """The facts of files of tonight, from ``typed`` and ``incoming``, by load id and in the files' order.

    Args:
        connection: with the load's transaction open, and its rows counted in ``tally``.
        source: the source.
        mapped: its compiled mapping.
        staging: the column of ``incoming`` of each header name.
        files: the files by load id.
    """
    if not files:
        return {}
    queries = {name: _column_query(source, mapped, name, staging) for name in source.columns}
    selected = [sql for parts in queries.values() for sql in parts.values()]
    first = f"_row %% {ROWS_PER_LOAD} <= {lines_of(len(files)) + 1} and _row / {ROWS_PER_LOAD} = any(%(ids)s)"
    texts = ", ".join(["_row", *staging.values()])
    swapped = "".join(
        f", {_swapped(_day(name))} as {name}_swapped"
        for name, mapping in source.columns.items()
        if _may_be_swapped(mapped.entity.column(name), mapping)
    )
    rows = connection.execute(
        f"""with t as materialized (select *{swapped} from typed where {first}),
                 s as materialized (select {texts} from incoming where {first})
            select t._row / {ROWS_PER_LOAD}, count(*), count(*) filter (where {_off(source)}), {", ".join(selected)}
            from t join s using (_row) group by 1""",
        {"ids": list(files)},
    ).fetchall()
    counted = dict(connection.execute("select load_id, rows_read from tally").fetchall())
    looked_at = {int(row[0]): row[1:] for row in rows}
    found = {}
    for load_id, opened in files.items():
        n, off, *values = looked_at.get(load_id, (0, 0, *(None for _ in selected)))
        columns = _named(queries, values) if n else {}
        n_rows = int(counted.get(load_id, 0))
        name, header = opened.file.relative_path, tuple(opened.header)
        found[load_id] = Facts(name, header, n_rows, looked_at=n, off=off, columns=columns)
    return found


def lines_of(n_files: int) -> int:
    """How many lines of each file are looked at.

    >>> [lines_of(n) for n in (1, 40, 100, 305, 1000)]
    [500, 375, 150, 50, 50]
    """
    return min(MOST_LINES, max(FEWEST_LINES, LINES_OF_A_NIGHT // n_files))


def _named(queries: Mapping[str, Mapping[str, str]], values: Sequence[Any]) -> dict[str, ColumnFacts]:
    remaining = iter(values)
    return {name: ColumnFacts(**{key: next(remaining) for key in parts}) for name, parts in queries.items()}


def _column_query(source: Source, mapped: Mapped, name: str, staging: Mapping[str, str]) -> dict[str, str]:
    """The aggregates of one column, by the name of their fact."""
    column, mapping = mapped.entity.column(name), source.columns[name]
    numbers = [str(r.number) for r in mapped.rules if r.column == name and r.rule in _FORM_RULES]
    parts = {"values": f"count(t.{name})"}
    if numbers:
        parts["unformed"] = f"count(*) filter (where t._rule in ({', '.join(numbers)}))"
    if column.type.startswith("numeric"):
        parts |= _number_query(name, mapping, staging)
    if _may_be_swapped(column, mapping):
        parts |= _date_query(name)
    return parts


def _number_query(name: str, mapping: ColumnMapping, staging: Mapping[str, str]) -> dict[str, str]:
    size = f"exp(avg(ln(abs(t.{name}::float8))) filter (where t.{name} <> 0))"
    if mapping.from_ is None:
        return {"size": size}
    whole = f"s.{staging[mapping.from_]}"
    text = f"btrim({whole})"
    return {
        "size": size,
        "marked": f"count(*) filter (where strpos({whole}, '.') + strpos({whole}, ',') > 0)",
        # few look like it at all, and a regular expression for every number would cost more than all the rest
        "triples": f"count(*) filter (where left(right({text}, 4), 1) in ('.', ',') "
        f"and {text} ~ '^[+-]?[0-9]{{1,3}}[.,][0-9]{{3}}$')",
    }


def _may_be_swapped(column: Column, mapping: ColumnMapping) -> bool:
    """Whether the column's texts could be read with day and month exchanged: in ISO form they cannot."""
    form = mapping.format or ""
    return column.type in ("date", "timestamptz") and "%d" in form and "%m" in form


def _day(name: str) -> str:
    """SQL of a column's day, over ``typed``; of an order's time it is there already, in the business's zone."""
    return "order_date" if name == "ordered_at" else f"{name}::date"


def _swapped(day: str) -> str:
    """SQL of a day with day and month exchanged; null if there is none."""
    parts = ", ".join(f"date_part('{part}', {day})::int" for part in ("year", "day", "month"))
    return f"case when date_part('day', {day}) <= 12 then make_date({parts}) end"


def _date_query(name: str) -> dict[str, str]:
    day, swapped = f"t.{_day(name)}", f"t.{name}_swapped"
    all_early = f"count({day}) = count({swapped})"
    return {
        "first": f"min({day})",
        "last": f"max({day})",
        "swapped_first": f"case when {all_early} then min({swapped}) end",
        "swapped_last": f"case when {all_early} then max({swapped}) end",
    }


def _off(source: Source) -> str:
    """SQL of a line whose stated amount is not what its parts make; only where all of them are stated."""
    if not {"line_amount", "qty_units", "unit_price"} <= source.columns.keys():
        return "false"
    return "abs(t.line_amount - (t.qty_units * t.unit_price - coalesce(t.discount_amount, 0))) > 0.01"
