"""What a reader makes of a file's bytes: for the tests of the formats.

Not here: the formats (tests/unit/test_reader_*.py).
"""

from pathlib import Path
from typing import Any

from orchestration.errors import SourceError
from orchestration.ingestion.readers.opening import open_reader
from orchestration.ingestion.readers.records import problem_of
from orchestration.shapes import Shape

Read = tuple[list[str], list[tuple[str, ...]], list[tuple[int, str]]]


def read(path: Path, content: str | bytes, marks: dict[str, str] | None = None, **shape: Any) -> Read:
    """The header, the rows, and line and rule of what is no row, of a file with that content."""
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    reader = open_reader(path, Shape.model_validate(shape), marks or {})
    header, rows, bad = reader.header(), [], []
    lines = []
    for record in reader.records():
        problem = (record.rule, record.reason) if record.fields is None else problem_of(record.fields, len(header))
        lines.append(record.line)
        if problem:
            assert record.fields is not None or (record.text and problem[1])
            bad.append((record.line, problem[0]))
        else:
            rows.append(tuple(record.fields or ()))
    assert lines == sorted(set(lines)), "a line stands for one row only"
    return header, rows, bad


def read_or_refuse(path: Path, content: str | bytes, **shape: Any) -> Read | str:
    """What ``read`` gives, or the refusal, which names the file."""
    try:
        return read(path, content, **shape)
    except SourceError as error:
        if str(path) not in error.message:
            raise AssertionError("a refusal names the file") from error
        return error.message
