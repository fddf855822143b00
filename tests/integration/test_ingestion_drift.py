"""Exports that change their shape between two nights: what is stopped by name, what is only told, what is no change.

Not here: what was accepted, and lists that shrink (test_ingestion_drift_accepted.py, test_ingestion_drift_lists.py).
"""

import json
import random
from typing import Any

import pytest

from orchestration.failures import tell_of_drift
from orchestration.ingestion.drift import memory
from orchestration.ingestion.ledger import LoadReport
from orchestration.night import Night
from tests.support.drifting import BY_DAY, HEADERS, JOINED, LINES, NAMES, day, priced, refused
from tests.support.ingestion import HEADER, House, line, sales

GERMAN = "{d:02}.{m:02}.{y}"


@pytest.fixture
def shop(house: House) -> House:
    """Three ordinary days."""
    for number in (5, 6, 7):
        house.write(f"day{number}.csv", HEADER, *day(number))
        assert house.night().drifts == ()
    return house


def test_the_first_file_has_nothing_to_be_compared_with(house: House) -> None:
    house.write("a.csv", HEADER, "1,1,2024-02-29,P,1,1.234")
    report = house.night()
    assert (report.rows_inserted, report.drifts) == (1, ())


def test_a_renamed_column_is_named_with_its_new_name(shop: House) -> None:
    shop.write("day8.csv", HEADER.replace("qty", "quantity"), *day(8))
    message = refused(shop)
    assert "there is no column 'qty'" in message
    assert "'quantity' is new: was 'qty' renamed?" in message


def test_a_column_renamed_beyond_likeness_is_known_by_its_place(shop: House) -> None:
    shop.write("day8.csv", HEADER.replace("qty", "Stück"), *day(8))
    assert "'Stück' is new: was 'qty' renamed?" in refused(shop)


def test_a_column_of_another_form_is_named_before_the_rows_it_rejects(shop: House) -> None:
    shop.write("day8.csv", HEADER, *day(8, price="twelve"))
    assert "'price' changed its form: 30 of the first 30 texts cannot be read as unit_price" in refused(shop)
    assert shop.rules() == ["not_a_number"] * 30


def test_thousands_marks_that_read_as_decimals_are_stopped(house: House) -> None:
    for number in (5, 6, 7):
        rows = [row.rsplit(",", 1)[0] + f",{1000 + i}.5" for i, row in enumerate(day(number))]
        house.write(f"day{number}.csv", HEADER, *rows)
        house.night()
    house.write("day8.csv", HEADER, *[row.rsplit(",", 1)[0] + f",1.{100 + i}" for i, row in enumerate(day(8))])
    assert "'price' has three digits after its mark in 30 of 30 numbers, where 0 % had" in refused(house)


def test_prices_in_cents_are_stopped(shop: House) -> None:
    cents = [f"{head},{round(float(price) * 100)}" for head, price in (row.rsplit(",", 1) for row in day(8))]
    shop.write("day8.csv", HEADER, *cents)
    assert "another decimal mark, or another unit?" in refused(shop)


def three_days(number: int, *, month: int = 2, form: str = GERMAN) -> list[str]:
    """The lines of a file of three days."""
    return [row for k in range(3) for row in day(number + k, month=month, form=form)]


def test_day_and_month_exchanged_is_stopped(house: House) -> None:
    house.describe(sales(**BY_DAY))
    for number in (1, 4, 7):
        house.write(f"day{number}.csv", HEADER, *three_days(number))
        assert house.night().drifts == ()
    house.write("day99.csv", HEADER, *three_days(10, form="{m:02}.{d:02}.{y}"))
    assert "'at' seems to have day and month the other way round" in refused(house)


def test_one_former_file_is_no_evidence_for_days_and_months(house: House) -> None:
    house.describe(sales(**BY_DAY))
    house.write("a.csv", HEADER, *three_days(3, month=5))
    house.write("b.csv", HEADER, *three_days(6, month=5, form="{m:02}.{d:02}.{y}"))
    (told,) = house.night().drifts
    assert "'at' seems to have day and month the other way round" in told


