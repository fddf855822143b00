"""YAML as records: a list of mappings, a document each, or a list somewhere inside a mapping.

Not here: nested fields as columns (tree.py). Every scalar is the text that stands there: NO is no boolean, 007 not 7.
"""

from collections.abc import Iterator
from typing import Any, BinaryIO

from orchestration.errors import SourceError
from orchestration.ingestion.readers.json_tree import rest_of
from orchestration.ingestion.readers.tree import DEEPEST, Fault, Found, TreeReader
from orchestration.yaml_files import nearest

# Aliases let a small file say a huge one; this many characters are far more than any record has.
LONGEST_RECORD = 1 << 24
_NULLS = {"", "~", "null", "Null", "NULL"}


class YamlReader(TreeReader):
    """A YAML file, read event by event: what is held is one record and what has an anchor."""

    def found(self) -> Iterator[Found]:
        """The records, in their order."""
        import yaml

        try:
            with self.path.open("rb") as stream:
                yield from _Walk(self, _events(_Metered(self, stream))).found()
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            where = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
            what = " ".join(str(getattr(error, "problem", None) or error).split())
            raise SourceError(f"{self.path}{where}: not YAML: {what}", remedy="export it again") from None
        except UnicodeError as error:
            raise SourceError(f"{self.path}: not UTF-8: {error}", remedy="save it as UTF-8") from None
        except OSError as error:
            raise SourceError(f"{self.path}: cannot be read: {error.strerror}", remedy="was it moved?") from None


class _Metered:
    """A stream that ends with an error where it is read on and on without an event: one text of gigabytes."""

    def __init__(self, reader: YamlReader, stream: BinaryIO) -> None:
        self.path = reader.path
        self.stream = stream
        self.since_event = 0

    def read(self, size: int = -1, /) -> bytes:
        """As of any stream."""
        self.since_event += size
        if self.since_event > 4 * LONGEST_RECORD:
            raise SourceError(f"{self.path}: one text in it is far too long", remedy="export it again")
        return self.stream.read(size)


def _events(stream: _Metered) -> Iterator[Any]:
    import yaml

    # the C parser is ten times faster; PyYAML is also built without it
    for event in yaml.parse(stream, Loader=getattr(yaml, "CBaseLoader", yaml.BaseLoader)):
        stream.since_event = 0
        yield event


