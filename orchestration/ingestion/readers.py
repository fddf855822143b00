"""Which reader reads which file. Bytes in, text rows out, streamed by COPY into the temporary table ``incoming``.

Not here: the formats (csv_reader.py, table_readers.py), or what the texts mean (compile.py).
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from orchestration.business import Source
from orchestration.errors import ConfigurationError
from orchestration.ingestion.contract import ENTITIES
from orchestration.ingestion.csv_reader import CsvReader
from orchestration.ingestion.expressions import names_in
from orchestration.ingestion.rows import Staged
from orchestration.ingestion.table_readers import ExcelReader, ParquetReader
from orchestration.warehouse import Connection


class Reader(Protocol):
    """One file format."""

    def header(self) -> list[str]:
        """The column names. Raises SourceError when there are none."""
        ...

    def stage(self, connection: Connection, columns: Sequence[str], load_id: int) -> Staged:
        """COPY the rows into ``incoming``; ``columns`` are the staging columns in the file's order."""
        ...


def open_reader(path: Path, source: Source) -> Reader:
    """The reader for a file of ``source``."""
    if source.format == "csv":
        return CsvReader(path, source.csv)
    if source.format == "excel":
        return ExcelReader(path, source.excel.sheet, source.excel.header_row, decimal_marks(source))
    return ParquetReader(path, decimal_marks(source))


def decimal_marks(source: Source) -> Mapping[str, str]:
    """The header names that the mapping reads, each with the decimal mark to write its typed numbers with.

    That is the mark of the number column it becomes, for there they are read again; and a point where it becomes none.

    Raises:
        ConfigurationError: a name becomes two number columns that are read with different marks.
    """
    marks: dict[str, str] = {}
    others: dict[str, str] = {}  # names in expressions: a column that reads the same name itself knows better
    for target, mapping in source.columns.items():
        within = names_in(mapping.expression or "null")
        if ENTITIES[source.entity].column(target).type not in ("text", "date", "timestamptz"):
            mark = mapping.decimal or source.decimal
            others |= dict.fromkeys(within, mark)
            if mapping.from_ is not None and marks.setdefault(mapping.from_, mark) != mark:
                raise ConfigurationError(
                    f"{source.where(f'columns.{target}.decimal')}: {mapping.from_!r} is read with {mark!r} here and "
                    f"with {marks[mapping.from_]!r} by another column",
                    remedy="a typed number is written with one decimal mark: give both columns the same",
                )
        for name in (mapping.from_, *(mapping.numbered_within or ()), *within):
            if name is not None:
                others.setdefault(name, ".")
    return others | marks
