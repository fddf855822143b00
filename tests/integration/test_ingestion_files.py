"""What a file may look like: encodings, quoting, broken lines, workbooks, Parquet; and how a bad one is refused.

Not here: what its texts mean (test_ingestion_values.py).
"""

import csv
import io
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from orchestration.errors import ConfigurationError, SourceError
from orchestration.ingestion.files import SourceFile
from orchestration.ingestion.readers import delimited, workbook
from orchestration.ingestion.readers.delimited import CsvReader
from orchestration.ingestion.readers.records import ROWS_PER_LOAD
from orchestration.ingestion.staging import Opened, make_incoming, prepare, stage_rows
from orchestration.shapes import CsvDialect
from tests.support.ingestion import HEADER, House, line, sales

Rows = list[tuple[int, tuple[str | None, ...]]]
Bad = list[tuple[int, str]]


def staged(house: House, content: bytes, dialect: CsvDialect | None = None) -> tuple[Rows, Bad]:
    """The rows of ``incoming`` (line and texts) and the unreadable lines (line and rule) that a CSV file becomes."""
    path = house.write("staged.csv", content)
    reader = CsvReader(path, dialect or CsvDialect())
    with house.connection.transaction(force_rollback=True):
        prepare(house.connection)
        staging = make_incoming(house.connection, reader.header())
        opened = Opened(SourceFile(path, path.name, 0, 0), reader, reader.header())
        stage_rows(house.connection, [opened], [3], staging)
        rows = house.rows("select * from incoming order by _row")
        bad = house.rows("select _row, rule from unreadable order by _row")
    base = 3 * ROWS_PER_LOAD
    return [(row[0] - base, row[1:]) for row in rows], [(row - base, rule) for row, rule in bad]


def without_the_fast_path(house: House, content: bytes, dialect: CsvDialect | None = None) -> tuple[Rows, Bad]:
    with pytest.MonkeyPatch.context() as patch:

        def refuse(*arguments: Any) -> None:
            raise delimited._NotPlainError

        patch.setattr(CsvReader, "_stage_as_is", refuse)
        return staged(house, content, dialect)


# CSV ----------------------------------------------------------------------------------------------------------------

PIECES = [
    "a",
    "ä",
    "🙂",
    "1,5",
    '"',
    '""',
    ",",
    ";",
    "\n",
    "\r\n",
    "\r",
    " ",
    "",
    "\\.",
    "\\",
    "\0",
    "'",
    "\t",
    "#",
    "x" * 300,
]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], database=None)
@given(
    body=st.lists(st.sampled_from([*PIECES, "1", "2", ",", "\n", '"a"', ',"b",'])).map("".join),
    columns=st.integers(1, 3),
    ending=st.sampled_from(["\n", "\r\n", "\r"]),
)
def test_both_paths_read_any_file_alike(house: House, body: str, columns: int, ending: str) -> None:
    content = (",".join("abc"[:columns]) + ending + body).encode()
    ends: list[Any] = []
    for read in (staged, without_the_fast_path):
        try:
            ends.append(read(house, content))
        except SourceError as error:
            ends.append(str(error))
    assert ends[0] == ends[1]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], database=None)
@given(
    rows=st.lists(
        st.tuples(*[st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)] * 2), max_size=8
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
    ],
)
def test_csv_line_by_line(house: House, path: str, content: bytes, rows: Rows, bad: Bad) -> None:
    read = staged if path == "fast" else without_the_fast_path
    assert read(house, content) == (rows, bad)


def test_a_plain_file_goes_to_the_server_as_it_is(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delimited, "stage_records", None)  # calling it would fail
    monkeypatch.setattr(delimited, "CHUNK_BYTES", 7)  # lines across chunks
    rows, bad = staged(house, 'a,b\r\n1,"x, ""y"""\r\n2,ä\r\n3,'.encode())
    assert (rows, bad) == ([(2, ("1", 'x, "y"')), (3, ("2", "ä")), (4, ("3", None))], [])


def test_the_encodings(house: House) -> None:
    assert staged(house, "a,b\n€,é\n".encode("cp1252"), CsvDialect(encoding="cp1252"))[0] == [(2, ("€", "é"))]
    assert staged(house, b"a,b\n\x80,\xe9\n", CsvDialect(encoding="latin-1"))[0] == [(2, ("\x80", "é"))]
    assert staged(house, b"a,b\n\x81,x\n1,2\n", CsvDialect(encoding="cp1252")) == ([(3, ("1", "2"))], [(2, "encoding")])


