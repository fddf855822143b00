"""The ledger of loads, ops.loads: a line per file taken in or refused, and the counts of what became of its rows.

Not here: the steps of a load (load.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from orchestration.business import Business
from orchestration.errors import ContractError, SourceError
from orchestration.ingestion.files import FoundFile, SourceFile
from orchestration.ingestion.known import ever_loaded_as
from orchestration.sources import Source
from orchestration.warehouse import Connection, writing


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
    note: str | None = field(default=None, kw_only=True)
    drifts: tuple[str, ...] = field(default=(), kw_only=True)  # what is new about tonight's files

    @property
    def rows_written(self) -> int:
        """Rows that ``raw`` gained or had replaced."""
        return self.rows_inserted + self.rows_replaced

    def __str__(self) -> str:
        """The report as a line of progress."""
        note = f"; {self.note}" if self.note else ""
        if not self.files:
            return f"{self.source}: nothing new{note}"
        noun = "file" if self.files == 1 else "files"
        return (
            f"{self.source}: {self.rows_read:,} rows read from {self.files} {noun}: {self.rows_inserted:,} new, "
            f"{self.rows_replaced:,} replaced, {self.rows_duplicate:,} duplicates, {self.rows_rejected:,} rejected"
            f"{note}"
        )


@dataclass(frozen=True)
class Ledger:
    """One source's lines of one night."""

    connection: Connection
    source: Source
    token: int
    mapping_sha256: str

    def open(
        self,
        files: Sequence[SourceFile],
        status: str = "loading",
        message: str | None = None,
        *,
        is_joined: bool = False,
    ) -> list[int]:
        """A line for each file, in their order; returns the load ids."""
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
            """insert into ops.loads (token, entity, source, mapping_sha256, status, message, is_joined,
                                      file_path, file_sha256, file_bytes, file_mtime_ns, watermark, rows_sha256)
               select %s, %s, %s, %s, %s, %s, %s, path, sha256, bytes, mtime_ns, watermark, rows_sha256
               from unnest(%s::text[], %s::text[], %s::bigint[], %s::bigint[], %s::text[], %s::text[]) with ordinality
                   as f (path, sha256, bytes, mtime_ns, watermark, rows_sha256, place)
               order by place returning load_id""",
            [
                self.token, self.source.entity, self.source.name, self.mapping_sha256, status, message, is_joined,
                [f.relative_path for f in files], [f.sha256 for f in files], [f.size_bytes for f in files],
                [f.mtime_ns for f in files], [f.watermark for f in files], [f.rows_sha256 for f in files],
            ],
        ).fetchall()  # fmt: skip
        return [int(row[0]) for row in rows]

    def forget_gone(self, files: Sequence[FoundFile]) -> None:
        """Refusals of what is in none of ``files``, all that the source has, give way with what they rejected."""
        self.connection.execute(
            """with gone as (
                   delete from ops.loads
                   where source = %s and status = 'stopped'
                     and not exists (select from unnest(%s::text[]) as path
                                     where file_path = path or starts_with(file_path, path || '/'))
                   returning load_id)
               delete from quarantine.rejected_rows where load_id in (select load_id from gone)""",
            [self.source.name, [file.relative_path for file in files]],
        )

    def refuse(self, files: Sequence[SourceFile], message: str) -> None:
        """Say in the ledger that ``files`` were refused and nothing of them was loaded."""
        with writing(self.connection):
            self.open(files, status="stopped", message=message)

    def supersede(self, contents: Sequence[str]) -> None:
        """Older loads of the same contents give way, with what they rejected."""
        self.connection.execute(
            """with older as (
                   update ops.loads set status = 'superseded'
                   where source = %s and status = 'loaded' and file_sha256 = any(%s) returning load_id)
               delete from quarantine.rejected_rows where load_id in (select load_id from older)""",
            [self.source.name, list(contents)],
        )

    def stop(self, load_ids: Sequence[int], message: str) -> None:
        """Say that the loads were stopped, with how many rows they read and rejected."""
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

    def open_joined(self, files: Sequence[SourceFile]) -> list[int]:
        """The load of each joined file: of one that is known the load that took it in, of the others a new one."""
        rows = self.connection.execute(
            """select file_sha256, load_id from ops.loads
               where source = %s and status = 'loaded' and mapping_sha256 = %s""",
            [self.source.name, self.mapping_sha256],
        ).fetchall()
        known = dict(rows)
        new = [file for file in files if file.sha256 not in known]
        self.supersede([file.sha256 for file in new])
        known |= dict(zip((file.sha256 for file in new), self.open(new, is_joined=True), strict=True))
        return [known[file.sha256] for file in files]

    def close_joined(self, load_ids: Sequence[int]) -> None:
        """Say that joined files were read, with their counts; ``incoming`` and ``unreadable`` have only their rows."""
        self.connection.execute(
            """update ops.loads l
               set status = 'loaded', rows_read = r.rows_read + u.rows_rejected, rows_rejected = u.rows_rejected
               from unnest(%s::bigint[]) as id,
                    lateral (select count(*) as rows_read from incoming where _row / 10000000000 = id) r,
                    lateral (select count(*) as rows_rejected from unreadable where _row / 10000000000 = id) u
               where l.load_id = id and l.status = 'loading'""",
            [list(load_ids)],
        )

    def close(self, load_ids: Sequence[int], n_inserted: int) -> LoadReport:
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


def check_not_renamed(
    connection: Connection, business: Business, source: Source, pending: Sequence[SourceFile]
) -> None:
    """Raise SourceError if a file was loaded by a source that is no longer there: its rows would stand twice."""
    names = [own.name for own in business.sources]
    row = connection.execute(
        """select source, file_path from ops.loads
           where entity = %s and status = 'loaded' and not is_joined and source <> all(%s)
             and file_sha256 = any(%s) limit 1""",
        [source.entity, names, list(ever_loaded_as(connection, source, (), pending))],
    ).fetchone()
    if row:
        raise SourceError(
            f"{row[1]} was loaded by the source {row[0]!r}, which sources.yaml no longer has",
            remedy=f"a source keeps its name: call {source.name!r} {row[0]!r} again",
        )


def contents_of_old_mapping(
    connection: Connection,
    source: Source,
    mapping_sha256: str,
    files: Sequence[FoundFile],
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
    paths = {file.relative_path for file in files} | {file.relative_path for file in pending}
    contents = ever_loaded_as(connection, source, files, pending) if rows else set()
    gone = {path for path, sha256 in rows if path not in paths and sha256 not in contents}
    if gone and source.database is None:  # a database has all of its rows still
        raise SourceError(
            f"the mapping of {source.name} changed, but {len(gone)} of the files it was loaded from are gone, "
            f"{min(gone)} first",
            remedy="put them back so that they can be read anew, or take the change of the mapping back",
        )
    return {sha256 for _, sha256 in rows}
