"""What is taken in and what is not: touched files, copies, archives, what a crash left, and files that are no more.

Not here: single archives (tests/unit/test_ingestion_archives.py), stores and databases (test_ingestion_stores.py, …).
"""

import dataclasses
import gzip
import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from orchestration.errors import PermanentError, SourceError
from orchestration.ingestion import intake, load
from orchestration.ingestion.files import content_hash
from orchestration.ingestion.load import waiting_files
from orchestration.ingestion.origins import scratch
from orchestration.ingestion.origins.scratch import Scratch, remove_leftovers
from tests.support.ingestion import HEADER, House, age, line, sales


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DAYBREAK_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that were read to know their content."""
    seen: list[str] = []

    def note(path: Path) -> str:
        seen.append(path.name)
        return content_hash(path)

    monkeypatch.setattr(intake, "content_hash", note)
    return seen


def text(*lines: str) -> bytes:
    return "".join(f"{one}\n" for one in (HEADER, *lines)).encode()


def zipped(**entries: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return stream.getvalue()


def paths(house: House) -> list[str]:
    return house.column("select file_path from ops.loads where status = 'loaded' order by load_id")


# what is known ------------------------------------------------------------------------------------------------------


def test_a_touched_file_and_a_copy_are_read_once_and_then_known(house: House, hashed: list[str]) -> None:
    path = house.write("a.csv", HEADER, line())
    house.night()
    house.write("copy of a.csv", path.read_bytes())
    age(path, 60)
    age(house.data / "copy of a.csv", 60)
    hashed.clear()
    for _ in range(3):
        assert waiting_files(house.connection, house.business, house.data) == []
        assert str(house.night()) == "sales: nothing new"
    assert sorted(hashed) == ["a.csv", "copy of a.csv"]


def test_a_changed_mapping_needs_no_hash_anew(house: House, hashed: list[str]) -> None:
    house.write("a.csv", HEADER, line())
    house.night()
    hashed.clear()
    house.describe(sales(columns={"country": {"constant": "AT"}}))
    assert house.night().rows_inserted == 1
    assert hashed == []


def test_what_is_known_of_files_that_are_gone_is_forgotten(house: House) -> None:
    house.write("a.csv", HEADER, line("1"))
    house.write("b.csv", HEADER, line("2"))
    house.night()
    (house.data / "a.csv").unlink()
    house.night()
    assert house.column("select file_path from ops.known_files") == ["b.csv"]


def test_files_that_match_no_more_are_no_quiet_day(house: House) -> None:
    assert str(house.night()) == "sales: nothing new"
    house.write("a.csv", HEADER, line("1"))
    house.night()
    assert house.night().note is None
    (house.data / "a.csv").rename(house.data / "a.CSV")
    assert str(house.night()) == "sales: nothing new; no file matches '*.csv' any more, 1 were loaded before"


def stock(**columns: Any) -> dict[str, Any]:
    """Stock whose day and place stand in nothing but the files' names."""
    mapped = {
        "snapshot_date": {"expression": r"substring(file.name from '[0-9]{4}-[0-9]{2}-[0-9]{2}')"},
        "product_id": "product",
        "location_id": {"expression": "split_part(file.name, '/', 1)"},
        "on_hand_units": "qty",
    }
    return {"name": "stock", "entity": "inventory_levels", "files": "*/*.csv", "columns": mapped | columns}


def test_the_same_bytes_under_other_names_are_other_rows_where_the_mapping_reads_the_name(
    house: House, hashed: list[str]
) -> None:
    constant = {"snapshot_date": {"constant": "2024-01-01"}, "location_id": {"constant": "all"}}
    house.describe(sales(), stock(**constant))
    for name in ("north/2024-02-29", "south/2024-02-29", "north/2024-03-01"):
        house.write(f"{name}.csv", "product,qty", "P,5")
    assert house.night(1).files == 1
    hashed.clear()
    house.describe(sales(), stock())  # what was a copy under the old mapping is none under this one
    assert (house.night(1).files, hashed) == (3, [])
    assert house.rows("select location_id, snapshot_date::text from raw.inventory_levels order by 1, 2") == [
        ("north", "2024-02-29"), ("north", "2024-03-01"), ("south", "2024-02-29"),
    ]  # fmt: skip
    assert str(house.night(1)) == "stock: nothing new"
    house.describe(sales(), stock(**constant))
    assert (house.night(1).files, house.column("select count(*) from raw.inventory_levels")) == (1, [1])


