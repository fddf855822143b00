"""Exports that change their shape between two nights: what is stopped by name, what is only told, what is no change."""

import random
from collections.abc import Iterator
from typing import Any

import pytest

from orchestration.errors import ConfigurationError, SourceError
from orchestration.ingestion.drift import memory
from tests.support.ingestion import HEADER, House, sales

NAMES = HEADER.split(",")


def day(
    number: int, *, month: int = 2, n: int = 30, form: str = "{y}-{m:02}-{d:02} 10:00:00", **fixed: str
) -> list[str]:
    """A day's lines: all with other orders, their amounts about 20."""
    chosen = random.Random(number)
    when = form.format(y=2024, m=month, d=number)
    rows = []
    for i in range(n):
        row = {
            "order": f"{month}-{number}-{i}", "line": "1", "at": when, "product": f"P-{i % 7}",
            "qty": str(chosen.randint(1, 9)), "price": f"{chosen.uniform(5, 60):.2f}",
        }  # fmt: skip
        rows.append(",".join((row | fixed)[name] for name in NAMES))
    return rows


@pytest.fixture
def shop(house: House) -> Iterator[House]:
    """Three ordinary days."""
    for number in (5, 6, 7):
        house.write(f"day{number}.csv", HEADER, *day(number))
        assert house.night().drifts == ()
    return house


def refused(house: House) -> str:
    """Why the night refused the files; nothing of them is loaded."""
    before = house.raw()
    with pytest.raises(SourceError) as caught:
        house.night()
    assert house.raw() == before
    return str(caught.value)


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


@pytest.mark.parametrize("n_days", [1, 3])
def test_day_and_month_exchanged_is_stopped(house: House, n_days: int) -> None:
    house.describe(sales(columns={"ordered_at": {"from": "at", "format": "%d.%m.%Y"}}))
    for number in range(1, 10, n_days):
        rows = [r for k in range(n_days) for r in day(number + k, form="{d:02}.{m:02}.{y}")]
        house.write(f"day{number}.csv", HEADER, *rows)
        assert house.night().drifts == ()
    rows = [r for k in range(n_days) for r in day(10 + k, form="{m:02}.{d:02}.{y}")]
    house.write("day99.csv", HEADER, *rows)
    assert "'at' seems to have day and month the other way round" in refused(house)


def test_an_old_day_that_comes_late_is_no_change_of_form(house: House) -> None:
    house.describe(sales(columns={"ordered_at": {"from": "at", "format": "%d.%m.%Y"}}))
    for number in range(20, 29):
        house.write(f"day{number}.csv", HEADER, *day(number, form="{d:02}.{m:02}.{y}"))
        house.night()
    house.write("late.csv", HEADER, *day(5, month=1, form="{d:02}.{m:02}.{y}"))
    assert house.night().rows_inserted == 30


def test_a_file_that_comes_again_with_half_its_rows_gone_is_stopped_until_it_is_accepted(shop: House) -> None:
    shop.write("day7.csv", HEADER, *day(7)[:12])
    assert "day7.csv: 12 rows where 30 stood" in refused(shop)
    assert "daybreak accept sales" in refused(shop)
    assert memory.accept(shop.connection, "sales") == 3
    assert shop.night().rows_duplicate == 12
    shop.write("day8.csv", HEADER.replace("qty", "quantity"), *day(8))
    assert "was 'qty' renamed?" in refused(shop)
    with pytest.raises(ConfigurationError, match="nothing is known of a source 'sails'"):
        memory.accept(shop.connection, "sails")


def test_a_list_that_shrinks_under_another_name_is_stopped(house: House) -> None:
    products = {
        "name": "products",
        "entity": "products",
        "files": "p*.csv",
        "columns": {"product_id": "id", "product_name": "n"},
    }
    house.describe(sales(), products)
    house.write("p1.csv", "id,n", *[f"{i},x" for i in range(40)])
    house.night(1)
    house.write("p2.csv", "id,n", *[f"{i},x" for i in range(19)])
    with pytest.raises(SourceError, match=r"p2.csv: 19 rows where 40 stood"):
        house.night(1)
    house.describe(sales(), products | {"max_shrink_pct": 60})
    assert house.night(1).rows_duplicate == 19


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
