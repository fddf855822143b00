"""`daybreak init`: looks at files, and writes a starter business folder.

Not here: the looking (looks.py, profile.py), the guessing (proposing.py), and checking the result (check.py).
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from orchestration.errors import ConfigurationError
from orchestration.starter.dumps import created_tables, tables_with_rows
from orchestration.starter.place import Place, guess_place
from orchestration.starter.profile import Profile
from orchestration.starter.proposals import Proposal
from orchestration.starter.proposing import Proposed, propose_all
from orchestration.starter.tables import find_tables
from orchestration.starter.write import alerts_yaml, business_yaml, sources_yaml

WRITTEN = ("business.yaml", "sources.yaml", "alerts.yaml")
MOST_FILES = 5_000
MOST_REASONS = 3


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
        ConfigurationError: one of the three is there already, a given file is not, or none is a source.
    """
    there = [name for name in WRITTEN if (folder / name).exists()]
    if there and not force:
        raise ConfigurationError(
            f"{folder / there[0]} is there already", remedy="name another folder, or say --force to write over it"
        )
    given_paths = _files(given)
    size = sum(path.stat().st_size for path in given_paths) / 1e6
    say(f"looking at {len(given_paths):,} file{'s' * (len(given_paths) > 1)} ({size:,.1f} MB)")
    paths, same = _each_once(given_paths)
    scripts = [path for path in paths if path.suffix.lower() == ".sql"]
    names = {table: columns for script in scripts for table, columns in created_tables(script).items()}
    looked_at = [path for path in paths if path not in scripts or tables_with_rows(path)]
    found = find_tables(looked_at, names, say)
    proposed = propose_all(found.tables)
    strangers = {
        **found.strangers,
        **same,
        **{p.name: "names the columns of the others" for p in scripts if p not in looked_at},
    }
    texts = {
        "business.yaml": business_yaml(folder.resolve().name.replace("_", " ").title(), _place(proposed.proposals)),
        "sources.yaml": sources_yaml(proposed.proposals, proposed.unused, strangers),
        "alerts.yaml": alerts_yaml(),
    }
    if not any(proposal.is_written for proposal in proposed.proposals):
        raise _nothing(proposed, strangers)
    folder.mkdir(parents=True, exist_ok=True)
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


def _each_once(paths: Sequence[Path]) -> tuple[list[Path], dict[str, str]]:
    """The files without those that are the same, byte for byte, as one before them; and what those are called."""
    sizes = Counter(path.stat().st_size for path in paths)
    first: dict[str, Path] = {}
    kept, same = [], {}
    for path in paths:
        if sizes[path.stat().st_size] == 1 or not path.stat().st_size:
            kept.append(path)
            continue
        with path.open("rb") as stream:
            earlier = first.setdefault(hashlib.file_digest(stream, "sha256").hexdigest(), path)
        if earlier is path:
            kept.append(path)
        else:
            name = path.name if path.name != earlier.name else str(path)
            same[name] = f"the same content as {earlier.name if path.name != earlier.name else earlier}"
    return kept, same


def _nothing(proposed: Proposed, strangers: Mapping[str, str]) -> ConfigurationError:
    """That no file is a source, and what the first few are instead."""
    near = {p.name: f"looks like {p.entity}, without {', '.join(p.missing)}" for p in proposed.proposals}
    reasons = {**near, **proposed.unused, **strangers}
    shown = "; ".join(f"{name}: {why}" for name, why in [*reasons.items()][:MOST_REASONS])
    more = f"; and {len(reasons) - MOST_REASONS} more" if len(reasons) > MOST_REASONS else ""
    return ConfigurationError(
        f"no source was recognised, so nothing was written ({shown}{more})",
        remedy="name a folder that has an export of sales lines after --from",
    )


def _place(proposals: Sequence[Proposal]) -> Place:
    sales_first = sorted(proposals, key=lambda p: p.entity != "sales_lines")
    of_trade = [p for p in sales_first if p.entity in ("sales_lines", "customers")]

    def columns(among: Sequence[Proposal], *targets: str) -> list[Profile]:
        return [c.profile for p in among for t in targets if (c := p.columns.get(t)) is not None]

    # where each country comes once it is a list of all countries, in which lines look theirs up
    countries = [column for column in columns(of_trade, "country") if not column.is_unique]
    currencies = columns(sales_first, "currency")
    return guess_place(countries, currencies, columns(sales_first, "unit_price", "line_amount"))
