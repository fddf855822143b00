"""Drift, as a load asks for it: is tonight's shape the one that this source's files have had?

Not here: the facts, the verdicts and the memory (facts.py, verdicts.py, memory.py).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

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
    problem: str | None = None
    notes: tuple[str, ...] = ()


def check_names(connection: Connection, source: Source, header: Sequence[str], file: str) -> None:
    """Raise SourceError if a column is missing that ``source`` reads, with what may have become of it."""
    try:
        check_columns(source, list(header), file)
    except SourceError as error:
        expected = memory.last_header(connection, source.name)
        missing = next(name for name in names_read(source) if name not in header)
        raise SourceError(error.message + renamed(missing, header, expected), remedy=error.remedy) from None


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

    Args:
        connection: with the load's transaction open, before anything is merged.
        source: the source.
        mapping_sha256: only files read under the same mapping are compared.
        mapped: the compiled mapping.
        staging: the column of ``incoming`` of each header name.
        files: tonight's files, by load id.
    """
    before = memory.recall(connection, source.name, mapping_sha256)
    facts = measure(connection, source, mapped, staging, files)
    problems: list[str] = []
    notes: list[str] = []
    for now in facts:
        verdict = compare(source, before[-memory.KEPT :], now)
        problems += verdict.problems
        notes += verdict.notes
        if now.rows:
            before.append(now)
    shown = problems[:MOST_TOLD] + ([f"and {len(problems) - MOST_TOLD} more"] if len(problems) > MOST_TOLD else [])
    return Drift(dict(zip(files, facts, strict=True)), "; ".join(shown) or None, tuple(notes))


def remember(connection: Connection, source: Source, mapping_sha256: str, drift: Drift) -> None:
    """Keep what tonight's files looked like, for they were taken in."""
    memory.remember(connection, source.name, mapping_sha256, drift.facts, drift.notes)