def test_very_long_fields(house: House) -> None:
    long = "x" * 3_000_000
    assert staged(house, f"a,b\n{long},2\n".encode())[0] == [(2, (long, "2"))]
    assert staged(house, f'a,b\n"{long}\n",2\n'.encode())[0] == [(2, (long + "\n", "2"))]


def test_the_text_of_a_broken_line_is_kept_as_it_was(house: House) -> None:
    house.write("a.csv", f"{HEADER}\n".encode() + b'"1"x,"a;b"\n2,\xff\0\n' + line("3").encode())
    report = house.night()
    assert (report.rows_read, report.rows_inserted, report.rows_rejected) == (3, 1, 2)
    assert house.rows("select line, rule, raw_row, column_name from quarantine.rejected_rows order by line") == [
        (2, "quoting", {"line": '"1"x,"a;b"'}, None), (3, "column_count", {"line": "2,\\xff\\x00"}, None),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", r"a\.csv: the file is empty"),
        (b"\n\n", "there is no header row"),
        (b" , ,\n", "there is no header row"),
        (b"order,,at\n", "column 2: the header has no name here"),
        (b"order,at,order\n", "column 3: the header names 'order' twice"),
        (b"order,at, order \n", "column 3: the header names 'order' twice"),
        ("order,at\n".encode("utf-16"), "the header is not of the file's encoding"),
        (b"order,caf\xe9\n", r"column 2: the header is not of the file's encoding: 'caf\\\\xe9'"),
        (b'"order"x,at\n', "line 1: A quoted field goes on after its closing quote"),
        (b"order,line,at,prodct,qty,price\n", "no column 'product'.* did you mean 'prodct'"),
        (f'{HEADER}\n{line()}\n2,"open\n{line("3")}\n'.encode(), "line 3: unexpected end of data"),
        (",".join(f"c{i}" for i in range(1600)).encode(), "1600 columns are too many"),
    ],
)
def test_a_csv_file_that_cannot_be_read_says_where_and_why(house: House, content: bytes, problem: str) -> None:
    house.write("a.csv", content)
    with pytest.raises(SourceError, match=problem) as caught:
        house.night()
    assert "a.csv" in caught.value.message
    assert caught.value.remedy is not None


