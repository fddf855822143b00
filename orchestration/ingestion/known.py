"""What is known of a source's files: the hashes of those that were looked into, and the contents that were taken in.

Not here: looking into a file (intake.py), and the ledger itself (ledger.py).
"""

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from orchestration.ingestion.files import FoundFile, SourceFile, day_written
from orchestration.sources import Source
from orchestration.warehouse import Connection

Contents = dict[str, str]  # name → SHA-256: of a file its own, of an archive those of its files


@dataclass
class TakenIn:
    """The contents that a source took in under its mapping, and those that are taken in tonight.

    ``loads`` has the load of each content by its hash, ``newest`` the newest load of each name.
    """

    loads: Mapping[str, int]
    newest: Mapping[str, int]
    tonight: set[str] = field(default_factory=set)

    def news(self, contents: Contents) -> list[str]:
        """The names of those contents that are to be taken in; each content once.

        A content that is known already is news only if its file had another one after that: somebody took a
        correction back. Taken in later than that, if under another name, it is a copy.
        """
        found = []
        for name, sha256 in contents.items():
            load = self.loads.get(sha256)
            is_known = load is not None and load >= self.newest.get(name, load)
            if is_known or sha256 in self.tonight:
                continue
            self.tonight.add(sha256)
            found.append(name)
        return found

    def has(self, file: FoundFile) -> bool:
        """Whether anything of that name was taken in, whatever stood in it."""
        inside = f"{file.relative_path}/"
        return any(name == file.relative_path or name.startswith(inside) for name in self.newest)


def taken_in(connection: Connection, source: Source, mapping_sha256: str, again: Collection[str] = ()) -> TakenIn:
    """What the ledger says that ``source`` took in under this mapping, but for what is to be read ``again``."""
    rows = connection.execute(
        """select file_path, file_sha256, load_id from ops.loads
           where source = %s and status = 'loaded' and mapping_sha256 = %s order by load_id""",
        [source.name, mapping_sha256],
    ).fetchall()
    rows = [row for row in rows if row[1] not in again]
    return TakenIn({sha256: load for _, sha256, load in rows}, {path: load for path, _, load in rows})


def loads_as(file: FoundFile, name: str, sha256: str, reads: Collection[str]) -> str:
    """The hash by which the ledger knows a content: its own.

    Where the mapping reads the file's name or day, the same bytes in another file mean other rows: the hash has them.

    Args:
        file: the file that the content came in.
        name: the content's own name.
        sha256: of its bytes.
        reads: which of ``names.FILE_COLUMNS`` the mapping reads.
    """
    says = {"file.name": name, "file.modified": day_written(file.mtime_ns) or ""}
    told = [says[column] for column in sorted(reads)]
    return hashlib.sha256("\0".join([sha256, *told]).encode()).hexdigest() if told else sha256


def known_contents(connection: Connection, source: Source) -> dict[tuple[str, str], Contents]:
    """The contents of the files that were looked into before, by name and version."""
    rows = connection.execute(
        "select file_path, version, contents from ops.known_files where source = %s", [source.name]
    ).fetchall()
    return {(path, version): json.loads(contents) for path, version, contents in rows if version}


def ever_loaded_as(
    connection: Connection, source: Source, files: Iterable[FoundFile], pending: Iterable[SourceFile]
) -> set[str]:
    """The hashes by which a ledger may know the contents that are there, whatever a mapping read of the file then.

    Args:
        connection: to the warehouse.
        source: the source.
        files: all that it has.
        pending: what of them is taken in tonight; of copies only one is.
    """
    known = known_contents(connection, source)
    there = [(file, known.get((file.relative_path, file.version), {})) for file in files]
    there += [(one.found, {one.relative_path: one.content_sha256}) for one in pending if one.found]
    ever = [(), ("file.name",), ("file.modified",), ("file.modified", "file.name")]
    return {one.sha256 for one in pending} | {
        loads_as(file, name, sha256, reads)
        for file, contents in there
        for name, sha256 in contents.items()
        for reads in ever
    }


def remember(
    connection: Connection, source: Source, learned: Mapping[FoundFile, Contents], files: Sequence[FoundFile]
) -> None:
    """Keep what was learned, and forget the files that are gone."""
    if files:
        connection.execute(
            "delete from ops.known_files where source = %s and file_path <> all(%s)",
            [source.name, [file.relative_path for file in files]],
        )
    if learned:
        connection.execute(
            """insert into ops.known_files (source, file_path, version, contents)
               select %s, * from unnest(%s::text[], %s::text[], %s::text[])
               on conflict (source, file_path)
               do update set version = excluded.version, contents = excluded.contents""",
            [
                source.name,
                [file.relative_path for file in learned],
                [file.version for file in learned],
                [json.dumps(contents, ensure_ascii=False) for contents in learned.values()],
            ],
        )
