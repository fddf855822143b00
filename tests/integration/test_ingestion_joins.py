"""Joined files: an order's lines take their day and customer from the orders' own file."""

from collections.abc import Iterator
from typing import Any

import pytest

from orchestration.errors import SourceError
from tests.support.ingestion import House, sales

LINES = "order,line,product,qty,price"
HEADERS = "id,day,customer"
JOIN: dict[str, Any] = {"name": "header", "files": "headers*.csv", "on": {"order": "id"}}


def joined(**changes: Any) -> dict[str, Any]:
    columns = {"ordered_at": "header.day", "customer_id": {"expression": "upper(header.customer)"}}
    return sales(files="lines*.csv", joins=[JOIN | changes], columns=columns)


@pytest.fixture
def shop(house: House) -> Iterator[House]:
    house.describe(joined())
    return house


def days(house: House) -> list[tuple[Any, ...]]:
    return house.rows("select order_id, order_date::text, customer_id from raw.sales_lines order by 1, line_id")


def test_a_row_without_its_match_waits_in_quarantine_until_the_match_comes(shop: House) -> None:
    shop.write("headers1.csv", HEADERS, "1,2024-02-29,ann", "1,2024-02-29,ann")
    shop.write("lines1.csv", LINES, "1,1,P,2,1.5", "1,2,Q,1,3", "2,1,P,1,1", ",1,P,1,1")
    report = shop.night()
    assert (report.rows_read, report.rows_inserted, report.rows_rejected) == (4, 2, 2)
    assert days(shop) == [("1", "2024-02-29", "ANN"), ("1", "2024-02-29", "ANN")]
    bad = """select line, rule, column_name, value, reason from quarantine.rejected_rows
             where source = 'sales' order by line"""
    assert shop.rows(bad) == [
        (4, "no_match", "order", "2", "order: '2' has no match in header."),
        (5, "no_match", "order", None, "order: nothing has no match in header."),
    ]
    shop.write("headers2.csv", HEADERS, "2,2024-03-01,bob")
    report = shop.night()
    assert (report.rows_read, report.rows_inserted, report.rows_duplicate, report.rows_rejected) == (4, 1, 2, 1)
    assert days(shop)[-1] == ("2", "2024-03-01", "BOB")
    assert shop.night().files == 0


def test_a_changed_joined_file_changes_every_row_that_looked_there(shop: House) -> None:
    shop.write("headers.csv", HEADERS, "1,2024-02-29,ann")
    shop.write("lines1.csv", LINES, "1,1,P,2,1.5")
    shop.night()
    shop.write("lines2.csv", LINES, "1,2,P,2,1.5")
    shop.night()
    shop.write("headers.csv", HEADERS, "1,2024-03-01,ann", "7,2024-03-01,eve")
    report = shop.night()
    assert (report.files, report.rows_read) == (2, 2)
    assert days(shop) == [("1", "2024-03-01", "ANN")] * 2
    assert {str(day) for (day,) in shop.rows("select day from ops.touched_days")} == {"2024-02-29", "2024-03-01"}


def test_the_later_file_counts_where_two_have_one_key(shop: House) -> None:
    shop.write("headers1.csv", HEADERS, "1,2024-02-29,ann")
    shop.write("headers2.csv", HEADERS, "1 ,2024-03-05,ann")
    shop.write("lines1.csv", LINES, "1,1,P,2,1.5")
    shop.night()
    assert days(shop) == [("1", "2024-03-05", "ANN")]


def test_two_different_rows_of_one_key_in_one_file_stop_the_source(shop: House) -> None:
    shop.write("headers.csv", HEADERS, "5,2024-02-29,ann", "1,2024-02-29,ann", "1,2024-03-01,bob")
    shop.write("lines1.csv", LINES, "1,1,P,2,1.5")
    with pytest.raises(SourceError, match=r"headers.csv: lines 3 and 4 have the same id '1', but are not the same"):
        shop.night()
    assert days(shop) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"files": "other*.csv"}, "no file matches 'other*.csv', and sales looks its columns up there"),
        ({"on": {"order": "ID"}}, "no column 'ID', which sales looks up in header; did you mean 'id'?"),
        ({"on": {"ordr": "id"}}, "no column 'ordr', which sales.joins.0.on reads; did you mean 'order'"),
        ({"name": "head"}, "no column 'header.day', which sales.columns.ordered_at reads; did you mean 'head.day'"),
    ],
)
def test_a_join_that_cannot_be_made_is_named(shop: House, change: dict[str, Any], message: str) -> None:
    shop.describe(joined(**change))
    shop.write("headers.csv", HEADERS, "1,2024-02-29,ann")
    shop.write("lines1.csv", LINES, "1,1,P,2,1.5")
    with pytest.raises(SourceError) as caught:
        shop.night()
    assert message in str(caught.value)


