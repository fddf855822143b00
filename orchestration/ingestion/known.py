"""What is known of a source's files: the hashes of those that were looked into, and the contents that were taken in.

Not here: looking into a file (intake.py), and the ledger itself (ledger.py).
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from orchestration.ingestion.files import FoundFile
from orchestration.sources import Source
from orchestration.warehouse import Connection

Contents = dict[str, str]  # name → SHA-256: of a file its own, of an archive those of its files


@dataclass
class TakenIn:
    """The contents that a source took in under its mapping, and those that are taken in tonight."""

    newest: Mapping[str, str]
    contents: frozenset[str]
    tonight: set[str] = field(default_factory=set)

    def news(self, contents: Contents) -> list[str]:
        """The names of those contents that are to be taken in; each content once.

        A content that is known already is news only if its file had another one in between: somebody took a
        correction back.
        """
        found = []
        for name, sha256 in contents.items():
            loaded = self.newest.get(name)
            is_copy = sha256 in self.contents and loaded is None
            if sha256 == loaded or is_copy or sha256 in self.tonight:
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
        """select file_path, file_sha256 from ops.loads
           where source = %s and status = 'loaded' and mapping_sha256 = %s order by load_id""",
        [source.name, mapping_sha256],
    ).fetchall()
    rows = [row for row in rows if row[1] not in again]
    return TakenIn(dict(rows), frozenset(sha256 for _, sha256 in rows))


def known_contents(connection: Connection, source: Source) -> dict[tuple[str, str], Contents]:
    """The contents of the files that were looked into before, by name and version."""
    rows = connection.execute(
        "select file_path, version, contents from ops.known_files where source = %s", [source.name]
    ).fetchall()
    return {(path, version): json.loads(contents) for path, version, contents in rows if version}


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
