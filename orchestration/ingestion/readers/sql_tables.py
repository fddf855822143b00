"""The tables of a SQL dump: how it calls them, which one is meant, and its columns.

Not here: the statements and their rows (sql_script.py).
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

from orchestration.errors import SourceError
from orchestration.ingestion.readers.sql_lexer import FLAGS, IDENTIFIER, Syntax
from orchestration.yaml_files import nearest

_IDENTIFIERS = re.compile(IDENTIFIER, FLAGS)
_COLUMN = re.compile(rf"\s*+(?P<name>{IDENTIFIER})\s++(?P<type>{IDENTIFIER})?", FLAGS)
# What else may stand in the parentheses of CREATE TABLE; the second set is MySQL's and SQL Server's only.
_NO_COLUMN = {"constraint", "primary", "unique", "check", "foreign", "exclude", "like"}
_NO_COLUMN_ELSEWHERE = {"key", "index", "fulltext", "spatial", "period"}
_NUMERIC = {
    "smallint", "integer", "int", "bigint", "numeric", "decimal", "real", "double", "float", "int2", "int4", "int8",
    "float4", "float8",
}  # fmt: skip

Name = tuple[str, ...]


def parts_of(names: str) -> Name:
    """The parts of a name, or the names of a list, without their quotes.

    >>> parts_of('public."Order Lines"'), parts_of("[dbo].[Orders]")
    (('public', 'Order Lines'), ('dbo', 'Orders'))
    """
    return tuple(
        part if part[0] not in '"`[' else part[1:-1].replace(part[-1] * 2, part[-1])
        for part in _IDENTIFIERS.findall(names)
    )


def created_columns(definition: str, syntax: Syntax) -> dict[str, bool]:
    """The columns of a definition that begins with its parenthesis, each with whether it holds numbers."""
    others = _NO_COLUMN if syntax.dialect == "postgres" else _NO_COLUMN | _NO_COLUMN_ELSEWHERE
    columns: dict[str, bool] = {}
    depth, part = 0, ""
    for token in syntax.token.finditer(definition):
        text = " " if token["comment"] else token[0]
        depth += (text == "(") - (text == ")")
        if depth == 0 or (depth == 1 and text == ","):
            found = _COLUMN.match(f"{part} ")
            if found and found["name"].lower() not in others:
                columns[parts_of(found["name"])[0]] = (found["type"] or "").lower().strip('"`[]') in _NUMERIC
            part = ""
        elif depth > 1 or text != "(":
            part += text
        if depth == 0:
            break
    return columns


@dataclass
class Tables:
    """Every table that the dump names, and the one that is wanted: its last parts are ``wanted``, in any case."""

    path: Path
    wanted: Name
    names: dict[Name, None] = field(default_factory=dict)
    meant: Name | None = None
    columns: dict[str, bool] = field(default_factory=dict)  # of the table meant: by name, whether it holds numbers
    rows_elsewhere: str | None = None  # BULK INSERT: the file that has them

    def is_meant(self, name: Name) -> bool:
        """Whether this is the wanted table. Raises SourceError if two tables of the dump could be it."""
        self.names[name] = None
        if not _is_same(name, self.wanted):
            return False
        if self.meant is not None and not _is_same(name, self.meant):
            raise SourceError(
                f"{self.path}: {'.'.join(self.wanted)!r} may be {'.'.join(self.meant)} or {'.'.join(name)}",
                remedy="set sql.table in sources.yaml to one of them",
            )
        self.meant = max(name, self.meant or (), key=len)
        return True

    def no_rows(self) -> SourceError:
        """The error of a dump that has no rows of the wanted table."""
        wanted = ".".join(self.wanted)
        if self.rows_elsewhere is not None:
            problem = f"the rows of {wanted} are in the file {self.rows_elsewhere!r}, not in the dump"
            return SourceError(f"{self.path}: {problem}", remedy="read that file, as csv")
        if self.meant is not None:
            problem = f"the dump has no rows for the table {wanted}"
            return SourceError(f"{self.path}: {problem}", remedy="export it with its data")
        hint = nearest(wanted, [".".join(name) for name in self.names]) or "; it has no table at all"
        return SourceError(
            f"{self.path}: there is no table {wanted!r}{hint}", remedy="correct sql.table in sources.yaml"
        )


def _is_same(one: Name, other: Name) -> bool:
    """Whether two names may be one table's: of the shorter all, of the longer the last parts are the same."""
    length = min(len(one), len(other))
    return [part.casefold() for part in one[-length:]] == [part.casefold() for part in other[-length:]]
