"""A source's own files into ``incoming``, widened by what its mapping looks up in joined files or reads of the file.

Not here: which files those are (joins.py), and reading a format (readers/). After this everything sees one table of
texts.
"""

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal

from orchestration.errors import SourceError
from orchestration.ingestion.files import day_written
from orchestration.ingestion.joins import Joined
from orchestration.ingestion.ledger import Ledger
from orchestration.ingestion.names import FILE_COLUMNS, found_column, names_read
from orchestration.ingestion.quarantine import quarantine_unreadable
from orchestration.ingestion.readers.records import ROWS_PER_LOAD
from orchestration.ingestion.staging import Opened, Progress, make_incoming, prepare, stage_rows
from orchestration.ingestion.values import TRIMMED
from orchestration.sources import Source
from orchestration.warehouse import Connection


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
        load_ids = ledgers[k].open_joined([f.file for f in files]) if ledgers else list(range(1, len(files) + 1))
        columns = make_incoming(connection, [name for file in files for name in file.header])
        stage_rows(connection, files, load_ids, columns)
        named = dict(zip(load_ids, (file.file.relative_path for file in files), strict=True))
        _check_readable(connection, one, named)
        _check_unique(connection, one, columns, named)
        if ledgers:
            quarantine_unreadable(connection)
            ledgers[k].close_joined(load_ids)
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
        [list(load_ids), [one.file.relative_path for one in own], [day_written(one.file.mtime_ns) for one in own]],
    )
    connection.execute("drop table incoming")
    connection.execute("alter table wider rename to incoming")
    return dict(FILE_COLUMNS)


def _key(one: Joined, columns: Mapping[str, str], alias: str) -> str:
    """SQL of the key in the joined files: trimmed, for the mapping trims too."""
    return ", ".join(f"btrim({alias}.{columns[name]}, {TRIMMED})" for name in one.join.on.values())


def _check_readable(connection: Connection, one: Joined, named: Mapping[int, str]) -> None:
    """Raise SourceError if more lines of a joined file are no rows than the source allows to be rejected."""
    row = connection.execute(
        f"""select id, n_bad, n_bad + (select count(*) from incoming where _row / {ROWS_PER_LOAD} = id), first
            from (select _row / {ROWS_PER_LOAD} as id, count(*) as n_bad,
                         (array_agg('line ' || _row % {ROWS_PER_LOAD} || ': ' || reason order by _row))[1] as first
                  from unreadable group by 1) u
            order by n_bad desc limit 1"""
    ).fetchone()
    if row and row[1] * 100 > row[2] * Decimal(str(one.source.max_rejected_pct)):
        raise SourceError(
            f"{named[row[0]]}: {row[1]} of {row[2]} lines are no rows, more than the {one.source.max_rejected_pct:g} % "
            f"that {one.source.name} allows; the first, {row[3]}",
            remedy="correct the export, or set max_rejected_pct in sources.yaml",
        )


def _check_unique(connection: Connection, one: Joined, columns: Mapping[str, str], named: Mapping[int, str]) -> None:
    """Raise SourceError if a file has two different rows for one key: which of them is meant, nobody could say."""
    key, whole = _key(one, columns, "i"), ", ".join(f"btrim(i.{c}, {TRIMMED})" for c in columns.values())
    row = connection.execute(
        f"""select min(i._row) / {ROWS_PER_LOAD}, min(i._row) % {ROWS_PER_LOAD}, max(i._row) % {ROWS_PER_LOAD},
                   (array_agg(concat_ws(', ', {key})))[1]
            from incoming i where num_nulls({key}) = 0
            group by i._row / {ROWS_PER_LOAD}, {key} having count(*) > 1 and count(distinct row({whole})) > 1 limit 1"""
    ).fetchone()
    if row:
        on = ", ".join(one.join.on.values())
        raise SourceError(
            f"{named[row[0]]}: lines {row[1]} and {row[2]} have the same {on} {row[3]!r}, but are not the same: "
            f"{one.source.name} needs one row for each key",
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
