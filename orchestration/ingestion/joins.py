"""Joined files: columns that a source looks up by key in other files, as an order's lines do in the orders' headers.

Not here: the source's own files (staging.py), and what the mapping makes of the columns (compile.py). Joined columns
are widened into ``incoming``, so that everything after this sees one table of texts.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from orchestration.errors import SourceError
from orchestration.ingestion.files import FoundFile, SourceFile
from orchestration.ingestion.intake import Intake
from orchestration.ingestion.ledger import Ledger
from orchestration.ingestion.names import found_column, names_read
from orchestration.ingestion.origins.extracts import SHAPE as EXTRACT
from orchestration.ingestion.quarantine import quarantine_unreadable
from orchestration.ingestion.readers.opening import decimal_marks, open_reader
from orchestration.ingestion.readers.records import ROWS_PER_LOAD
from orchestration.ingestion.staging import Opened, Progress, make_incoming, prepare, stage_rows
from orchestration.ingestion.values import TRIMMED
from orchestration.shapes import Join
from orchestration.sources import Source
from orchestration.warehouse import Connection
from orchestration.yaml_files import nearest

# What a mapping may read of the file itself, with its column of ``incoming``.
FILE_COLUMNS = {"file.name": "file_name", "file.modified": "file_modified"}


@dataclass(frozen=True)
class Joined:
    """One join of a source, the files it reads, and which of them are new or changed."""

    join: Join
    source: Source  # the join as if it were a source of its own: named ``lines.header``
    files: tuple[FoundFile, ...]
    news: tuple[SourceFile, ...]
    is_changed: bool  # a file that was read before has other contents now


def find_joined(intake: Intake, source: Source, mapping_sha256: str) -> list[Joined]:
    """The joined files of ``source``, and what of them is news.

    Raises:
        SourceError: a join finds no file at all: every row would be without a match.
    """
    found = []
    for one in list_joined(intake, source):
        own = one.source
        news = intake.pending(one.files, own, mapping_sha256)
        known = {
            path
            for (path,) in intake.connection.execute(
                "select file_path from ops.loads where source = %s and status = 'loaded'", [own.name]
            )
        }
        found.append(replace(one, news=tuple(news), is_changed=any(file.relative_path in known for file in news)))
    return found


def list_joined(intake: Intake, source: Source) -> list[Joined]:
    """The joined files of ``source``, whatever of them is news.

    Raises:
        SourceError: a join finds no file at all: every row would be without a match.
    """
    found = []
    for join in source.joins:
        own = source.model_copy(
            update={"name": f"{source.name}.{join.name}", "joins": (), "database": None}
            | {key: getattr(join, key) for key in type(join).model_fields if key in ("files", "store", "format")}
        )
        files = intake.find(own)
        if not files:
            raise SourceError(
                f"{own.name}: no file matches {join.files!r}, and {source.name} looks its columns up there",
                remedy="correct joins in sources.yaml, or bring the files",
            )
        found.append(Joined(join, own, tuple(files), (), is_changed=False))
    return found


def reopen(connection: Connection, source: Source, joined: Sequence[Joined]) -> None:
    """Let the files of ``source`` be read again where joined files bring something new for their rows.

    A changed file concerns every row; a new one those that found no match before, but a database is read from where
    the last night left off, or as a whole.
    """
    if any(one.is_changed for one in joined) or (source.database and any(one.news for one in joined)):
        connection.execute(
            "update ops.loads set mapping_sha256 = 'joined files changed' where source = %s and status = 'loaded'",
            [source.name],
        )
    elif any(one.news for one in joined):
        connection.execute(
            """update ops.loads l set status = 'superseded', message = 'read again: joined files came'
               where source = %s and status = 'loaded'
                 and exists (select from quarantine.rejected_rows q
                             where q.load_id = l.load_id and q.rule = 'no_match')""",
            [source.name],
        )


def awaits(connection: Connection, source: Source) -> bool:
    """Whether rows of ``source`` are in quarantine because they found no match."""
    row = connection.execute(
        "select exists (select from quarantine.rejected_rows where source = %s and rule = 'no_match')", [source.name]
    ).fetchone()
    return bool(row and row[0])


def open_file(file: SourceFile, source: Source) -> Opened:
    """A file of the source itself, opened. Raises SourceError if it cannot be read."""
    shape = EXTRACT if source.database else source
    reader = open_reader(file.path, shape, decimal_marks(source))
    return Opened(file, reader, reader.header())


def open_joined(intake: Intake, source: Source, joined: Sequence[Joined]) -> list[list[Opened]]:
    """The readers and headers of the joined files, a list per join.

    Raises:
        SourceError: a file cannot be read, or lacks the column it is joined on.
    """
    return [[_open(source, one.join, file) for file in intake.unfolded(one.files, one.source)] for one in joined]


def _open(source: Source, join: Join, file: SourceFile) -> Opened:
    prefix = f"{join.name}."
    marks = {name.removeprefix(prefix): m for name, m in decimal_marks(source).items() if name.startswith(prefix)}
    reader = open_reader(file.path, join, marks)
    header = reader.header()
    for name in join.on.values():
        if name not in header:
            raise SourceError(
                f"{file.relative_path}: there is no column {name!r}, on which {source.name} joins "
                f"{join.name}{nearest(name, header)}",
                remedy="correct joins in sources.yaml, or the export",
            )
    return Opened(file, reader, header)


def header_names(joined: Sequence[Joined], opened: Sequence[Sequence[Opened]]) -> list[str]:
    """The names under which the mapping may read joined columns, and the file itself."""
    names: dict[str, None] = dict.fromkeys(FILE_COLUMNS)
    for one, files in zip(joined, opened, strict=True):
        names |= dict.fromkeys(f"{one.join.name}.{name}" for file in files for name in file.header)
    return list(names)


def stage_joined(
    connection: Connection, joined: Sequence[Joined], opened: Sequence[Sequence[Opened]], ledgers: Sequence[Ledger]
) -> dict[str, str]:
    """COPY the joined files into tables ``joined_0``, ``joined_1``, …, to be called before the own files are staged.

    Args:
        connection: with the load's transaction open.
        joined: the joins.
        opened: their files, opened.
        ledgers: a ledger for each join, or none where nothing is to be recorded.

    Returns:
        For each name as the mapping calls it (``header.OrderDate``) its column of its table.
    """
    staging: dict[str, str] = {}
    for k, (one, files) in enumerate(zip(joined, opened, strict=True)):
        load_ids = _opened_loads(files, ledgers[k]) if ledgers else list(range(1, len(files) + 1))
        columns = make_incoming(connection, [name for file in files for name in file.header])
        stage_rows(connection, files, load_ids, columns)
        if ledgers:
            quarantine_unreadable(connection)
            ledgers[k].close_joined(load_ids)
        _check_unique(connection, one, columns)
        connection.execute(f"truncate unreadable; alter table incoming rename to joined_{k}")
        staging |= {f"{one.join.name}.{name}": f"joined_{k}.{column}" for name, column in columns.items()}
    return staging


def stage_source(  # noqa: PLR0913 (what a load has; a check has no ledgers)
    connection: Connection,
    source: Source,
    own: Sequence[Opened],
    *,
    load_ids: Sequence[int],
    joined: Sequence[Joined] = (),
    opened: Sequence[Sequence[Opened]] = (),
    ledgers: Sequence[Ledger] = (),
    on_progress: Progress = lambda done, total: None,
) -> dict[str, str]:
    """COPY the own files of ``source`` into ``incoming`` and widen it by what the mapping reads of the joined ones.

    Args:
        connection: with the load's transaction open.
        source: the source.
        own: its files of tonight, opened.
        load_ids: the number of each, by which its rows are known.
        joined: its joins.
        opened: their files, opened.
        ledgers: a ledger for each join; none in a check, which records nothing.
        on_progress: called with the number of own files staged and their total.

    Returns:
        The column of ``incoming`` of each name that the mapping may read.
    """
    prepare(connection)
    places = stage_joined(connection, joined, opened, ledgers)
    staging = make_incoming(connection, [name for one in own for name in one.header])
    stage_rows(connection, own, load_ids, staging, on_progress)
    staging |= _widen_by_file(connection, own, load_ids, names_read(source))
    return widen(connection, joined, staging, places, names_read(source)) if joined else staging


def _widen_by_file(
    connection: Connection, own: Sequence[Opened], load_ids: Sequence[int], reads: Collection[str]
) -> dict[str, str]:
    """Widen ``incoming`` by the name and the day of the file where the mapping reads them: many exports say no more."""
    if not set(FILE_COLUMNS) & set(reads):
        return {}
    connection.execute(
        """create unlogged table wider as
           select i.*, f.name as file_name, f.modified as file_modified
           from incoming i join unnest(%s::bigint[], %s::text[], %s::text[]) as f (load_id, name, modified)
             on f.load_id = i._row / 10000000000""",
        [list(load_ids), [one.file.relative_path for one in own], [_day(one.file) for one in own]],
    )
    connection.execute("drop table incoming")
    connection.execute("alter table wider rename to incoming")
    return dict(FILE_COLUMNS)


def _day(file: SourceFile) -> str:
    """The day on which the file was last written, in UTC."""
    return datetime.fromtimestamp(file.mtime_ns / 1e9, tz=UTC).date().isoformat()


def _key(one: Joined, columns: Mapping[str, str], alias: str) -> str:
    """SQL of the key in the joined files: trimmed, for the mapping trims too."""
    return ", ".join(f"btrim({alias}.{columns[name]}, {TRIMMED})" for name in one.join.on.values())


def _check_unique(connection: Connection, one: Joined, columns: Mapping[str, str]) -> None:
    """Raise SourceError if a file has two different rows for one key: which of them is meant, nobody could say."""
    key, whole = _key(one, columns, "i"), ", ".join(f"i.{column}" for column in columns.values())
    row = connection.execute(
        f"""select min(i._row) / {ROWS_PER_LOAD}, min(i._row) % {ROWS_PER_LOAD}, max(i._row) % {ROWS_PER_LOAD},
                   (array_agg(concat_ws(', ', {key})))[1]
            from incoming i where num_nulls({key}) = 0
            group by i._row / {ROWS_PER_LOAD}, {key} having count(*) > 1 and count(distinct row({whole})) > 1 limit 1"""
    ).fetchone()
    if row:
        on = ", ".join(one.join.on.values())
        raise SourceError(
            f"{one.source.name}: lines {row[1]} and {row[2]} of one file have the same {on} {row[3]!r}, "
            "but are not the same: a join needs one row for each key",
            remedy="correct joins.on in sources.yaml, or the export",
        )


def widen(
    connection: Connection,
    joined: Sequence[Joined],
    staging: Mapping[str, str],
    places: Mapping[str, str],
    reads: Collection[str],
) -> dict[str, str]:
    """Widen ``incoming`` by the joined columns that the mapping reads; of several files, the later one's row counts.

    Args:
        connection: with the joined files staged, and the own ones in ``incoming``.
        joined: the joins.
        staging: the column of ``incoming`` of each own name.
        places: the table and column of each joined name, from ``stage_joined``.
        reads: the names that the mapping reads.

    Returns:
        The column of ``incoming`` of each name.
    """
    own = dict(staging)
    for k, one in enumerate(joined):
        prefix = f"{one.join.name}."
        columns = {n.removeprefix(prefix): c.partition(".")[2] for n, c in places.items() if n.startswith(prefix)}
        taken = {f"{prefix}{name}": f"j{k}_{c}" for name, c in columns.items() if f"{prefix}{name}" in reads}
        values = "".join(f", j.{columns[n.removeprefix(prefix)]} as {c}" for n, c in taken.items())
        mine = ", ".join(f"btrim(i.{own[name]}, {TRIMMED})" for name in one.join.on)
        key = _key(one, columns, "j")
        connection.execute(
            f"""create unlogged table wider as
                select i.*{values}, case when j._row is not null then 'found' end as {found_column(k)}
                from incoming i left join (
                    select distinct on ({key}) j.* from joined_{k} j order by {key}, j._row desc) j
                on ({key}) = ({mine});
                drop table incoming; alter table wider rename to incoming; analyze incoming (_row)"""
        )
        own |= taken
    return own


def _opened_loads(opened: Sequence[Opened], ledger: Ledger) -> list[int]:
    files = [one.file for one in opened]
    ledger.supersede([file.sha256 for file in files])
    return ledger.open(files, is_joined=True)
