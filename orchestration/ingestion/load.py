"""Loading one source: its pending files into ``raw``, its bad rows into ``quarantine``, all of it in one transaction.

Not here: reading files (readers.py) and compiling the mapping (compile.py). Works on sets of rows in the database; no
row passes through Python on the plain path.
"""

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from orchestration import failpoints
from orchestration.business import Business
from orchestration.errors import ContractError, SourceError
from orchestration.ingestion import history, merge
from orchestration.ingestion.compile import check_columns, compile_source
from orchestration.ingestion.entity import Entity
from orchestration.ingestion.files import SourceFile, check_unchanged, find_files, pending_files
from orchestration.ingestion.quarantine import quarantine, too_many_rejected
from orchestration.ingestion.readers.opening import decimal_marks, open_reader
from orchestration.ingestion.readers.records import Reader
from orchestration.ingestion.staging import Progress, drop_incoming, make_typed, stage
from orchestration.sources import Source
from orchestration.warehouse import Connection, writing

SETTLED_NS = 30 * 10**9  # a file that changed less than 30 s ago may still be being written


@dataclass(frozen=True)
class LoadReport:
    """What one source brought tonight, in rows; read = inserted + replaced + duplicate + rejected."""

    source: str
    files: int = 0
    rows_read: int = 0
    rows_inserted: int = 0
    rows_replaced: int = 0
    rows_duplicate: int = 0
    rows_rejected: int = 0
    days_touched: int = 0

    @property
    def rows_written(self) -> int:
        """Rows that ``raw`` gained or had replaced."""
        return self.rows_inserted + self.rows_replaced

    def __str__(self) -> str:
        """The report as a line of progress."""
        if not self.files:
            return f"{self.source}: nothing new"
        noun = "file" if self.files == 1 else "files"
        return (
            f"{self.source}: {self.rows_read:,} rows read from {self.files} {noun}: {self.rows_inserted:,} new, "
            f"{self.rows_replaced:,} replaced, {self.rows_duplicate:,} duplicates, {self.rows_rejected:,} rejected"
        )


def mapping_hash(source: Source, business: Business) -> str:
    """What decides how a source's rows look; another one means that its files are read anew."""
    mapping = source.model_dump_json(exclude={"max_rejected_pct", "files"})
    return hashlib.sha256((mapping + business.profile.time_zone).encode()).hexdigest()


def waiting_files(connection: Connection, business: Business, data_folder: Path) -> list[SourceFile]:
    """The files of all sources that no night has taken in yet and that nobody has written to for a while."""
    waiting = []
    for source in business.sources:
        files = [f for f in find_files(data_folder, source) if time.time_ns() - f.mtime_ns > SETTLED_NS]
        waiting += pending_files(connection, files, source, mapping_hash(source, business))
    return waiting


def load_source(
    connection: Connection,
    business: Business,
    source: Source,
    data_folder: Path,
    *,
    token: int,
    on_progress: Progress = lambda done, total: None,
) -> LoadReport:
    """Take in every pending file of ``source``; all of them or, when something is wrong, none.

    Args:
        connection: a connection in autocommit mode that carries the lease's token.
        business: the business the source belongs to.
        source: what to load.
        data_folder: where the source's glob starts.
        token: the night's fencing token.
        on_progress: called with the number of files staged and their total.

    Raises:
        SourceError: a file cannot be read, lacks a column, or more rows were rejected than the source allows. ``raw``
            stands as it stood; the rejected rows are in quarantine and the load in ``ops.loads`` as ``stopped``.
        ConfigurationError: an expression of the mapping uses a column that the files lack, or PostgreSQL refuses it.
        LeaseLostError: a newer night is at work.
    """
    mapping_sha256 = mapping_hash(source, business)
    files = find_files(data_folder, source)
    pending = pending_files(connection, files, source, mapping_sha256)
    load = _Load(connection, business, source, token, mapping_sha256)
    try:
        load.old_contents = _contents_of_old_mapping(connection, source, mapping_sha256, files, pending)
        if not pending:
            return LoadReport(source=source.name)
        _check_not_renamed(connection, business, source, pending)
        readers = [open_reader(file.path, source, decimal_marks(source)) for file in pending]
        headers = [reader.header() for reader in readers]
        for file, header in zip(pending, headers, strict=True):
            check_columns(source, header, file.relative_path)
        with writing(connection):
            report, too_many = load.run(pending, readers, headers, on_progress)
            drop_incoming(connection)
    except SourceError as error:
        load.record_stop(pending, str(error))
        raise
    except OSError as error:
        gone = SourceError(f"{error.filename}: cannot be read: {error.strerror}", remedy="was it moved meanwhile?")
        load.record_stop(pending, str(gone))
        raise gone from None
    if too_many:
        raise SourceError(too_many, remedy=f"look at quarantine.rejected_rows where source = '{source.name}'")
    return report


