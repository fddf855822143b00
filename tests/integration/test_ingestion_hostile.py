"""Files that somebody broke, by accident or not: refused in a sentence, or read with nothing lost.

Not here: files as exports write them (test_ingestion_delimited.py), single values (test_ingestion_values.py), what
never comes near a database (tests/unit/test_delimited.py).
"""

from datetime import date
from pathlib import Path

import pytest

from orchestration.errors import SourceError
from orchestration.ingestion.readers import delimited, separated
from orchestration.shapes import CsvDialect
from tests.support.delimited import by_both_ways, staged
from tests.support.ingestion import HEADER, House, line, sales

LONG = "x" * 200_000


def test_one_night_of_everything_at_once(house: House) -> None:
    """Every row is in raw or in quarantine, with its line; none takes another one along."""
    house.describe(sales(columns={"product_name": "name", "country": "land"}))
    good = {
        "001": ("plain", "NA"), "1": (LONG, "NO"), "2": ("a\u2028b", "DE"), "3": ("\x01\x07\x1b[2J", "DE"),
        "4": ("=HYPERLINK(1)", "DE"), "5": ("\u202eevil\u200b", "DE"), "6": ("x\ufeffy", "DE"), "7": ("\\.", "DE"),
        "8": ("'; drop table raw.sales_lines; --", "DE"), "9": ("\x85\x0b\x0c", "DE"), "10": ("\ufffe\U0010ffff", "DE"),
    }  # fmt: skip
    plain = ["1", "2024-02-29 10:00:00", "P", "1", "1"]
    bad = {
        "NUL": (plain, "a\0b", "nul_character"),
        "surrogate": (plain, "\ud800", "encoding"),
        "byte": (plain, b"\xff".decode(errors="surrogateescape"), "encoding"),
        "quote": (plain, '"a"b', "quoting"),
        "comma": (plain, "a,b", "column_count"),
        "not a number": ([*plain[:3], "NaN", "1"], "a", "not_a_number"),
        "infinite": ([*plain[:4], "inf"], "a", "not_a_number"),
        "of Python": ([*plain[:3], "1_000", "1"], "a", "not_a_number"),
        "of C": ([*plain[:3], "0x10", "1"], "a", "not_a_number"),
        "full width": ([*plain[:3], "１２", "1"], "a", "not_a_number"),
        "30 February": (["1", "2024-02-30", *plain[2:]], "a", "not_a_time"),
        "far": (["1", "99999-01-01", *plain[2:]], "a", "not_a_time"),
        "for ever": (["1", "infinity", *plain[2:]], "a", "not_a_time"),
        "long ago": (["1", "1899-12-31", *plain[2:]], "a", "not_a_time"),
        LONG: (plain, "a", "too_long"),
        "mark": (plain, "a", "encoding"),
    }
    rows = [",".join([order, *plain, name, land]) for order, (name, land) in good.items()]
    rows += [("\ufeff" if key == "mark" else "") + ",".join([key, *row, n, "DE"]) for key, (row, n, _) in bad.items()]
    ends = ["\n", "\r\n", "\r"]
    text = f"{HEADER},name,land\n" + "".join(row + ends[i % 3] for i, row in enumerate(rows))
    house.write(
        "a.csv", text.encode("utf-8", "surrogatepass").replace("\udcff".encode("utf-8", "surrogatepass"), b"\xff")
    )
    report = house.night()
    assert (report.rows_read, report.rows_inserted) == (len(rows), len(good))
    found = house.rows("select order_id, product_name, country from raw.sales_lines")
    assert {order: (name, land) for order, name, land in found} == good
    assert house.column("select distinct order_date from raw.sales_lines") == [date(2024, 2, 29)]
    assert [(r[0], r[3]) for r in house.rejected()] == [
        (2 + len(good) + i, rule) for i, (_, _, rule) in enumerate(bad.values())
    ]


def test_a_header_of_garbage_is_not_repeated_at_length(house: House) -> None:
    for header in (LONG, ",".join(f"{LONG}{i}" for i in range(50)), f"{LONG},{LONG}", f"{LONG},\udcff{LONG}"):
        house.write("a.csv", header.encode(errors="surrogateescape") + b"\n")
        with pytest.raises(SourceError) as caught:
            house.night()
        assert len(caught.value.message) < 2_500
        assert all(len(message) < 2_500 for message in house.column("select message from ops.loads"))


