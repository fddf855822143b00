"""The given files as tables: files of one shape together, with their glob, a sample of their rows and its profile.

Not here: how a file is written (looks.py), and what a table means (matching.py).
"""

import glob
import os
import re
import tempfile
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import islice
from pathlib import Path

from orchestration.errors import DaybreakError
from orchestration.ingestion.files import natural_key
from orchestration.ingestion.origins.archives import is_archive, unpack
from orchestration.ingestion.readers.opening import open_reader
from orchestration.shapes import Shape
from orchestration.starter.looks import Look, NotRecognisedError, looks_of
from orchestration.starter.names import ideas_of
from orchestration.starter.profile import NumberForm, Profile, profile

MOST_FILES_READ = 12
MOST_ROWS = 60_000
_DATED = re.compile(r"(?<![A-Za-z0-9])(?:19|20)\d{2}(?:[-_.T]?\d{2,6})*(?![A-Za-z0-9])")


@dataclass(frozen=True)
class Table:
    """Files of one shape: where they are, and a sample of their rows as profiled columns."""

    label: str
    shape: Shape
    paths: tuple[Path, ...]
    columns: tuple[Profile, ...]
    rows: int
    is_whole: bool  # whether the sample is all there is
    confidence_pct: int
    reason: str
    parts: tuple[int, ...] = ()  # how many of the rows are of each file

    @property
    def place(self) -> str:
        """Where it is: its files, and which of their tables."""
        inside = self.shape.sql.table if self.shape.sql else self.shape.excel.sheet
        return f"{self.shape.files} ({inside})" if inside else self.shape.files

    @cached_property
    def ideas(self) -> tuple[str, ...]:
        """The ideas of its name, without the schema before it."""
        return ideas_of(self.label.rpartition(".")[2])

    @cached_property
    def by_name(self) -> dict[str, Profile]:
        """The columns by name."""
        return {column.name: column for column in self.columns}

    @cached_property
    def decimal(self) -> str:
        """The decimal mark that most of its numbers are written with."""
        marks = [c.number.decimal for c in self.columns if c.number and c.number.decimals and not c.number.is_open]
        return "," if marks.count(",") > marks.count(".") else "."


@dataclass
class Found:
    """The tables of the given files, and the files that none was found in, each with the reason."""

    root: Path
    tables: list[Table] = field(default_factory=list)
    strangers: dict[str, str] = field(default_factory=dict)


def find_tables(paths: Sequence[Path], names: Mapping[str, Sequence[str]], say: Callable[[str], None]) -> Found:
    """Look at all files, inside archives too, and read a sample of each table."""
    root = Path(os.path.commonpath([path.parent for path in paths]))
    found = Found(root)
    groups: dict[object, list[Look]] = defaultdict(list)
    with tempfile.TemporaryDirectory(prefix="daybreak-init-") as scratch:
        for path in sorted(paths, key=lambda p: natural_key(p.as_posix())):
            name = path.relative_to(root).as_posix()
            try:
                looks = _packed_looks(path, names, Path(scratch)) if is_archive(name) else looks_of(path, names)
                for look in looks:
                    groups[_alike(look)].append(look)
            except (NotRecognisedError, DaybreakError) as error:
                found.strangers[name] = _shown(error, path)
        for looks in _one_encoding(groups):
            name = looks[0].path.relative_to(root).as_posix()
            say(f"reading {name}" + (f" and {len(looks) - 1} more like it" if len(looks) > 1 else ""))
            try:
                found.tables.append(_table(looks, root, paths))
            except (DaybreakError, OSError, UnicodeError, ValueError) as error:
                found.strangers[name] = _shown(error, looks[0].read_from)
    return found


def _packed_looks(archive: Path, names: Mapping[str, Sequence[str]], scratch: Path) -> list[Look]:
    """The tables in an archive. A source's glob finds the archive: all that is in it must be of one shape."""
    looks: list[Look] = []
    for content in unpack(archive, archive.name, lambda: Path(tempfile.mkdtemp(dir=scratch)) / "content"):
        folder = content.path.parent
        inner = Path(content.name).name.removesuffix(archive.suffix)
        looks += [
            replace(k, path=archive, content=k.path) for k in looks_of(content.path.rename(folder / inner), names)
        ]
    if len({_alike(look) for look in looks}) > 1:
        raise NotRecognisedError("it holds files of several shapes, which one source cannot read: unpack it")
    return looks


