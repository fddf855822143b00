"""Several sources and several nights, loads that die in between, and which files a source takes.

Not here: the rows of one load (test_ingestion_load.py).
"""

import os
from typing import Any

import pytest

from orchestration.errors import ContractError, LeaseLostError, SourceError
from orchestration.ingestion import joins as joins_module
from orchestration.ingestion import load as load_module
from orchestration.ingestion import merge
from orchestration.ingestion.load import waiting_files
from tests.support.ingestion import HEADER, House, age, line, sales
from tests.support.loads import counts

# several sources, several nights ------------------------------------------------------------------------------------


def test_two_sources_bring_one_entity(house: House) -> None:
    web = sales(name="web", files="web/*.csv", columns={"channel": {"constant": "web"}})
    house.describe(sales(), web)
    house.write("a.csv", HEADER, line("1"))
    house.write("web/a.csv", HEADER, line("1", qty="4"), line("w1"))  # of another source: no copy of a.csv
    house.night(0)
    assert counts(house.night(1)) == (2, 1, 1, 0, 0)
    assert house.rows("select order_id, _source, channel from raw.sales_lines order by 1") == [
        ("1", "web", "web"), ("w1", "web", "web"),
    ]  # fmt: skip
    house.describe(sales(columns={"channel": {"constant": "shop"}}), web)
    assert counts(house.night(0)) == (1, 0, 1, 0, 0)  # the source that is loaded later has the last word


def test_the_same_content_may_serve_two_sources(house: House) -> None:
    house.describe(sales(), sales(name="again", columns={"line_id": {"from": "line", "numbered_within": ["line"]}}))
    house.write("a.csv", HEADER, line("1"))
    assert counts(house.night(0)) == (1, 1, 0, 0, 0)
    assert counts(house.night(1)) == (1, 0, 0, 1, 0)


def test_other_entities_have_no_days(house: House) -> None:
    customers = {
        "name": "customers", "entity": "customers", "files": "customers.csv", "format": "csv",
        "columns": {"customer_id": "id", "country": "country"},
    }  # fmt: skip
    house.describe(sales(files="sales.csv"), customers)
    house.write("customers.csv", "id,country", "007,NO", "008,NA", "007,NO", "9,")
    assert counts(house.night(1)) == (4, 3, 0, 1, 0)
    assert house.rows("select customer_id, country from raw.customers order by 1") == [
        ("007", "NO"), ("008", "NA"), ("9", None),
    ]  # fmt: skip
    assert house.days_of_the_night() == []
    house.write("customers.csv", "id,country", "007,SE")
    assert counts(house.night(1)) == (1, 0, 1, 0, 0)


def test_a_run_whose_lease_is_lost_changes_nothing(house: House) -> None:
    house.write("a.csv", HEADER, line("1"))
    house.night()
    house.write("b.csv", HEADER, line("2"))
    before = house.everything()
    house.connection.execute("update ops.lease set token = token + 1")
    with pytest.raises(LeaseLostError):
        house.load()
    house.write("c.csv", "no header of ours\n")
    with pytest.raises(LeaseLostError):  # not even the refusal is written
        house.load()
    assert house.everything() == before


def test_a_load_that_dies_in_between_leaves_nothing(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.write("a.csv", HEADER, line("1"))
    house.write("b.csv", HEADER, line("2", qty="x"))
    before = house.everything()

    def die(point: str) -> None:
        if point == "load.merged":
            raise KeyboardInterrupt

    monkeypatch.setattr(load_module.failpoints, "reach", die)
    with pytest.raises(KeyboardInterrupt):
        house.night()
    monkeypatch.undo()
    assert house.everything() == before
    assert counts(house.night()) == (2, 1, 0, 0, 1)


def test_a_file_that_changes_while_it_is_read_is_refused(house: House) -> None:
    path = house.write("a.csv", HEADER, line("1"))

    def write_on(done: int, total: int) -> None:
        with path.open("a") as stream:
            stream.write(line("2") + "\n")

    with pytest.raises(SourceError, match=r"a\.csv: the file changed while it was read"):
        house.night(on_progress=write_on)
    assert house.raw() == []
    assert counts(house.night()) == (2, 2, 0, 0, 0)


def test_counts_that_do_not_add_up_stop_the_night(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.write("a.csv", HEADER, line("1"), line("2"))
    honest = merge.write
    monkeypatch.setattr(merge, "write", lambda *arguments, **_: honest(*arguments) - 1)
    with pytest.raises(ContractError, match="2 rows new and 1 inserted"):
        house.night()
    assert house.raw() == []


def test_the_key_is_unique_after_the_first_load_too(house: House) -> None:
    definition = "select pg_get_constraintdef(oid) from pg_constraint where conname = 'sales_lines_key'"
    before = house.column(definition)
    house.write("a.csv", HEADER, line("1"))
    house.night()
    assert before == house.column(definition) == ["UNIQUE NULLS NOT DISTINCT (order_id, line_id)"]


# which files --------------------------------------------------------------------------------------------------------


def test_hidden_and_unfinished_files_wait(house: House) -> None:
    for name in (".a.csv", "~$a.csv", "a.csv.part", "b.CSV.tmp"):
        house.write(name, HEADER, line())
    house.describe(sales(files="*"))
    assert house.night().files == 0


def test_waiting_files_are_those_nobody_writes_to_any_more(house: House) -> None:
    old, new = house.write("a.csv", HEADER, line("1")), house.write("b.csv", HEADER, line("2"))
    age(old, 60)
    assert [f.relative_path for f in waiting_files(house.connection, house.business, house.data)] == ["a.csv"]
    age(new, 60)
    house.night()
    assert waiting_files(house.connection, house.business, house.data) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_named(house: House) -> None:
    house.write("a.csv", HEADER, line()).chmod(0)
    with pytest.raises(SourceError, match=r"a\.csv: cannot be read"):
        house.night()


# what a review found ---------------------------------------------------------------------------------------------


def test_an_expression_over_a_column_that_one_file_lacks_is_refused(house: House) -> None:
    house.write("a.csv", HEADER + ",cust", line("1") + ",C-1")
    house.write("b.csv", HEADER, line("2"))
    house.describe(sales(columns={"customer_id": {"expression": "upper(cust)"}}))
    with pytest.raises(SourceError, match=r"b\.csv: there is no column 'cust'"):
        house.night()
    assert house.raw() == []


def test_a_file_that_vanishes_is_named(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    path = house.write("a.csv", HEADER, line("1"))
    read = joins_module.open_reader

    def vanish(*args: Any) -> Any:
        path.unlink()
        return read(*args)

    monkeypatch.setattr(joins_module, "open_reader", vanish)
    with pytest.raises(SourceError, match=r"a\.csv: cannot be read: No such file"):
        house.night()
    assert house.column("select status from ops.loads") == ["stopped"]
