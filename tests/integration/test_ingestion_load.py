"""What a load promises: every row accounted for, all or nothing, the same file twice is once, which days re-open.

Not here: mappings that change, several sources (test_ingestion_remapped.py, test_ingestion_sources.py), what a value
(test_ingestion_values.py) or a file (test_ingestion_files.py) may look like.
"""

import shutil
from collections import Counter

import pytest

from orchestration.errors import SourceError
from orchestration.ingestion.load import LoadReport
from tests.support.ingestion import HEADER, House, age, line, sales
from tests.support.loads import counts


def test_a_row_becomes_a_typed_row_with_its_lineage(house: House) -> None:
    house.write("a.csv", HEADER, line())
    report = house.night()
    assert counts(report) == (1, 1, 0, 0, 0)
    assert (report.files, report.days_touched) == (1, 1)
    (row,) = house.raw()
    assert [str(value) for value in row] == [
        "1", "1", "2024-02-29 09:00:00+00:00", "2024-02-29", "sale", "P-1", "None", "None", "None", "None",
        "2.000000", "1.500000", "0.000000", "3.000000",
    ]  # fmt: skip
    assert house.rows("select _source, _load_id, _line from raw.sales_lines") == [("sales", 1, 2)]


def test_nothing_to_do_is_nothing_done(house: House) -> None:
    assert house.night() == LoadReport("sales")
    assert house.rows("select * from ops.loads") == []


def test_a_file_with_only_its_header_is_loaded_and_never_read_again(house: House) -> None:
    house.write("a.csv", HEADER + "\n")
    assert counts(house.night()) == (0, 0, 0, 0, 0)
    assert house.column("select status from ops.loads") == ["loaded"]
    assert house.night().files == 0


def test_the_same_file_twice_changes_nothing(house: House) -> None:
    path = house.write("a.csv", HEADER, line(), line("2", qty="x"))
    house.night()
    before = house.everything()
    assert house.night().files == 0
    age(path, 3600)  # another modification time: it is read, and recognised
    assert house.night().files == 0
    shutil.copy(path, house.data / "ä copy.csv")
    assert house.night().files == 0
    assert house.everything() == before


def test_two_copies_in_one_night_are_one_file(house: House) -> None:
    house.write("a.csv", HEADER, line())
    house.write("b.csv", HEADER, line())
    assert counts(house.night()) == (1, 1, 0, 0, 0)
    assert house.night().files == 0


def test_an_overlapping_file_brings_only_what_is_new(house: House) -> None:
    house.write("a.csv", HEADER, line("1"), line("2"))
    house.night()
    house.write("b.csv", HEADER, line("2"), line("3", day="2024-03-01"))
    assert counts(house.night()) == (2, 1, 0, 1, 0)
    assert house.days_of_the_night() == ["2024-03-01"]
    assert house.rows("select order_id, _load_id from raw.sales_lines order by 1") == [("1", 1), ("2", 1), ("3", 2)]


def test_a_corrected_row_replaces_the_old_one_and_is_counted(house: House) -> None:
    house.write("a.csv", HEADER, line("1", qty="2"))
    house.night()
    house.write("a.csv", HEADER, line("1", qty="5"))
    assert counts(house.night()) == (1, 0, 1, 0, 0)
    assert house.rows("select qty_units, line_amount, _load_id, _line from raw.sales_lines") == [(5, 7.5, 2, 2)]
    assert house.days_of_the_night() == ["2024-02-29"]


def test_a_correction_that_is_taken_back_is_taken_back_here_too(house: House) -> None:
    house.write("a.csv", HEADER, line("1", qty="2"))
    house.night()
    house.write("a.csv", HEADER, line("1", qty="5"))
    house.night()
    house.write("a.csv", HEADER, line("1", qty="2"))
    assert counts(house.night()) == (1, 0, 1, 0, 0)
    assert house.column("select qty_units from raw.sales_lines") == [2]
    assert house.column("select status from ops.loads order by load_id") == ["superseded", "loaded", "loaded"]
    assert house.night().files == 0


def test_a_late_row_opens_only_its_own_day(house: House) -> None:
    house.write("a.csv", HEADER, *(line(str(n), day=f"2024-02-{n:02}") for n in range(1, 29)))
    house.night()
    house.write("late.csv", HEADER, line("99", day="2024-02-03"))
    house.night()
    assert house.days_of_the_night() == ["2024-02-03"]


def test_a_row_that_moves_to_another_day_opens_both(house: House) -> None:
    house.write("a.csv", HEADER, line("1", day="2024-02-01"), line("2", day="2024-02-02"))
    house.night()
    house.write("b.csv", HEADER, line("1", day="2024-03-01"))
    house.night()
    assert house.days_of_the_night() == ["2024-02-01", "2024-03-01"]


