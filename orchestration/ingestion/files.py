"""The files of a source: which there are, and which the ledger (ops.loads) has not taken in yet.

Not here: reading their content (readers.py).
"""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from orchestration.errors import SourceError
from orchestration.sources import Source
from orchestration.warehouse import Connection

# Names that writers use while a file is not complete.
UNFINISHED = (".tmp", ".part", ".partial", ".crdownload", ".filepart")


@dataclass(frozen=True)
class SourceFile:
    """A file as it was found: its path below the data folder, and what identifies its content."""

    path: Path
    relative_path: str
    size_bytes: int
    mtime_ns: int
    sha256: str = ""


def find_files(data_folder: Path, source: Source) -> list[SourceFile]:
    """The files that match the source's glob, in natural order of their names; hidden and unfinished ones left out.

    The order matters: of two rows with the same business key, the one in the later file wins.
    """
    if not data_folder.is_dir():
        # an unmounted share must not look like a quiet day
        raise SourceError(f"there is no data folder {data_folder}", remedy="name it with --data DIR or DAYBREAK_DATA")
    found = [p for p in data_folder.glob(source.files) if p.is_file() and _is_finished(p)]
    files = []
    for path in sorted(found, key=lambda p: natural_key(p.relative_to(data_folder).as_posix())):
        relative_path = path.relative_to(data_folder).as_posix()
        if not relative_path.isprintable():  # bytes that are no UTF-8, or a line end: the ledger could not name it
            raise SourceError(f"{relative_path!r}: a name that cannot be shown", remedy="rename the file")
        try:
            stat = path.stat()
        except FileNotFoundError:  # moved since it was listed: no file of tonight
            continue
        files.append(SourceFile(path, relative_path, stat.st_size, stat.st_mtime_ns))
    return files


def _is_finished(path: Path) -> bool:
    return not path.name.startswith((".", "~$")) and path.suffix.lower() not in UNFINISHED


def natural_key(text: str) -> list[tuple[int, int | str]]:
    """A sort key that reads numbers as numbers.

    >>> sorted(["day10.csv", "day9.csv"], key=natural_key)
    ['day9.csv', 'day10.csv']
    """
    parts = re.split(r"([0-9]+)", text)  # every second part is a number
    return [(0, int(part)) if i % 2 else (1, part) for i, part in enumerate(parts)]


def pending_files(
    connection: Connection, files: list[SourceFile], source: Source, mapping_sha256: str
) -> list[SourceFile]:
    """Those of ``files`` whose content was not taken in under this mapping, with their hashes.

    A file that has the name, size and modification time it had when it was loaded is not read again: with ten years
    of daily files, hashing all of them every night would cost more than the night. A content that is known already is
    taken in again only if the file had another one in between: somebody took a correction back.

    Raises:
        SourceError: a file cannot be read.
    """
    rows = connection.execute(
        """select file_path, file_bytes, file_mtime_ns, file_sha256 from ops.loads
           where source = %s and status = 'loaded' and mapping_sha256 = %s order by load_id""",
        [source.name, mapping_sha256],
    ).fetchall()
    newest = {row[0]: tuple(row[1:]) for row in rows}
    contents = {row[3] for row in rows}
    pending: list[SourceFile] = []
    tonight: set[str] = set()
    for file in files:
        size_bytes, mtime_ns, loaded_sha256 = newest.get(file.relative_path, (None, None, None))
        if (file.size_bytes, file.mtime_ns) == (size_bytes, mtime_ns):
            continue
        sha256 = content_hash(file.path)
        is_copy = sha256 in contents and loaded_sha256 is None
        if sha256 == loaded_sha256 or is_copy or sha256 in tonight:
            continue
        tonight.add(sha256)
        pending.append(replace(file, sha256=sha256))
    return pending


def check_unchanged(files: Iterable[SourceFile]) -> None:
    """Raise SourceError if one of ``files`` was written to since it was found: half of it may have been read."""
    for file in files:
        stat = file.path.stat()
        if (stat.st_size, stat.st_mtime_ns) != (file.size_bytes, file.mtime_ns):
            raise SourceError(f"{file.relative_path}: the file changed while it was read", remedy="run again later")


def content_hash(path: Path) -> str:
    """The SHA-256 of what stands in the file. Raises SourceError if it cannot be read."""
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise SourceError(f"{path}: cannot be read: {error.strerror}", remedy="see to its permissions") from None
