"""Records with fields inside fields as rows: dotted names, one row per element of a list, all of it as text.

Not here: where the records stand in JSON, XML and YAML (json_tree.py, xml_tree.py, yaml_tree.py).
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from orchestration.errors import SourceError
from orchestration.ingestion.readers.cells import Number, cell_text
from orchestration.ingestion.readers.records import (
    MOST_COLUMNS,
    Record,
    Staged,
    checked_header,
    printable,
    stage_records,
)
from orchestration.shapes import Tree
from orchestration.warehouse import Connection

DEEPEST = 100  # levels of one record; real ones have fewer than ten, and each costs the interpreter's stack
LONGEST_SHOWN = 1 << 16
SCALARS = {str, Number, bool}


@dataclass(frozen=True)
class Fault:
    """A part of a record that makes it unreadable: the rule it breaks, and the sentence."""

    rule: str
    reason: str


@dataclass(frozen=True)
class Found:
    """A record as its format has it: dicts, lists, texts, Numbers, booleans, None; and the line where it begins.

    The key None of a dict is the dict's own text (an XML element that has attributes too).
    """

    line: int
    value: object
    text: str = ""


Row = dict[str, object]


class TreeReader:
    """What the readers of trees share: the file is read twice, for the names of all fields, then for the rows."""

    def __init__(self, path: Path, tree: Tree, marks: Mapping[str, str]) -> None:
        self.path = path
        self.tree = tree
        self.marks = marks
        self._header: list[str] | None = None

    @property
    def has_lines(self) -> bool:
        """Whether ``line`` of a record is a line of the file; else it is the row's number, from 1."""
        return False

    def found(self) -> Iterator[Found]:
        """The records as the format has them. Raises SourceError when the file cannot be read on."""
        raise NotImplementedError

    def header(self) -> list[str]:
        """The names of all fields in the file, in order of first appearance.

        Of a file without records: every name that the mapping reads, for it contradicts none of them.
        """
        if self._header is None:
            self._header = self._names()
        return list(self._header)

    def records(self) -> Iterator[Record]:
        """Every row."""
        columns = [(name, self.marks.get(name, ".")) for name in self.header()]
        known = dict(columns).keys()
        for line, row, text in self._rows():
            if isinstance(row, Fault):
                yield Record(line, None, row.rule, row.reason, text)
                continue
            if not row.keys() <= known:
                raise SourceError(f"{self.path}: it changed while it was read", remedy="let the export end first")
            values = [(row.get(name), mark) for name, mark in columns]
            yield Record(line, [value if type(value) is str else cell_text(value, mark) for value, mark in values])

    def stage(self, connection: Connection, columns: Sequence[str], load_id: int) -> Staged:
        """COPY every row."""
        return stage_records(self, connection, columns, load_id)

    def _names(self) -> list[str]:
        names: dict[str, None] = {}
        first, is_empty = "", True
        for _, row, _ in self._rows():
            is_empty = False
            if isinstance(row, Fault):
                first = first or row.reason
            elif not row.keys() <= names.keys():
                names |= dict.fromkeys(row)
                if len(names) > MOST_COLUMNS:
                    raise SourceError(
                        f"{self.path}: its records have more than {MOST_COLUMNS:,} different fields",
                        remedy="are ids used as keys? The list of records must be what tree.records names",
                    )
        if is_empty:
            return list(self.marks)
        if not names:
            raise SourceError(
                f"{self.path}: none of its records can be read{': ' + first if first else ': they have no fields'}",
                remedy="does tree.records name the list of records?",
            )
        return checked_header(self.path, [*names, *(name for name in self.tree.optional if name not in names)])

    def _rows(self) -> Iterator[tuple[int, Row | Fault, str]]:
        """Number (or line), fields by dotted name, and the record's text where it is no row."""
        flattener = Flattener(self.tree.lines)
        number = 0
        for found in self.found():
            for row in flattener.rows(found.value):
                number += 1
                if not isinstance(row, Fault):
                    yield found.line if self.has_lines else number, row, ""
                elif self.has_lines:
                    yield found.line, row, found.text
                else:
                    text = (found.text or as_json(found.value))[:LONGEST_SHOWN]
                    where = f"{row.reason} The record begins in line {found.line} of the file."
                    yield number, Fault(row.rule, where), text


