"""Which reader reads which file. Bytes in, text rows out, streamed by COPY into the table ``incoming``.

Not here: the formats (the modules beside it), or what the texts mean (compile.py).
"""

from collections.abc import Mapping
from pathlib import Path

from orchestration.errors import ConfigurationError
from orchestration.ingestion.contract import ENTITIES
from orchestration.ingestion.expressions import names_in
from orchestration.ingestion.readers.delimited import CsvReader
from orchestration.ingestion.readers.json_tree import JsonReader
from orchestration.ingestion.readers.parquet import ParquetReader
from orchestration.ingestion.readers.records import Reader
from orchestration.ingestion.readers.sql_dump import SqlReader
from orchestration.ingestion.readers.workbook import ExcelReader
from orchestration.ingestion.readers.xml_tree import XmlReader
from orchestration.ingestion.readers.yaml_tree import YamlReader
from orchestration.shapes import Shape
from orchestration.sources import Source

TREES = {"json": JsonReader, "xml": XmlReader, "yaml": YamlReader}


def open_reader(path: Path, shape: Shape, marks: Mapping[str, str]) -> Reader:
    """The reader for a file of that shape.

    Args:
        path: the file.
        shape: how it is written.
        marks: the decimal mark to write the typed numbers of a column with, by header name; see ``decimal_marks``.
    """
    if shape.format == "csv":
        return CsvReader(path, shape.csv)
    if shape.format == "excel":
        return ExcelReader(path, shape.excel.sheet, shape.excel.header_row, marks)
    if shape.sql is not None and shape.format == "sql":
        return SqlReader(path, shape.sql, marks)
    if shape.format in TREES:
        return TREES[shape.format](path, shape.tree, marks)
    return ParquetReader(path, marks)


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
