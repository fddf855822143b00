"""Judging one file as a night would, in a transaction that is rolled back: for `daybreak check`.

Not here: anything that stays, and how it is shown (check.py).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from itertools import islice
from pathlib import Path

from psycopg import Rollback

from orchestration.business import Business
from orchestration.ingestion.compile import Mapped, compile_source
from orchestration.ingestion.files import SourceFile
from orchestration.ingestion.intake import Intake
from orchestration.ingestion.joins import Joined, check_clashes, header_names, open_file, open_joined
from orchestration.ingestion.merge import reject_repeats
from orchestration.ingestion.names import check_columns, found_column, names_read
from orchestration.ingestion.quarantine import sentence, value_at_fault
from orchestration.ingestion.readers.records import Reader, Record, Staged, stage_records
from orchestration.ingestion.staging import make_incoming, make_typed, prepare
from orchestration.ingestion.values import literal
from orchestration.ingestion.widening import stage_source
from orchestration.sources import Source
from orchestration.warehouse import Connection

SMALL_BYTES = 20_000_000  # a file up to here is judged as a whole: some 200,000 lines, in about two seconds
MOST_ROWS = 100_000  # of a larger one
MOST_EXAMPLES = 5


@dataclass(frozen=True)
class Example:
    """One rejected row: its line, the column and value at fault, and the sentence."""

    line: int
    column: str | None
    value: str | None
    reason: str


@dataclass(frozen=True)
class Rejects:
    """The rows that broke one rule in one column: how many, and the first of them."""

    rule: str
    column: str | None
    count: int
    examples: tuple[Example, ...]


@dataclass(frozen=True)
class KindTotal:
    """The good lines of one kind: how many, their units and their amount."""

    kind: str
    rows: int
    units: Decimal
    amount: Decimal


@dataclass(frozen=True)
class Judged:
    """How the rows of a file fare under the mapping."""

    read: int
    rejected: int
    is_whole: bool  # whether all of the file was read
    rejects: tuple[Rejects, ...] = ()
    unread: tuple[str, ...] = ()  # columns of the file that nothing reads
    null_share: Mapping[str, float] = field(default_factory=dict)  # of the good rows, by the entity's mapped columns
    totals: tuple[KindTotal, ...] = ()  # of sales lines
    first_day: date | None = None
    last_day: date | None = None


def judge_sample(intake: Intake, source: Source, file: SourceFile, joined: Sequence[Joined] = ()) -> Judged:
    """Read ``file``, or the beginning of a large one, under the mapping of ``source``; nothing is written.

    Raises:
        SourceError: the file cannot be read, lacks a column, or an expression fails on a value.
        ConfigurationError: an expression of the mapping is wrong.
    """
    connection = intake.connection
    own = open_file(file, source)
    bounded = _Bounded(own.reader, MOST_ROWS)
    if file.path.stat().st_size > SMALL_BYTES:
        own = replace(own, reader=bounded)
    opened = open_joined(intake, source, joined)
    looked_up = header_names(joined, opened)
    check_clashes(own, looked_up, source)
    check_columns(source, [*own.header, *looked_up], file.relative_path)
    judged = Judged(0, 0, is_whole=True)
    with connection.transaction():
        staging = stage_source(connection, source, [own], load_ids=[1], joined=joined, opened=opened)
        mapped = _typed(connection, intake.business, source, staging)
        if source.duplicates == "reject":
            reject_repeats(connection, mapped.entity)
        judged = _judged(connection, source, mapped)
        raise Rollback
    read = names_read(source)
    unread = tuple(name for name in own.header if name not in read)
    return replace(judged, is_whole=not bounded.is_cut, unread=unread)


class _Bounded:
    """The first records of a reader's file."""

    def __init__(self, reader: Reader, most: int) -> None:
        self.reader = reader
        self.path: Path = reader.path
        self.most = most
        self.is_cut = False

    def header(self) -> list[str]:
        """The reader's."""
        return self.reader.header()

    def records(self) -> Iterator[Record]:
        """The first ones."""
        records = self.reader.records()
        yield from islice(records, self.most)
        self.is_cut = next(records, None) is not None

    def stage(self, connection: Connection, columns: Sequence[str], load_id: int) -> Staged:
        """COPY them row by row."""
        return stage_records(self, connection, columns, load_id)


