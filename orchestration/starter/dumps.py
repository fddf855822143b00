"""What an SQL script says of tables: which it holds rows of, and which columns it creates them with.

Not here: reading the rows (ingestion/readers/). Nothing of a script is run.
"""

import re
from pathlib import Path

from orchestration.starter.dialect import encoding_of

# One script of a database is text of some megabytes; what is larger is looked at in blocks.
BLOCK = 1 << 22
_NAME = r"((?:[\[\"`]?[\w $]+?[\]\"`]?\s*\.\s*)*[\[\"`]?[\w $]+?[\]\"`]?)"
_ROWS = re.compile(rf"(?im)^\s*(?:INSERT\s+INTO|INSERT|COPY)\s+(?:ONLY\s+)?{_NAME}\s*(?:\(|VALUES|FROM\s+stdin|SELECT)")
_CREATE = re.compile(rf"(?i)\bCREATE\s+TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?{_NAME}\s*\(")
_NO_COLUMN = re.compile(
    r"(?i)(constraint|primary|foreign|unique|check|key|index|fulltext|spatial|exclude|like|period|column\s+set)\b"
)


def _text(path: Path) -> str:
    head = path.open("rb").read(4096)
    encoding = encoding_of(head)
    return path.read_text(encoding="utf-8-sig" if encoding == "utf-8" else encoding, errors="replace")


def _bare(name: str) -> str:
    return ".".join(part.strip(' []"`') for part in name.split("."))


def tables_with_rows(path: Path) -> list[str]:
    """The tables that the script inserts or copies rows into, in order."""
    found: dict[str, None] = {}
    with path.open("rb") as stream:
        head = stream.read(4096)
    encoding = encoding_of(head)
    with path.open(encoding="utf-8-sig" if encoding == "utf-8" else encoding, errors="replace") as stream:
        rest = ""
        while block := stream.read(BLOCK):
            text = rest + block
            found |= dict.fromkeys(_bare(match[1]) for match in _ROWS.finditer(text))
            rest = text[-300:]
    return list(found)


def created_tables(path: Path) -> dict[str, tuple[str, ...]]:
    """The columns of every table that the script creates."""
    text = _without_comments(_text(path))
    tables = {}
    for match in _CREATE.finditer(text):
        columns = tuple(
            _bare(name[0])
            for part in _parts(text, match.end())
            if not _NO_COLUMN.match(part) and (name := re.match(r'\[[^\]]+\]|"[^"]+"|`[^`]+`|\w+', part))
        )
        if columns:
            tables[_bare(match[1])] = columns
    return tables


def _without_comments(text: str) -> str:
    """The script without comments; a quoted text that holds -- stays."""
    return re.sub(r"('(?:[^']|'')*')|--[^\n]*|/\*.*?\*/", lambda found: found[1] or " ", text, flags=re.DOTALL)


def _parts(text: str, begins: int) -> list[str]:
    """What stands between the commas of a list in brackets, inner brackets left whole.

    >>> _parts("a int, b numeric(1, 2), c text) x", 0)
    ['a int', 'b numeric(1, 2)', 'c text']
    """
    depth, parts, start = 0, [], begins
    for place in range(begins, len(text)):
        mark = text[place]
        if mark == "(":
            depth += 1
        elif mark == ")" and depth:
            depth -= 1
        elif mark in ",)" and not depth:
            parts.append(text[start:place].strip())
            start = place + 1
            if mark == ")":
                break
    return [part for part in parts if part]