def test_a_file_of_which_nearly_no_line_is_a_row_does_not_fill_the_memory(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestration.ingestion.readers.records.MOST_UNREADABLE", 5)
    house.write("a.csv", HEADER, *["x;y"] * 10)
    with pytest.raises(SourceError, match=r"more than 5 lines are no rows; the first, line 2: The line has 1 fields"):
        house.night()


def test_files_may_have_their_columns_in_any_order_and_some_of_their_own(house: House) -> None:
    house.describe(sales(columns={"product_name": 'näme "x"'}))
    house.write("a.csv", 'price,qty,"näme ""x""",product,at,line,order', '1.50,2,"ä",P-1,2024-02-29 10:00:00,1,1')
    house.write("b.csv", HEADER + ',note,"näme ""x"""', line("2") + ",hello,ö", line("3", qty="?") + ",hello,")
    house.night()
    assert house.rows("select order_id, product_name, unit_price from raw.sales_lines order by 1") == [
        ("1", "ä", Decimal("1.5")), ("2", "ö", Decimal("1.5")),
    ]  # fmt: skip
    ((raw_row,),) = house.rows("select raw_row from quarantine.rejected_rows")
    assert (raw_row["note"], raw_row['näme "x"'], raw_row["qty"]) == ("hello", None, "?")


def test_a_blank_is_the_same_in_every_path_and_format(house: House) -> None:
    filled = {"product_name": {"expression": "coalesce(x, 'none')"}}
    house.describe(sales(columns=filled), sales(name="p", files="*.parquet", format="parquet", columns=filled))
    house.write("a.csv", HEADER + ",x", line("1") + ",", line("2") + ',""')
    house.write("b.csv", HEADER + ",x", line("3") + ",", line("4") + ',"a\nb"')
    house.night(0)
    write_parquet(house.data / "c.parquet", order=["5", "6"], x=["", None])
    house.night(1)
    names = house.column("select product_name from raw.sales_lines order by order_id")
    assert names == ["none", "none", "none", "a\nb", "none", "none"]


# workbooks ----------------------------------------------------------------------------------------------------------


def excel(**changes: Any) -> dict[str, Any]:
    return sales(files="*.xlsx", format="excel", **changes)


def write_book(path: Path, *sheets: tuple[str, list[list[Any]]]) -> None:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for title, rows in sheets:
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
    book.save(path)


def test_a_workbook_with_real_dates_and_numbers(house: House) -> None:
    house.describe(excel(columns={"ordered_at": {"from": "at", "format": "%d.%m.%Y"}, "customer_id": "who"}))
    day = datetime(2024, 2, 29)
    write_book(
        house.data / "a.xlsx",
        (
            "Sales",
            [
                [*HEADER.split(","), "who", None, None],
                ["1", 1, day, "P", 2, 1.1, 17850, None, None],
                ["2", 1.0, "29.02.2024", 7.0, 0.1 + 0.2, 0.00001, "007", None, None],
                [None] * 8,
                ["3", 1, day.replace(hour=10, minute=30), "P", "x", 1, 1e15, None, None],
                ["4", 1, day, "P", 1, 1, None, None, "beyond"],
                ["5", 1, date(2024, 2, 28), "=P", True, 1, 4e15, None, None],
            ],
        ),
    )
    house.night()
    found = house.rows(
        """select order_id, line_id, order_date::text, product_id, qty_units, unit_price, customer_id
           from raw.sales_lines order by 1"""
    )
    assert found == [
        ("1", "1", "2024-02-29", "P", 2, Decimal("1.1"), "17850"),
        ("2", "1", "2024-02-29", "7", Decimal("0.3"), Decimal("0.00001"), "007"),
    ]
    assert house.rejected() == [
        (5, "qty_units", "x", "not_a_number"), (6, None, None, "column_count"), (7, "product_id", None, "missing"),
    ]  # fmt: skip


def test_a_formula_counts_as_the_value_it_was_saved_with(house: House, tmp_path: Path) -> None:
    house.describe(excel())
    path = house.data / "a.xlsx"
    write_book(path, ("S", [HEADER.split(","), ["1", 1, datetime(2024, 2, 29), "P", "=1+1", 1]]))
    house.night()  # openpyxl saves no values: the cell is empty, and the row says so
    assert house.rejected() == [(2, "qty_units", None, "missing")]


def test_the_second_sheet_and_a_header_further_down(house: House) -> None:
    house.describe(excel(excel={"sheet": "Données", "header_row": 3}))
    rows = [["A title"], [], HEADER.split(","), ["1", 1, datetime(2024, 2, 29), "P", 2, 1]]
    write_book(house.data / "a.xlsx", ("first", [["nothing"]]), ("Données", rows))
    house.night()
    assert house.rows("select order_id, _line from raw.sales_lines") == [("1", 4)]


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda path: path.write_bytes(b"no workbook"), "cannot read the workbook"),
        (lambda path: path.write_bytes(b""), "cannot read the workbook"),
        (lambda path: write_book(path, ("Dates", [HEADER.split(",")])), "no sheet 'Data'; did you mean 'Dates'"),
        (lambda path: write_book(path, ("Data", [])), "there is no header row|has no row 1"),
        (lambda path: write_book(path, ("Data", [["order", None, "at"]])), "column 2: the header has no name"),
    ],
)
def test_a_bad_workbook_is_refused(house: House, make: Callable[[Path], None], problem: str) -> None:
    house.describe(excel(excel={"sheet": "Data"}))
    make(house.data / "a.xlsx")
    with pytest.raises(SourceError, match=problem):
        house.night()
    assert house.column("select status from ops.loads") == ["stopped"]


def test_an_error_cell_rejects_its_row(house: House) -> None:
    house.describe(excel(columns={"discount_amount": "off"}, excel={"header_row": 2}))
    day = datetime(2024, 2, 29)
    rows: list[list[Any]] = [
        ["#REF!", "a title"],
        [*HEADER.split(","), "note", "off"],
        ["1", 1, day, "P", 1, 1, "#N/A", 0],  # nothing reads the note
        ["2", 1, day, "P", 1, 1, "x", "#N/A"],  # not the default, which is 0
        ["3", 1, day, "#DIV/0!", "#REF!", 1],
        [],
        [None, None, "#NAME?"],
        ["4", 1, day, "P", 1, 1, None, None, None, "#NULL!"],
        ["5", 1, day, "P", 1, 1],
        [None] * 6 + ["#N/A"],
    ]
    write_book(house.data / "a.xlsx", ("Sales", rows), ("other", [[None], [None], ["#N/A"]]))
    assert house.night().rows_read == 6
    assert house.column("select order_id from raw.sales_lines order by 1") == ["1", "5"]
    assert house.rejected() == [(line, None, None, "excel_error") for line in (4, 5, 7, 8)]
    found = house.rows("select reason, raw_row ->> 'line' from quarantine.rejected_rows order by line")
    assert found[0] == ("Cell H4 holds the error #N/A.", "2\t1\t2024-02-29\tP\t1\t1\tx\t#N/A\t\t")
    assert [reason for reason, _ in found[1:]] == [
        "Cell D5 holds the error #DIV/0!.", "Cell C7 holds the error #NAME?.", "Cell J8 holds the error #NULL!.",
    ]  # fmt: skip


