"""Files where they lie: those of the data folder, and what is known of any file before and after it was looked into.

Not here: other places (origins/stores.py), which files a night takes in (intake.py), reading their content (readers/).
"""

import hashlib
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path, PurePath
from typing import Protocol

from orchestration.errors import SourceError
from orchestration.ingestion.origins.scratch import Scratch

# Names that writers use while a file is not complete.
UNFINISHED = (".tmp", ".part", ".partial", ".crdownload", ".filepart")


@dataclass(frozen=True)
class FoundFile:
    """A file where it lies: the name by which the ledger knows it, and what changes with its content.

    ``version`` is empty where the place tells nothing by which one content could be known from the next;
    ``mtime_ns`` is 0 where it does not say when the file was written.
    """

    relative_path: str
    size_bytes: int
    mtime_ns: int
    version: str
    address: str  # what its place calls it


@dataclass(frozen=True)
class SourceFile:
    """A content that can be read: a file, a file of an archive, or what was read from a database.

    Size and modification time are those of the file that it came in; of a content that was only looked at from afar,
    ``path`` is no file and the hashes are empty. ``sha256`` is how the ledger knows it, see ``known.loads_as``.
    """

    path: Path
    relative_path: str
    size_bytes: int
    mtime_ns: int
    sha256: str = ""
    watermark: str | None = None  # of a database: how far was read, see origins/watermarks.py
    rows_sha256: str | None = None  # of a database: of the rows that the next look brings again if nothing changed
    found: FoundFile | None = field(default=None, compare=False)
    content_sha256: str = field(default="", compare=False)  # of its bytes alone


class Place(Protocol):
    """Where the files of a source lie."""

    def find(self, glob: str) -> list[FoundFile]:
        """The files that match, in natural order of their names; hidden and unfinished ones left out."""
        ...

    def fetch(self, file: FoundFile, scratch: Scratch) -> Path:
        """Where the file can be read: where it lies, or in the scratch folder."""
        ...

    def check_unchanged(self, file: FoundFile) -> None:
        """Raise SourceError if the file was written to since it was found: half of it may have been read."""
        ...


class DataFolder:
    """The data folder, and all below it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def check(self) -> None:
        """Raise SourceError if there is no such folder: an unmounted share must not look like a quiet day."""
        if not self.folder.is_dir():
            raise SourceError(
                f"there is no data folder {self.folder}", remedy="name it with --data DIR or DAYBREAK_DATA"
            )

    def find(self, glob: str) -> list[FoundFile]:
        """The files that match. Raises SourceError if there is no folder, or a name cannot be shown.

        The order matters: of two rows with the same business key, the one in the later file wins.
        """
        self.check()
        found, root = [], self.folder.resolve()
        for path in self.folder.glob(glob):
            relative_path = path.relative_to(self.folder).as_posix()
            if not is_finished(path) or not path.is_file():
                continue
            check_name(relative_path)
            _check_inside(path, relative_path, root)
            try:
                stat = path.stat()
            except FileNotFoundError:  # moved since it was listed: no file of tonight
                continue
            version = _version(stat.st_size, stat.st_mtime_ns)
            found.append(FoundFile(relative_path, stat.st_size, stat.st_mtime_ns, version, str(path)))
        return in_order(found)

    def fetch(self, file: FoundFile, scratch: Scratch) -> Path:
        """The file itself."""
        return Path(file.address)

    def check_unchanged(self, file: FoundFile) -> None:
        """Raise SourceError if size or modification time are others than they were."""
        stat = Path(file.address).stat()
        if _version(stat.st_size, stat.st_mtime_ns) != file.version:
            raise changed(file.relative_path)


def in_order(files: list[FoundFile]) -> list[FoundFile]:
    """The files in natural order of their names."""
    return sorted(files, key=lambda file: natural_key(file.relative_path))


def is_finished(path: PurePath) -> bool:
    """Whether a file's name is that of a finished file, not a hidden one's or one still being written."""
    return not path.name.startswith((".", "~$")) and path.suffix.lower() not in UNFINISHED


def _check_inside(path: Path, relative_path: str, root: Path) -> None:
    """Raise SourceError at a link out of the data folder: who writes exports must not have other files told of."""
    if not path.resolve().is_relative_to(root):
        raise SourceError(
            f"{relative_path}: a link that leads out of the data folder",
            remedy="copy the file, or name the folder that it lies in as a store (file://…) of sources.yaml",
        )


def check_name(relative_path: str) -> None:
    """Raise SourceError at bytes that are no UTF-8, or a line end: the ledger could not name the file."""
    if not relative_path.isprintable():
        raise SourceError(f"{relative_path!r}: a name that cannot be shown", remedy="rename the file")


def changed(relative_path: str) -> SourceError:
    """The error about a file that somebody is still writing."""
    return SourceError(f"{relative_path}: the file changed while it was read", remedy="run again later")


def natural_key(text: str) -> list[tuple[int, int | str]]:
    """A sort key that reads numbers as numbers.

    >>> sorted(["day10.csv", "day9.csv"], key=natural_key)
    ['day9.csv', 'day10.csv']
    """
    parts = re.split(r"([0-9]+)", text)  # every second part is a number
    return [(0, int(part)) if i % 2 else (1, part) for i, part in enumerate(parts)]


def day_written(mtime_ns: int) -> str | None:
    """The day of a time of change, in UTC; None where the file's place does not say when it was written.

    >>> day_written(1769860800 * 10**9), day_written(0)
    ('2026-01-31', None)
    """
    return datetime.fromtimestamp(mtime_ns / 1e9, tz=UTC).date().isoformat() if mtime_ns else None


def content_hash(path: Path) -> str:
    """The SHA-256 of what stands in the file. Raises SourceError if it cannot be read."""
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise SourceError(f"{path}: cannot be read: {error.strerror}", remedy="see to its permissions") from None


def _version(size_bytes: int, mtime_ns: int) -> str:
    return f"{size_bytes} {mtime_ns}"
