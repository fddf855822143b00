"""`daybreak check`: the business folder and a sample of every source, judged as a night would; writes nothing.

Not here: the judging itself (ingestion/sample.py), and how it is shown (cli.py). It runs in a scratch transaction that
is always rolled back.
"""

import dataclasses
import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from orchestration import warehouse
from orchestration.business import Business, load_business
from orchestration.database import database
from orchestration.errors import DaybreakError, SourceError
from orchestration.ingestion.files import FoundFile
from orchestration.ingestion.intake import Intake
from orchestration.ingestion.joins import list_joined
from orchestration.ingestion.sample import Example, Judged, Rejects, check_expressions, judge_sample
from orchestration.settings import Settings
from orchestration.sources import Source
from orchestration.stack.local_postgres import running
from orchestration.warehouse import connect

MOST_EXAMPLES = 5
MOST_STRANGERS = 5
NOT_FOUND = "?"  # what `daybreak init` writes for a column that it did not find


@dataclass(frozen=True)
class Finding:
    """What a source looks like: its files, and how the newest of them fares under the mapping."""

    source: str
    entity: str
    files: int = 0
    newest: str | None = None
    problem: str | None = None  # what stops the source
    is_fine: bool = False
    judged: Judged = field(default_factory=lambda: Judged(0, 0, is_whole=True))

    @property
    def rows_sampled(self) -> int:
        """Rows of the newest file that were judged."""
        return self.judged.read

    @property
    def is_judged(self) -> bool:
        """Whether its newest file could be read at all."""
        return self.judged.read > 0

    @property
    def rows_rejected(self) -> int:
        """Those of them that would be rejected."""
        return self.judged.rejected

    def first_rejects(self) -> list[tuple[Rejects, Sequence[Example]]]:
        """The first rejected rows, a few in all: of each rule one at least, while there is room."""
        groups = self.judged.rejects[:MOST_EXAMPLES]
        room = MOST_EXAMPLES - len(groups)
        shown: list[tuple[Rejects, Sequence[Example]]] = []
        for group in groups:
            more = min(room, len(group.examples) - 1)
            room -= more
            shown.append((group, group.examples[: 1 + more]))
        return shown


def check_business(settings: Settings, *, say: Callable[[str], None]) -> list[Finding]:
    """Validate the folder, then judge the newest file of every source.

    Raises:
        ConfigurationError: a file of the business folder is wrong; with file, line and key.
    """
    business = load_business(settings.business_folder)
    noun = "source" if len(business.sources) == 1 else "sources"
    say(f"{business.folder}: {len(business.sources)} {noun}; data below {settings.data_folder}")
    _say_what_is_open(business.folder, say)
    with _scratch_database(settings) as url:
        findings = [_check_source(url, business, source, settings) for source in business.sources]
    _say_what_nothing_matches(business, settings.data_folder, say)
    return _each_said_once(business, findings)


def _say_what_nothing_matches(business: Business, folder: Path, say: Callable[[str], None]) -> None:
    """The files in the data folder that no source and no join finds."""
    if not folder.is_dir():
        say(f"there is no data folder {folder}: name it with --data DIR or DAYBREAK_DATA")
        return
    shapes = [shape for source in business.sources for shape in (source, *source.joins) if not shape.store]
    found = {path for shape in shapes if shape.files for path in folder.glob(shape.files)}
    own = business.folder.resolve()
    left = [
        path.relative_to(folder).as_posix()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path not in found and own not in path.resolve().parents and not _is_hidden(path, folder)
    ]
    if left:
        noun = "1 file" if len(left) == 1 else f"{len(left):,} files"
        verb = "matches" if len(left) == 1 else "match"
        more = ", …" if len(left) > MOST_STRANGERS else ""
        say(f"{noun} below {folder} {verb} no source: {', '.join(left[:MOST_STRANGERS])}{more}")


def _is_hidden(path: Path, folder: Path) -> bool:
    return any(part.startswith((".", "~$")) for part in path.relative_to(folder).parts)


