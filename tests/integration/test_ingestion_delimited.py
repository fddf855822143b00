"""Delimited text on both of its ways, as a whole to PostgreSQL and row by row: dialects, headers, quoting, real files.

Not here: hostile files (test_ingestion_hostile.py), and what the texts mean (test_ingestion_values.py).
"""

import csv
import io
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from orchestration.errors import SourceError
from orchestration.ingestion.readers import delimited, plain
from orchestration.settings import PROJECT_ROOT
from orchestration.shapes import CsvDialect
from tests.support.delimited import Bad, Rows, by_both_ways, encoded, staged, without_the_fast_path, written
from tests.support.ingestion import HEADER, House, line

FILES = settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], database=None
)
ADVENTURE_WORKS = PROJECT_ROOT.parent / "shared" / "data" / "adventureworks"
OLTP = CsvDialect(delimiter="+|", row_end="&|\n", quote=None, encoding="utf-16", names=("a", "b"))

PIECES = ["a", "ä", "🙂", "1,5", '"', '""', ",", ";", "\n", "\r\n", "\r", " ", "", "\\.", "\\", "\0", "'", "\t", "#"]
PIECES += ["x" * 300, "1", "2", ",", "\n", '"a"', ',"b",', "+|", "&|\n", "\ufeff", "\u2028", "\x01", "\x1a"]
DIALECTS = {
    "plain": CsvDialect(),
    "no quote": CsvDialect(quote=None),
    "tab": CsvDialect(delimiter="\t", quote="'"),
    "several": CsvDialect(delimiter="+|", row_end="&|\n", quote=None),
    "several, quoted": CsvDialect(delimiter="+|", row_end="&|\n"),
    "lines of several": CsvDialect(delimiter="+|"),
    "own row end": CsvDialect(row_end="\n"),
    "not ASCII": CsvDialect(delimiter="§"),
    "control": CsvDialect(delimiter="\x01", quote=None),
    "without header": CsvDialect(names=("a", "b")),
    "without header, several": CsvDialect(delimiter="+|", names=("a", "b")),
}


# any file -------------------------------------------------------------------------------------------------------------


@FILES
@given(
    body=st.lists(st.sampled_from(PIECES)).map("".join),
    columns=st.integers(1, 3),
    ending=st.sampled_from(["\n", "\r\n", "\r", "&|\n"]),
    dialect=st.sampled_from(list(DIALECTS.values())),
)
def test_both_ways_read_any_file_alike(house: House, body: str, columns: int, ending: str, dialect: CsvDialect) -> None:
    by_both_ways(house, (dialect.delimiter.join("abc"[:columns]) + ending + body).encode(), dialect)


@settings(FILES, max_examples=60)
@given(
    content=st.one_of(
        st.binary(max_size=200),
        st.lists(st.sampled_from([b"a", b",", b"\n", b"\0", b"\xff\xfe", b"\xef\xbb\xbf", b'"', b"\xd8"])).map(
            b"".join
        ),
    ),
    encoding=st.sampled_from(["utf-8", "utf-16", "cp1252", "latin-1"]),
    dialect=st.sampled_from(list(DIALECTS.values())),
)
def test_any_bytes_are_rows_or_lines_kept_or_a_file_refused(
    house: House, content: bytes, encoding: Any, dialect: CsvDialect
) -> None:
    by_both_ways(house, content, dialect.model_copy(update={"encoding": encoding}))


# what was written is read back ----------------------------------------------------------------------------------------


