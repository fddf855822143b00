"""What a load promises: every row accounted for, all or nothing, the same file twice is once, which days re-open.

Not here: what a value (test_ingestion_values.py) or a file (test_ingestion_files.py) may look like.
"""

import os
import shutil
from collections import Counter
from typing import Any

import pytest

from orchestration.errors import ContractError, LeaseLostError, SourceError
from orchestration.ingestion import joins as joins_module
from orchestration.ingestion import load as load_module
from orchestration.ingestion import merge
from orchestration.ingestion.load import LoadReport, waiting_files
from tests.support.ingestion import HEADER, House, age, line, sales


def counts(report: LoadReport) -> tuple[int, int, int, int, int]:
    return (
        report.rows_read, report.rows_inserted, report.rows_replaced, report.rows_duplicate, report.rows_rejected,
    )  # fmt: skip


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


# a mapping that changes ----------------------------------------------------------------------------------------------


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


def test_overlapping_files_are_no_rejected_repeats(house: House) -> None:
    house.describe(sales(duplicates="reject", max_rejected_pct=0))
    house.write("a.csv", HEADER, line("1"), line("2"))
    house.write("b.csv", HEADER, line("2"), line("3"))
    assert counts(house.night()) == (4, 3, 0, 1, 0)


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
