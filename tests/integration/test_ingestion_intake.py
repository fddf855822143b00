"""What is taken in and what is not: touched files, copies, archives, what a crash left, and files that are no more.

Not here: single archives (tests/unit/test_ingestion_archives.py), stores and databases (test_ingestion_stores.py, …).
"""

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
