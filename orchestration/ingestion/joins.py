"""Joined files: which there are, what of them is news, and which of the source's own contents that concerns.

Not here: staging them and looking rows up in them (widening.py), and what the mapping makes of it (compile.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from orchestration.errors import SourceError
from orchestration.ingestion.contract import ENTITIES
from orchestration.ingestion.files import FoundFile, SourceFile
from orchestration.ingestion.intake import Intake
from orchestration.ingestion.names import FILE_COLUMNS, names_read
from orchestration.ingestion.origins.extracts import SHAPE as EXTRACT
from orchestration.ingestion.readers.opening import decimal_marks, open_reader
from orchestration.ingestion.staging import Opened
from orchestration.shapes import Join
from orchestration.sources import Source
from orchestration.warehouse import Connection
from orchestration.yaml_files import nearest


@dataclass(frozen=True)
class Joined:
    """One join of a source, the files it reads, and which of them are new or changed."""

    join: Join
    source: Source  # the join as if it were a source of its own: named ``lines.header``
    files: tuple[FoundFile, ...]
    news: tuple[SourceFile, ...]
    is_changed: bool  # a file that was read before has other contents now


def find_joined(intake: Intake, source: Source, mapping_sha256: str) -> list[Joined]:
    """The joined files of ``source``, and what of them is news.

    Raises:
        SourceError: a join finds no file at all: every row would be without a match.
    """
    found = []
    for one in list_joined(intake, source):
        news = intake.news(one.files, one.source, mapping_sha256)
        known = dict(
            intake.connection.execute(
                "select file_path, file_sha256 from ops.loads where source = %s and status = 'loaded' order by load_id",
                [one.source.name],
            ).fetchall()
        )
        is_changed = any(known.get(file.relative_path, file.sha256) != file.sha256 for file in news)
        found.append(replace(one, news=tuple(news), is_changed=is_changed))
    return found


def list_joined(intake: Intake, source: Source) -> list[Joined]:
    """The joined files of ``source``, whatever of them is news.

    Raises:
        SourceError: a join finds no file at all: every row would be without a match.
    """
    found = []
    for join in source.joins:
        own = source.model_copy(
            update={"name": f"{source.name}.{join.name}", "joins": (), "database": None}
            | {key: getattr(join, key) for key in type(join).model_fields if key in ("files", "store", "format")}
        )
        files = intake.find(own)
        if not files:
            raise SourceError(
                f"{own.name}: no file matches {join.files!r}, and {source.name} looks its columns up there",
                remedy="correct joins in sources.yaml, or bring the files",
            )
        found.append(Joined(join, own, tuple(files), (), is_changed=False))
    return found


def to_read_again(
    connection: Connection, source: Source, joined: Sequence[Joined], mapping_sha256: str
) -> dict[str, int]:
    """The contents that ``source`` took in under this mapping and for whose rows joined files bring something new.

    A changed file concerns every row, and a new one too where rows without a match were kept; else a new one concerns
    the contents of which rows found no match.

    Returns:
        For the hash of each content the load that took it in.
    """
    if not any(one.news for one in joined):
        return {}
    is_all = any(one.is_changed or (one.news and one.join.unmatched == "keep") for one in joined)
    rows = connection.execute(
        """select file_sha256, load_id from ops.loads l
           where source = %s and status = 'loaded' and mapping_sha256 = %s
             and (%s or exists (select from quarantine.rejected_rows q
                                where q.load_id = l.load_id and q.rule = 'no_match'))""",
        [source.name, mapping_sha256, is_all],
    ).fetchall()
    return dict(rows)


def key_is_joined(source: Source) -> bool:
    """Whether a part of the business key is looked up: it then changes where the joined file does."""
    prefixes = tuple(f"{join.name}." for join in source.joins)
    key = [source.columns[k] for k in ENTITIES[source.entity].key if k in source.columns]
    return any(name.startswith(prefixes) for mapping in key for name in mapping.names()) if prefixes else False


def open_file(file: SourceFile, source: Source) -> Opened:
    """A file of the source itself, opened. Raises SourceError if it cannot be read."""
    shape = EXTRACT if source.database else source
    reader = open_reader(file.path, shape, decimal_marks(source))
    return Opened(file, reader, reader.header())


def open_joined(intake: Intake, source: Source, joined: Sequence[Joined]) -> list[list[Opened]]:
    """The readers and headers of the joined files, a list per join.

    Raises:
        SourceError: a file cannot be read, or lacks the column it is joined on.
    """
    opened = []
    for one in joined:
        # of equal files the later one counts, as of all
        files = {file.sha256: file for file in intake.unfolded(one.files, one.source)}
        opened.append([_open(source, one.join, file) for file in files.values()])
    return opened


def _open(source: Source, join: Join, file: SourceFile) -> Opened:
    prefix = f"{join.name}."
    marks = dict.fromkeys(join.on.values(), ".")
    marks |= {name.removeprefix(prefix): m for name, m in decimal_marks(source).items() if name.startswith(prefix)}
    reader = open_reader(file.path, join, marks)
    header = reader.header()
    for name in [*join.on.values(), *(n.removeprefix(prefix) for n in names_read(source) if n.startswith(prefix))]:
        if name not in header:
            raise SourceError(
                f"{file.relative_path}: there is no column {name!r}, which {source.name} looks up in "
                f"{join.name}{nearest(name, header)}",
                remedy="correct the mapping or joins in sources.yaml, or the export",
            )
    return Opened(file, reader, header)


def check_clashes(own: Opened, joined: Sequence[str], source: Source) -> None:
    """Raise SourceError if a name that ``source`` reads is both a column of the file and a joined one."""
    for name in own.header:
        if name in joined and name in names_read(source):
            raise SourceError(
                f"{own.file.relative_path}: its column {name!r} is called as what is looked up elsewhere",
                remedy="give the join another name in sources.yaml, or the column in the export",
            )


def header_names(joined: Sequence[Joined], opened: Sequence[Sequence[Opened]]) -> list[str]:
    """The names under which the mapping may read joined columns, and the file itself."""
    names: dict[str, None] = dict.fromkeys(FILE_COLUMNS)
    for one, files in zip(joined, opened, strict=True):
        names |= dict.fromkeys(f"{one.join.name}.{name}" for file in files for name in file.header)
    return list(names)