def _each_said_once(business: Business, findings: Sequence[Finding]) -> list[Finding]:
    """The findings with the columns that no source of a table reads at the first of its sources alone."""
    tables = [(f.newest, s.format, s.sql, s.excel, s.tree) for s, f in zip(business.sources, findings, strict=True)]
    once = []
    for place, finding in enumerate(findings):
        same = [f for f, table in zip(findings, tables, strict=True) if finding.newest and table == tables[place]]
        if len(same) > 1:
            unread = [
                name for name in finding.judged.unread if all(name in f.judged.unread for f in same if f.is_judged)
            ]
            judged = replace(finding.judged, unread=tuple(unread) if tables.index(tables[place]) == place else ())
            finding = replace(finding, judged=judged)
        once.append(finding)
    return once


def _say_what_is_open(folder: Path, say: Callable[[str], None]) -> None:
    """The guesses of `daybreak init` that nobody has confirmed yet."""
    for path in sorted(folder.glob("*.yaml")):
        lines = path.read_text(encoding="utf-8").splitlines()
        marked = [n for n, line in enumerate(lines, start=1) if "# CONFIRM" in line]
        if marked:
            shown = ", ".join(map(str, marked[:10])) + (", …" if len(marked) > 10 else "")
            noun = "guess is" if len(marked) == 1 else "guesses are"
            say(f"{path.name}: {len(marked)} {noun} not confirmed, in line {shown}")


@contextmanager
def _scratch_database(settings: Settings) -> Iterator[str]:
    """A server to judge on: the one in use; where there is none yet, one that goes away again."""
    if settings.database_url is not None or (settings.postgres_data / "data").exists():
        with database(settings, set_up=False) as url:
            yield url
        return
    # not in the home: a check leaves nothing behind
    with (
        tempfile.TemporaryDirectory(prefix="daybreak-check-", ignore_cleanup_errors=True) as folder,
        running(Path(folder) / "postgres", changes={"fsync": "off"}) as server,
    ):
        warehouse.initialise(server.url())
        yield server.url()


def _check_source(url: str, business: Business, source: Source, settings: Settings) -> Finding:
    files: list[FoundFile] = []
    newest = None
    open_columns = [target for target, mapping in source.columns.items() if mapping.from_ == NOT_FOUND]
    if open_columns:
        what = f"no column is named yet for {', '.join(open_columns)}"
        return Finding(source.name, source.entity, problem=f'{what}: put it in sources.yaml in place of the "?"')
    if not (source.store or source.database) and not settings.data_folder.is_dir():
        return Finding(source.name, source.entity, problem="there is no data folder")
    try:
        with connect(url) as connection, Intake(connection, business, settings.data_folder, remembers=False) as intake:
            check_expressions(connection, business, source)
            files = intake.find(source)
            if not files and not source.database:
                place = f"in the store {source.store}" if source.store else f"below {settings.data_folder}"
                nothing = f"no file matches {source.files!r} {place}"
                return Finding(source.name, source.entity, problem=nothing)
            newest = files[-1].relative_path if files else None
            sample = intake.sample(source, files)
            newest = sample.relative_path
            try:
                judged = judge_sample(intake, source, sample, list_joined(intake, source))
            except SourceError as error:
                raise intake.in_words(error) from None
    except DaybreakError as error:
        return Finding(source.name, source.entity, len(files), newest, str(error))
    problem = None
    if judged.rejected * 100 > judged.read * source.max_rejected_pct:
        problem = (
            f"{judged.rejected:,} of {judged.read:,} rows would be rejected, more than the "
            f"{source.max_rejected_pct:g} % it allows"
        )
    return Finding(source.name, source.entity, len(files), newest, problem, is_fine=problem is None, judged=judged)


def as_json(findings: Sequence[Finding]) -> str:
    """The findings for a program: a list of objects; amounts as text, exactly."""
    return json.dumps([dataclasses.asdict(finding) for finding in findings], default=str, ensure_ascii=False, indent=2)
