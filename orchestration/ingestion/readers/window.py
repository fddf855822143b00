"""A window that moves over a long text: what a parser has not yet taken, and where in the file that stands.

Not here: what the text says (json_tree.py, sql_dump.py).
"""

import codecs
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from orchestration.errors import SourceError

CHUNK_CHARACTERS = 1 << 20
# One record, statement or literal; what is longer is no sales record, and must not fill the memory.
LONGEST_PIECE = 1 << 24
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def marked_encoding(path: Path) -> str | None:
    """The encoding that the file's first bytes name, if they do."""
    with path.open("rb") as stream:
        first = stream.read(4)
    return next((encoding for mark, encoding in _MARKS if first.startswith(mark)), None)


@contextmanager
def opened_text(path: Path, encoding: str = "utf-8") -> Iterator[io.TextIOWrapper]:
    """The file as text, by its byte order mark, else in ``encoding``, its line ends as they are.

    Bytes that are not of the encoding come as surrogates.

    Raises:
        SourceError: it cannot be read, or not as a text of that encoding.
    """
    try:
        known = marked_encoding(path) or encoding
        with path.open(encoding=known, errors="surrogateescape", newline="\n") as stream:
            yield stream
    except UnicodeDecodeError as error:
        raise SourceError(f"{path}: not a text of {known}: {error.reason}", remedy="export it as UTF-8") from None
    except OSError as error:
        raise SourceError(f"{path}: cannot be read: {error.strerror}", remedy="was it moved meanwhile?") from None


class Window:
    """``text`` from ``at`` on is what lies ahead; ``more`` makes it longer and moves ``at`` to its beginning."""

    def __init__(self, path: Path, stream: io.TextIOBase) -> None:
        self.path = path
        self.stream = stream
        self.text = ""
        self.at = 0
        self.has_ended = False
        self._lines = 0  # before the window
        self._columns = 0  # before it in its first line
        self._counted = (0, 0)  # a position, and the line ends before it

    def more(self) -> bool:
        """Read as much again as lies ahead; whether there was anything.

        Raises:
            SourceError: far more lies ahead than any record is long.
        """
        ahead = len(self.text) - self.at
        if ahead > LONGEST_PIECE:
            line, column = self.place(self.at)
            raise SourceError(
                f"{self.path}, line {line}, column {column}: no end in the next {ahead:,} characters",
                remedy="a bracket or a quote that is never closed begins here, or one record is far too long",
            )
        self._lines, self._columns = (n - 1 for n in self.place(self.at))
        read = self.stream.read(max(CHUNK_CHARACTERS, ahead))
        self.text, self.at, self._counted = self.text[self.at :] + read, 0, (0, 0)
        self.has_ended = not read
        return bool(read)

    def ensure(self, characters: int) -> None:
        """Have at least that many characters ahead, or all there are."""
        while len(self.text) - self.at < characters and not self.has_ended:
            self.more()

    def match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """What matches here, and take it; what touches the window's end is matched again with more."""
        found = pattern.match(self.text, self.at)
        while (found is None or found.end() == len(self.text)) and not self.has_ended:
            self.more()
            found = pattern.match(self.text, self.at)
        if found:
            self.at = found.end()
        return found

    @property
    def line(self) -> int:
        """The line of the file, from 1, of what lies ahead."""
        position, ends = self._counted
        if position > self.at:
            position, ends = 0, 0
        self._counted = (self.at, ends + self.text.count("\n", position, self.at))
        return self._lines + self._counted[1] + 1

    def place(self, position: int) -> tuple[int, int]:
        """Line and column in the file of a position in the window, both from 1."""
        begin = self.text.rfind("\n", 0, position) + 1
        column = position - begin + (0 if begin else self._columns)
        return self._lines + self.text.count("\n", 0, position) + 1, column + 1
