"""`daybreak check`: the business folder and a sample of every source, judged as a night would; writes nothing.

Not here: the judging itself (ingestion/sample.py), and how it is shown (cli.py). It runs in a scratch transaction that
is always rolled back.
"""

import dataclasses
import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
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
        return [_check_source(url, business, source, settings) for source in business.sources]


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