@pytest.mark.parametrize("raw_is_empty", [True, False])
@pytest.mark.parametrize("nights", [1, 3])
def test_files_that_contradict_each_other_end_as_in_as_many_nights(
    house: House, nights: int, raw_is_empty: bool
) -> None:
    if not raw_is_empty:
        house.write("0.csv", HEADER, line("1", qty="2"), line("7", qty="9"))
        house.night()
    files = {
        "1.csv": [line("1", qty="2"), line("1", qty="2"), line("2", qty="1")],
        "2.csv": [line("1", qty="3", day="2024-03-01"), line("3")],
        "10.csv": [line("1", qty="2"), line("2", qty="x"), line("3", qty="8")],  # 10 comes after 2
    }
    total: Counter[str] = Counter()
    for i, (name, rows) in enumerate(files.items(), start=1):
        house.write(name, HEADER, *rows)
        if nights == 3 or i == 3:
            report = house.night()
            total.update({k: v for k, v in vars(report).items() if k.startswith("rows_")})
    known = 0 if raw_is_empty else 1
    assert dict(total) == {
        "rows_read": 8, "rows_inserted": 3 - known, "rows_replaced": 3, "rows_duplicate": 1 + known, "rows_rejected": 1,
    }  # fmt: skip
    units = {row[0]: row[10] for row in house.raw()}
    assert units == {"1": 2, "2": 1, "3": 8} | ({} if raw_is_empty else {"7": 9})
    days = house.column("select distinct day::text from ops.touched_days where token > 0 order by 1")
    assert days == ["2024-02-29", "2024-03-01"]
    per_file = house.rows(
        "select rows_read, rows_inserted + rows_replaced + rows_duplicate + rows_rejected from ops.loads"
    )
    assert all(read == accounted for read, accounted in per_file)


def test_repeats_are_rejected_where_the_source_says_so(house: House) -> None:
    house.describe(sales(duplicates="reject"))
    house.write("a.csv", HEADER, line("1"), line("1"), line("1", qty="3"), line("1", qty="3"))
    assert counts(house.night()) == (4, 1, 1, 0, 2)
    assert house.rejected() == [(3, None, None, "duplicate"), (5, None, None, "duplicate")]
    assert house.column("select qty_units from raw.sales_lines") == [3]


def test_beyond_the_limit_nothing_is_loaded_and_the_reasons_stand_in_quarantine(house: House) -> None:
    house.describe(sales(max_rejected_pct=25))
    house.write("a.csv", HEADER, line("1"))
    house.night()
    raw, days = house.raw(), house.rows("select * from ops.touched_days")
    house.write("b.csv", HEADER, line("1", qty="7"), line("2"), line("3", qty="zwölf"), line("4", price="NaN"))
    house.write("c.csv", HEADER, line("5"))
    with pytest.raises(SourceError) as caught:
        house.night()
    assert "2 of 5 rows were rejected, more than the 25 %" in caught.value.message
    assert "b.csv, line 4: Qty: 'zwölf' is not a number with a decimal point" in caught.value.message
    assert (house.raw(), house.rows("select * from ops.touched_days")) == (raw, days)
    assert house.rejected() == [(4, "qty_units", "zwölf", "not_a_number"), (5, "unit_price", "NaN", "not_a_number")]
    assert house.rows("select file_path, status, rows_read, rows_rejected from ops.loads order by load_id") == [
        ("a.csv", "loaded", 1, 0), ("b.csv", "stopped", 4, 2), ("c.csv", "stopped", 1, 0),
    ]  # fmt: skip


def test_exactly_at_the_limit_is_within_it(house: House) -> None:
    house.describe(sales(max_rejected_pct=12.5))
    house.write("a.csv", HEADER, *(line(str(n), qty="x" if n == 3 else "1") for n in range(8)))
    assert counts(house.night()) == (8, 7, 0, 0, 1)


def test_a_repaired_file_is_loaded_and_its_refusal_forgotten(house: House) -> None:
    house.describe(sales(max_rejected_pct=0))
    house.write("a.csv", HEADER, line("1"), line("2", qty="x"))
    for _ in range(2):  # tried every night, recorded once
        with pytest.raises(SourceError):
            house.night()
        assert len(house.rejected()) == 1
    house.write("a.csv", HEADER, line("1"), line("2"))
    assert counts(house.night()) == (2, 2, 0, 0, 0)
    assert house.rejected() == []
    assert house.column("select status from ops.loads") == ["loaded"]


def test_a_file_that_cannot_be_read_stops_its_source_and_is_in_the_ledger(house: House) -> None:
    house.write("a.csv", HEADER, line("1"))
    house.write("b.csv", "order,line\n1,2\n")
    with pytest.raises(SourceError, match=r"b\.csv: there is no column 'at', which sales\.columns\.ordered_at reads"):
        house.night()
    assert house.raw() == []
    ledger = house.rows("select file_path, status, message from ops.loads order by file_path")
    assert [row[:2] for row in ledger] == [("a.csv", "stopped"), ("b.csv", "stopped")]
    assert "there is no column 'at'" in ledger[0][2]
    (house.data / "b.csv").unlink()
    assert counts(house.night()) == (1, 1, 0, 0, 0)


def test_the_reject_record_says_all_that_is_needed_to_repair_the_row(house: House) -> None:
    house.describe(sales(files="tägl*/*.csv"))
    house.write("täglich/2024.csv", HEADER, line("1"), line("2", price="1,5").replace("1,5", '"1,5"'))
    house.night()
    (row,) = house.rows(
        """select entity, source, file_path, line, column_name, value, rule, reason, raw_row
           from quarantine.rejected_rows"""
    )
    assert row[:7] == ("sales_lines", "sales", "täglich/2024.csv", 3, "unit_price", "1,5", "not_a_number")
    assert row[7] == "Price: '1,5' is not a number with a decimal point, of at most 14 digits and 6 decimals."
    assert row[8] == {
        "order": "2", "line": "1", "at": "2024-02-29 10:00:00", "product": "P-1", "qty": "2", "price": "1,5",
    }  # fmt: skip


def test_overlapping_files_are_no_rejected_repeats(house: House) -> None:
    house.describe(sales(duplicates="reject", max_rejected_pct=0))
    house.write("a.csv", HEADER, line("1"), line("2"))
    house.write("b.csv", HEADER, line("2"), line("3"))
    assert counts(house.night()) == (4, 3, 0, 1, 0)