def test_a_text_that_looks_like_an_error_is_a_text(house: House) -> None:
    house.describe(excel(columns={"product_name": "name"}))
    book = openpyxl.Workbook()
    for row in ([*HEADER.split(","), "name"], ["1", 1, datetime(2024, 2, 29), "P", 1, 1, "#N/A"]):
        book.active.append(row)
    book.active["G2"].data_type = "s"
    book.save(house.data / "a.xlsx")
    house.night()
    assert house.rows("select order_id, product_name from raw.sales_lines") == [("1", "#N/A")]


@pytest.mark.parametrize("scanned_bytes", [1, 2, 3, 5, 64])
def test_an_error_is_found_wherever_the_scan_is_cut(
    house: House, monkeypatch: pytest.MonkeyPatch, scanned_bytes: int
) -> None:
    monkeypatch.setattr(workbook, "SCANNED_BYTES", scanned_bytes)
    house.describe(excel())
    write_book(house.data / "a.xlsx", ("S", [HEADER.split(","), ["2", 1, datetime(2024, 2, 29), "P", "#N/A", 1]]))
    house.night()
    assert house.rejected() == [(2, None, None, "excel_error")]


def test_a_workbook_without_errors_is_read_once_only(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openpyxl, "load_workbook", None)
    house.describe(excel())
    write_book(house.data / "a.xlsx", ("S", [HEADER.split(","), ["1", 1, datetime(2024, 2, 29), "P", 1, 1]]))
    house.night()
    assert house.column("select order_id from raw.sales_lines") == ["1"]


COMMA = {"from": "price", "decimal": ",", "thousands": "."}


def test_typed_numbers_of_a_workbook_are_read_with_the_column_s_mark(house: House) -> None:
    columns = {
        "unit_price": COMMA,
        "discount_amount": {"expression": "coalesce(off, price)", "decimal": ","},
        "customer_id": "who",
    }
    house.describe(excel(columns=columns))
    day = datetime(2024, 2, 29)
    rows: list[list[Any]] = [
        [*HEADER.split(","), "off", "who"],
        ["1", 1, day, "P", 2.5, 12.345, 0.125, 1.5],
        ["2", 1, day, "P", "2.5", "12.345", "1,5", "1.5"],
        ["3", 1, day, "P", 1, 1e-5, None, 1],
        ["4", 1, day, "P", 1, 1234567.5, 1e15, None],
    ]
    write_book(house.data / "a.xlsx", ("S", rows))
    house.night()
    assert house.rows(
        "select order_id, qty_units, unit_price, discount_amount, customer_id from raw.sales_lines order by 1"
    ) == [
        ("1", Decimal("2.5"), Decimal("12.345"), Decimal("0.125"), "1.5"),
        ("2", Decimal("2.5"), 12345, Decimal("1.5"), "1.5"),
        ("3", 1, Decimal("0.00001"), Decimal("0.00001"), "1"),
    ]
    assert [row[:1] for row in house.rejected()] == [(5,)]  # 1e15 is more than an amount may be


def test_one_name_read_with_two_marks_is_refused(house: House) -> None:
    house.describe(excel(columns={"unit_price": COMMA, "discount_amount": "price"}))
    write_book(house.data / "a.xlsx", ("S", [HEADER.split(",")]))
    with pytest.raises(
        ConfigurationError, match=r"discount_amount.decimal: 'price' is read with '\.' here and with ','"
    ):
        house.night()


# Parquet ------------------------------------------------------------------------------------------------------------


def write_parquet(path: Path, **columns: Any) -> None:
    n = len(columns["order"])
    plain: dict[str, Any] = {
        "line": ["1"] * n, "at": ["2024-02-29 10:00:00"] * n, "product": ["P"] * n, "qty": [1] * n, "price": [1] * n,
    }  # fmt: skip
    parquet.write_table(pa.table(plain | columns), path, row_group_size=2)


