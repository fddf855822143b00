"""A mapping that changes reads its files anew: nothing is lost, nothing doubled, and what cannot be read anew is said.

Not here: loads under one mapping (test_ingestion_load.py).
"""

from collections import Counter

import pytest

from orchestration.errors import SourceError
from tests.support.ingestion import HEADER, House, line, sales
from tests.support.loads import counts


def test_a_changed_mapping_reads_the_files_anew(house: House) -> None:
    house.write("a.csv", HEADER, line("1"), line("2", qty="x"))
    house.write("b.csv", HEADER, line("3", day="2024-03-01"))
    house.night()
    house.describe(sales(columns={"channel": {"constant": "web"}}))
    report = house.night()
    assert counts(report) == (3, 2, 0, 0, 1)
    assert [(row[0], row[9]) for row in house.raw()] == [("1", "web"), ("3", "web")]
    assert house.days_of_the_night() == ["2024-02-29", "2024-03-01"]
    assert Counter(house.column("select status from ops.loads")) == {"superseded": 2, "loaded": 2}
    assert house.rules() == ["not_a_number"]
    assert house.night().files == 0


def test_a_changed_limit_or_glob_is_no_changed_mapping(house: House) -> None:
    house.write("a.csv", HEADER, line("1"))
    house.night()
    house.describe(sales(max_rejected_pct=1, files="**/*.csv"))
    assert house.night().files == 0


def test_a_changed_mapping_is_refused_while_files_are_gone(house: House) -> None:
    house.write("a.csv", HEADER, line("1"))
    gone = house.write("b.csv", HEADER, line("2"))
    house.night()
    content = gone.read_bytes()
    gone.unlink()
    house.describe(sales(columns={"channel": {"constant": "web"}}))
    before = house.raw()
    with pytest.raises(SourceError, match=r"1 of the files it was loaded from are gone, b\.csv first"):
        house.night()
    assert house.raw() == before
    house.write("renamed.csv", content)  # back under another name: the same content is enough
    assert counts(house.night()) == (2, 2, 0, 0, 0)


def test_a_changed_mapping_never_loses_what_an_overwritten_file_once_brought(house: House) -> None:
    house.write("latest.csv", HEADER, line("1", day="2024-02-01"))
    house.night()
    house.write("latest.csv", HEADER, line("2", day="2024-02-02"))
    house.night()
    house.describe(sales(columns={"channel": {"constant": "web"}}))
    before = house.raw()
    with pytest.raises(SourceError, match="in no file any more"):
        house.night()
    assert house.raw() == before
    assert house.column("select status from ops.loads order by load_id") == ["loaded", "loaded", "stopped"]


def test_a_changed_mapping_follows_a_corrected_file(house: House) -> None:
    house.write("a.csv", HEADER, line("1"), line("2"))
    house.night()
    house.write("a.csv", HEADER, line("1", qty="9"), line("2"))
    house.night()
    house.describe(sales(columns={"channel": {"constant": "web"}}))
    assert counts(house.night()) == (2, 2, 0, 0, 0)


def test_a_changed_mapping_that_rejects_too_much_leaves_everything_as_it_stood(house: House) -> None:
    house.write("a.csv", HEADER, line("1"), line("2"))
    house.night()
    raw, days = house.raw(), house.rows("select * from ops.touched_days")
    house.describe(sales(max_rejected_pct=5, columns={"unit_price": "product"}))
    with pytest.raises(SourceError, match="2 of 2 rows were rejected"):
        house.night()
    assert (house.raw(), house.rows("select * from ops.touched_days")) == (raw, days)
    assert house.column("select status from ops.loads order by load_id") == ["loaded", "stopped"]
    house.describe(sales())
    assert house.night().files == 0


def test_a_renamed_source_does_not_double_its_rows(house: House) -> None:
    house.write("a.csv", HEADER, line("1"))
    house.night()
    house.describe(sales(name="pos", columns={"line_id": {"expression": "line || '-1'"}}))
    with pytest.raises(SourceError, match=r"loaded by the source 'sales', which sources\.yaml no longer has"):
        house.night()
    assert len(house.raw()) == 1


def test_gains_under_a_changed_mapping_do_not_hide_losses(house: House) -> None:
    house.write("latest.csv", HEADER, line("1"), line("2"))
    house.write("b.csv", HEADER, *(line(str(n), price="x") for n in range(10, 20)))
    house.night()
    house.write("latest.csv", HEADER, line("3"))
    house.night()
    house.describe(sales(columns={"unit_price": {"constant": "1"}}))
    before = house.raw()
    with pytest.raises(SourceError, match="2 of its rows are in no file any more"):
        house.night()
    assert house.raw() == before
