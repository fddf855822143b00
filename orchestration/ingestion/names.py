"""The names of columns that a source reads, of its own files and of those it joins.

Not here: reading a file's header (readers/), and where a column is staged (staging.py, joins.py).
"""

from orchestration.errors import SourceError
from orchestration.sources import Source
from orchestration.yaml_files import nearest

# What a mapping may read of the file itself, with its column of ``incoming``.
FILE_COLUMNS = {"file.name": "file_name", "file.modified": "file_modified"}


def found_column(join: int) -> str:
    """The column of ``incoming`` that says whether the row found its match in the source's n-th join (from 0)."""
    return f"j{join}_found"


def names_read(source: Source) -> dict[str, str]:
    """The header names that ``source`` reads, each with the key of sources.yaml that reads it first."""
    names: dict[str, str] = {}
    for target, mapping in source.columns.items():
        for name in mapping.names():
            names.setdefault(name, f"columns.{target}")
    for i, join in enumerate(source.joins):
        for name in join.on:
            names.setdefault(name, f"joins.{i}.on")
    return names


def check_columns(source: Source, header: list[str], file: str) -> None:
    """Raise SourceError if the file, or what is joined to it, lacks a column that the source reads."""
    for name, key in names_read(source).items():
        if name not in header:
            raise SourceError(
                f"{file}: there is no column {name!r}, which {source.name}.{key} reads{nearest(name, header)}",
                remedy="correct the mapping in sources.yaml, or the export",
            )
