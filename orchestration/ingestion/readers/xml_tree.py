"""XML as records: a repeated element, its attributes (``@id``) and the elements inside it.

Not here: nested fields as columns (tree.py). Read by expat as a stream; a document type, and with it every entity of a
file's own, is refused.
"""

import codecs
import re
from collections import Counter
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any
from xml.parsers import expat

from orchestration.errors import SourceError
from orchestration.ingestion.readers.tree import DEEPEST, Fault, Found, TreeReader
from orchestration.ingestion.readers.window import LONGEST_PIECE
from orchestration.yaml_files import nearest

CHUNK_BYTES = 1 << 16
_DECLARED = re.compile(rb"<\?xml[^>]{0,100}?encoding\s*=\s*[\"']([\w.-]{1,40})[\"']")
# What expat reads itself; a file in another encoding is decoded by Python.
_OF_EXPAT = {"utf-8", "utf-16", "iso8859-1", "ascii", "utf-16-le", "utf-16-be"}
_MOST_PATHS = 200
Fields = dict[str | None, object]
ELEMENT_COSTS = 32  # of memory, counted in characters: a million of <a/> are not nothing


class XmlReader(TreeReader):
    """An XML file. Prefixes of namespaces are left out: ``<o:Order xmlns:o=…>`` is ``Order``."""

    def found(self) -> Iterator[Found]:
        """The records, in their order."""
        handler = _Records(self.path, self._target)
        for _ in _fed(self.path, handler):
            yield from handler.taken()
        handler.check_found()

    @cached_property
    def _target(self) -> str:
        """The path of the records from the root on, as in Orders.Order."""
        if self.tree.records is not None:
            return self.tree.records.strip("/").replace("/", ".")
        census = _Census(self.path)
        for _ in _fed(self.path, census):
            pass
        return census.repeated()


def _fed(path: Path, handler: "_Handler") -> Iterator[None]:
    """Feed the file to ``handler``, stopping after every chunk. Raises SourceError where it is not XML."""
    parser = expat.ParserCreate()
    handler.listen(parser)
    fed = 0
    try:
        for chunk in _chunks(path):
            parser.Parse(chunk, False)
            fed += len(chunk)
            if fed - parser.CurrentByteIndex > LONGEST_PIECE:
                raise handler.refused("a tag without an end", "export it again")
            yield
        if not fed:
            raise SourceError(f"{path}: the file is empty", remedy="an export without rows still has its root")
        parser.Parse(b"", True)
        yield
    except expat.ExpatError as error:
        what = expat.ErrorString(error.code)
        raise SourceError(
            f"{path}, line {error.lineno}, column {error.offset + 1}: not XML: {what}", remedy="export it again"
        ) from None
    except (UnicodeError, LookupError) as error:
        raise SourceError(
            f"{path}: not of the encoding that it declares: {error}", remedy="export it as UTF-8"
        ) from None
    except OSError as error:
        raise SourceError(f"{path}: cannot be read: {error.strerror}", remedy="was it moved?") from None


def _chunks(path: Path) -> Iterator[Any]:
    with path.open("rb") as stream:
        first = stream.read(CHUNK_BYTES)
        declared = _DECLARED.match(first)
        if declared is None or codecs.lookup(declared[1].decode()).name in _OF_EXPAT:
            while first:
                yield first
                first = stream.read(CHUNK_BYTES)
            return
    with path.open(encoding=declared[1].decode()) as text:
        while chunk := text.read(CHUNK_BYTES):
            yield chunk


class _Handler:
    """What is common to both passes: how deep in the tree the parser is, and what is refused."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.open: list[str] = []  # the names of the open elements

    def listen(self, parser: Any) -> None:
        """Be called by ``parser``."""
        self.parser = parser
        parser.buffer_text = True
        parser.StartDoctypeDeclHandler = self._refuse_document_type
        parser.StartElementHandler = self.start
        parser.EndElementHandler = self.end

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """An element begins."""
        raise NotImplementedError

    def end(self, tag: str) -> None:
        """An element ends."""
        self.open.pop()

    def enter(self, tag: str) -> None:
        """Go into an element, which counts among the open ones from now on."""
        if len(self.open) > DEEPEST:
            raise self.refused(f"nested deeper than {DEEPEST} levels", "export it again")
        self.open.append(tag if ":" not in tag else _local(tag))

    def refused(self, what: str, remedy: str) -> SourceError:
        """The error of what stands where the parser is."""
        return SourceError(f"{self.path}, line {self.parser.CurrentLineNumber}: {what}", remedy=remedy)

    def _refuse_document_type(self, *_: object) -> None:
        # entities can name files of this machine, and a kilobyte of them can stand for gigabytes
        raise self.refused("a document type (<!DOCTYPE …>) is not read", "export it without one")


class _Census(_Handler):
    """The children of the root, counted."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.children: Counter[str] = Counter()
        self.root = ""

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """Count it."""
        self.enter(tag)
        if len(self.open) == 1:
            self.root = self.open[0]
        elif len(self.open) == 2:
            child = f"{self.root}.{self.open[1]}"
            if len(self.children) < _MOST_PATHS or child in self.children:
                self.children[child] += 1

    def repeated(self) -> str:
        """The child that stands there more than once, or the only one."""
        names = list(self.children)
        several = [name for name in names if self.children[name] > 1] if len(names) > 1 else names
        if len(several) > 1 or (names and not several):
            shown = ", ".join(f"{name} ({self.children[name]})" for name in (several or names)[:5])
            raise SourceError(
                f"{self.path}: which element is a record? There are {shown}", remedy="set tree.records in sources.yaml"
            )
        return several[0] if several else f"{self.root}.*"


