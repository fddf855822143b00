"""Loading one source: its pending files into ``raw``, its bad rows into ``quarantine``, all of it in one transaction.

Not here: reading files (readers/) and compiling the mapping (compile.py). Works on sets of rows in the database; no
row passes through Python on the plain path.
"""

import hashlib
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from orchestration import failpoints
from orchestration.business import Business
from orchestration.errors import DaybreakError, SourceError
from orchestration.ingestion import history, merge
from orchestration.ingestion.compile import compile_source
from orchestration.ingestion.drift import watch
from orchestration.ingestion.entity import Entity
from orchestration.ingestion.files import DataFolder, FoundFile, SourceFile
from orchestration.ingestion.intake import Intake
from orchestration.ingestion.joins import (
    Joined,
    check_clashes,
    find_joined,
    header_names,
    key_is_joined,
    open_file,
    open_joined,
    to_read_again,
)
from orchestration.ingestion.known import ever_loaded_as
from orchestration.ingestion.ledger import Ledger, LoadReport, check_not_renamed, contents_of_old_mapping
from orchestration.ingestion.quarantine import quarantine, too_many_rejected
from orchestration.ingestion.staging import Opened, Progress, drop_incoming, make_typed
from orchestration.ingestion.widening import stage_source
from orchestration.sources import Source
from orchestration.warehouse import Connection, writing

_LOG = logging.getLogger(__name__)
# What of a source may change without its rows looking otherwise.
NO_MATTER: dict[str, Any] = {
    "files": True, "max_rejected_pct": True, "max_shrink_pct": True, "joins": {"__all__": {"files"}},
}  # fmt: skip
SETTLED_NS = 30 * 10**9  # a file that changed less than 30 s ago may still be being written


def mapping_hash(source: Source, business: Business) -> str:
    """What decides how a source's rows look; another one means that its files are read anew."""
    mapping = source.model_dump_json(exclude=NO_MATTER, exclude_defaults=True)
    return hashlib.sha256((mapping + business.profile.time_zone).encode()).hexdigest()


def waiting_files(
    connection: Connection,
    business: Business,
    data_folder: Path,
    on_problem: Callable[[str], None] = _LOG.warning,
) -> list[SourceFile]:
    """The files of all sources that no night has taken in yet and that nobody has written to for a while.

    A source that cannot be looked into is told to ``on_problem``: it hides no other source's files.

    Raises:
        SourceError: the data folder is not there.
    """
    shapes = [shape for source in business.sources for shape in (source, *source.joins)]
    if any(shape.files and shape.store is None for shape in shapes):
        DataFolder(data_folder).check()
    waiting = []
    with Intake(connection, business, data_folder, is_glance=True) as intake:
        for source in business.sources:
            try:
                waiting += _waiting(intake, source)
            except DaybreakError as problem:
                on_problem(f"{source.name}: {problem.message}")
    return waiting


def _waiting(intake: Intake, source: Source) -> list[SourceFile]:
    mapping_sha256 = mapping_hash(source, intake.business)
    files = [file for file in intake.find(source) if _is_settled(file)]
    joined = find_joined(intake, source, mapping_sha256)
    again = to_read_again(intake.connection, source, joined, mapping_sha256)
    return intake.pending(files, source, mapping_sha256, again)


