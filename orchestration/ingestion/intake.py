"""What there is to take in: the contents of a source, wherever they lie, that the ledger has not taken in already.

Not here: the places themselves (files.py, origins/), what is known of a file (known.py), and the loading (load.py).
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType

from orchestration.business import Business
from orchestration.errors import SourceError
from orchestration.ingestion.files import DataFolder, FoundFile, Place, SourceFile, content_hash
from orchestration.ingestion.known import Contents, TakenIn, known_contents, loads_as, remember, taken_in
from orchestration.ingestion.names import FILE_COLUMNS, names_read
from orchestration.ingestion.origins.archives import is_archive, unpack
from orchestration.ingestion.origins.extracts import Extracts
from orchestration.ingestion.origins.scratch import Scratch, remove_leftovers
from orchestration.ingestion.origins.stores import RemoteStore
from orchestration.settings import Settings
from orchestration.sources import Source
from orchestration.warehouse import Connection, writing


@dataclass
class Intake:
    """The places of a business's files for the length of one load, with a private folder for what must be fetched.

    Args:
        connection: to the warehouse.
        business: whose sources they are.
        data_folder: where globs without a store begin.
        is_glance: only look: nothing is fetched or unpacked, and a database is asked for one number.
        remembers: whether hashes are kept, so that a known file is not read again.
    """

    connection: Connection
    business: Business
    data_folder: Path
    is_glance: bool = False
    remembers: bool = True
    _places: dict[str | None, Place] = field(default_factory=dict)
    _brought: dict[FoundFile, list[SourceFile]] = field(default_factory=dict)
    _notes: dict[str, str | None] = field(default_factory=dict)
    _shown: dict[str, str] = field(default_factory=dict)  # a path in the private folder → the file's own name

    def __enter__(self) -> "Intake":
        root = Settings().scratch
        remove_leftovers(root)
        self.scratch = Scratch(root)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.scratch.close()

    def find(self, source: Source) -> list[FoundFile]:
        """The files that match the source's glob, in natural order; of a database: none.

        Raises:
            SourceError: the data folder or the store's folder is not there.
            UnreachableError: the store does not answer.
        """
        return [] if source.database else self._place_of(source).find(source.files)

    def pending(
        self, files: Sequence[FoundFile], source: Source, mapping_sha256: str, again: Collection[str] = ()
    ) -> list[SourceFile]:
        """Those of ``files`` whose content was not taken in under this mapping, ready to be read; or a database's rows.

        Contents in ``again``, by their hash, count as not taken in; a database with any is read from the beginning.

        A file that has the size and modification time (or tag) it had when it was last looked into is not read again:
        with ten years of daily files, hashing all of them every night would cost more than the night.

        Raises:
            SourceError: a file cannot be read.
            UnreachableError: the store or the database does not answer.
        """
        if source.database:
            extracts, known_as = self._extracts(source), "nothing" if again else mapping_sha256
            rows = extracts.waiting(known_as) if self.is_glance else extracts.pending(known_as)
            self._shown |= {str(file.path): file.relative_path for file in rows}
            self._notes[source.name] = extracts.note
            return rows
        reads = FILE_COLUMNS.keys() & names_read(source).keys()
        return self._news(files, source, taken_in(self.connection, source, mapping_sha256, again), reads)

    def news(self, files: Sequence[FoundFile], source: Source, mapping_sha256: str) -> list[SourceFile]:
        """Those of joined ``files`` whose content was not taken in; what was looked into before is only named.

        Whether they are read is another question: new ones that no row waits for would be fetched night after night.

        Raises:
            SourceError: a file cannot be read.
            UnreachableError: the store does not answer.
        """
        return self._news(files, source, taken_in(self.connection, source, mapping_sha256), None)

    def _news(
        self, files: Sequence[FoundFile], source: Source, taken: TakenIn, reads: Collection[str] | None
    ) -> list[SourceFile]:
        """What of ``files`` is not ``taken`` in. ``reads``: what the mapping reads of the file; None if joined."""
        known = known_contents(self.connection, source)
        learned: dict[FoundFile, Contents] = {}
        news: list[SourceFile] = []
        try:
            for file in files:
                contents = known.get((file.relative_path, file.version))
                if contents is None and self._is_too_far(file, source):
                    # where nothing tells one content from the next, only a night can say
                    news += [_from_afar(file)] if file.version or not taken.has(file) else []
                    continue
                brought = None
                if contents is None:
                    brought = self._bring(file, source)
                    contents = learned[file] = {one.relative_path: one.sha256 for one in brought}
                hashes = {name: loads_as(file, name, sha256, reads or ()) for name, sha256 in contents.items()}
                wanted = {name: contents[name] for name in taken.news(hashes)}
                if brought is not None:
                    found = self._kept(brought, wanted)
                elif reads is None:
                    found = [_content(file, name, Path(name), sha256) for name, sha256 in wanted.items()]
                else:
                    found = self._again(file, source, wanted)
                news += [replace(one, sha256=hashes[one.relative_path]) if one.sha256 else one for one in found]
        finally:
            self._remember(source, learned, files)
        return news

    def unfolded(self, files: Iterable[FoundFile], source: Source) -> list[SourceFile]:
        """All contents of ``files``, ready to be read."""
        contents = []
        for file in files:
            brought = self._brought.get(file, [])
            is_here = bool(brought) and all(one.path.is_file() for one in brought)
            contents += brought if is_here else self._bring(file, source)
        return contents

    def sample(self, source: Source, files: Sequence[FoundFile]) -> SourceFile:
        """The last content of the last of ``files``, or the newest rows of a database."""
        if not source.database:
            return self._bring(files[-1], source)[-1]
        rows = self._extracts(source).sample()
        self._shown[str(rows.path)] = rows.relative_path
        return rows

    def note(self, source: Source, files: Sequence[FoundFile]) -> str | None:
        """What a person should know of a source that brought nothing, although nothing failed."""
        if files or source.database:
            return self._notes.get(source.name)
        row = self.connection.execute(
            "select count(*) from ops.loads where source = %s and status = 'loaded'", [source.name]
        ).fetchone()
        n_loaded = row[0] if row else 0
        return f"no file matches {source.files!r} any more, {n_loaded} were loaded before" if n_loaded else None

    def check_unchanged(self, files: Iterable[SourceFile], source: Source) -> None:
        """Raise SourceError if one of ``files`` was written to since it was found: half of it may have been read."""
        for found in {file.found for file in files if file.found}:
            self._place_of(source).check_unchanged(found)

    def in_words(self, error: SourceError) -> SourceError:
        """The error with the files' own names, where it has those of their copies in the private folder."""
        message = error.message
        for path, name in self._shown.items():
            message = message.replace(path, name)
        return error if message == error.message else SourceError(message, remedy=error.remedy)

    def _extracts(self, source: Source) -> Extracts:
        return Extracts(self.connection, self.business, source, self.data_folder, self.scratch)

    def _place_of(self, source: Source) -> Place:
        if source.store not in self._places:
            if source.store is None:
                self._places[None] = DataFolder(self.data_folder)
            else:
                self._places[source.store] = RemoteStore(source.store, self.business.stores[source.store])
        return self._places[source.store]

    def _is_too_far(self, file: FoundFile, source: Source) -> bool:
        """Whether a look into the file costs more than a glance may."""
        return self.is_glance and (source.store is not None or is_archive(file.relative_path))

    def _bring(self, file: FoundFile, source: Source, wanted: Contents | None = None) -> list[SourceFile]:
        """Fetch and unpack a file. ``wanted``: only these of its contents, whose hashes are known."""
        contents = self._brought_from(file, source, wanted)
        if wanted is None:
            self._brought[file] = contents
        return contents

    def _brought_from(self, file: FoundFile, source: Source, wanted: Contents | None) -> list[SourceFile]:
        place = self._place_of(source)
        path = place.fetch(file, self.scratch)
        is_copy = str(path) != file.address
        if is_copy:
            self._shown[str(path)] = file.relative_path
        if not is_archive(file.relative_path):
            sha256 = None if is_copy else (wanted or {}).get(file.relative_path)
            return [_content(file, file.relative_path, path, sha256 or content_hash(path))]
        contents = []
        for one in unpack(path, file.relative_path, self.scratch.new_path, wanted):
            self._shown[str(one.path)] = one.name
            contents.append(_content(file, one.name, one.path, one.sha256))
        if is_copy:
            path.unlink()
        place.check_unchanged(file)
        return contents

    def _kept(self, brought: Sequence[SourceFile], names: Collection[str]) -> list[SourceFile]:
        """Those of what was brought that are wanted; copies of the others are removed."""
        for one in brought:
            if one.relative_path not in names and str(one.path) in self._shown:
                one.path.unlink()
        return [one for one in brought if one.relative_path in names]

    def _again(self, file: FoundFile, source: Source, wanted: Contents) -> list[SourceFile]:
        """The wanted contents of a file that was looked into before."""
        if not wanted:
            return []
        if self._is_too_far(file, source):
            return [_from_afar(file)]
        brought = self._bring(file, source, wanted)
        if {one.relative_path: one.sha256 for one in brought} != wanted:
            raise SourceError(
                f"{file.relative_path}: has other contents than before, but the size and the time it had",
                remedy="write the file anew, so that its time of change says that it changed",
            )
        return brought

    def _remember(self, source: Source, learned: Mapping[FoundFile, Contents], files: Sequence[FoundFile]) -> None:
        if self.is_glance and self.remembers:
            # a sensor has no lease: what a file's hash is, is true whoever says so
            remember(self.connection, source, learned, files)
        elif self.remembers:
            with writing(self.connection):
                remember(self.connection, source, learned, files)


def _content(file: FoundFile, name: str, path: Path, sha256: str) -> SourceFile:
    return SourceFile(path, name, file.size_bytes, file.mtime_ns, sha256=sha256, found=file, content_sha256=sha256)


def _from_afar(file: FoundFile) -> SourceFile:
    return SourceFile(Path(file.relative_path), file.relative_path, file.size_bytes, file.mtime_ns, found=file)
