"""One table of a SQL dump as records; read, never executed.

Not here: its statements (sql_script.py).
"""

import codecs
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path

from orchestration.errors import SourceError
from orchestration.ingestion.readers.cells import Number, cell_text
from orchestration.ingestion.readers.records import Record, Staged, checked_header, stage_records
from orchestration.ingestion.readers.sql_lexer import FLAGS, Syntax, syntax_of
from orchestration.ingestion.readers.sql_script import Script, Section, SqlRow
from orchestration.ingestion.readers.sql_tables import Tables
from orchestration.ingestion.readers.tree import Fault
from orchestration.ingestion.readers.window import Window, opened_text
from orchestration.shapes import SqlDump
from orchestration.warehouse import Connection
from orchestration.yaml_files import nearest

SHOWN_CHARACTERS = 1 << 16  # of the beginning, where a dump says who wrote it
_POSTGRES = re.compile(r"PostgreSQL database dump|\bFROM stdin;|standard_conforming_strings", FLAGS)
_MYSQL = re.compile(r"MySQL dump|MariaDB dump|phpMyAdmin|HeidiSQL|/\*!\d|\bENGINE\s*=|(?:INTO|TABLE|EXISTS) `", FLAGS)
_SQL_SERVER = re.compile(r"^GO\s*$|\[dbo\]|(?:INSERT|INTO|TABLE) \[", FLAGS | re.MULTILINE)
_ESCAPES = re.compile(r"standard_conforming_strings\s*=\s*off", FLAGS)
_ENCODING = re.compile(r"^(?:/\*!\d+ )?SET (?:client_encoding\s*(?:=|TO)|NAMES)\s*'?([\w-]+)", FLAGS | re.MULTILINE)
_ENCODINGS = {
    "utf8mb3": "utf-8", "utf8mb4": "utf-8", "unicode": "utf-8", "sql_ascii": "utf-8", "binary": "utf-8",
    "latin9": "iso8859-15",
}  # fmt: skip
_NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][-+]?\d+)?")


class SqlReader:
    """One table of a dump; ``line`` of a record is the row's number in the table, from 1."""

    def __init__(self, path: Path, dump: SqlDump, marks: Mapping[str, str]) -> None:
        self.path = path
        self.dump = dump
        self.marks = marks

    def header(self) -> list[str]:
        """The columns as the first statement with rows of the table names them, else as CREATE TABLE does.

        Raises:
            SourceError: the dump has no rows of the table, or names its columns nowhere.
        """
        tables = self._tables()
        for event in self._events(tables):
            if isinstance(event, Section):
                return self._columns(event, tables)
        raise tables.no_rows()

    def records(self) -> Iterator[Record]:
        """Every row of the table."""
        tables, header, take, number = self._tables(), list[str](), _Taker([], [], {}), 0
        for event in self._events(tables):
            if isinstance(event, Section):
                columns = self._columns(event, tables)
                header = header or columns
                take = _Taker(columns, self._places(columns, header), tables.columns if event.is_copy else {})
                continue
            number += 1
            values = event.values
            if isinstance(values, list) and len(values) != len(take.columns):
                what = f"The row has {len(values)} values for {len(take.columns)} columns."
                values = Fault("column_count", what)
            if isinstance(values, Fault):
                where = f"{values.reason} It stands in line {event.line} of the file." if event.line else values.reason
                yield Record(number, None, values.rule, where, event.text)
            else:
                yield Record(number, take.fields(values, header, self.marks))

    def stage(self, connection: Connection, columns: Sequence[str], load_id: int) -> Staged:
        """COPY every row of the table."""
        return stage_records(self, connection, columns, load_id)

    def _tables(self) -> Tables:
        return Tables(self.path, tuple(part.strip(' "`[]') for part in self.dump.table.split(".")))

    def _events(self, tables: Tables) -> Iterator[Section | SqlRow]:
        with opened_text(self.path, self._encoding) as stream:
            yield from Script(Window(self.path, stream), self._syntax, tables).events()

    def _columns(self, section: Section, tables: Tables) -> list[str]:
        columns = section.columns or tuple(tables.columns)
        if not columns:
            raise SourceError(
                f"{self.path}: the dump names the columns of {self.dump.table} nowhere",
                remedy="export it with CREATE TABLE, or with column names in every INSERT",
            )
        return checked_header(self.path, columns)

    def _places(self, columns: Sequence[str], header: Sequence[str]) -> list[int]:
        """Where in the header the columns of a section stand. Raises SourceError if one stands nowhere in it."""
        known = {name.casefold(): place for place, name in enumerate(header)}
        stranger = next((name for name in columns if name.casefold() not in known), None)
        if stranger is not None:
            raise SourceError(
                f"{self.path}: a later statement with rows of {self.dump.table} names the column {stranger!r}, "
                f"which the first one does not{nearest(stranger, header)}",
                remedy="export all rows with the same columns",
            )
        return [known[name.casefold()] for name in columns]

    @cached_property
    def _beginning(self) -> str:
        with opened_text(self.path) as stream:
            return stream.read(SHOWN_CHARACTERS)

    @cached_property
    def _syntax(self) -> Syntax:
        begins = self._beginning
        signs = (("postgres", _POSTGRES), ("mysql", _MYSQL), ("sqlserver", _SQL_SERVER))
        seen = next((dialect for dialect, sign in signs if sign.search(begins)), "postgres")
        dialect = self.dump.dialect or seen
        return syntax_of(dialect, has_escapes=dialect == "mysql" or _ESCAPES.search(begins) is not None)

    @cached_property
    def _encoding(self) -> str:
        said = _ENCODING.search(self._beginning)
        if said is None:
            return "utf-8"
        name = said[1].lower()
        if self._syntax.dialect == "mysql" and name == "latin1":
            return "cp1252"  # what MySQL means by it
        try:
            return codecs.lookup(_ENCODINGS.get(name, re.sub(r"^win(?=\d)", "cp", name))).name
        except LookupError:
            raise SourceError(
                f"{self.path}: the dump's encoding {said[1]!r} is not known", remedy="export it as UTF-8"
            ) from None


class _Taker:
    """How the values of a section become the fields of a record."""

    def __init__(self, columns: Sequence[str], places: Sequence[int], numeric: Mapping[str, bool]) -> None:
        self.columns = columns
        self.places = places
        self.is_in_order = list(places) == list(range(len(places)))
        # COPY writes everything as text: what is a number, only CREATE TABLE knows
        self.numeric = [i for i, name in enumerate(columns) if numeric.get(name)]

    def fields(self, values: list[object], header: Sequence[str], marks: Mapping[str, str]) -> list[str]:
        """The values as texts, in the order of the header."""
        for i in self.numeric:
            text = values[i]
            if isinstance(text, str) and _NUMBER.fullmatch(text):
                values[i] = Number(text)
        texts = [
            value if type(value) is str else cell_text(value, marks.get(header[place], "."))
            for value, place in zip(values, self.places, strict=True)
        ]
        if len(texts) == len(header) and self.is_in_order:
            return texts
        fields = [""] * len(header)
        for place, text in zip(self.places, texts, strict=True):
            fields[place] = text
        return fields
