"""The shape that a source's files have had, in ops.source_shapes: one row per file taken in, the last ones kept.

Not here: what a shape is (facts.py), and what follows from a change of it (verdicts.py).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from orchestration.ingestion.drift.facts import Facts, from_json
from orchestration.warehouse import Connection, writing

KEPT = 10  # files per source: enough for a usual size, few enough to follow a business that grows


@dataclass(frozen=True)
class Shape:
    """A file that was taken in: its facts, its content, and the mapping under which it was read."""

    facts: Facts
    mapping_sha256: str
    file_sha256: str | None


def recall(connection: Connection, source: str) -> list[Shape]:
    """The last files taken in, the newest last."""
    rows = connection.execute(
        """select s.facts::text, s.mapping_sha256, l.file_sha256
           from ops.source_shapes s left join ops.loads l using (load_id)
           where s.source = %s order by load_id desc limit %s""",
        [source, KEPT],
    ).fetchall()
    return [Shape(from_json(facts), *rest) for facts, *rest in reversed(rows)]


def loaded_before(connection: Connection, source: str, contents: Mapping[int, str]) -> set[str]:
    """Those of tonight's contents, given by load id, that an earlier load took in: nobody need judge them again."""
    rows = connection.execute(
        """select distinct file_sha256 from ops.loads
           where source = %s and status in ('loaded', 'superseded') and file_sha256 = any(%s) and load_id <> all(%s)""",
        [source, list(contents.values()), list(contents)],
    ).fetchall()
    return {sha256 for (sha256,) in rows}


def last_header(connection: Connection, source: str) -> list[str]:
    """The column names of the last file taken in, under whatever mapping."""
    row = connection.execute(
        "select facts -> 'header' from ops.source_shapes where source = %s order by load_id desc limit 1", [source]
    ).fetchone()
    return list(row[0]) if row else []


def remember(
    connection: Connection, source: str, mapping_sha256: str, facts: Mapping[int, Facts], notes: Sequence[str]
) -> None:
    """Keep the facts of tonight's files, by load id, and what is new about them; older ones than the last give way."""
    # of a file that was read again, what it looked like before
    connection.execute(
        """delete from ops.source_shapes where load_id in (
               select older.load_id from ops.loads older join ops.loads mine using (source, file_sha256)
               where mine.load_id = any(%s) and older.source = %s)""",
        [list(facts), source],
    )
    with connection.cursor() as cursor:
        cursor.executemany(
            """insert into ops.source_shapes (load_id, source, mapping_sha256, facts, notes)
               values (%s, %s, %s, %s, %s)""",
            [
                (load_id, source, mapping_sha256, one.to_json(), [n for n in notes if n.startswith(f"{one.file}: ")])
                for load_id, one in list(facts.items())[-KEPT:]
            ],
        )
    connection.execute(
        """delete from ops.source_shapes
           where source = %(source)s and load_id not in (
               select load_id from ops.source_shapes where source = %(source)s
               order by load_id desc limit %(kept)s)""",
        {"source": source, "kept": KEPT},
    )


def accept(connection: Connection, source: str) -> None:
    """Let the next load of the source be taken in unjudged: what its files look like then is what is expected."""
    with writing(connection):
        connection.execute(
            """insert into ops.accepted_sources (source) values (%s)
               on conflict (source) do update set accepted_at = excluded.accepted_at""",
            [source],
        )


def is_accepted(connection: Connection, source: str) -> bool:
    """Whether ``accept`` was said since the last load that was taken in."""
    row = connection.execute("select exists (select from ops.accepted_sources where source = %s)", [source]).fetchone()
    return bool(row and row[0])


def begin_anew(connection: Connection, source: str) -> None:
    """Forget the shape of what came before an accepted load, and that it was accepted: it is taken in now."""
    connection.execute("delete from ops.source_shapes where source = %s", [source])
    connection.execute("delete from ops.accepted_sources where source = %s", [source])