def check_expressions(connection: Connection, business: Business, source: Source) -> None:
    """Have PostgreSQL type the expressions of ``source`` without any file: every column is there, and no row.

    Raises:
        ConfigurationError: it refuses one: a number is compared with a text, say.
    """
    with connection.transaction():
        prepare(connection)
        staging = make_incoming(connection, sorted(names_read(source)))
        for k in range(len(source.joins)):
            connection.execute(f"alter table incoming add {found_column(k)} text")
        _typed(connection, business, source, staging)
        raise Rollback


def _typed(connection: Connection, business: Business, source: Source, staging: Mapping[str, str]) -> Mapped:
    """The temporary table ``typed`` of what is staged."""
    mapped = compile_source(source, staging=staging, business_zone=business.profile.time_zone)
    make_typed(connection, mapped)
    return mapped


def _judged(connection: Connection, source: Source, mapped: Mapped) -> Judged:
    """What ``typed`` and ``unreadable`` say."""
    names = list(source.columns)
    nulls = ", ".join(f"count(*) filter (where _rule is null and {name} is null)" for name in names)
    row = connection.execute(
        f"""select count(*), count(_rule), (select count(*) from unreadable), {nulls} from typed"""
    ).fetchone()
    assert row is not None
    n_typed, n_broken, n_unreadable, *n_null = row
    n_good = n_typed - n_broken
    judged = Judged(
        n_typed + n_unreadable,
        n_broken + n_unreadable,
        is_whole=True,
        rejects=_rejects(connection, mapped) if n_broken + n_unreadable else (),
        null_share={name: n / n_good for name, n in zip(names, n_null, strict=True)} if n_good else {},
    )
    if mapped.entity.name != "sales_lines":
        return judged
    totals = connection.execute(
        """select line_kind, count(*), sum(qty_units), sum(line_amount), min(order_date), max(order_date)
           from typed where _rule is null group by 1 order by 2 desc, 1"""
    ).fetchall()
    return replace(
        judged,
        totals=tuple(KindTotal(*total[:4]) for total in totals),
        first_day=min((total[4] for total in totals), default=None),
        last_day=max((total[5] for total in totals), default=None),
    )


def _rejects(connection: Connection, mapped: Mapped) -> tuple[Rejects, ...]:
    """The rejected rows by rule and column, the most frequent first, each with its first lines."""
    rules = ", ".join(
        f"({r.number}, {'null' if r.column is None else literal(r.column)}, {literal(r.rule)}, {literal(r.reason)})"
        for r in mapped.rules
    )
    rows = connection.execute(
        f"""with bad as (
                select t._row % 10000000000 as line, r.column_name, left(w.value, 100) as value, r.rule,
                       {sentence("r.reason", "w.value")} as reason
                from typed t
                join incoming s using (_row)
                join (values {rules}) as r (number, column_name, rule, reason) on r.number = t._rule,
                lateral (select {value_at_fault(mapped)} as value) w
                union all select _row % 10000000000, null, left(line_text, 100), rule, reason from unreadable)
            select rule, column_name, n, line, value, reason from (
                select *, count(*) over (partition by rule, column_name) as n,
                       row_number() over (partition by rule, column_name order by line) as place,
                       min(line) over (partition by rule, column_name) as first
                from bad) numbered
            where place <= {MOST_EXAMPLES} order by n desc, first, line"""
    ).fetchall()
    found: dict[tuple[str, str | None], Rejects] = {}
    for rule, column, count, line, value, reason in rows:
        group = found.setdefault((rule, column), Rejects(rule, column, count, ()))
        example = Example(line, column, value, reason)
        found[rule, column] = replace(group, examples=(*group.examples, example))
    return tuple(found.values())