def _shown(error: Exception, path: Path) -> str:
    """What is wrong with a file, without its path before it."""
    message = error.message if isinstance(error, DaybreakError) else str(error)
    return message.replace(f"{path}: ", "").replace(str(path), path.name)


def _alike(look: Look) -> tuple[object, ...]:
    """What files of one source have in common; the encoding is seen to later, for plain ASCII is of any."""
    shape = look.shape.model_dump_json(exclude={"csv": {"encoding"}})
    # a workbook of every month may call its sheet after the month, but then the sheet must be named by hand
    family = look.header or _family(look.read_from.name)
    if look.shape.csv.names and look.shape.csv.names[0] == "column_1":
        family = (*look.header, *_family(look.read_from.name))  # without names only the file's name tells them apart
    return (shape, family, look.path.suffix)


def _family(name: str) -> tuple[str, ...]:
    """A file's name without what counts it: digits and months.

    >>> _family("sales_2024-01.csv") == _family("sales_2024-02.csv"), _family("a.csv") == _family("b.csv")
    (True, False)
    """
    return tuple(re.sub(r"\d+", "#", name.lower()).split("#"))


def _one_encoding(groups: Mapping[object, list[Look]]) -> list[list[Look]]:
    """Each group, parted by encoding where two of them are really two; ASCII goes with either."""
    parted = []
    for looks in groups.values():
        encodings = {look.shape.csv.encoding for look in looks}
        if len(encodings) == 1:
            parted.append(looks)
            continue
        plain = [look for look in looks if look.shape.csv.encoding == "utf-8" and _is_ascii(look.read_from)]
        others: dict[str, list[Look]] = defaultdict(list)
        for look in looks:
            if look not in plain:
                others[look.shape.csv.encoding].append(look)
        first = next(iter(others.values()), None)
        if first is None:
            parted.append(plain)
            continue
        encoding = first[0].shape.csv.encoding
        first += [_encoded(look, encoding) for look in plain]
        parted += [sorted(members, key=lambda k: natural_key(k.path.as_posix())) for members in others.values()]
    return parted


def _encoded(look: Look, encoding: str) -> Look:
    return replace(
        look, shape=look.shape.model_copy(update={"csv": look.shape.csv.model_copy(update={"encoding": encoding})})
    )