class _Walk:
    """Through the events of a YAML stream to its records."""

    def __init__(self, reader: YamlReader, events: Iterator[Any]) -> None:
        self.path = reader.path
        self.records = reader.tree.records
        self.events = events
        self.anchors: dict[str, tuple[object, int]] = {}  # what each stands for, and how many characters that is

    def found(self) -> Iterator[Found]:
        """The records of every document. Raises SourceError if there is no document at all."""
        is_empty = True
        for event in self.events:
            if _kind(event) == "DocumentStart":
                is_empty = False
                self.anchors.clear()
                yield from self._at(next(self.events), self.records or "", 1)
        if is_empty:
            raise SourceError(f"{self.path}: the file is empty", remedy="an export without rows is still a list: []")

    def _at(self, event: Any, path: str, depth: int) -> Iterator[Found]:
        """The records at ``path`` inside the node that begins with ``event``."""
        line = event.start_mark.line + 1
        if depth > DEEPEST:
            raise self._too_deep(line)
        if _kind(event) == "SequenceStart" and event.anchor is None:
            while _kind(event := next(self.events)) != "SequenceEnd":
                yield from self._at(event, path, depth + 1) if path else self._record(event)
        elif _kind(event) == "MappingStart" and event.anchor is None and path:
            yield from self._member(path, line, depth)
        elif path or _kind(event) in ("SequenceStart", "Alias"):
            value, _ = self._built(event, depth)
            yield from (Found(line, one) for one in self._inside(value, path, line))
        else:
            yield from self._record(event)

    def _member(self, path: str, line: int, depth: int) -> Iterator[Found]:
        keys: list[str] = []
        is_there = False
        while _kind(event := next(self.events)) != "MappingEnd":
            key, _ = self._built(event, depth + 1)
            rest = rest_of(path, key) if isinstance(key, str) else None
            event = next(self.events)
            if rest is None:
                self._skip(event, depth + 1)
                keys = [*keys[:200], str(key)]
                continue
            is_there = True
            if rest or _kind(event) != "Scalar":
                yield from self._at(event, rest, depth + 1)
            elif self._built(event, depth)[0] is not None:
                raise self._missing(path, line, keys)
        if not is_there:
            raise self._missing(path, line, keys)

    def _inside(self, value: object, path: str, line: int) -> list[object]:
        """The records at ``path`` of a value that has an anchor, and so is held."""
        if not path:
            return value if isinstance(value, list) else [value]
        if isinstance(value, list):
            return [found for one in value for found in self._inside(one, path, line)]
        members = value.items() if isinstance(value, dict) else ()
        inner = [(one, rest) for key, one in members if (rest := rest_of(path, key)) is not None]
        if not inner:
            raise self._missing(path, line, [str(key) for key, _ in members])
        return [found for one, rest in inner if one is not None for found in self._inside(one, rest, line)]

    def _record(self, event: Any) -> Iterator[Found]:
        line = event.start_mark.line + 1
        yield Found(line, self._built(event, 1)[0])

    def _skip(self, event: Any, depth: int) -> None:
        """Past the node that begins with ``event``, unless something in it is needed later."""
        if _kind(event) not in ("SequenceStart", "MappingStart") or event.anchor is not None:
            self._built(event, depth)
            return
        if depth > DEEPEST:
            raise self._too_deep(event.start_mark.line + 1)
        while _kind(event := next(self.events)) not in ("SequenceEnd", "MappingEnd"):
            self._skip(event, depth + 1)

    def _built(self, event: Any, depth: int) -> tuple[object, int]:
        """The node that begins with ``event`` as dicts, lists, texts and None, and how many characters it says."""
        line = event.start_mark.line + 1
        kind = _kind(event)
        if depth > DEEPEST:
            raise self._too_deep(line)
        if kind == "Alias":
            if event.anchor not in self.anchors:
                raise SourceError(f"{self.path}, line {line}: there is no anchor &{event.anchor} before it here")
            return self.anchors[event.anchor]
        if kind == "Scalar":
            value: object = None if event.implicit[0] and event.value in _NULLS else event.value
            size = len(event.value) + 1
        elif kind == "SequenceStart":
            value, size = self._sequence(depth)
        else:
            value, size = self._mapping(depth)
        if size > LONGEST_RECORD:
            raise SourceError(
                f"{self.path}, line {line}: a record of more than {LONGEST_RECORD:,} characters begins here",
                remedy="does an alias (*) stand for far too much, or is tree.records missing?",
            )
        if event.anchor is not None:
            self.anchors[event.anchor] = value, size
        return value, size

    def _sequence(self, depth: int) -> tuple[list[object], int]:
        values, total = list[object](), 1
        while total <= LONGEST_RECORD and _kind(event := next(self.events)) != "SequenceEnd":
            value, size = self._built(event, depth + 1)
            values.append(value)
            total += size
        return values, total

    def _mapping(self, depth: int) -> tuple[object, int]:
        made: dict[str, object] = {}
        merged: list[object] = []
        fault, total = None, 1
        while total <= LONGEST_RECORD and _kind(event := next(self.events)) != "MappingEnd":
            is_merge = _kind(event) == "Scalar" and event.value == "<<" and event.implicit[0]
            key, key_size = self._built(event, depth + 1)
            value, size = self._built(next(self.events), depth + 1)
            total += key_size + size
            name = "" if key is None else key
            if is_merge:
                merged += value if isinstance(value, list) else [value]
            elif not isinstance(name, str):
                fault = Fault("field_name", "A key is no text.")
            elif name in made:
                fault = Fault("repeated_field", f"The key {name[:100]!r} stands twice in one mapping.")
            else:
                made[name] = value
        for one in merged:
            if isinstance(one, dict):
                made = one | made
            else:
                fault = Fault("field_name", "The key << merges what is no mapping.")
        return fault or made, total

    def _too_deep(self, line: int) -> SourceError:
        return SourceError(f"{self.path}, line {line}: nested deeper than {DEEPEST} levels", remedy="export it again")

    def _missing(self, path: str, line: int, keys: list[str]) -> SourceError:
        return SourceError(
            f"{self.path}, line {line}: there is no {path!r}{nearest(path.split('.')[0], keys)}",
            remedy="correct tree.records in sources.yaml",
        )


def _kind(event: Any) -> str:
    return type(event).__name__.removesuffix("Event")