def _check_not_renamed(
    connection: Connection, business: Business, source: Source, pending: Sequence[SourceFile]
) -> None:
    """Raise SourceError if a file was loaded by a source that is no longer there: its rows would stand twice."""
    names = [own.name for own in business.sources]
    row = connection.execute(
        """select source, file_path from ops.loads
           where entity = %s and status = 'loaded' and source <> all(%s) and file_sha256 = any(%s) limit 1""",
        [source.entity, names, [file.sha256 for file in pending]],
    ).fetchone()
    if row:
        raise SourceError(
            f"{row[1]} was loaded by the source {row[0]!r}, which sources.yaml no longer has",
            remedy=f"a source keeps its name: call {source.name!r} {row[0]!r} again",
        )


def _contents_of_old_mapping(
    connection: Connection,
    source: Source,
    mapping_sha256: str,
    files: Sequence[SourceFile],
    pending: Sequence[SourceFile],
) -> set[str]:
    """Hashes of the files that were loaded under another mapping: their rows are taken in again under this one.

    Raises:
        SourceError: some of those files are gone: their rows would be lost.
    """
    rows = connection.execute(
        "select file_path, file_sha256 from ops.loads where source = %s and status = 'loaded' and mapping_sha256 <> %s",
        [source.name, mapping_sha256],
    ).fetchall()
    paths, contents = {file.relative_path for file in files}, {file.sha256 for file in pending}
    gone = {path for path, sha256 in rows if path not in paths and sha256 not in contents}
    if gone:
        raise SourceError(
            f"the mapping of {source.name} changed, but {len(gone)} of the files it was loaded from are gone, "
            f"{min(gone)} first",
            remedy="put them back so that they can be read anew, or take the change of the mapping back",
        )
    return {sha256 for _, sha256 in rows}