@pytest.fixture
def parquet_house(house: House) -> House:
    house.describe(sales(files="*.parquet", format="parquet", columns={"product_name": "name"}))
    return house


def test_a_timestamp_with_a_zone_is_the_instant_it_says(parquet_house: House) -> None:
    instant = datetime(2024, 7, 1, 22, 30, tzinfo=UTC)
    for i, zone in enumerate(["UTC", "America/New_York", None]):
        at = pa.array([instant if zone else instant.replace(tzinfo=None)], pa.timestamp("ns", zone))
        write_parquet(parquet_house.data / f"{i}.parquet", order=[str(i)], at=at, name=["x"])
    parquet_house.night()
    assert parquet_house.rows("select ordered_at, order_date::text from raw.sales_lines order by order_id") == [
        (instant, "2024-07-02"), (instant, "2024-07-02"), (instant.replace(hour=20), "2024-07-01"),
    ]  # fmt: skip


def test_parquet_types(parquet_house: House) -> None:
    write_parquet(
        parquet_house.data / "a.parquet",
        order=pa.array(["1", "2", "1", "4", "5"]).dictionary_encode(),
        line=pa.array([1, 1, 2, 1, 1], pa.int64()),
        at=pa.array([datetime(2024, 2, 29, 1, 2, 3, 4)] * 5, pa.timestamp("us")),
        qty=pa.array([Decimal("0"), Decimal("1.5"), None, Decimal("-3"), Decimal("7.1")], pa.decimal128(38, 10)),
        price=pa.array([0.1 + 0.2, 2.0, 3.0, float("nan"), 5e-7], pa.float64()),
        name=pa.array(['a,"b"', "\\.", None, "NA", ""]),
        unused=pa.array([[1], None, [], [2, 3], [4]]),
        binary=pa.array([b"\xff", b"", None, b"a", b"b"]),
    )
    report = parquet_house.night()
    assert (report.rows_read, report.rows_inserted) == (5, 2)
    assert parquet_house.rows(
        "select order_id, line_id, qty_units, unit_price, product_name, _line from raw.sales_lines order by _line"
    ) == [("1", "1", 0, Decimal("0.3"), 'a,"b"', 1), ("2", "1", Decimal("1.5"), 2, "\\.", 2)]
    assert parquet_house.rejected() == [
        (3, "qty_units", None, "missing"),
        (4, "unit_price", "NaN", "not_a_number"),
        (5, "unit_price", "0.0000005", "not_a_number"),
    ]


def test_dates_and_whole_floats(parquet_house: House) -> None:
    write_parquet(parquet_house.data / "a.parquet", order=[17850.0], at=[date(2024, 2, 29)], name=[None])
    parquet_house.night()
    assert parquet_house.rows("select order_id, order_date::text, product_name from raw.sales_lines") == [
        ("17850", "2024-02-29", None)
    ]


def test_typed_numbers_of_parquet_are_read_with_the_column_s_mark(house: House) -> None:
    house.describe(sales(files="*.parquet", format="parquet", decimal=",", columns={"unit_price": COMMA}))
    kinds = [pa.float64(), pa.float32(), pa.decimal128(10, 3), pa.string()]
    for i, (kind, value) in enumerate(zip(kinds, [12.345, 12.345, Decimal("12.345"), "12.345"], strict=True)):
        prices = {" price ": pa.array([value], kind)}  # a header is trimmed before it is looked up
        table = pa.table(
            {"order": [str(i)], "line": [1], "at": ["2024-02-29"], "product": [1.5], "qty": [2.5]} | prices
        )
        parquet.write_table(table, house.data / f"{i}.parquet")
    house.night()
    assert house.rows("select product_id, qty_units, unit_price from raw.sales_lines order by order_id") == [
        ("1.5", Decimal("2.5"), Decimal("12.345"))
    ] * 3 + [("1.5", Decimal("2.5"), 12345)]


def test_narrow_floats_are_the_decimals_they_were_made_of(parquet_house: House) -> None:
    prices = pa.array([19.99, 0.1, 16777215.0, 1234.567, None], pa.float32())
    qty = pa.array([0.5, 2.25, 2047.0, 19.98, 1.0], pa.float16())
    write_parquet(parquet_house.data / "a.parquet", order=list("12345"), price=prices, qty=qty, name=["x"] * 5)
    parquet_house.night()
    assert parquet_house.rows("select unit_price, qty_units from raw.sales_lines order by order_id") == [
        (Decimal("19.99"), Decimal("0.5")), (Decimal("0.1"), Decimal("2.25")), (16777215, 2047),
        (Decimal("1234.567"), Decimal("19.98")),
    ]  # fmt: skip
    assert parquet_house.rejected() == [(5, "unit_price", None, "missing")]


