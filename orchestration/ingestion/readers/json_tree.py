"""JSON as records: a list, objects one after the other, JSON lines, or a list somewhere inside an object.

Not here: nested fields as columns (tree.py). Read value by value: a list of a gigabyte never stands in memory.
"""

import io
import json
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

from orchestration.errors import SourceError
from orchestration.ingestion.readers.cells import Number
from orchestration.ingestion.readers.tree import Fault, Found, TreeReader
from orchestration.ingestion.readers.window import CHUNK_CHARACTERS, LONGEST_PIECE, Window, opened_text
from orchestration.yaml_files import nearest

_BLANKS = " \t\n\r"
# An error so near the window's end may come of the cut: "-Infinity" has nine characters, "\ud83d\ude42" has twelve.
_LONGEST_TOKEN = 20


class JsonReader(TreeReader):
    """A JSON file. Where every line is an object (JSON lines), a broken line is no row, and the others are read on."""

    @property
    def has_lines(self) -> bool:
        """Whether ``line`` of a record is a line of the file: where each line is one record and one row."""
        return self._is_json_lines and self.tree.records is None and self.tree.lines is None

    @cached_property
    def _is_json_lines(self) -> bool:
        """By the first line: an object that ends where the line ends; by the name, where that line is broken."""
        with opened_text(self.path) as stream:
            first = ""
            while not first.strip():
                first = stream.readline(CHUNK_CHARACTERS)
                if not first:
                    return False
        if self.path.suffix.lower() in (".jsonl", ".ndjson"):
            return True
        try:
            return isinstance(DECODER.decode(first), dict)
        except (ValueError, RecursionError):
            return False

    def found(self) -> Iterator[Found]:
        """The records, in their order."""
        with opened_text(self.path) as stream:
            if self._is_json_lines:
                yield from self._by_line(stream)
            else:
                yield from _Walk(Window(self.path, stream)).records(self.tree.records)

    def _by_line(self, stream: io.TextIOBase) -> Iterator[Found]:
        number = 0
        while line := stream.readline(LONGEST_PIECE):
            number += 1
            if len(line) == LONGEST_PIECE:
                raise SourceError(f"{self.path}, line {number}: the line is too long", remedy="export it again")
            if line.strip():
                yield from (Found(number, one, line) for one in _line_values(line, self.tree.records))


def _line_values(line: str, path: str | None) -> list[object]:
    """The records of a line, or what makes it none."""
    try:
        return list(_inside(DECODER.decode(line.rstrip()), path))
    except json.JSONDecodeError as error:
        return [Fault("json", f"The line is not JSON: {error.msg}, column {error.colno}.")]
    except RecursionError:
        return [Fault("depth", "The line is nested too deep.")]


def _inside(value: object, path: str | None) -> Iterator[object]:
    """The records at ``path`` inside a value."""
    if path is None or isinstance(value, Fault):
        yield value
    elif isinstance(value, list):
        for one in value:
            yield from _inside(one, path)
    else:
        members = value if isinstance(value, dict) else {}
        inner = [(v, rest) for key, v in members.items() if (rest := rest_of(path, key)) is not None]
        if not inner:
            yield Fault("no_records", f"There is no {path!r} in it{nearest(path.split('.')[0], list(members)[:200])}.")
        for one, rest in inner:
            if rest:
                yield from _inside(one, rest)
            elif one is not None:
                yield from one if isinstance(one, list) else [one]


def rest_of(path: str, key: str) -> str | None:
    """What of a path remains inside ``key``; nothing if it does not lead there. Keys may have points in them.

    >>> rest_of("data.orders", "data"), rest_of("data.orders", "data.orders"), rest_of("data.orders", "date")
    ('orders', '', None)
    """
    if path == key:
        return ""
    return path[len(key) + 1 :] if path.startswith(f"{key}.") else None


def _object(pairs: list[tuple[str, object]]) -> Mapping[str, object] | Fault:
    made = dict(pairs)
    if len(made) == len(pairs):
        return made
    keys = [key for key, _ in pairs]
    twice = next(key for key in keys if keys.count(key) > 1)
    return Fault("repeated_field", f"The key {twice[:100]!r} stands twice in one object.")


def _constant(name: str) -> Fault:
    return Fault("not_a_number", f"The value of {{name}} is {name}, which JSON does not know.")


DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_float=Number, parse_int=Number, parse_constant=_constant)