def _is_settled(file: FoundFile | SourceFile) -> bool:
    return time.time_ns() - file.mtime_ns > SETTLED_NS


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
        UnreachableError: a store or a database does not answer.
        LeaseLostError: a newer night is at work.
    """
    with Intake(connection, business, data_folder) as intake:
        try:
            return _load_from(intake, source, token, on_progress)
        except SourceError as error:
            raise intake.in_words(error) from None


def _load_from(intake: Intake, source: Source, token: int, on_progress: Progress) -> LoadReport:
    connection, business = intake.connection, intake.business
    mapping_sha256 = mapping_hash(source, business)
    files = intake.find(source)
    joined = find_joined(intake, source, mapping_sha256)
    again = to_read_again(connection, source, joined, mapping_sha256)
    pending = intake.pending(files, source, mapping_sha256, again)
    pending.sort(key=lambda file: file.sha256 not in again)  # what is older than tonight is read first
    load = _Load(intake, source, token, mapping_sha256, joined, again, files)
    try:
        load.old_contents = contents_of_old_mapping(connection, source, mapping_sha256, files, pending)
        if not pending:
            return LoadReport(source=source.name, note=intake.note(source, files))
        check_not_renamed(connection, business, source, pending)
        own = [open_file(file, source) for file in pending]
        opened = open_joined(intake, source, joined)
        looked_up = header_names(joined, opened)
        for one in own:
            check_clashes(one, looked_up, source)
            watch.check_names(connection, source, [*one.header, *looked_up], one.file.relative_path)
        with writing(connection):
            load.ledger.forget_gone(files)
            report, refusal = load.run(own, opened, on_progress)
            drop_incoming(connection)
    except SourceError as error:
        load.ledger.refuse(pending, str(intake.in_words(error)))
        raise
    except OSError as error:
        gone = SourceError(f"{error.filename}: cannot be read: {error.strerror}", remedy="was it moved meanwhile?")
        load.ledger.refuse(pending, str(intake.in_words(gone)))
        raise gone from None
    if refusal:
        raise refusal
    return report


@dataclass
class _Load:
    """The steps of one load."""

    intake: Intake
    source: Source
    token: int
    mapping_sha256: str
    joined: Sequence[Joined]
    again: Mapping[str, int]  # contents that joined files concern, by their hash: the load that took each in
    found: Sequence[FoundFile]  # all that the source has
    old_contents: set[str] = field(default_factory=set)

    @property
    def connection(self) -> Connection:
        """The load's connection to the warehouse."""
        return self.intake.connection

    @property
    def ledger(self) -> Ledger:
        """The source's lines of the ledger."""
        return Ledger(self.connection, self.source, self.token, self.mapping_sha256)

    def run(
        self, own: Sequence[Opened], opened: Sequence[Sequence[Opened]], on_progress: Progress
    ) -> tuple[LoadReport, SourceError | None]:
        """All steps; the second value says why the load was stopped, if it was: what it rejected is kept then."""
        files = [one.file for one in own]
        load_ids = self.ledger.open(files)
        staging = stage_source(
            self.connection,
            self.source,
            own,
            load_ids=load_ids,
            joined=self.joined,
            opened=opened,
            ledgers=[replace(self.ledger, source=one.source) for one in self.joined],
            on_progress=on_progress,
        )
        self.intake.check_unchanged(files, self.source)
        for one, joined in zip(self.joined, opened, strict=True):
            self.intake.check_unchanged([other.file for other in joined], one.source)
        failpoints.reach("load.staged")
        mapped = compile_source(self.source, staging=staging, business_zone=self.intake.business.profile.time_zone)
        make_typed(self.connection, mapped)
        if self.source.duplicates == "reject":
            merge.reject_repeats(self.connection, mapped.entity)
        quarantine(self.connection, mapped, staging)
        drift = watch.judge(
            self.connection,
            self.source,
            self.mapping_sha256,
            mapped=mapped,
            staging=staging,
            files=dict(zip(load_ids, own, strict=True)),
        )
        refusal = self._refusal(drift)
        if refusal:
            self.ledger.stop(load_ids, refusal.message)
            return LoadReport(source=self.source.name), refusal
        if self.old_contents:
            self._note_overwritten(mapped.entity, files)
            self._forget_the_source(mapped.entity)
        self.ledger.supersede([file.sha256 for file in files])
        former = {
            i: self.again[file.sha256] for i, file in zip(load_ids, files, strict=True) if file.sha256 in self.again
        }
        if former and key_is_joined(self.source):
            merge.delete_loads(self.connection, mapped.entity, list(former.values()), self.token)
        n_inserted = merge.write(self.connection, mapped.entity, self.source.name, self.token, former=former)
        history.record(
            self.connection,
            mapped.entity,
            self.source.name,
            attributes=self.source.columns,
            business_zone=self.intake.business.profile.time_zone,
            is_anew=bool(self.old_contents),
        )
        failpoints.reach("load.merged")
        note = self._note_lost(mapped.entity) if self.old_contents else None
        watch.remember(self.connection, self.source, self.mapping_sha256, drift)
        return replace(self.ledger.close(load_ids, n_inserted), drifts=drift.notes, note=note), None

    def _refusal(self, drift: watch.Drift) -> SourceError | None:
        """Why the files are not taken in, if they are not: another shape explains many rejected rows best."""
        name = self.source.name
        if drift.problem:
            return SourceError(
                f"{name}: the export changed: {drift.problem}; nothing of it was loaded",
                remedy=f"correct the export or the mapping; if it is meant so: daybreak accept {name}",
            )
        too_many = too_many_rejected(self.connection, self.source)
        look = f"look at quarantine.rejected_rows where source = '{name}'"
        return SourceError(too_many, remedy=look) if too_many else None

    def _forget_the_source(self, entity: Entity) -> None:
        """Take back all rows of the source, read anew under the changed mapping; their days are re-opened."""
        self.ledger.supersede(list(self.old_contents))
        merge.delete_source(self.connection, entity, self.source.name, self.token)
        history.forget(self.connection, entity, self.source.name, attributes=self.source.columns)

    def _note_overwritten(self, entity: Entity, files: Sequence[SourceFile]) -> None:
        """Table ``at_risk``: the keys of rows from contents that none of tonight's files has any more."""
        key = ", ".join(f"r.{k}" for k in entity.key)
        self.connection.execute(
            f"""create temporary table at_risk on commit drop as
                select {key} from {entity.table} r join ops.loads l on l.load_id = r._load_id
                where r._source = %s and l.file_sha256 <> all(%s)""",
            [self.source.name, list(ever_loaded_as(self.connection, self.source, self.found, files))],
        )

    def _note_lost(self, entity: Entity) -> str | None:
        """Under a changed mapping: how many rows of a database did not come again, for it was read as a whole.

        Raises:
            SourceError: what an overwritten content of a file once brought has not come again tonight.
        """
        row = self.connection.execute(
            f"select count(*) from at_risk t left join {entity.table} r on {entity.same_key('t', 'r')} "
            "where r._load_id is null"
        ).fetchone()
        if not row or not row[0]:
            return None
        if self.source.database is None:
            raise SourceError(
                f"the mapping of {self.source.name} changed, and {row[0]} of its rows are in no file any more: they "
                "were loaded from contents that have been overwritten since",
                remedy="put those files back under other names, or take the change of the mapping back",
            )
        return (
            f"the mapping changed and all of it was read anew: {row[0]:,} rows that it brought before are gone, "
            "deleted over there or called by another key now"
        )