def _is_ascii(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(1 << 20).isascii()


def _table(looks: Sequence[Look], root: Path, given: Sequence[Path]) -> Table:
    paths = tuple(dict.fromkeys(look.path for look in looks))
    shape = looks[0].shape.model_copy(update={"files": glob_for(paths, root, given)})
    read = [look.read_from for look in _spread(looks, MOST_FILES_READ)]
    header: dict[str, None] = {}
    records: list[dict[str, str]] = []
    headers: list[list[str]] = []
    parts: list[int] = []
    is_whole = len(read) == len(looks)
    for path in read:
        reader = open_reader(path, shape, {})
        headers.append(reader.header())
        header |= dict.fromkeys(headers[-1])
        fields = (r.fields for r in reader.records() if r.fields is not None and len(r.fields) == len(headers[-1]))
        part = MOST_ROWS // len(read)
        taken = list(islice(fields, part + 1))
        is_whole = is_whole and len(taken) <= part
        parts.append(len(taken[:part]))
        records += [dict(zip(headers[-1], row, strict=True)) for row in taken[:part]]
    if shape.format in ("json", "xml", "yaml"):
        # such exports leave out what is empty: a field that one of the files lacks may be lacking again
        optional = tuple(name for name in header if any(name not in own for own in headers))
        shape = shape.model_copy(update={"tree": shape.tree.model_copy(update={"optional": optional})})
    columns = [profile(name, [record.get(name, "") for record in records]) for name in header]
    look = looks[0]
    table = Table(
        look.label, shape, paths, tuple(columns), len(records), is_whole, look.confidence_pct, look.reason, tuple(parts)
    )
    return replace(table, columns=tuple(_settled(column, table) for column in columns))


def _settled(column: Profile, table: Table) -> Profile:
    """A column whose numbers or dates could be read in two ways, read as its neighbours prove."""
    if column.date is not None and column.date.is_open and column.date.format is not None:
        return _settled_date(column, table)
    form = column.number
    proven = any(c.number and c.number.decimals and not c.number.is_open for c in table.columns)
    if form is None or not form.is_open or not proven:
        return column
    if form.decimal == table.decimal:
        return replace(column, number=replace(form, is_open=False))
    other = "." if table.decimal == "," else ","
    return replace(column, number=NumberForm(table.decimal, other, 0, form.has_symbols), is_whole=True)


def _settled_date(column: Profile, table: Table) -> Profile:
    """Day and month in the order that another column of the table proves, written with the same mark."""
    form = column.date
    assert form is not None
    assert form.format is not None
    mark = form.format[2]
    for other in table.columns:
        if other.date and other.date.format and not other.date.is_open and other.date.format[2:3] == mark:
            order = other.date.format[:5]
            reason = f"{other.name} proves the order of day and month"
            own = order + form.format[5:]
            return replace(column, date=replace(form, format=own, is_open=False, reason=reason))
    return column


def _spread(looks: Sequence[Look], most: int) -> list[Look]:
    """Some of the files, spread over all of them; the first and the last among them."""
    if len(looks) <= most:
        return list(looks)
    return [looks[round(i * (len(looks) - 1) / (most - 1))] for i in range(most)]


def glob_for(paths: Sequence[Path], root: Path, given: Sequence[Path]) -> str:
    """A glob below ``root`` that finds ``paths`` and nothing that is called otherwise.

    What counts the files (dates, numbers) becomes a ``*``, so that tomorrow's file is found too.
    """
    names = [path.relative_to(root).as_posix() for path in paths]
    others = {path.relative_to(root).as_posix() for path in given} - set(names)
    families = {_family(path.name) for path in paths}
    enough = []
    for candidate in _globs(names):
        found = {path.relative_to(root).as_posix() for path in root.glob(candidate) if path.is_file()}
        strangers = {name for name in found - set(names) if _family(Path(name).name) not in families}
        if set(names) <= found and not others & found:
            enough.append(candidate)
            if not strangers:
                return candidate
    # rather a file too many, which a check shows, than one too few
    return enough[-1] if enough else _globs(names)[-1]


def _globs(names: Sequence[str]) -> list[str]:
    """Globs that find files of these names, the widest first."""
    folders = {Path(name).parent.as_posix() for name in names}
    folder = folders.pop() if len(folders) == 1 else "**"
    prefix = "" if folder == "." else "**/" if folder == "**" else f"{glob.escape(folder)}/"
    bases = [Path(name).name for name in names]
    if len(bases) == 1:
        dated = re.sub(_DATED, "\0", bases[0])
        wide = [prefix + glob.escape(dated).replace("\0", "*")] if dated != bases[0] else []
        return [*wide, prefix + glob.escape(bases[0])]
    start = re.sub(r"\d[\d._-]*$", "", _to_border(_common_start(bases), bases))
    backwards = [base[::-1] for base in bases]
    end = re.sub(r"^\d+", "", _to_border(_common_start(backwards), backwards)[::-1])
    if len(start) + len(end) > min(map(len, bases)):
        end = Path(bases[0]).suffix
    counted = re.sub(r"\d", "\0", bases[0])
    return [f"{prefix}{glob.escape(start)}*{glob.escape(end)}", prefix + glob.escape(counted).replace("\0", "[0-9]")]


def _to_border(start: str, texts: Sequence[str]) -> str:
    """A common start, cut where a word or a number ends in all of the texts.

    >>> _to_border("superstore_c", ["superstore_copy", "superstore_cut"]), _to_border("x", ["x1", "x2"])
    ('superstore_', 'x')
    """
    while start and any(text[len(start) :][:1].isalpha() and start[-1].isalpha() for text in texts):
        start = start[:-1]
    return start


def _common_start(texts: Sequence[str]) -> str:
    """What all texts begin with.

    >>> _common_start(["sales_1", "sales_2"])
    'sales_'
    """
    first, last = min(texts), max(texts)
    return next((first[:i] for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), first)