class _Walk:
    """Through a JSON text to its records; only one of them, or one value beside them, is ever held."""

    def __init__(self, window: Window) -> None:
        self.window = window
        self._taken = ""  # the text of the last value

    def records(self, path: str | None) -> Iterator[Found]:
        """The records at ``path`` of every value of the file. Raises SourceError where the text is not JSON."""
        if not self._peek():
            raise SourceError(f"{self.window.path}: the file is empty", remedy="an export without rows is still a list")
        try:
            while self._peek():
                yield from self._at(path or "")
        except RecursionError:
            raise self._broken("nested too deep") from None

    def _at(self, path: str) -> Iterator[Found]:
        """The records at ``path`` inside the value that begins here."""
        opening = self._peek()
        if opening == "[":
            for _ in self._items("]"):
                yield from self._at(path) if path else self._value()
        elif not path:
            yield from self._value()
        elif opening == "{":
            yield from self._member(path)
        else:
            raise self._missing(path, [])

    def _member(self, path: str) -> Iterator[Found]:
        keys: list[str] = []
        is_there = False
        for _ in self._items("}"):
            key = self._decoded()
            if not isinstance(key, str) or isinstance(key, Number):
                raise self._broken("a key is expected")
            if self._peek() != ":":
                raise self._broken("':' is expected")
            self.window.at += 1
            keys = [*keys[:200], key]
            rest = rest_of(path, key)
            if rest is None:
                self._skip()
            else:
                is_there = True
                yield from self._at(rest) if rest or self._peek() != "n" else self._null()
        if not is_there:
            raise self._missing(path, keys)

    def _null(self) -> Iterator[Found]:
        """Null where the list of records would be: none."""
        value = self._decoded()
        if value is not None:
            raise self._broken("null is expected")
        return iter(())

    def _items(self, closing: str) -> Iterator[None]:
        """Stop before every item of the list or object that begins here; the caller takes it."""
        self.window.at += 1
        if self._peek() == closing:
            self.window.at += 1
            return
        while True:
            yield
            mark = self._peek()
            if mark not in (",", closing):
                raise self._broken(f"',' or '{closing}' is expected")
            self.window.at += 1
            if mark == closing:
                return

    def _skip(self) -> None:
        """Past the value that begins here, item by item where it is longer than the window."""
        window, opening = self.window, self._peek()
        if opening in ("[", "{"):
            try:
                _, window.at = DECODER.raw_decode(window.text, window.at)
            except (ValueError, RecursionError):
                self._skip_items("]" if opening == "[" else "}")
        else:
            self._decoded()

    def _skip_items(self, closing: str) -> None:
        for _ in self._items(closing):
            if closing == "}":
                self._decoded()
                if self._peek() != ":":
                    raise self._broken("':' is expected")
                self.window.at += 1
                self._peek()
            self._skip()

    def _value(self) -> Iterator[Found]:
        self._peek()
        line = self.window.line
        value = self._decoded()
        yield Found(line, value, self._taken)

    def _decoded(self) -> Any:
        """The value that begins here, taken."""
        window = self.window
        self._peek()
        while True:
            try:
                value, end = DECODER.raw_decode(window.text, window.at)
            except json.JSONDecodeError as error:
                is_cut = "Unterminated" in error.msg or error.pos + _LONGEST_TOKEN > len(window.text)
                if window.has_ended or not is_cut:
                    raise self._broken(error.msg, error.pos) from None
            except RecursionError:
                raise self._broken("nested too deep") from None
            else:
                # 12 may be the beginning of 123
                if end < len(window.text) or window.has_ended:
                    self._taken = window.text[window.at : end]
                    window.at = end
                    return value
            window.more()

    def _peek(self) -> str:
        """The next character that is no blank; nothing at the end of the file."""
        window = self.window
        while True:
            text, at = window.text, window.at
            while at < len(text) and text[at] in _BLANKS:
                at += 1
            window.at = at
            if at < len(text):
                return text[at]
            if not window.more():
                return ""

    def _broken(self, what: str, position: int | None = None) -> SourceError:
        window = self.window
        line, column = window.place(window.at if position is None else position)
        remedy = "export it again; of JSON lines in a file named .jsonl only the broken line is lost"
        return SourceError(f"{window.path}, line {line}, column {column}: not JSON: {what}", remedy=remedy)

    def _missing(self, path: str, keys: list[str]) -> SourceError:
        return SourceError(
            f"{self.window.path}, line {self.window.line}: there is no {path!r}{nearest(path.split('.')[0], keys)}",
            remedy="correct tree.records in sources.yaml",
        )
