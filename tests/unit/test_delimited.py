"""Delimited text without a database: memory, speed of refusal, several-character separators beside the csv module.

Not here: both ways into the database (tests/integration/test_ingestion_delimited.py).
"""

import io
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from orchestration.errors import SourceError
from orchestration.ingestion.readers import delimited, separated
from orchestration.ingestion.readers.delimited import CsvReader, _csv_records
from orchestration.ingestion.readers.records import Record
from orchestration.ingestion.readers.separated import EndlessRecordError, separated_records
from orchestration.shapes import CsvDialect

MEGABYTE = 1 << 20


@pytest.mark.parametrize(
    ("dialect", "begins", "goes_on"),
    [
        (CsvDialect(), "", "x"),
        (CsvDialect(), "", "a,"),
        (CsvDialect(delimiter="||"), '"', "a" * 999 + "\n"),
        (CsvDialect(row_end="&|\n"), "", "a\n"),
    ],
)
def test_a_hundred_megabytes_without_an_end_take_little_memory(
    tmp_path: Path, dialect: CsvDialect, begins: str, goes_on: str
) -> None:
    path = tmp_path / "a.csv"
    with path.open("w") as stream:
        stream.write(dialect.delimiter.join("ab") + (dialect.row_end or "\n") + begins)
        for _ in range(100):
            stream.write(goes_on * (MEGABYTE // len(goes_on)))
    tracemalloc.start()
    try:
        with pytest.raises(SourceError, match="line 2: ") as caught:
            for _ in CsvReader(path, dialect).records():
                pass
        assert len(caught.value.message) < 300 + len(str(path))
        assert tracemalloc.get_traced_memory()[1] < 400 * MEGABYTE
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("dialect", [CsvDialect(), CsvDialect(delimiter="||"), CsvDialect(row_end="\n")])
def test_rows_of_nothing_weigh_something_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dialect: CsvDialect
) -> None:
    for module in (delimited, separated):
        monkeypatch.setattr(module, "LONGEST_RECORD", 1_000)
    path = tmp_path / "a.csv"
    path.write_text('a\n"' + "\n" * 8 + '"\n')
    assert [record.line for record in CsvReader(path, dialect).records()] == [2]
    path.write_text('a\n"' + "\n" * 20 + '"\n')
    with pytest.raises(SourceError, match="line 2: more than 1,000 characters"):
        list(CsvReader(path, dialect).records())


def test_a_million_columns_are_refused_at_once(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(",".join(f"column {i}" for i in range(1_000_000)))
    begun = time.perf_counter()
    with pytest.raises(SourceError, match="1000000 columns are too many"):
        CsvReader(path, CsvDialect()).header()
    assert time.perf_counter() - begun < 10


Read = Callable[[io.StringIO, CsvDialect], Iterator[Record]]


def outcome(text: str, dialect: CsvDialect, read: Read) -> list[object]:
    """Place, fields and rule of every record, and the line of one that does not end."""
    found: list[object] = []
    try:
        for record in read(io.StringIO(text, newline=""), dialect):
            found.append((record.line, record.fields or [""], record.rule))
    except EndlessRecordError as error:
        found.append(error.line)
    return found


@given(st.lists(st.sampled_from(["a", '"', '""', ",", ",", "\n", "\n", "\r\n", "\r", " ", '"x"', "ä"])).map("".join))
def test_one_character_is_read_as_the_csv_module_reads_it(text: str) -> None:
    for dialect in (CsvDialect(), CsvDialect(quote=None)):
        assert outcome(text, dialect, separated_records) == outcome(text, dialect, _csv_records)


@pytest.mark.parametrize(
    ("dialect", "problem"),
    [
        ({"delimiter": "\\t"}, r'in double quotes "\\t" is a tab'),
        ({"delimiter": "a"}, "this cannot part fields"),
        ({"delimiter": "\n"}, "this cannot part fields"),
        ({"row_end": "&|\\n"}, r'"\\n" a line end'),
        ({"delimiter": "+|", "row_end": "|"}, "delimiter and row_end must differ"),
        ({"row_end": '"\n'}, "row_end and quote must differ"),
        ({"quote": "''"}, "one ASCII character"),
        ({"quote": "a"}, "this cannot quote fields"),
        ({"quote": "\n"}, "this cannot quote fields"),
        ({"names": ("a", " ")}, "every column needs a name"),
        ({"names": ("a", "b", " a")}, "'a' stands twice"),
        ({"names": ()}, "at least 1 item"),
    ],
)
def test_dialects_that_cannot_be_read(dialect: dict[str, object], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        CsvDialect.model_validate(dialect)
