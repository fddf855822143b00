"""`daybreak check`: the business folder and a sample of every source, judged as a night would; writes nothing.

Not here: the judging itself (ingestion/). It runs in a scratch transaction that is always rolled back.
"""

from collections.abc import Callable
from dataclasses import dataclass

from orchestration.business import Business, load_business
from orchestration.database import database
from orchestration.errors import DaybreakError
from orchestration.ingestion.files import SourceFile, find_files
from orchestration.ingestion.joins import find_joined
from orchestration.ingestion.sample import check_expressions, judge_sample
from orchestration.settings import Settings
from orchestration.sources import Source
from orchestration.warehouse import connect


@dataclass(frozen=True)
class Finding:
    """What a source looks like: its files, and how the newest of them fares under the mapping."""

    source: str
    files: int
    newest: str | None
    rows_sampled: int
    rows_rejected: int
    problem: str | None
    is_fine: bool


def check_business(settings: Settings, *, say: Callable[[str], None]) -> list[Finding]:
    """Validate the folder, then judge the newest file of every source.

    Raises:
        ConfigurationError: a file of the business folder is wrong; with file, line and key.
    """
    business = load_business(settings.business_folder)
    noun = "source" if len(business.sources) == 1 else "sources"
    say(f"{business.folder}: {len(business.sources)} {noun}; data below {settings.data_folder}")
    with database(settings, set_up=False) as url:
        return [_check_source(url, business, source, settings) for source in business.sources]


def _check_source(url: str, business: Business, source: Source, settings: Settings) -> Finding:
    files: list[SourceFile] = []
    try:
        with connect(url) as connection:
            check_expressions(connection, business, source)
            files = find_files(settings.data_folder, source)
            if not files:
                nothing = f"no file matches {source.files!r} below {settings.data_folder}"
                return Finding(source.name, 0, None, 0, 0, nothing, is_fine=False)
            joined = find_joined(connection, source, settings.data_folder, "")
            judged = judge_sample(connection, business, source, files[-1], joined)
    except DaybreakError as error:
        newest = files[-1].relative_path if files else None
        return Finding(source.name, len(files), newest, 0, 0, str(error), is_fine=False)
    is_fine = judged.rejected * 100 <= judged.read * source.max_rejected_pct
    problem = judged.first_reason
    if not is_fine:
        problem = (  # the limit first: it is what stops the source
            f"{judged.rejected} of {judged.read} rows would be rejected, more than the {source.max_rejected_pct:g} % "
            f"it allows; the first: {problem}"
        )
    newest = files[-1].relative_path
    return Finding(source.name, len(files), newest, judged.read, judged.rejected, problem, is_fine=is_fine)