@dataclass
class _Load:
    """The steps of one load and its lines in the ledger."""

    connection: Connection
    business: Business
    source: Source
    token: int
    mapping_sha256: str
    old_contents: set[str] = field(default_factory=set)

    def run(
        self,
        files: Sequence[SourceFile],
        readers: Sequence[Reader],
        headers: Sequence[list[str]],
        on_progress: Progress,
    ) -> tuple[LoadReport, str | None]:
        """All steps; the second value says why the load was stopped, if it was."""
        load_ids = self._open_loads(files)
        staging = stage(self.connection, readers, headers, load_ids, on_progress)
        check_unchanged(files)
        failpoints.reach("load.staged")
        mapped = compile_source(self.source, staging=staging, business_zone=self.business.profile.time_zone)
        make_typed(self.connection, mapped)
        if self.source.duplicates == "reject":
            merge.reject_repeats(self.connection, mapped.entity)
        quarantine(self.connection, mapped, staging)
        too_many = too_many_rejected(self.connection, self.source)
        if too_many:
            self._stop(load_ids, too_many)
            return LoadReport(source=self.source.name), too_many
        if self.old_contents:
            self._note_overwritten(mapped.entity, files)
            self._forget_the_source(mapped.entity)
        self._supersede([file.sha256 for file in files])
        n_inserted = merge.write(self.connection, mapped.entity, self.source.name, self.token)
        history.record(
            self.connection,
            mapped.entity,
            self.source.name,
            attributes=self.source.columns,
            business_zone=self.business.profile.time_zone,
            is_anew=bool(self.old_contents),
        )
        failpoints.reach("load.merged")
        if self.old_contents:
            self._check_nothing_lost(mapped.entity)
        return self._close_loads(load_ids, n_inserted), None

    # the ledger -----------------------------------------------------------------------------------------------------

    def _open_loads(
        self, files: Sequence[SourceFile], status: str = "loading", message: str | None = None
    ) -> list[int]:
        """A line in the ledger for each file, in their order; returns the load ids."""
        # a file that was refused before is tried anew: its old refusal and its rejected rows give way
        self.connection.execute(
            """with refused as (
                   delete from ops.loads
                   where source = %s and status = 'stopped' and (file_sha256 = any(%s) or file_path = any(%s))
                   returning load_id)
               delete from quarantine.rejected_rows where load_id in (select load_id from refused)""",
            [self.source.name, [f.sha256 for f in files], [f.relative_path for f in files]],
        )
        rows = self.connection.execute(
            """insert into ops.loads (token, entity, source, mapping_sha256, status, message,
                                      file_path, file_sha256, file_bytes, file_mtime_ns)
               select %s, %s, %s, %s, %s, %s, path, sha256, bytes, mtime_ns
               from unnest(%s::text[], %s::text[], %s::bigint[], %s::bigint[]) with ordinality
                   as f (path, sha256, bytes, mtime_ns, place)
               order by place returning load_id""",
            [
                self.token, self.source.entity, self.source.name, self.mapping_sha256, status, message,
                [f.relative_path for f in files], [f.sha256 for f in files], [f.size_bytes for f in files],
                [f.mtime_ns for f in files],
            ],
        ).fetchall()  # fmt: skip
        return [int(row[0]) for row in rows]

    def record_stop(self, files: Sequence[SourceFile], message: str) -> None:
        """Say in the ledger that ``files`` were refused and nothing of them was loaded."""
        with writing(self.connection):
            self._open_loads(files, status="stopped", message=message)

    def _forget_the_source(self, entity: Entity) -> None:
        """Take back all rows of the source, read anew under the changed mapping; their days are re-opened."""
        self._supersede(list(self.old_contents))
        merge.delete_source(self.connection, entity, self.source.name, self.token)
        history.forget(self.connection, entity, self.source.name, attributes=self.source.columns)

    def _supersede(self, contents: Sequence[str]) -> None:
        """Older loads of the same contents give way, with what they rejected."""
        self.connection.execute(
            """with older as (
                   update ops.loads set status = 'superseded'
                   where source = %s and status = 'loaded' and file_sha256 = any(%s) returning load_id)
               delete from quarantine.rejected_rows where load_id in (select load_id from older)""",
            [self.source.name, list(contents)],
        )

    def _note_overwritten(self, entity: Entity, files: Sequence[SourceFile]) -> None:
        """Table ``at_risk``: the keys of rows from contents that none of tonight's files has any more."""
        key = ", ".join(f"r.{k}" for k in entity.key)
        self.connection.execute(
            f"""create temporary table at_risk on commit drop as
                select {key} from {entity.table} r join ops.loads l on l.load_id = r._load_id
                where r._source = %s and l.file_sha256 <> all(%s)""",
            [self.source.name, [file.sha256 for file in files]],
        )

    def _check_nothing_lost(self, entity: Entity) -> None:
        """Under a changed mapping: what an overwritten content once brought must have come again tonight."""
        row = self.connection.execute(
            f"select count(*) from at_risk t left join {entity.table} r on {entity.same_key('t', 'r')} "
            "where r._load_id is null"
        ).fetchone()
        if row and row[0]:
            raise SourceError(
                f"the mapping of {self.source.name} changed, and {row[0]} of its rows are in no file any more: they "
                "were loaded from contents that have been overwritten since",
                remedy="put those files back under other names, or take the change of the mapping back",
            )

    def _stop(self, load_ids: Sequence[int], message: str) -> None:
        self.connection.execute(
            """update ops.loads l
               set status = 'stopped', message = %s, rows_read = n.rows_read, rows_rejected = n.rows_rejected
               from tally n where n.load_id = l.load_id""",
            [message],
        )
        self.connection.execute(
            "update ops.loads set status = 'stopped', message = %s where load_id = any(%s)",
            [message, list(load_ids)],
        )

    def _close_loads(self, load_ids: Sequence[int], n_inserted: int) -> LoadReport:
        """Write the counts per file, and check that every row read is accounted for."""
        self.connection.execute(
            """update ops.loads l set status = 'loaded', loaded_at = clock_timestamp(), rows_read = n.rows_read,
                   rows_rejected = n.rows_rejected, rows_replaced = coalesce(o.replaced, 0),
                   rows_duplicate = coalesce(o.duplicate, 0),
                   rows_inserted = n.rows_read - n.rows_rejected - coalesce(o.replaced, 0) - coalesce(o.duplicate, 0)
               from tally n
               left join (select _row / 10000000000 as load_id,
                                 count(*) filter (where outcome = 'replaced') as replaced,
                                 count(*) filter (where outcome = 'duplicate') as duplicate
                          from judged group by 1) o using (load_id)
               where l.load_id = n.load_id""",
        )
        # a file with nothing but its header is in no tally
        self.connection.execute("update ops.loads set status = 'loaded' where load_id = any(%s)", [list(load_ids)])
        row = self.connection.execute(
            """select count(*), sum(rows_read), sum(rows_inserted), sum(rows_replaced), sum(rows_duplicate),
                      sum(rows_rejected),
                      (select count(*) from touched),
                      (select count(*) from quarantine.rejected_rows where load_id = any(%(ids)s))
               from ops.loads where load_id = any(%(ids)s)""",
            {"ids": list(load_ids)},
        ).fetchone()
        assert row is not None
        *counts, n_quarantined = (int(n) for n in row)
        report = LoadReport(self.source.name, *counts)
        if (report.rows_rejected, report.rows_inserted) != (n_quarantined, n_inserted):
            raise ContractError(
                f"{self.source.name}: {report.rows_rejected} rows rejected and {n_quarantined} in quarantine, "
                f"{report.rows_inserted} rows new and {n_inserted} inserted"
            )
        return report