class Flattener:
    """Records as rows: nested fields by dotted name, and one row per element of the list at ``lines``."""

    def __init__(self, lines: str | None) -> None:
        self.lines = lines
        self._names: dict[str, dict[str | None, str]] = {}  # most keys come again in every record

    def rows(self, record: object) -> Iterator[Row | Fault]:
        """The rows of one record, or what makes it none.

        A list at ``lines`` that is missing or empty gives one row, so that no record is lost in silence.

        >>> list(Flattener("items").rows({"id": "7", "at": {"city": "Graz"}, "items": [{"sku": "a"}, {"sku": "b"}]}))
        [{'id': '7', 'at.city': 'Graz', 'items.sku': 'a'}, {'id': '7', 'at.city': 'Graz', 'items.sku': 'b'}]
        """
        if isinstance(record, Fault):
            yield record
        elif not isinstance(record, dict):
            yield Fault("not_a_record", f"A record has fields, but this is {_kind(record)}.")
        else:
            yield from self._rows(record, "", 1)

    def _rows(self, record: Mapping[str | None, object], name: str, depth: int) -> Iterator[Row | Fault]:
        base: Row = {}
        elements: tuple[str, Sequence[object]] | None = None
        try:
            others = record
            if self.lines is not None:
                others = {}
                for key, value in record.items():
                    full = self._name(name, key)
                    if self._leads_to_lines(full):
                        elements = full, value if isinstance(value, list) and value else [value or None]
                    else:
                        others[key] = value
            self._put(base, name, others, depth)
        except _NoRowError as error:
            yield error.fault
            return
        if elements is None:
            yield base
            return
        full, values = elements
        for value in values:
            for row in self._inner_rows(full, value, depth):
                if isinstance(row, Fault):
                    yield row
                elif not base.keys().isdisjoint(row):
                    yield _twice(min(base.keys() & row.keys()))
                else:
                    yield base | row

    def _inner_rows(self, full: str, value: object, depth: int) -> Iterator[Row | Fault]:
        """The rows of one element on the way to ``lines``, or at it."""
        if depth >= DEEPEST:
            yield _too_deep()
        elif full != self.lines and isinstance(value, dict):
            yield from self._rows(value, full, depth + 1)
        else:
            row: Row = {}
            try:
                if value is not None:
                    self._put(row, full, value, depth)
                yield row
            except _NoRowError as error:
                yield error.fault

    def _put(self, row: Row, name: str, value: object, depth: int) -> None:
        if isinstance(value, dict):
            if depth >= DEEPEST:
                raise _NoRowError(_too_deep())
            names = self._names.setdefault(name, {})
            for key, inner in value.items():
                full = names.get(key) or self._name(name, key)
                if full in row:
                    raise _NoRowError(_twice(full))
                if inner is None or type(inner) in SCALARS:
                    row[full] = inner
                else:
                    self._put(row, full, inner, depth + 1)
            return
        if isinstance(value, Fault):
            raise _NoRowError(Fault(value.rule, value.reason.replace("{name}", name)))
        row[name] = _list_text(value) if isinstance(value, list) else value

    def _leads_to_lines(self, name: str) -> bool:
        lines = self.lines
        return lines is not None and (name == lines or (lines.startswith(name) and lines[len(name)] == "."))

    def _name(self, outer: str, key: str | None) -> str:
        """The dotted name of a key."""
        names = self._names.setdefault(outer, {})
        if key not in names:
            own = outer if key is None else key.strip()
            if not own or printable(own) != own:
                raise _NoRowError(Fault("field_name", f"A field has the name {printable((key or '')[:100])!r}."))
            names[key] = f"{outer}.{own}" if outer and key is not None else own
        return names[key]


class _NoRowError(Exception):
    """The record is no row."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        super().__init__(fault.reason)


def _twice(name: str) -> Fault:
    return Fault("repeated_field", f"The field {name!r} stands twice in one record.")


def _too_deep() -> Fault:
    return Fault("depth", f"The record is nested deeper than {DEEPEST} levels.")


def _kind(value: object) -> str:
    if value is None:
        return "nothing"
    return "a list" if isinstance(value, list) else f"the value {str(value)[:100]!r}"


def _list_text(value: list[object]) -> str | None:
    """A list that is not made into rows, as JSON; an empty one is no value."""
    fault = next(_faults(value, 1), None)
    if fault is not None:
        raise _NoRowError(fault)
    return as_json(value) if value else None


def _faults(value: object, depth: int) -> Iterator[Fault]:
    if isinstance(value, Fault):
        yield value
    elif depth > DEEPEST:
        yield _too_deep()
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _faults(inner, depth + 1)


def as_json(value: object, depth: int = 0) -> str:
    """The value as JSON, numbers as they were written.

    >>> as_json(["a", Number("1.50"), {"b": None}])
    '["a", 1.50, {"b": null}]'
    """
    if isinstance(value, Number):
        return str(value)
    if depth > DEEPEST or isinstance(value, Fault):
        return '"…"'
    if isinstance(value, dict):
        pairs = (f"{json.dumps(k or '', ensure_ascii=False)}: {as_json(v, depth + 1)}" for k, v in value.items())
        return "{" + ", ".join(pairs) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(as_json(inner, depth + 1) for inner in value) + "]"
    return json.dumps(value, ensure_ascii=False)