class _Records(_Handler):
    """The elements at one path, as dicts."""

    def __init__(self, path: Path, target: str) -> None:
        super().__init__(path)
        self.target = target
        self.paths: dict[str, None] = {}
        self.has_siblings = False
        self._found: list[Found] = []
        # of the record being read, for every open element: its fields, texts, and whether it is nil
        self._inner: list[tuple[Fields, list[str], bool]] = []
        self._line = 0
        self._size = 0

    def listen(self, parser: Any) -> None:
        """Also to texts."""
        super().listen(parser)
        parser.CharacterDataHandler = self.text

    def taken(self) -> list[Found]:
        """The records that are complete."""
        found, self._found = self._found, []
        return found

    def check_found(self) -> None:
        """Raise SourceError if the file has other elements where the records should be."""
        parent = self.target.rpartition(".")[0]
        if self.target in self.paths or (parent in self.paths and not self.has_siblings):
            return
        hint = nearest(self.target, list(self.paths))
        raise SourceError(
            f"{self.path}: there is no element {self.target}{hint}", remedy="correct tree.records in sources.yaml"
        )

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """An element begins, of a record or on the way to one."""
        self.enter(tag)
        if not self._inner:
            path = ".".join(self.open)
            self._note(path)
            if path != self.target:
                return
            self._line, self._size = self.parser.CurrentLineNumber, 0
        self._size += ELEMENT_COSTS
        fields, is_nil = self._attributes(attributes) if attributes else ({}, False)
        self._check_size()
        self._inner.append((fields, [], is_nil))

    def _attributes(self, attributes: dict[str, str]) -> tuple[Fields, bool]:
        """The attributes of an element as fields, and whether one says that it is nil."""
        fields: Fields = {}
        is_nil = False
        for name, value in attributes.items():
            self._size += len(name) + len(value)
            own = f"@{_local(name)}"
            if own == "@nil" and ":" in name:
                is_nil = value.strip() in ("true", "1")
            elif name != "xmlns" and not name.startswith("xmlns:"):
                fields[own] = Fault("repeated_field", f"The attribute {own} stands twice.") if own in fields else value
        return fields, is_nil

    def text(self, text: str) -> None:
        """A piece of text inside an element."""
        if self._inner:
            self._size += len(text)
            self._check_size()
            self._inner[-1][1].append(text)

    def end(self, tag: str) -> None:
        """An element ends; a record goes to what ``taken`` gives."""
        name = self.open.pop()
        if not self._inner:
            return
        fields, texts, is_nil = self._inner.pop()
        text = "".join(texts)
        value: object = fields
        if not fields:
            value = None if is_nil else text or None
        elif text and not text.isspace():
            fields[None] = text
        if self._inner:
            _add(self._inner[-1][0], name, value)
        else:
            self._found.append(Found(self._line, _record(name, value)))

    def _check_size(self) -> None:
        if self._size > LONGEST_PIECE:
            raise self.refused(
                f"a record of more than {LONGEST_PIECE:,} characters, begun in line {self._line}",
                "does tree.records name the repeated element?",
            )

    def _note(self, path: str) -> None:
        if len(self.paths) < _MOST_PATHS or path == self.target:
            self.paths[path] = None
        if path.rpartition(".")[0] == self.target.rpartition(".")[0]:
            self.has_siblings = True


def _record(name: str, value: object) -> Fields:
    if not isinstance(value, dict):
        return {} if value is None else {name: value}
    if None in value:
        _add(value, name, value.pop(None))
    return value


def _add(fields: Fields, name: str, value: object) -> None:
    """A child element among the fields; of several with one name they become a list."""
    if name not in fields:
        fields[name] = value
    elif isinstance(known := fields[name], list):
        known.append(value)
    else:
        fields[name] = [known, value]


def _local(tag: str) -> str:
    return tag.rpartition(":")[2]
