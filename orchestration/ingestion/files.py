"""The files of a source: which there are, and which the ledger (ops.loads) has not taken in yet.

Not here: reading their content (readers.py).
"""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from orchestration.business import Source
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
    found = [p for p in data_folder.glob(source.files) if p.is_file() and _is_finished(p)]
    files = []
    for path in sorted(found, key=lambda p: natural_key(p.relative_to(data_folder).as_posix())):
        stat = path.stat()
        files.append(SourceFile(path, path.relative_to(data_folder).as_posix(), stat.st_size, stat.st_mtime_ns))
    return files


def _is_finished(path: Path) -> bool:
    return not path.name.startswith((".", "~$")) and path.suffix.lower() not in UNFINISHED


def natural_key(text: str) -> list[tuple[int, int | str]]:
    """A sort key that reads numbers as numbers.

    >>> sorted(["day10.csv", "day9.csv"], key=natural_key)
    ['day9.csv', 'day10.csv']
    """
    return [(0, int(part)) if part.isdigit() else (1, part) for part in re.split(r"([0-9]+)", text)]


def pending_files(
    connection: Connection, files: list[SourceFile], source: Source, mapping_sha256: str
) -> list[SourceFile]:
    """Those of ``files`` whose content was not taken in under this mapping, with their hashes.

    A file that has the name, size and modification time it had when it was loaded is not read again: with ten years
    of daily files, hashing all of them every night would cost more than the night.
    """
    rows = connection.execute(
        """select file_path, file_bytes, file_mtime_ns, file_sha256 from ops.loads
           where source = %s and status = 'loaded' and mapping_sha256 = %s""",
        [source.name, mapping_sha256],
    ).fetchall()
    unchanged = {tuple(row[:3]) for row in rows}
    loaded = {row[3] for row in rows}
    pending: list[SourceFile] = []
    for file in files:
        if (file.relative_path, file.size_bytes, file.mtime_ns) in unchanged:
            continue
        with file.path.open("rb") as stream:
            sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
        if sha256 not in loaded:
            loaded.add(sha256)  # a second copy under another name, in the same night, is the same file
            pending.append(SourceFile(file.path, file.relative_path, file.size_bytes, file.mtime_ns, sha256))
    return pending
