"""Drift, as a load asks for it: is tonight's shape the one that this source's files have had?

Not here: the facts, the verdicts and the memory (facts.py, verdicts.py, memory.py).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from orchestration.errors import SourceError
from orchestration.ingestion.compile import Mapped
from orchestration.ingestion.drift import memory
from orchestration.ingestion.drift.facts import Facts, measure
from orchestration.ingestion.drift.verdicts import compare, renamed
from orchestration.ingestion.names import check_columns, names_read
from orchestration.ingestion.staging import Opened
from orchestration.sources import Source
from orchestration.warehouse import Connection

MOST_TOLD = 3


@dataclass(frozen=True)
class Drift:
    """How tonight's files differ from what was expected, and their facts, to be remembered once they are taken in."""

    facts: Mapping[int, Facts] = field(default_factory=dict)
    is_accepted: bool = False
    problem: str | None = None
    notes: tuple[str, ...] = ()


def check_names(connection: Connection, source: Source, header: Sequence[str], file: str) -> None:
    """Raise SourceError if a column is missing that ``source`` reads, with what may have become of it."""
    try:
        check_columns(source, list(header), file)
    except SourceError as error:
        expected = memory.last_header(connection, source.name)
        missing = next(name for name in names_read(source) if name not in header)
        # of the joined files nobody remembers the columns: all of them would look new
        others = tuple(f"{name}." for name in ("file", *(join.name for join in source.joins)))
        own = [name for name in header if not name.startswith(others)]
        guess = "" if missing.startswith(others) else renamed(missing, own, expected)
        # with a guess the list of all the other columns says nothing more
        message = error.message.partition("; known are ")[0] if guess else error.message
        raise SourceError(message + guess, remedy=error.remedy) from None


def judge(
    connection: Connection,
    source: Source,
    mapping_sha256: str,
    *,
    mapped: Mapped,
    staging: Mapping[str, str],
    files: Mapping[int, Opened],
) -> Drift:
    """Compare tonight's files, each with the ones before it; files of one night follow each other as of several.

    Contents that were taken in once, and are read again for another mapping or for other joined files, are not judged
    again: whoever accepted them then need not do so twice.

    Args:
        connection: with the load's transaction open, before anything is merged.
        source: the source.
        mapping_sha256: only files read under the same mapping are compared.
        mapped: the compiled mapping.
        staging: the column of ``incoming`` of each header name.
        files: tonight's files, by load id.
    """
    contents = {load_id: one.file.sha256 for load_id, one in files.items()}
    again = memory.loaded_before(connection, source.name, contents)
    shapes = memory.recall(connection, source.name)
    # what had given way to newer files, or to what was accepted, does not come back because it is read again
    remembered = {shape.file_sha256: shape.facts.n_files for shape in shapes}
    forgotten = again - remembered.keys() if remembered else set()
    watched = {load_id: one for load_id, one in files.items() if contents[load_id] not in forgotten}
    n_new = len(set(contents.values()) - again)
    facts = {
        load_id: replace(one, n_files=remembered.get(contents[load_id], n_new))
        for load_id, one in measure(connection, source, mapped, staging, watched).items()
    }
    is_accepted = memory.is_accepted(connection, source.name)
    before = [s.facts for s in shapes if s.mapping_sha256 == mapping_sha256 and s.file_sha256 not in contents.values()]
    before += [one for load_id, one in facts.items() if contents[load_id] in again and one.rows]
    judged = [] if is_accepted else [one for load_id, one in facts.items() if contents[load_id] not in again]
    problem, notes = _judged(source, before, judged)
    # a file without rows says nothing of the next one
    kept = {load_id: one for load_id, one in facts.items() if one.rows}
    return Drift(kept, is_accepted, problem, notes)


def _judged(source: Source, before: Sequence[Facts], judged: Sequence[Facts]) -> tuple[str | None, tuple[str, ...]]:
    """What stops the source, in a sentence, and what is only told."""
    former = list(before)
    problems: list[str] = []
    notes: list[str] = []
    for now in judged:
        verdict = compare(source, former[-memory.KEPT :], now)
        problems += verdict.problems
        notes += verdict.notes
        if now.rows:
            former.append(now)
    shown = problems[:MOST_TOLD] + ([f"and {len(problems) - MOST_TOLD} more"] if len(problems) > MOST_TOLD else [])
    return "; ".join(shown) or None, tuple(notes)


def remember(connection: Connection, source: Source, mapping_sha256: str, drift: Drift) -> None:
    """Keep what tonight's files looked like, for they were taken in."""
    if drift.is_accepted:
        memory.begin_anew(connection, source.name)
    memory.remember(connection, source.name, mapping_sha256, drift.facts, drift.notes)
