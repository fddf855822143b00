"""`daybreak init`: looks at files, and writes a starter business folder.

Not here: the looking (looks.py, profile.py), the guessing (proposing.py), and checking the result (check.py).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from orchestration.errors import ConfigurationError
from orchestration.starter.dumps import created_tables, tables_with_rows
from orchestration.starter.place import Place, guess_place
from orchestration.starter.profile import Profile
from orchestration.starter.proposals import Proposal
from orchestration.starter.proposing import propose_all
from orchestration.starter.tables import find_tables
from orchestration.starter.write import alerts_yaml, business_yaml, sources_yaml

WRITTEN = ("business.yaml", "sources.yaml", "alerts.yaml")
MOST_FILES = 5_000


@dataclass(frozen=True)
class Started:
    """What was found and written: the folder, where its globs start, the sources, and what is no source."""

    folder: Path
    data: Path
    proposals: tuple[Proposal, ...]
    strangers: dict[str, str]

    @property
    def to_confirm(self) -> list[str]:
        """What a person must look at: source, column and question."""
        return [
            f"{p.name}.{made.target}: {made.confirm}"
            for p in self.proposals
            if p.is_written
            for made in p.guesses.values()
            if made.confirm
        ]


def start(folder: Path, given: Sequence[Path], *, force: bool, say: Callable[[str], None]) -> Started:
    """Look at the files, and write business.yaml, sources.yaml and alerts.yaml into ``folder``.

    Args:
        folder: the business folder to be; made if it is not there.
        given: files and folders; of a folder all files in and below it.
        force: whether files that are there already are written over.
        say: told what is being looked at.

    Raises:
        ConfigurationError: one of the three is there already, a given file is not, or none is given.
    """
    there = [name for name in WRITTEN if (folder / name).exists()]
    if there and not force:
        raise ConfigurationError(
            f"{folder / there[0]} is there already", remedy="name another folder, or say --force to write over it"
        )
    paths = _files(given)
    scripts = [path for path in paths if path.suffix.lower() == ".sql"]
    names = {table: columns for script in scripts for table, columns in created_tables(script).items()}
    looked_at = [path for path in paths if path not in scripts or tables_with_rows(path)]
    found = find_tables(looked_at, names, say)
    proposed = propose_all(found.tables)
    folder.mkdir(parents=True, exist_ok=True)
    strangers = {
        **found.strangers,
        **{p.name: "names the columns of the others" for p in scripts if p not in looked_at},
    }
    texts = {
        "business.yaml": business_yaml(folder.resolve().name.replace("_", " ").title(), _place(proposed.proposals)),
        "sources.yaml": sources_yaml(proposed.proposals, proposed.unused, strangers),
        "alerts.yaml": alerts_yaml(),
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    return Started(folder, found.root, proposed.proposals, {**proposed.unused, **strangers})


def _files(given: Sequence[Path]) -> list[Path]:
    """The given files, and those in and below the given folders; hidden ones left out."""
    paths: dict[Path, None] = {}
    for one in given:
        path = one.expanduser().resolve()
        if path.is_dir():
            inside = (p for p in sorted(path.rglob("*")) if p.is_file() and not p.name.startswith((".", "~$")))
            paths |= dict.fromkeys(inside)
        elif path.is_file():
            paths[path] = None
        else:
            raise ConfigurationError(f"{one}: no such file or folder", remedy="name files or folders after --from")
    if not paths:
        raise ConfigurationError("there is no file to look at", remedy="name files or folders after --from")
    if len(paths) > MOST_FILES:
        raise ConfigurationError(f"{len(paths):,} files are too many to look at", remedy="give a few of each kind")
    return list(paths)


def _place(proposals: Sequence[Proposal]) -> Place:
    sales_first = sorted(proposals, key=lambda p: p.entity != "sales_lines")

    def columns(*targets: str) -> list[Profile]:
        return [c.profile for p in sales_first for t in targets if (c := p.columns.get(t)) is not None]

    return guess_place(columns("country"), columns("currency"), columns("unit_price", "line_amount"))