def test_unmatched_rows_can_be_kept(shop: House) -> None:
    source = joined(unmatched="keep")
    source["columns"] |= {"ordered_at": "at"}
    shop.describe(source)
    shop.write("headers.csv", HEADERS, "1,2024-02-29,ann")
    shop.write("lines1.csv", LINES + ",at", "1,1,P,2,1.5,2024-01-31", "2,1,P,2,1.5,2024-01-31")
    assert shop.night().rows_inserted == 2
    assert days(shop) == [("1", "2024-01-31", "ANN"), ("2", "2024-01-31", None)]


def test_a_broken_line_of_a_joined_file_is_in_quarantine_too(shop: House) -> None:
    shop.write("headers.csv", HEADERS, "1,2024-02-29,ann", "2,2024-02-29,Bob, the second")
    shop.write("lines1.csv", LINES, "1,1,P,2,1.5", "2,1,P,2,1.5")
    report = shop.night()
    assert (report.rows_inserted, report.rows_rejected) == (1, 1)
    found = shop.rows("select source, file_path, line, rule from quarantine.rejected_rows order by source")
    assert found == [("sales", "lines1.csv", 3, "no_match"), ("sales.header", "headers.csv", 3, "column_count")]


def test_a_changed_mapping_and_moved_joined_files_in_one_night_double_nothing(shop: House) -> None:
    shop.write("headers.csv", HEADERS, "1,2024-02-29,ann")
    shop.write("lines1.csv", LINES, "1,1,P,2,1.5", "2,1,P,1,1")
    shop.night()
    (shop.data / "headers.csv").rename(shop.data / "moved.csv")
    source = joined(files="moved*.csv")
    source["columns"]["order_id"] = {"expression": "'W-' || \"order\""}
    shop.describe(source)
    shop.night()
    assert [row[0] for row in days(shop)] == ["W-1"]


def test_an_old_file_that_is_read_again_leaves_later_corrections_alone(shop: House) -> None:
    shop.write("headers1.csv", HEADERS, "1,2024-02-29,ann")
    shop.write("lines1.csv", LINES, "1,1,P,2,1.5", "2,1,P,1,1")
    shop.night()
    shop.write("lines2.csv", LINES, "1,1,P,5,1.5")
    shop.night()
    shop.write("headers2.csv", HEADERS, "2,2024-02-29,bob")
    report = shop.night()
    assert (report.rows_read, report.rows_inserted, report.rows_replaced, report.rows_duplicate) == (2, 1, 0, 1)
    assert shop.rows("select order_id, qty_units::int from raw.sales_lines order by 1") == [("1", 5), ("2", 1)]
    assert shop.rules() == []


def test_what_is_read_again_comes_before_what_is_new_tonight(shop: House) -> None:
    shop.write("headers1.csv", HEADERS, "1,2024-02-29,ann")
    shop.write("lines5.csv", LINES, "1,1,P,2,1.5", "2,1,P,1,1")
    shop.night()
    shop.write("lines1.csv", LINES, "1,1,P,7,1.5")
    shop.write("headers2.csv", HEADERS, "2,2024-02-29,bob")
    shop.night()
    assert shop.rows("select order_id, qty_units::int from raw.sales_lines order by 1") == [("1", 7), ("2", 1)]


def test_two_joined_files_of_one_content_are_one(shop: House) -> None:
    shop.write("headers1.csv", HEADERS, "1,2024-02-29,ann")
    shop.write("headers2.csv", HEADERS, "1,2024-02-29,ann")
    shop.write("lines1.csv", LINES, "1,1,P,2,1.5")
    assert shop.night().rows_inserted == 1
    shop.write("lines2.csv", LINES, "1,2,P,2,1.5")
    assert shop.night().rows_inserted == 1
    assert shop.column("select count(*) from ops.loads where is_joined") == [1]