def test_one_day_whose_exchanged_date_would_follow_is_only_told(house: House) -> None:
    house.describe(sales(**BY_DAY))
    for number in (1, 2, 3):
        house.write(f"north{number}.csv", HEADER, *day(number, month=5, form=GERMAN))
    house.write("south1.csv", HEADER, *day(5, month=3, form=GERMAN))
    report = house.night()
    assert report.rows_inserted == 120
    (told,) = report.drifts
    assert told.startswith("south1.csv: 'at' seems to have day and month the other way round")


def test_an_old_day_that_comes_late_is_no_change_of_form(house: House) -> None:
    house.describe(sales(columns={"ordered_at": {"from": "at", "format": "%d.%m.%Y"}}))
    for number in range(20, 29):
        house.write(f"day{number}.csv", HEADER, *day(number, form="{d:02}.{m:02}.{y}"))
        house.night()
    house.write("late.csv", HEADER, *day(5, month=1, form="{d:02}.{m:02}.{y}"))
    assert house.night().rows_inserted == 30


def test_a_missing_joined_column_is_no_renamed_own_one(house: House) -> None:
    house.describe(JOINED | {"columns": JOINED["columns"] | {"ordered_at": "header.Day"}})
    house.write("headers.csv", HEADERS, "1,2024-02-29")
    house.write("lines1.csv", LINES, "1,1,P,2,1.50")
    message = refused(house)
    assert "there is no column 'Day'" in message
    assert "renamed" not in message


def test_a_missing_own_column_was_not_renamed_to_a_joined_one(house: House) -> None:
    house.describe(JOINED)
    house.write("headers.csv", HEADERS + ",qty", "1,2024-02-29,1")
    house.write("lines1.csv", LINES, "1,1,P,2,1.50")
    house.night()
    house.write("lines2.csv", LINES.replace(",qty", ""), "1,2,P,1.50")
    assert "renamed" not in refused(house)
    house.write("lines2.csv", LINES.replace("qty", "quantity"), "1,2,P,2,1.50")
    assert "'quantity' is new: was 'qty' renamed?" in refused(house)


def test_a_refused_load_uses_no_acceptance_up(shop: House) -> None:
    shop.describe(sales(max_rejected_pct=5))
    memory.accept(shop.connection, "sales")
    shop.write("day8.csv", HEADER, *day(8, price="twelve"))
    assert "rows were rejected" in refused(shop)
    shop.write("day8.csv", HEADER, *day(8, price="150000"))
    assert shop.night().rows_inserted == 30
    assert shop.column("select source from ops.accepted_sources") == []


def test_a_content_that_is_read_again_tells_nothing_again(house: House) -> None:
    house.describe(JOINED)
    house.write("lines1.csv", LINES, "1,1,P,2,1.50")
    house.write("headers.csv", HEADERS, "1,2024-02-29")
    house.night()
    house.write("lines2.csv", LINES + ",note", "1,2,P,2,1.50,x")
    assert len(house.night().drifts) == 1
    house.write("headers.csv", HEADERS, "1,2024-02-28")
    report = house.night()
    assert (report.files, report.drifts) == (2, ())


def test_records_with_optional_fields_in_any_order_tell_only_what_was_never_seen(house: House) -> None:
    house.describe(sales(format="json", files="*.json"))
    fields: dict[str, Any] = {"order": "1", "line": "1", "at": "2024-02-29", "product": "P", "qty": 1, "price": 2}
    told: list[str] = []
    for number, more in enumerate(({}, {"memo": "x"}, {}, {"memo": "y"}), start=1):
        record = dict(reversed((fields | {"order": str(number)} | more).items())) if number % 2 else fields | more
        house.write(f"a{number}.json", json.dumps([record | {"order": str(number)}]))
        told += house.night().drifts
    assert told == ["a2.json: new columns that nothing reads: 'memo'"]


def test_the_same_change_of_another_file_is_mailed_once(house: House) -> None:
    (house.folder / "alerts.yaml").write_text("email: [owner@example.com]\n", encoding="utf-8")
    business = house.describe(sales())
    house.connection.execute("truncate ops.outbox")
    house.write("a.csv", HEADER, line())
    house.night()
    night = Night(token=house.token, run_id="r", url="", connection=house.connection, business=business)
    for change in ("a.csv: new columns: 'x'", "b.csv: new columns: 'x'", "b.csv: new columns: 'y'"):
        tell_of_drift(night, LoadReport("sales", drifts=(change,)))
    assert len(house.column("select dedupe_key from ops.outbox")) == 2
    house.connection.execute("truncate ops.outbox")