def test_the_same_bytes_on_another_day_are_other_rows_where_the_mapping_reads_the_day(house: House) -> None:
    house.describe(sales(), stock(snapshot_date="file.modified", location_id={"constant": "all"}))
    path = house.write("a/stock.csv", "product,qty", "P,5")
    for day in (1, 1, 2):
        os.utime(path, (day * 86_400, day * 86_400 + 7))
        house.night(1)
    assert house.column("select snapshot_date::text from raw.inventory_levels order by 1") == [
        "1970-01-02", "1970-01-03",
    ]  # fmt: skip


def test_a_store_that_does_not_say_when_it_was_written_gives_no_day(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.describe(sales(), stock(snapshot_date="file.modified") | {"max_rejected_pct": 100})
    house.write("a/stock.csv", "product,qty", "P,5")
    find = intake.DataFolder.find
    monkeypatch.setattr(
        intake.DataFolder, "find", lambda *args: [dataclasses.replace(file, mtime_ns=0) for file in find(*args)]
    )
    assert house.night(1).rows_rejected == 1
    assert house.rejected() == [(2, "snapshot_date", None, "missing")]


def test_two_files_that_come_to_hold_the_same_are_read_once(house: House) -> None:
    for name, order in (("a.csv", "1"), ("b.csv", "2")):
        house.write(name, HEADER, line(order))
    house.night()
    for name in ("a.csv", "b.csv"):
        age(house.write(name, HEADER + "\n"), 60)
    assert house.night().files == 1
    for _ in range(2):
        assert waiting_files(house.connection, house.business, house.data) == []
        assert str(house.night()) == "sales: nothing new"
    # a correction that is taken back is none of that
    house.write("a.csv", HEADER, line("1", price="7"))
    house.night()
    house.write("a.csv", HEADER, line("1"))
    assert house.night().rows_replaced == 1


def test_a_source_that_cannot_be_looked_into_hides_no_other(house: House) -> None:
    join = {"name": "header", "files": "headers*.csv", "on": {"order": "id"}}
    house.describe(sales(name="joined", files="j*.csv", joins=[join]), sales(name="till", files="*.zip"), sales())
    age(house.write("a.csv", HEADER, line()), 60)
    age(house.write("b.csv", HEADER, line("2")), 60)
    problems: list[str] = []
    waiting = waiting_files(house.connection, house.business, house.data, problems.append)
    assert [file.relative_path for file in waiting] == ["a.csv", "b.csv"]
    assert problems == ["joined: joined.header: no file matches 'headers*.csv', and joined looks its columns up there"]
    house.data.rename(house.data.with_name("unmounted"))
    with pytest.raises(SourceError, match="there is no data folder"):
        waiting_files(house.connection, house.business, house.data, problems.append)


def test_the_refusal_of_a_file_that_is_gone_gives_way(house: House) -> None:
    house.describe(sales(files="*", max_rejected_pct=5))
    house.write("keep.zip", zipped(**{"k.csv": text(line("9", price="y"))}))
    path = house.write("a1.csv", HEADER, line("1", price="x"))
    with pytest.raises(SourceError):
        house.night()
    assert len(house.rejected()) == 2
    path.unlink()
    house.write("a1_fixed.csv", HEADER, line("1"))
    with pytest.raises(SourceError):
        house.night()
    assert house.column("select file_path from quarantine.rejected_rows") == ["keep.zip/k.csv"]
    (house.data / "keep.zip").unlink()
    house.night()
    assert house.rejected() == []
    assert house.rows("select file_path, status from ops.loads") == [("a1_fixed.csv", "loaded")]


# archives -----------------------------------------------------------------------------------------------------------


def test_a_zip_is_its_files_and_a_known_one_is_not_unpacked(
    house: House, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.describe(sales(files="*"))
    plain = house.write("0.csv", text(line("9")))
    path = house.write(
        "s.zip", zipped(**{"b/10.txt": text(line("1", price="10")), "b/9.txt": text(line("1"), line("2")),
                           "copy.csv": plain.read_bytes(), "bad.csv": text(line("3", qty="x"))})
    )  # fmt: skip
    report = house.night()
    assert (report.files, report.rows_read, report.rows_inserted, report.rows_rejected) == (4, 5, 3, 1)
    assert paths(house) == ["0.csv", "s.zip/b/9.txt", "s.zip/b/10.txt", "s.zip/bad.csv"]
    assert house.column("select unit_price::int from raw.sales_lines where order_id = '1'") == [10]
    assert house.rows("select file_path, line from quarantine.rejected_rows") == [("s.zip/bad.csv", 2)]
    assert [p.name for p in (home / "scratch").iterdir()] == ["lock"]

    unpacked: list[Any] = []
    unpack = intake.unpack
    monkeypatch.setattr(intake, "unpack", lambda *args: unpacked.append(args[1]) or unpack(*args))
    assert str(house.night()) == "sales: nothing new"
    assert unpacked == []
    os.utime(path)  # other time, the same contents: looked into once
    assert str(house.night()) == str(house.night()) == "sales: nothing new"
    assert unpacked == ["s.zip"]
    path.write_bytes(zipped(**{"b/10.txt": text(line("1", price="11")), "b/9.txt": text(line("1"), line("2"))}))
    assert house.night().files == 1
    assert paths(house)[-1] == "s.zip/b/10.txt"


def test_the_look_for_new_files_unpacks_nothing(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.describe(sales(files="*"))
    age(house.write("s.csv.gz", gzip.compress(text(line()))), 60)
    with monkeypatch.context() as patch:
        patch.setattr(intake, "unpack", None)
        assert [f.relative_path for f in waiting_files(house.connection, house.business, house.data)] == ["s.csv.gz"]
    house.night()
    assert waiting_files(house.connection, house.business, house.data) == []


def test_a_changed_mapping_unpacks_known_archives_again(house: House) -> None:
    house.describe(sales(files="*"))
    house.write("s.zip", zipped(**{"a.csv": text(line("1")), "b.csv": text(line("2"))}))
    house.night()
    house.describe(sales(files="*", columns={"country": {"constant": "AT"}}))
    assert house.night().rows_inserted == 2
    assert house.column("select distinct country from raw.sales_lines") == ["AT"]


def test_a_packed_workbook_and_a_workbook_that_is_itself_a_zip(house: House) -> None:
    book, stream = openpyxl.Workbook(), io.BytesIO()
    for row in (HEADER.split(","), line("1").split(",")):
        book.active.append(row)
    book.save(stream)
    house.describe(sales(files="*", format="excel"))
    house.write("a.xlsx", stream.getvalue())
    house.night()
    assert paths(house) == ["a.xlsx"]
    house.write("b.zip", zipped(**{"any name": stream.getvalue(), "again": stream.getvalue()}))
    assert str(house.night()) == "sales: nothing new"  # the content is known, whatever it is packed in
    assert house.column("select count(*) from ops.known_files") == [2]


def test_a_broken_archive_is_named_and_a_broken_file_in_it_too(house: House, home: Path) -> None:
    house.describe(sales(files="*"))
    path = house.write("s.zip", zipped(**{"a.csv": f'{HEADER}\n"open\n'.encode()}))
    with pytest.raises(SourceError) as caught:
        house.night()
    assert caught.value.message.startswith("s.zip/a.csv, line 2: ")
    assert house.column("select message from ops.loads where status = 'stopped'")[0].startswith("s.zip/a.csv, line 2: ")
    path.write_bytes(zipped(**{"../a.csv": text(line())}))
    with pytest.raises(SourceError, match=r"s\.zip: '\.\./a\.csv' is a name that leads out of its archive"):
        house.night()
    assert [p.name for p in (home / "scratch").iterdir()] == ["lock"]


def test_an_archive_that_changes_while_it_is_read_is_refused(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.describe(sales(files="*"))
    path = house.write("s.csv.gz", gzip.compress(text(line("1"))))
    stage = load.stage_source

    def meanwhile(*args: Any, **options: Any) -> Any:
        path.write_bytes(gzip.compress(text(line("2"), line("3"))))
        return stage(*args, **options)

    monkeypatch.setattr(load, "stage_source", meanwhile)
    with pytest.raises(SourceError, match=r"s\.csv\.gz: the file changed while it was read"):
        house.night()
    assert house.raw() == []


def test_a_joined_file_without_records_lacks_no_column(house: House) -> None:
    join = {"name": "header", "files": "headers*.json", "format": "json", "on": {"order": "id"}}
    house.describe(sales(files="lines*.csv", joins=[join], columns={"customer_id": "header.customer"}))
    house.write("headers1.json", '[{"id": "1", "customer": "ann"}]')
    house.write("headers2.json", "[]")
    house.write("lines1.csv", HEADER, line("1"))
    house.night()
    assert house.column("select customer_id from raw.sales_lines") == ["ann"]


def test_a_column_called_as_what_is_looked_up_or_as_the_file_s_name_is_refused(house: House) -> None:
    join = {"name": "header", "files": "headers.csv", "on": {"order": "id"}}
    house.write("headers.csv", "id,title", "1,Lamp")
    house.write("lines.csv", HEADER + ",header.title,file.name", line("1") + ",Own,Own")
    for name in ("header.title", "file.name"):
        house.describe(sales(files="lines.csv", joins=[join], columns={"product_name": name}))
        with pytest.raises(SourceError, match=f"its column '{name}' is called as what is looked up elsewhere"):
            house.night()
    house.describe(sales(files="lines.csv", joins=[join]))  # what nothing reads may be called as it likes
    assert house.night().rows_inserted == 1


def test_a_joined_archive_that_no_row_waits_for_is_unpacked_once(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    join = {"name": "header", "files": "headers*.zip", "on": {"order": "id"}}
    house.describe(sales(files="lines*.csv", joins=[join], columns={"customer_id": "header.customer"}))
    house.write("headers1.zip", zipped(**{"h.csv": b"id,customer\n1,ann\n"}))
    house.write("lines1.csv", HEADER, line("1"))
    house.night()
    unpacked: list[str] = []
    unpack = intake.unpack
    monkeypatch.setattr(intake, "unpack", lambda *args: unpacked.append(args[1]) or unpack(*args))
    house.write("headers2.zip", zipped(**{"h.csv": b"id,customer\n2,bob\n"}))
    for _ in range(3):
        assert str(house.night()) == "sales: nothing new"
    assert unpacked == ["headers2.zip"]
    house.write("lines2.csv", HEADER, line("2"))
    house.night()
    assert house.column("select customer_id from raw.sales_lines order by order_id") == ["ann", "bob"]


# the private folder -------------------------------------------------------------------------------------------------


def test_what_a_killed_process_left_goes_with_the_next_look(house: House, home: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path; from orchestration.ingestion.origins.scratch import Scratch;"
        "Scratch(Path(sys.argv[1])).new_path().write_text('half'); os._exit(9)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(home / "scratch")], check=False).returncode == 9
    (left,) = (home / "scratch").glob("load-*/*")
    assert (left.read_text(), left.parent.stat().st_mode & 0o777) == ("half", 0o700)
    at_work = Scratch(home / "scratch")
    mine = at_work.new_path()
    mine.write_text("mine")
    house.night()
    assert not left.exists()
    assert mine.read_text() == "mine"
    at_work.close()
    assert [p.name for p in (home / "scratch").iterdir()] == ["lock"]
    remove_leftovers(home / "nowhere")


def test_no_more_is_fetched_than_the_disk_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scratch, "MOST_BYTES", 100)
    own = Scratch(tmp_path)
    own.require(60, "a.csv")
    with pytest.raises(PermanentError, match=r"b\.csv: 0\.0 GiB are to be fetched, and there is room for 0\.0 GiB"):
        own.require(41, "b.csv")
    monkeypatch.setattr(scratch, "KEPT_FREE_BYTES", 1 << 60)
    with pytest.raises(PermanentError):
        own.require(1, "c.csv")
    own.close()