def test_rows_that_no_table_takes_are_named(house: House) -> None:
    """PostgreSQL keeps a row on a page of 8 kB, 18 bytes for each long text: no table has 1,500 of them."""
    names = ",".join(f"c{i}" for i in range(1_500))
    narrow, wide = ",".join(["1"] * 1_500), ",".join(["x" * 40] * 1_500)
    assert len(staged(house, f"{names}\n{narrow}\n".encode())[0]) == 1
    found = by_both_ways(house, f"{names}\n{narrow}\n{wide}\n".encode())
    assert "1500 columns of such width are more than a table takes" in found


def test_a_file_of_which_nearly_no_line_is_a_row_does_not_fill_the_memory(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestration.ingestion.readers.records.MOST_UNREADABLE", 5)
    house.write("a.csv", HEADER, *["x;y"] * 10)
    with pytest.raises(SourceError, match=r"more than 5 lines are no rows; the first, line 2: The line has 1 fields"):
        house.night()
    monkeypatch.setattr("orchestration.ingestion.readers.records.MOST_UNREADABLE_CHARACTERS", 500_000)
    house.write("a.csv", HEADER, *[LONG] * 3)
    with pytest.raises(SourceError, match=r"more than 500,000 characters are no rows; the first, line 2"):
        house.night()


@pytest.mark.parametrize(
    "dialect", [CsvDialect(), CsvDialect(delimiter="||"), CsvDialect(row_end="&|\n"), CsvDialect(quote=None)]
)
def test_a_row_that_never_ends_is_refused_on_both_ways(
    house: House, monkeypatch: pytest.MonkeyPatch, dialect: CsvDialect
) -> None:
    for module in (delimited, separated):
        monkeypatch.setattr(module, "LONGEST_RECORD", 1_000)
    monkeypatch.setattr("orchestration.ingestion.readers.plain.LONGEST_RECORD", 1_000)
    monkeypatch.setattr("orchestration.ingestion.readers.plain.CHUNK_BYTES", 100)
    monkeypatch.setattr(separated, "BLOCK_CHARACTERS", 100)
    end = dialect.row_end or "\n"
    start = f"a{dialect.delimiter}b{end}1{dialect.delimiter}2{end}"
    found = by_both_ways(house, (start + "x" * 5_000).encode(), dialect)
    assert "line 3: more than 1,000 characters" in found
    if dialect.quote is not None:
        found = by_both_ways(house, (start + '"open' + f"1{dialect.delimiter}2{end}" * 1_000).encode(), dialect)
        assert "line 3: more than 1,000 characters" in found
        assert "a quote that is never closed begins here" in found


def test_very_long_fields(house: House) -> None:
    long = "x" * 3_000_000
    assert staged(house, f"a,b\n{long},2\n".encode())[0] == [(2, (long, "2"))]
    assert staged(house, f'a,b\n"{long}\n",2\n'.encode())[0] == [(2, (long + "\n", "2"))]
    assert staged(house, f'a||b\n"{long}\n"||2\n'.encode(), CsvDialect(delimiter="||"))[0] == [(2, (long + "\n", "2"))]


def test_a_folder_in_place_of_a_file_and_a_link_to_nothing_are_no_files(house: House) -> None:
    (house.data / "folder.csv").mkdir()
    (house.data / "nothing.csv").symlink_to(house.data / "gone.csv")
    assert house.night().files == 0


def test_a_link_out_of_the_data_folder_is_refused(house: House, tmp_path: Path) -> None:
    """Who may write exports must not have other files of this machine read, and told of in messages."""
    secret = tmp_path / "secret"
    secret.write_text(f"{HEADER}\n{line()}\n")
    (house.data / "a.csv").symlink_to(secret)
    with pytest.raises(SourceError, match=r"a\.csv: a link that leads out of the data folder"):
        house.night()
    (house.data / "a.csv").unlink()
    house.write("real.csv", f"{HEADER}\n{line()}\n")
    (house.data / "a.csv").symlink_to(house.data / "real.csv")
    assert house.night().rows_inserted == 1
