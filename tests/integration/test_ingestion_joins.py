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
    bad = "select line, rule, column_name, value, reason from quarantine.rejected_rows where source = 'sales' order by line"
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
    with pytest.raises(SourceError, match=r"lines 3 and 4 of one file have the same id '1', but are not the same"):
        shop.night()
    assert days(shop) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"files": "other*.csv"}, "no file matches 'other*.csv', and sales looks its columns up there"),
        ({"on": {"order": "ID"}}, "no column 'ID', on which sales joins header; did you mean 'id'?"),
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