def test_a_changed_joined_file_leaves_rows_alone_whose_own_files_are_gone(shop: House) -> None:
    shop.write("headers.csv", HEADERS, "1,2024-02-29,ann", "2,2024-02-29,bob")
    gone = shop.write("lines1.csv", LINES, "1,1,P,2,1.5")
    shop.write("lines2.csv", LINES, "2,1,P,2,1.5")
    shop.night()
    gone.unlink()
    shop.write("headers.csv", HEADERS, "1,2024-03-01,ann", "2,2024-03-01,bob")
    shop.night()
    assert days(shop) == [("1", "2024-02-29", "ANN"), ("2", "2024-03-01", "BOB")]
    assert shop.night().files == 0


def test_rows_kept_without_a_match_find_it_later(shop: House) -> None:
    source = joined(unmatched="keep")
    source["columns"] |= {"ordered_at": "at"}
    shop.describe(source)
    shop.write("headers1.csv", HEADERS, "7,2024-02-29,eve")
    shop.write("lines1.csv", LINES + ",at", "1,1,P,2,1.5,2024-01-31")
    shop.night()
    shop.write("headers2.csv", HEADERS, "1,2024-02-29,ann")
    shop.night()
    assert days(shop) == [("1", "2024-01-31", "ANN")]


def test_a_key_that_is_looked_up_follows_its_joined_file(shop: House) -> None:
    source = joined()
    source["columns"]["order_id"] = "header.customer"
    shop.describe(source)
    shop.write("headers.csv", HEADERS, "1,2024-02-29,ann")
    shop.write("lines1.csv", LINES, "1,1,P,2,1.5")
    shop.night()
    shop.write("headers.csv", HEADERS, "1,2024-02-29,bob")
    shop.night()
    assert days(shop) == [("bob", "2024-02-29", "BOB")]


def test_a_column_that_one_of_the_joined_files_lacks_is_named(shop: House) -> None:
    shop.write("headers1.csv", HEADERS, "1,2024-02-29,ann")
    shop.write("headers2.csv", "id,day,Customer", "2,2024-02-29,bob")
    shop.write("lines1.csv", LINES, "1,1,P,2,1.5")
    with pytest.raises(SourceError, match=r"headers2.csv: there is no column 'customer', .*did you mean 'Customer'"):
        shop.night()


def test_a_joined_file_of_which_too_many_lines_are_no_rows_is_refused(shop: House) -> None:
    shop.describe(joined(unmatched="keep") | {"max_rejected_pct": 1})
    shop.write("headers.csv", HEADERS, "1,2024-02-29,ann", *[f"{i},2024-02-29,ann,x" for i in range(2, 20)])
    shop.write("lines1.csv", LINES, "1,1,P,2,1.5")
    with pytest.raises(SourceError, match=r"headers.csv: 18 of 19 lines are no rows, more than the 1 %"):
        shop.night()


def test_blanks_around_a_value_make_no_other_row(shop: House) -> None:
    shop.write("headers.csv", HEADERS, "1,2024-02-29,ann", "1 ,2024-02-29,ann ")
    shop.write("lines1.csv", LINES, "1,1,P,2,1.5")
    assert shop.night().rows_inserted == 1


def test_a_mapping_reads_the_name_and_day_of_the_file(house: House) -> None:
    columns = {
        "snapshot_date": {"expression": r"substring(file.name from '[0-9]{4}-[0-9]{2}-[0-9]{2}')"},
        "product_id": "product",
        "location_id": {"expression": "split_part(file.name, '/', 1)"},
        "on_hand_units": "qty",
    }
    stock = {"name": "stock", "entity": "inventory_levels", "files": "*/*.csv", "columns": columns}
    house.describe(sales(), stock)
    house.write("north/2024-02-29.csv", "product,qty", "P,5")
    house.write("south/2024-02-29.csv", "product,qty", "P,6")
    assert house.night(1).rows_inserted == 2
    found = house.rows("select snapshot_date::text, location_id, on_hand_units from raw.inventory_levels order by 2")
    assert found == [("2024-02-29", "north", 5), ("2024-02-29", "south", 6)]
