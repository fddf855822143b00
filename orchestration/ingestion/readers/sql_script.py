"""The statements of a SQL dump: which of them bring rows of the table that is meant, and those rows.

Not here: the words of SQL (sql_lexer.py), the names of tables (sql_tables.py), rows as records (sql_dump.py).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from orchestration.errors import SourceError
from orchestration.ingestion.readers.sql_lexer import (
    FLAGS,
    IDENTIFIER,
    NAME,
    Syntax,
    plain_values,
    skip_statement,
    skip_to,
    unescaped,
    values_of,
)
from orchestration.ingestion.readers.sql_tables import Name, Tables, created_columns, parts_of
from orchestration.ingestion.readers.tree import Fault
from orchestration.ingestion.readers.window import Window

LONGEST_HEAD = 1 << 17  # the beginning of a statement: a list of 1,500 column names fits
LONGEST_SHOWN = 1_000
MOST_REMEMBERED = 1_000
_LIST = rf"\s*+{IDENTIFIER}(?:\s*+,\s*+{IDENTIFIER})*+\s*+"
_HEAD = re.compile(
    rf"""COPY\s++(?P<copy>{NAME})(?:\s*+\((?P<copied>{_LIST})\))?+\s++FROM\s++STDIN\b(?P<options>[^;]*+);[^\n]*+(?:\n|\Z)
    | (?:INSERT|REPLACE)\s++(?:(?:IGNORE|LOW_PRIORITY|DELAYED|HIGH_PRIORITY)\s++)*+(?:INTO\s++)?+
      (?P<insert>{NAME})(?:\s*+\((?P<columns>{_LIST})\))?+
      \s*+(?:OVERRIDING\s++\w++\s++VALUE\s*+)?+(?P<values>VALUES?\b\s*+(?=\())?+
    | CREATE\s++(?:(?!TABLE\b)\w++\s++){{0,3}}TABLE\s++(?:IF\s++NOT\s++EXISTS\s++)?+(?P<create>{NAME})\s*+
    | BULK\s++INSERT\s++(?P<bulk>{NAME})\s++FROM\s++'(?P<file>[^']++)'
    | (?P<change>UPDATE|DELETE|MERGE)\s++(?:(?:FROM|INTO|ONLY)\s++)*+(?P<changed>{NAME})
    | (?P<routine>(?:CREATE|ALTER)\s++(?:\w++\s++){{0,3}}?(?:PROC|PROCEDURE|FUNCTION|TRIGGER|VIEW)\b)
    | (?P<line>\\|GO\b|DELIMITER\s++(?P<delimiter>\S++))[^\n]*+""",
    FLAGS | re.VERBOSE,
)
_COMMA = re.compile(r"(?:\s*+(?P<comma>,)\s*+)?+")
_COPY_END = re.compile(r"^\\\.\r?$\n?", re.MULTILINE)
_BATCH_END = re.compile(r"^\s*GO\b", FLAGS | re.MULTILINE)
_DELIMITER_END = re.compile(r"^DELIMITER\s+;", FLAGS | re.MULTILINE)


@dataclass(frozen=True)
class Section:
    """Rows of the table begin here: the columns that their statement names, if it does, and whether it is a COPY."""

    columns: Name | None
    is_copy: bool


@dataclass(frozen=True)
class SqlRow:
    """One row: its values, or what makes it none; its text and its line in the file, where it is none."""

    values: list[object] | Fault
    text: str = ""
    line: int = 0


class Script:
    """A dump, statement by statement."""

    def __init__(self, window: Window, syntax: Syntax, tables: Tables) -> None:
        self.window = window
        self.syntax = syntax
        self.tables = tables
        self.has_rows = False
        self._sections: dict[str, Section | None] = {}
        self._last: Section | None = None

    def events(self) -> Iterator[Section | SqlRow]:
        """The sections of the table that is meant, each before its rows.

        Raises:
            SourceError: the dump ends inside a statement with rows, or what is meant is not clear.
        """
        window = self.window
        while True:
            window.match(self.syntax.blank)
            window.ensure(LONGEST_HEAD)
            if window.at == len(window.text):
                return
            head = _HEAD.match(window.text, window.at)
            if head is None:
                skip_statement(window, self.syntax)
            else:
                window.at = head.end()
                yield from self._statement(head)

    def _statement(self, head: re.Match[str]) -> Iterator[Section | SqlRow]:
        if head["copy"]:
            return self._copy(head)
        if head["insert"]:
            return self._insert(head)
        if head["change"]:
            return self._change(head)
        window = self.window
        if head["line"]:
            if head["delimiter"] not in (None, ";"):
                skip_to(window, _DELIMITER_END)
            return iter(())
        if head["create"]:
            if self.tables.is_meant(parts_of(head["create"])) and window.text[window.at : window.at + 1] == "(":
                definition = window.text[window.at : window.at + LONGEST_HEAD]
                self.tables.columns = created_columns(definition, self.syntax)
        elif head["bulk"] and self.tables.is_meant(parts_of(head["bulk"])):
            self.tables.rows_elsewhere = re.split(r"[\\/)]", head["file"])[-1]
        if head["routine"] and self.syntax.dialect == "sqlserver":
            skip_to(window, _BATCH_END)
        else:
            skip_statement(window, self.syntax)
        return iter(())

    def _copy(self, head: re.Match[str]) -> Iterator[Section | SqlRow]:
        window = self.window
        if not self.tables.is_meant(parts_of(head["copy"])):
            if not skip_to(window, _COPY_END):
                raise self._cut_off()
            return
        if head["options"].strip():
            options = head["options"].strip()[:100]
            raise SourceError(
                f"{window.path}, line {window.line - 1}: a COPY with options is not read: {options}",
                remedy="export with pg_dump",
            )
        self.has_rows, self._last = True, None
        yield Section(parts_of(head["copied"]) if head["copied"] else None, is_copy=True)
        while True:
            end = window.text.find("\n", window.at)
            if end < 0:
                if window.has_ended and window.text[window.at :] != r"\.":
                    raise self._cut_off()
                if window.has_ended:
                    window.at = len(window.text)
                    return
                window.more()
                continue
            line = window.text[window.at : end].removesuffix("\r")  # COPY writes its own as \r
            window.at = end + 1
            if line == r"\.":
                return
            fields = line.split("\t")
            if "\\" in line:
                yield SqlRow([None if text == r"\N" else unescaped(text) for text in fields], line)
            else:
                yield SqlRow(list(fields), line)

    def _insert(self, head: re.Match[str]) -> Iterator[Section | SqlRow]:
        window, syntax = self.window, self.syntax
        section = self._section(head)
        if section is None:
            skip_statement(window, syntax)
            return
        if head["values"] is None:
            text = head[0] + window.text[window.at : window.at + LONGEST_SHOWN]
            yield SqlRow(Fault("expression", "The rows of this INSERT would have to be computed."), text, window.line)
        elif section is not self._last:
            self.has_rows, self._last = True, section
            yield section
        comma = head["values"]
        while comma:
            line = window.line
            row = syntax.plain_row.match(window.text, window.at)
            if row:
                window.at = row.end()
                yield SqlRow(plain_values(syntax, row[0]), row[0], line)
            else:
                row = window.match(syntax.row)
                if row is None:
                    raise self._cut_off()
                yield SqlRow(values_of(syntax, row[0]), row[0], line)
            found = window.match(_COMMA)
            comma = found["comma"] if found else None
        if not skip_statement(window, syntax) and syntax.dialect != "sqlserver":
            raise self._cut_off()

    def _section(self, head: re.Match[str]) -> Section | None:
        """What the beginning of an INSERT says; none of another table. Most begin alike, row by row."""
        if head[0] not in self._sections:
            if len(self._sections) > MOST_REMEMBERED:
                self._sections.clear()
            is_meant = self.tables.is_meant(parts_of(head["insert"]))
            columns = parts_of(head["columns"]) if head["columns"] else None
            self._sections[head[0]] = Section(columns, is_copy=False) if is_meant else None
        return self._sections[head[0]]

    def _change(self, head: re.Match[str]) -> Iterator[Section | SqlRow]:
        """A change of rows is not carried out; only a DELETE before all rows changes nothing."""
        if self.tables.is_meant(parts_of(head["changed"])) and (self.has_rows or head["change"].upper() != "DELETE"):
            text = head[0] + self.window.text[self.window.at : self.window.at + LONGEST_SHOWN]
            reason = f"{head['change'].upper()} is not carried out: the rows of the dump are taken as they stand."
            yield SqlRow(Fault("statement", reason), text, self.window.line)
        skip_statement(self.window, self.syntax)

    def _cut_off(self) -> SourceError:
        line, column = self.window.place(self.window.at)
        return SourceError(
            f"{self.window.path}, line {line}, column {column}: the dump ends inside the rows that begin here",
            remedy="was it cut off? Export it again; or set sql.dialect in sources.yaml",
        )
