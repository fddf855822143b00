"""Which reader reads which file. Bytes in, text rows out, streamed by COPY into the temporary table ``incoming``.

Not here: the formats (csv_reader.py, table_readers.py), or what the texts mean (compile.py).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from orchestration.business import Source
from orchestration.ingestion.csv_reader import CsvReader
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
        return ExcelReader(path, source.excel.sheet, source.excel.header_row)
    return ParquetReader(path)
