"""Nights over files that lie elsewhere: an S3 server, an SFTP server, and stores that are wrong, closed or away.

Not here: archives and what is known of a file (test_ingestion_intake.py), live databases (test_ingestion_databases.py).
"""

import gzip
import logging
import socket
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from orchestration.check import check_business
from orchestration.errors import ConfigurationError, PermanentError, SourceError, UnreachableError
from orchestration.ingestion.load import waiting_files
from orchestration.ingestion.origins.scratch import Scratch
from orchestration.ingestion.origins.stores import RemoteStore
from orchestration.settings import Settings
from tests.support.ingestion import HEADER, House, age, line, sales
from tests.support.stores import PASSWORD, Bucket, Sftp, describe


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DAYBREAK_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def csv(*lines: str) -> bytes:
    return "".join(f"{text}\n" for text in (HEADER, *lines)).encode()


def lake(**changes: Any) -> dict[str, Any]:
    return sales(store="lake", **changes)


def orders(house: House) -> list[str]:
    return house.column("select order_id from raw.sales_lines order by order_id::int")


def scratch_is_empty(home: Path) -> bool:
    return [p.name for p in (home / "scratch").iterdir()] == ["lock"]


def fetches(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    seen: list[str] = []
    fetch = RemoteStore.fetch
    monkeypatch.setattr(
        RemoteStore, "fetch", lambda self, file, scratch: seen.append(file.relative_path) or fetch(self, file, scratch)
    )
    return seen


def test_a_night_over_s3(house: House, bucket: Bucket, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    describe(house, lake(files="**/*.csv*"), stores={"lake": bucket.store("/shop")})
    bucket.put("shop/2024/day10.csv", csv(line("1", price="10")))
    bucket.put("shop/2024/day9.csv", csv(line("1", price="9"), line("2")))
    bucket.put("shop/2024/.hidden.csv", b"x")
    bucket.put("shop/2024/day11.csv.part", b"x")
    bucket.put("shop/2024/day8.csv.gz", gzip.compress(csv(line("3"))))
    bucket.put("elsewhere/day12.csv", b"x")
    report = house.night()
    assert (report.files, report.rows_read, report.rows_inserted, report.rows_replaced) == (3, 4, 3, 1)
    assert house.column("select file_path from ops.loads order by load_id") == [
        "lake:2024/day8.csv.gz", "lake:2024/day9.csv", "lake:2024/day10.csv",
    ]  # fmt: skip
    assert house.column("select unit_price::int from raw.sales_lines where order_id = '1'") == [10]
    assert scratch_is_empty(home)

    fetched = fetches(monkeypatch)
    assert str(house.night()) == "sales: nothing new"
    assert fetched == []
    bucket.put("shop/2024/day9.csv", csv(line("1", price="9"), line("2")))  # written again, with what it had
    assert waiting_files(house.connection, house.business, house.data) == []
    bucket.put("shop/2024/day10.csv", csv(line("4")))
    assert house.night().rows_inserted == 1
    assert "lake:2024/day10.csv" in fetched


def test_a_look_for_new_files_only_lists(
    house: House, bucket: Bucket, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    describe(house, lake(), stores={"lake": bucket.store()})
    bucket.put("a.csv", csv(line("1")))
    fetched = fetches(monkeypatch)
    assert waiting_files(house.connection, house.business, house.data) == []  # it has just been written
    monkeypatch.setattr("orchestration.ingestion.load.SETTLED_NS", -timedelta(days=1).total_seconds() * 1e9)
    assert [f.relative_path for f in waiting_files(house.connection, house.business, house.data)] == ["lake:a.csv"]
    assert fetched == []
    assert not (home / "scratch").exists()


def test_a_rejected_row_of_a_store_names_its_file_and_a_broken_file_too(house: House, bucket: Bucket) -> None:
    describe(house, lake(), stores={"lake": bucket.store()})
    bucket.put("a.csv", csv(line("1", qty="x"), line("2")))
    house.night()
    assert house.rows("select file_path, line from quarantine.rejected_rows") == [("lake:a.csv", 2)]
    bucket.put("b.csv", f'{HEADER}\n"open\n'.encode())
    with pytest.raises(SourceError) as caught:
        house.night()
    assert caught.value.message.startswith("lake:b.csv, line 2: ")
    assert "scratch" not in "".join(house.column("select message from ops.loads where status = 'stopped'"))


def test_a_changed_mapping_reads_a_store_anew(house: House, bucket: Bucket) -> None:
    describe(house, lake(), stores={"lake": bucket.store()})
    bucket.put("a.csv", csv(line("1")))
    house.night()
    describe(house, lake(columns={"country": {"constant": "AT"}}), stores={"lake": bucket.store()})
    assert house.night().rows_inserted == 1
    assert house.column("select country from raw.sales_lines") == ["AT"]
    bucket.delete("a.csv")
    bucket.put("b.csv", csv(line("2")))
    describe(house, lake(columns={"country": {"constant": "DE"}}), stores={"lake": bucket.store()})
    with pytest.raises(SourceError, match=r"1 of the files it was loaded from are gone, lake:a\.csv first"):
        house.night()


def test_a_file_that_changes_while_it_is_fetched_is_refused(
    house: House, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    describe(house, lake(), stores={"lake": bucket.store()})
    bucket.put("a.csv", csv(line("1")))
    new_path = Scratch.new_path

    def meanwhile(self: Scratch) -> Path:
        bucket.put("a.csv", csv(line("2"), line("3")))
        return new_path(self)

    with monkeypatch.context() as patch:
        patch.setattr(Scratch, "new_path", meanwhile)
        with pytest.raises(SourceError, match=r"lake:a\.csv: the file changed while it was read"):
            house.night()
    assert house.night().rows_inserted == 2


def test_stores_that_are_wrong_say_what_and_never_a_secret(
    house: House, bucket: Bucket, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG, "orchestration")
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{closed.getsockname()[1]}"
    monkeypatch.setenv("TEST_NOBODY", nobody)
    cases: list[tuple[dict[str, Any], type[Exception], str]] = [
        (bucket.store("-missing"), SourceError, r"the store lake has no 'exports-missing'"),
        ({**bucket.store(), "options": {"endpoint_url": "${TEST_NOBODY}", "key": "${TEST_S3_KEY}", "secret": "s3cr3t"}},
         UnreachableError, r"the store lake cannot be reached, looking for '\*\.csv'"),
        ({**bucket.store(), "options": {"secret": "${NOT_SET}"}}, ConfigurationError,
         r"sources\.yaml:5: stores\.lake\.options\.secret: the environment has no variable NOT_SET"),
        ({"url": "s4://exports"}, ConfigurationError, r"sources\.yaml:3: stores\.lake\.url: Protocol not known: s4"),
        ({"url": "gs://exports/x"}, ConfigurationError, r"needs a package that is not installed: .*gcsfs"),
        ({"url": "file:///nowhere/at/all"}, SourceError, r"the store lake has no '/nowhere/at/all'"),
        ({"url": "sftp://127.0.0.1:1/x", "options": {"colour": "red"}}, ConfigurationError,
         r"stores\.lake\.options: .*unexpected keyword argument 'colour'"),
    ]  # fmt: skip
    for store, kind, message in cases:
        describe(house, lake(), stores={"lake": store})
        with pytest.raises(kind, match=message) as caught:
            house.night()
        said = f"{caught.value} {caplog.text}"
        assert not any(secret in said for secret in ("s3cr3t", "AKIATESTKEY", nobody)), said


def test_a_store_that_is_away_hides_no_other_files(house: House) -> None:
    describe(house, lake(), sales(name="till"), stores={"lake": {"url": "sftp://127.0.0.1:1/x"}})
    age(house.write("a.csv", HEADER, line("1")), 60)
    problems: list[str] = []
    waiting = waiting_files(house.connection, house.business, house.data, problems.append)
    assert [f.relative_path for f in waiting] == ["a.csv"]
    assert len(problems) == 1
    assert problems[0].startswith("sales: the store lake cannot be reached, looking for '*.csv'")


def test_a_folder_that_is_there_and_empty_is_a_quiet_day(house: House, bucket: Bucket, tmp_path: Path) -> None:
    describe(house, lake(files="new/*.csv"), stores={"lake": bucket.store("/shop")})
    assert str(house.night()) == "sales: nothing new"
    describe(house, lake(files="new/*.csv"), stores={"lake": {"url": f"file://{tmp_path}/data"}})
    assert str(house.night()) == "sales: nothing new"


def test_a_night_over_sftp(house: House, sftp: Sftp, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    describe(house, lake(files="*/*.csv"), stores={"lake": sftp.store()})
    (sftp.folder / "2024").mkdir()
    (sftp.folder / "2024" / "a.csv").write_bytes(csv(line("1")))
    (sftp.folder / "2024" / "b.csv").symlink_to("a.csv")
    (sftp.folder / "2024" / "c.csv").write_bytes(csv(*(line(str(n)) for n in range(2, 40_000))))
    assert house.night().rows_inserted == 39_999
    assert house.column("select file_path from ops.loads order by 1") == ["lake:2024/a.csv", "lake:2024/c.csv"]
    fetched = fetches(monkeypatch)
    assert str(house.night()) == "sales: nothing new"
    assert fetched == []
    assert scratch_is_empty(home)


def test_an_sftp_server_must_be_the_right_one(house: House, sftp: Sftp, monkeypatch: pytest.MonkeyPatch) -> None:
    other = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHpoZiLJZRJwTQZHZdLWjA7K8Q4wJAbl7KzPHs9R1vEM"
    describe(house, lake(), stores={"lake": sftp.store(host_key=other)})
    with pytest.raises(PermanentError, match=r"shows a key that is not known; .* add options\.host_key: ssh-ed25519"):
        house.night()
    monkeypatch.setenv("TEST_SFTP_PASSWORD", "wr0ng-one")
    describe(house, lake(), stores={"lake": sftp.store()})
    with pytest.raises(PermanentError, match="the store lake refuses") as caught:
        house.night()
    assert not any(secret in str(caught.value) for secret in ("wr0ng-one", PASSWORD))


def test_an_sftp_folder_that_may_not_be_read_is_no_quiet_day(house: House, sftp: Sftp) -> None:
    sftp.folder.rmdir()
    describe(house, lake(), stores={"lake": sftp.store()})
    with pytest.raises(SourceError, match="the store lake has no '/out'"):
        house.night()


def test_a_check_samples_the_newest_file_of_a_store(house: House, house_url: str, bucket: Bucket, home: Path) -> None:
    describe(house, lake(), stores={"lake": bucket.store()})
    bucket.put("9.csv", b"not what it should be")
    bucket.put("10.csv", csv(line("1"), line("2", qty="x")))
    settings = Settings(home=home, business=house.folder, data=house.data, database_url=house_url)  # type: ignore[arg-type]
    (finding,) = check_business(settings, say=lambda text: None)
    assert (finding.files, finding.newest, finding.rows_sampled, finding.rows_rejected) == (2, "lake:10.csv", 2, 1)
    bucket.delete("10.csv")
    (finding,) = check_business(settings, say=lambda text: None)
    assert finding.problem is not None
    assert finding.problem.startswith("lake:9.csv")
    assert house.rows("select * from ops.known_files") == []
