"""The shape that a source's files have had, in ops.source_shapes: one row per file taken in, the last ones kept.

Not here: what a shape is (facts.py), and what follows from a change of it (verdicts.py).
"""

from collections.abc import Mapping, Sequence

from orchestration.errors import ConfigurationError
from orchestration.ingestion.drift.facts import Facts, from_json
from orchestration.warehouse import Connection, writing

KEPT = 10  # files per source: enough for a usual size, few enough to follow a business that grows


def recall(connection: Connection, source: str, mapping_sha256: str) -> list[Facts]:
    """The facts of the last files taken in under this mapping, the newest last; none after ``accept``."""
    rows = connection.execute(
        """select facts::text from ops.source_shapes
           where source = %s and mapping_sha256 = %s and not is_accepted order by load_id desc limit %s""",
        [source, mapping_sha256, KEPT],
    ).fetchall()
    return [from_json(text) for (text,) in reversed(rows)]


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
           where source = %(source)s and (is_accepted or load_id not in (
               select load_id from ops.source_shapes where source = %(source)s
               order by load_id desc limit %(kept)s))""",
        {"source": source, "kept": KEPT},
    )


def accept(connection: Connection, source: str) -> int:
    """Expect nothing of the source's next files: what they look like is then the shape. Returns the files forgotten.

    Raises:
        ConfigurationError: no file of a source of that name was ever taken in.
    """
    with writing(connection):
        count = connection.execute(
            "update ops.source_shapes set is_accepted = true where source = %s", [source]
        ).rowcount
    if count == 0:
        raise ConfigurationError(
            f"nothing is known of a source {source!r}", remedy="daybreak accept takes a source's name of sources.yaml"
        )
    return count