@settings(FILES, max_examples=30)
@given(
    rows=st.lists(
        st.tuples(*[st.text(st.characters(codec="utf-8", exclude_characters="\0\ufeff"), max_size=8)] * 2), max_size=8
    ),
    delimiter=st.sampled_from([",", ";", "\t", "|", ":"]),
    quote=st.sampled_from(['"', "'"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    terminator=st.sampled_from(["\n", "\r\n"]),
)
def test_what_python_s_csv_writes_is_read_back(
    house: House, rows: list[tuple[str, str]], delimiter: str, quote: str, quoting: Any, terminator: str
) -> None:
    # Python's csv before 3.13 writes a carriage return without quotes, and then reads it as the end of a line itself
    assume(quoting == csv.QUOTE_ALL or not any("\r" in text for row in rows for text in row))
    stream = io.StringIO()
    writer = csv.writer(stream, delimiter=delimiter, quotechar=quote, quoting=quoting, lineterminator=terminator)
    writer.writerows([("a", "b"), *rows])
    found, bad = staged(house, stream.getvalue().encode(), CsvDialect(delimiter=delimiter, quote=quote))
    assert bad == []
    assert [texts for _, texts in found] == [tuple(text or None for text in row) for row in rows]


def any_dialect(draw: st.DrawFn) -> CsvDialect:
    return CsvDialect(
        delimiter=draw(st.sampled_from([",", ";", "\t", "|", " ", "§", "\x01", "+|", "||", "~|~", "::"])),
        quote=draw(st.sampled_from(['"', "'", None])),
        row_end=draw(st.sampled_from([None, "\n", "&\n", "&&", "\x1e", "^\n\n"])),
        encoding=draw(st.sampled_from(["utf-8", "utf-16", "cp1252", "latin-1"])),
        names=draw(st.sampled_from([None, ("a", "b", "c")])),
    )


@settings(FILES, max_examples=60)
@given(
    dialect=st.composite(any_dialect)(),
    table=st.lists(st.tuples(*[st.text("aä0 ,;|+~&:§^\x01\x1e\t\"\n\r'\\.", max_size=6)] * 3), max_size=6),
    line_end=st.sampled_from(["\n", "\r\n"]),
    has_mark=st.booleans(),
    is_big_endian=st.booleans(),
)
def test_a_table_written_in_any_dialect_is_read_back(
    house: House, dialect: CsvDialect, table: list[tuple[str, ...]], line_end: str, has_mark: bool, is_big_endian: bool
) -> None:
    forbidden = {*dialect.delimiter, *(dialect.row_end or ""), "\r", "\n"} if dialect.quote is None else set()
    # no file says of a text without any mark which half of UTF-16 comes first
    has_mark = has_mark and dialect.encoding in ("utf-8", "utf-16")
    rows = [tuple("".join(c for c in text if c not in forbidden) for text in row) for row in table]
    text = written([*([("a", "b", "c")] if dialect.names is None else []), *rows], dialect, line_end=line_end)
    content = encoded(("\ufeff" if has_mark else "") + text, dialect, is_big_endian=is_big_endian)
    found = by_both_ways(house, content, dialect)
    assert not isinstance(found, str), found
    assert found[1] == []
    assert [texts for _, texts in found[0]] == [tuple(text or None for text in row) for row in rows]


# line by line ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["fast", "by row"])
@pytest.mark.parametrize(
    ("content", "rows", "bad"),
    [
        (b"a,b\n1,2\n", [(2, ("1", "2"))], []),
        (b"a,b\n1,2", [(2, ("1", "2"))], []),
        (b"a,b\r\n1,2\r\n", [(2, ("1", "2"))], []),
        (b"a,b\r1,2\r3,4", [(2, ("1", "2")), (3, ("3", "4"))], []),
        (b"a,b\n1,2\r\n3,4\n", [(2, ("1", "2")), (3, ("3", "4"))], []),
        (b"\xef\xbb\xbfa,b\n1,2\n", [(2, ("1", "2"))], []),
        (b'\xef\xbb\xbf"a",b\n1,2\n', [(2, ("1", "2"))], []),
        (b"a,b\n\n1,2\n\n\n", [(3, ("1", "2"))], []),
        (b"a,b\n1,2\n   \n", [(2, ("1", "2"))], [(3, "column_count")]),
        (b"a,b\n", [], []),
        (b"a,b", [], []),
        (b"a,b\n,\n", [(2, (None, None))], []),
        (b'a,b\n"",x\n', [(2, (None, "x"))], []),
        (b'a,b\n"1,5","x\ny"\n3,4\n', [(2, ("1,5", "x\ny")), (4, ("3", "4"))], []),
        (b'a,b\n"say ""hi""",2\n', [(2, ('say "hi"', "2"))], []),
        (b'a,b\n5" pipe,2\n', [(2, ('5" pipe', "2"))], []),
        (b'a,b\n"5" pipe,2\n3,4\n', [(3, ("3", "4"))], [(2, "quoting")]),
        (b"a,b\n1\n1,2\n1,2,3\n", [(3, ("1", "2"))], [(2, "column_count"), (4, "column_count")]),
        (b"a,b\n1,\0\n3,4\n", [(3, ("3", "4"))], [(2, "nul_character")]),
        (b"a,b\n1,\xff\n3,\xc3\xa4\n", [(3, ("3", "ä"))], [(2, "encoding")]),
        (b"a,b\n1,\xed\xa0\x80\n", [], [(2, "encoding")]),
        (b"a,b\n\\.,2\n1,2\n", [(2, ("\\.", "2")), (3, ("1", "2"))], []),
        (b"a,b\n\\.\n1,2\n", [(3, ("1", "2"))], [(2, "column_count")]),
        (b"a,b\n\\N,2\n", [(2, ("\\N", "2"))], []),
        (b"a,b\n1,NULL\n", [(2, ("1", "NULL"))], []),
        (b"a\n1\n\n2\n", [(2, ("1",)), (4, ("2",))], []),
        # a delimiter behind the last column
        (b"a,b,\n1,2,\n3,4\n5,6,7\n", [(2, ("1", "2"))], [(3, "column_count"), (4, "column_count")]),
        (b"a,b,,,\n1,2,,,\n", [(2, ("1", "2"))], []),
        # files appended to one another
        (b"\xef\xbb\xbf\xef\xbb\xbfa,b\n1,2\n", [(2, ("1", "2"))], []),
        (b"a,b\n1,2\n\xef\xbb\xbf3,4\n5,\xef\xbb\xbf\n", [(2, ("1", "2")), (4, ("5", "\ufeff"))], [(3, "encoding")]),
    ],
)
def test_csv_line_by_line(house: House, path: str, content: bytes, rows: Rows, bad: Bad) -> None:
    read = staged if path == "fast" else without_the_fast_path
    assert read(house, content) == (rows, bad)


@pytest.mark.parametrize(
    ("content", "changes", "rows", "bad"),
    [
        ("1+|x\ny&|\r\n2+|&|\r\n", {}, [(1, ("1", "x\ny")), (2, ("2", None))], []),
        ("1+|2", {}, [(1, ("1", "2"))], []),
        ("", {}, [], []),
        ("1+|2&|\n&|\n3&|\n4+|5+|6&|\n7+|8&|\n", {}, [(1, ("1", "2")), (5, ("7", "8"))],
         [(3, "column_count"), (4, "column_count")]),
        ("x+|y&|\n1+|2&|\n", {"names": None}, [(2, ("1", "2"))], []),
        ("\\N+|\\.&|\n\t+|\\&|\n", {}, [(1, ("\\N", "\\.")), (2, ("\t", "\\"))], []),
        ('1+|"2&|\n', {}, [(1, ("1", '"2'))], []),
        ('1+|"x+|""&|\n"&|\n2+|5"&|\n"3"4+|5&|\n', {"quote": '"'}, [(1, ("1", 'x+|"&|\n')), (2, ("2", '5"'))],
         [(3, "quoting")]),
        ('1+|"x\r\ny"\r\n2+|3\r4+|5\n', {"quote": '"', "row_end": None},
         [(1, ("1", "x\r\ny")), (3, ("2", "3")), (4, ("4", "5"))], []),
        ("1\t2\r\n\r\n3\t4\r\n", {"delimiter": "\t", "row_end": None}, [(1, ("1", "2")), (3, ("3", "4"))], []),
        ("1\ud800+|2&|\n3+|4&|\n", {}, [(2, ("3", "4"))], [(1, "encoding")]),
        ("1+|2\0&|\n3+|4&|\n", {}, [(2, ("3", "4"))], [(1, "nul_character")]),
        ("1+|2&|\n\ufeff3+|4&|\n", {}, [(1, ("1", "2"))], [(2, "encoding")]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("path", ["fast", "by row"])
def test_several_characters_row_by_row(
    house: House, path: str, content: str, changes: dict[str, Any], rows: Rows, bad: Bad
) -> None:
    read = staged if path == "fast" else without_the_fast_path
    assert read(house, content.encode("utf-16-le", "surrogatepass"), OLTP.model_copy(update=changes)) == (rows, bad)


@pytest.mark.parametrize(
    ("dialect", "content"),
    [
        (CsvDialect(), 'a,b\r\n1,"x, ""y"""\r\n2,ä\r\n3,'),
        (CsvDialect(encoding="utf-16", delimiter="\t"), 'a\tb\r\n1\t"x, ""y"""\r\n2\tä\r\n3\t'),
        (CsvDialect(names=("a", "b")), '1,"x, ""y"""\r\n2,ä\r\n3,'),
        (CsvDialect(quote=None, delimiter="|"), 'a|b\r\n1|x, "y"\n2|ä\r\n3|'),
        (CsvDialect(delimiter="||"), "a||b\r\n1||x, 'y'\n2||ä\r\n3||"),
        (OLTP.model_copy(update={"encoding": "utf-8", "names": None}), 'a+|b&|\r\n1+|x, "y"&|\r\n2+|ä&|\n3+|'),
    ],
)
def test_a_plain_file_goes_to_the_server_as_a_whole(
    house: House, monkeypatch: pytest.MonkeyPatch, dialect: CsvDialect, content: str
) -> None:
    monkeypatch.setattr(delimited, "stage_records", None)  # calling it would fail
    monkeypatch.setattr(plain, "CHUNK_BYTES", 7)  # lines across chunks
    rows, bad = staged(house, encoded(content, dialect), dialect)
    first = 2 if dialect.names is None else 1
    assert [line for line, _ in rows] == [first, first + 1, first + 2]
    assert [texts[1] for _, texts in rows] == [rows[0][1][1], "ä", None]
    assert rows[0][1][1] in ('x, "y"', "x, 'y'")
    assert bad == []


def test_the_encodings(house: House) -> None:
    assert staged(house, "a,b\n€,é\n".encode("cp1252"), CsvDialect(encoding="cp1252"))[0] == [(2, ("€", "é"))]
    assert staged(house, b"a,b\n\x80,\xe9\n", CsvDialect(encoding="latin-1"))[0] == [(2, ("\x80", "é"))]
    assert staged(house, b"a,b\n\x81,x\n1,2\n", CsvDialect(encoding="cp1252")) == ([(3, ("1", "2"))], [(2, "encoding")])
    for content in (
        "a,b\n€,🙂\n".encode("utf-16"),
        "a,b\n€,🙂\n".encode("utf-16-be"),
        "a,b\n€,🙂\n".encode("utf-16-le"),
    ):
        assert by_both_ways(house, content, CsvDialect(encoding="utf-16")) == ([(2, ("€", "🙂"))], [])
    cut = "a,b\n1,2\n3,4".encode("utf-16")[:-1]
    assert by_both_ways(house, cut, CsvDialect(encoding="utf-16")) == ([(2, ("1", "2"))], [(3, "encoding")])


def test_the_text_of_a_broken_line_is_kept_as_it_was(house: House) -> None:
    house.write("a.csv", f"{HEADER}\n".encode() + b'"1"x,"a;b"\n2,\xff\0\n' + line("3").encode())
    report = house.night()
    assert (report.rows_read, report.rows_inserted, report.rows_rejected) == (3, 1, 2)
    assert house.rows("select line, rule, raw_row, column_name from quarantine.rejected_rows order by line") == [
        (2, "quoting", {"line": '"1"x,"a;b"'}, None), (3, "column_count", {"line": "2,\\xff\\x00"}, None),
    ]  # fmt: skip


# headers --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", r"a\.csv: the file is empty"),
        (b"\xef\xbb\xbf", r"a\.csv: the file is empty"),
        (b"\n\n", "there is no header row"),
        (b"  \n\t\n \n", "there is no header row"),
        (b" , ,\n", "there is no header row"),
        (b"order,,at\n", "column 2: the header has no name here"),
        (b",order,at\n", "column 1: the header has no name here"),
        (b"order,at,order\n", "column 3: the header names 'order' twice"),
        (b"order,at, order \n", "column 3: the header names 'order' twice"),
        ("order,at\n".encode("utf-16"), "looks like UTF-16, not utf-8"),
        ("order,at\n1,2\n".encode("utf-16-be"), "looks like UTF-16, not utf-8"),
        ("order,at\n".encode("utf-32"), "looks like UTF-32"),
        (b"order,caf\xe9\n", r"column 2: the header is not of the file's encoding: 'caf\\\\xe9'"),
        (b'"order"x,at\n', "line 1: A quoted field goes on after its closing quote"),
        (b"order;line;at\n1;2;3,5\n", "one field only with the delimiter ','; did you mean ';'"),
        (b'"order";"line"\n"1";"2"\n', "did you mean ';'"),
        (b"order\tline\n", r"did you mean '\\t'"),
        (b"order||line\n1||2\n", r"did you mean '\|\|'"),
        (b"order,line,at,prodct,qty,price\n", "no column 'product'.* did you mean 'prodct'"),
        (f'{HEADER}\n{line()}\n2,"open\n{line("3")}\n'.encode(), "line 3: unexpected end of data"),
        (",".join(f"c{i}" for i in range(1600)).encode(), "1600 columns are too many"),
        (b"PK\x03\x04\0\0", "looks like a workbook"),
        (b"\n<!DOCTYPE html>\n<title>Log in</title>", "looks like a web page"),
    ],
)
def test_a_csv_file_that_cannot_be_read_says_where_and_why(house: House, content: bytes, problem: str) -> None:
    house.write("a.csv", content)
    with pytest.raises(SourceError, match=problem) as caught:
        house.night()
    assert "a.csv" in caught.value.message
    assert caught.value.remedy is not None


@pytest.mark.parametrize(
    ("content", "dialect", "problem"),
    [
        ("é;b\n1;2\n".encode(), {"encoding": "cp1252"}, "looks like UTF-8, not cp1252"),
        ("a,b\n1,2\n".encode("utf-8-sig"), {"encoding": "latin-1"}, "looks like UTF-8, not latin-1"),
        (b"a,b\n1,2\n", {"encoding": "utf-16"}, "does not look like UTF-16"),
        (b"1;2;3\n", {"names": ("a", "b", "c")}, "did you mean ';'"),
        (b"1,2\n3,4\n", {"row_end": "&|\n"}, r"no row ends in '&\|\\n'"),
        (b"1+|2&|\n", {"names": ("a", "b"), "row_end": "&|\n"}, r"did you mean '\+\|'"),
    ],
)
def test_a_file_in_another_dialect_says_what_it_looks_like(
    house: House, content: bytes, dialect: dict[str, Any], problem: str
) -> None:
    with pytest.raises(SourceError, match=problem):
        staged(house, content, CsvDialect(**dialect))


def test_one_column_with_commas_in_it_is_one_column(house: House) -> None:
    dialect = CsvDialect(delimiter=";")
    assert by_both_ways(house, b"Name, Vorname\nSmith\n", dialect) == ([(2, ("Smith",))], [])
    assert by_both_ways(house, b"1,5\n", dialect.model_copy(update={"names": ("x",)})) == ([(1, ("1,5",))], [])


def test_a_file_without_rows_and_without_header_brings_nothing(house: House) -> None:
    for content in (b"", b"\xef\xbb\xbf", b"\n\n"):
        assert by_both_ways(house, content, CsvDialect(names=("a", "b"))) == ([], [])


# real files -----------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not ADVENTURE_WORKS.is_dir(), reason="needs the public data sets beside the project")
def test_every_file_of_adventure_works_is_read_as_its_script_says(house: House) -> None:
    """47 files in three dialects, as the SQL script beside them has it, against their copies with headers."""
    folder = ADVENTURE_WORKS / "raw_oltp_csv"
    script = (folder / "instawdb.sql").read_text(encoding="utf-16")
    n_files = n_rows = 0
    for table, name, options in re.findall(
        r"BULK INSERT (\S+) FROM '[^']*\)(\w+\.csv)'\s*WITH \((.*?)\);", script, re.S
    ):
        if not (folder / name).is_file() or name == "ProductReview.csv":  # of which the copy broke the row ends
            continue
        dialect = described(script, table, options)
        rows, bad = staged(house, (folder / name).read_bytes(), dialect)
        n_files, n_rows = n_files + 1, n_rows + len(rows)
        copy = ADVENTURE_WORKS / "csv" / f"{re.sub(r'[][]', '', table)}.csv"
        assert bad == []
        assert not copy.is_file() or [texts for _, texts in rows] == copied(copy), name
    assert (n_files, n_rows) == (47, 144_677)


def described(script: str, table: str, options: str) -> CsvDialect:
    """The dialect of a file as the script's BULK INSERT has it, with the columns of its CREATE TABLE."""
    found = re.search(rf"CREATE TABLE {re.escape(table)}\s*\((.*?)\n\)", script, re.S)
    delimiter, row_end = re.findall(r"(?:FIELD|ROW)TERMINATOR\s*=\s*'(.*?)'", options)
    assert found
    return CsvDialect(
        delimiter=delimiter.replace("\\t", "\t"),
        row_end=None if row_end == "\\n" else row_end.replace("\\n", "\n"),
        quote=None,
        encoding="utf-16" if "widechar" in options else "cp1252",
        names=tuple(re.findall(r"^\s+\[(\w+)\]", found.group(1), re.MULTILINE)),
    )


def copied(path: Path) -> list[tuple[str | None, ...]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return [tuple(text or None for text in row) for row in csv.reader(stream)][1:]