def test_a_nul_in_a_parquet_text_rejects_only_its_row(parquet_house: House) -> None:
    orders = [str(n) for n in range(6)]
    names = ["a", "b", "c\0d", None, "", "f"]
    write_parquet(parquet_house.data / "a.parquet", order=orders, name=names)
    parquet_house.night()
    assert parquet_house.rows("select order_id, _line, product_name from raw.sales_lines order by 1") == [
        ("0", 1, "a"), ("1", 2, "b"), ("3", 4, None), ("4", 5, None), ("5", 6, "f"),
    ]  # fmt: skip
    assert parquet_house.rejected() == [(3, None, None, "nul_character")]


def test_an_empty_parquet_file_and_a_broken_one(parquet_house: House) -> None:
    write_parquet(parquet_house.data / "a.parquet", order=pa.array([], pa.string()), name=pa.array([], pa.string()))
    assert parquet_house.night().rows_read == 0
    whole = (parquet_house.data / "a.parquet").read_bytes()
    parquet_house.write("b.parquet", whole[: len(whole) // 2])
    with pytest.raises(SourceError, match=r"b\.parquet: not a Parquet file"):
        parquet_house.night()


# random files ---------------------------------------------------------------------------------------------------------


def corrupted(draw: st.DrawFn) -> str:
    """One line of a sales file, perhaps with something wrong in it."""
    fields = [
        draw(st.sampled_from("123")),
        draw(st.sampled_from("12")),
        draw(
            st.sampled_from(
                ["2024-02-28 10:00:00", "2024-02-29 10:00:00", "2024-02-29T10:00", "2024-02-30", "", "today"]
            )
        ),
        draw(st.sampled_from(["P", "ö", "", '"a,b"'])),
        draw(st.sampled_from(["1", "2", "-1", "1_0", "NaN", " 3 ", ""])),
        draw(st.sampled_from(["1.5", "0", "1,5", "1e5"])),
    ]
    damage = draw(st.sampled_from(["none"] * 6 + ["short", "long", "quote", "nul", "bytes"]))
    fields = {"short": fields[:-1], "long": [*fields, "x"]}.get(damage, fields)
    fields[0] += {"quote": '"', "nul": "\0", "bytes": "\udcff"}.get(damage, "")
    return ",".join(fields)


lines = st.composite(corrupted)()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], database=None)
@given(files=st.lists(st.lists(lines, max_size=12), min_size=1, max_size=4), nights=st.integers(2, 4))
def test_one_night_or_several_every_row_is_accounted_for_and_raw_ends_the_same(
    house: House, files: list[list[str]], nights: int
) -> None:
    contents = ["\n".join([HEADER, *rows]).encode(errors="surrogateescape") for rows in files]
    assume(len(set(contents)) == len(contents))
    ends = []
    for n_nights in (1, nights):
        clear(house)
        for i, content in enumerate(contents):
            house.write(f"{i}.csv", content)
            if i % nights == n_nights - 1 or n_nights > 1:
                house.night()
        house.night()
        ledger = house.rows(
            """select file_path, rows_read, rows_inserted, rows_replaced, rows_duplicate, rows_rejected
               from ops.loads where status = 'loaded' order by file_path"""
        )
        assert [row[1] for row in ledger] == [len(rows) for rows in files]
        assert all(row[1] == sum(row[2:]) for row in ledger)
        assert sum(row[2] for row in ledger) == len(house.raw())
        rejected = house.rows("select file_path, line, rule, reason from quarantine.rejected_rows order by 1, 2")
        assert len(rejected) == sum(row[5] for row in ledger)
        days = house.column("select distinct day from ops.touched_days order by 1")
        assert set(house.column("select order_date from raw.sales_lines")) <= set(days)
        ends.append((house.raw(), ledger, rejected, days))
    assert ends[0] == ends[1]


def clear(house: House) -> None:
    house.connection.execute(
        "truncate raw.sales_lines, ops.loads, ops.touched_days, quarantine.rejected_rows restart identity"
    )
    for path in house.data.iterdir():
        path.unlink()


def test_a_data_folder_that_is_not_there_is_no_quiet_day(house: House) -> None:
    house.write("a.csv", HEADER, line("1"))
    house.night()
    house.data = house.data / "unmounted"
    with pytest.raises(SourceError, match="there is no data folder"):
        house.night()