def test_many_files_of_a_night_are_looked_at_in_fewer_lines(house: House) -> None:
    for number in range(1, 62):
        house.write(f"d{number}.csv", HEADER, *priced(f"d{number}-", "1.50", 400 if number in (1, 61) else 1))
    house.night()
    looked_at = house.column("select (facts ->> 'looked_at')::int from ops.source_shapes order by load_id desc")
    assert looked_at[0] == 15_000 // 61


def test_a_quiet_day_is_no_shrunk_file(shop: House) -> None:
    shop.write("day8.csv", HEADER, *day(8, n=1))
    shop.write("day9.csv", HEADER)
    assert shop.night().drifts == ()


def test_a_total_that_no_longer_adds_up_is_stopped(house: House) -> None:
    house.describe(sales(columns={"line_amount": "total"}))
    header = HEADER + ",total"

    def with_total(number: int, factor: float) -> list[str]:
        rows = [(row, row.split(",")) for row in day(number)]
        return [f"{row},{float(fields[4]) * float(fields[5]) * factor:.2f}" for row, fields in rows]

    house.write("day5.csv", header, *with_total(5, 1))
    house.write("day6.csv", header, *with_total(6, 1))
    house.night()
    house.write("day7.csv", header, *with_total(7, 1.19))
    assert "the stated amount is not units × price − discount in 30 of the first 30 lines" in refused(house)


def test_new_unread_columns_and_another_order_are_told_and_go_on(shop: House) -> None:
    shop.write("day8.csv", HEADER + ",till", *[row + ",7" for row in day(8)])
    assert shop.night().drifts == ("day8.csv: new columns that nothing reads: 'till'",)
    told = "select notes[1] from ops.source_shapes where notes <> '{}'"
    assert shop.column(told) == ["day8.csv: new columns that nothing reads: 'till'"]
    turned = [",".join(reversed(row.split(","))) for row in day(9)]
    shop.write("day9.csv", ",".join(reversed(NAMES)), *turned)
    assert shop.night().drifts == ("day9.csv: columns that nothing read are gone: 'till'",)
    shop.write("day10.csv", HEADER, *day(10))
    assert shop.night().drifts == ("day10.csv: the columns come in another order",)


def test_an_optional_column_that_empties_is_told(house: House) -> None:
    house.describe(sales(columns={"customer_id": "who"}))
    house.write("day5.csv", HEADER + ",who", *[row + ",K1" for row in day(5)])
    house.write("day6.csv", HEADER + ",who", *[row + "," for row in day(6)])
    (told,) = house.night().drifts
    assert told == "day6.csv: customer_id is empty in 30 of the first 30 lines, where it was there in 100 %"


def test_another_order_of_columns_loads_the_same(shop: House, house: House) -> None:
    rows: list[Any] = [dict(zip(NAMES, row.split(","), strict=True)) for row in day(8)]
    order = random.Random(1).sample(NAMES, len(NAMES))
    shop.write("day8.csv", ",".join(order), *[",".join(row[name] for name in order) for row in rows])
    shop.night()
    found = shop.rows(
        "select order_id, qty_units::text from raw.sales_lines where order_date = '2024-02-08' order by 1"
    )
    assert [key for key, _ in found] == sorted(row["order"] for row in rows)


def test_a_changed_mapping_is_a_new_beginning(shop: House) -> None:
    shop.describe(sales(columns={"qty_units": "pieces"}))
    for number in (5, 6, 7):
        shop.write(f"day{number}.csv", HEADER.replace("qty", "pieces"), *day(number))
    assert shop.night().drifts == ()


def test_firsts_of_months_are_no_days_of_january(house: House) -> None:
    house.describe(sales(columns={"ordered_at": {"from": "at", "format": "%d.%m.%Y"}}))
    for month in (1, 2, 3):
        house.write(f"m{month}.csv", HEADER, *day(1, month=month, form="{d:02}.{m:02}.{y}"))
        house.night()
    rows = [row for month in range(4, 13) for row in day(1, month=month, form="{d:02}.{m:02}.{y}")]
    house.write("rest_of_the_year.csv", HEADER, *rows)
    assert house.night().rows_inserted == 9 * 30
