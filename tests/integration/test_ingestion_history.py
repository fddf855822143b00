"""What ingestion keeps of former values: raw.attribute_changes after nights of product files.

Not here: the spans of days that follow from it (dbt's unit tests of dim_product_cost).
"""

from datetime import date
from typing import Any

import pytest

from orchestration import failpoints
from orchestration.errors import SourceError
from tests.support.ingestion import House, sales

PRODUCTS: dict[str, Any] = {
    "name": "products",
    "entity": "products",
    "files": "p*.csv",
    "format": "csv",
    "columns": {"product_id": "id", "product_name": "id", "unit_cost": "cost"},
}
HEADER = "id,cost,from,number"
Change = tuple[str, str | None, int | str | None]


def products(**changes: Any) -> dict[str, Any]:
    columns = PRODUCTS["columns"] | changes.pop("columns", {})
    return PRODUCTS | {"columns": columns} | changes


def dated() -> dict[str, Any]:
    return products(columns={"valid_from": "from"})


@pytest.fixture
def shop(house: House) -> House:
    """A business with a product file."""
    house.describe(products(), sales(files="s*.csv"))
    return house


def today(house: House) -> date:
    (day,) = house.column(f"select (now() at time zone '{house.business.profile.time_zone}')::date")
    assert isinstance(day, date)
    return day


def days_pass(house: House, days: int) -> None:
    """What has happened lies that many days further back."""
    house.connection.execute(
        """update raw.attribute_changes set valid_from = valid_from - %(days)s;
           update ops.loads set loaded_at = loaded_at - make_interval(days => %(days)s)""".replace(
            "%(days)s", str(days)
        )
    )


def changes(house: House, attribute: str = "unit_cost") -> list[Change]:
    """Key, value, and how many days ago it began."""
    now = today(house)
    return [
        (key, None if text is None else str(float(text)), None if day is None else (now - day).days)
        for key, text, day in house.rows(
            f"""select entity_key, value_text, valid_from from raw.attribute_changes
                where entity = 'products' and attribute = '{attribute}' order by 1, valid_from nulls first"""
        )
    ]


# days that the load gives --------------------------------------------------------------------------------------------


def test_the_first_value_holds_since_ever_and_none_is_no_value(shop: House) -> None:
    shop.write("p.csv", HEADER, "A,5,,", "B,,,")
    shop.night()
    assert changes(shop) == [("A", "5.0", None)]


def test_a_change_a_change_back_and_nothing_in_between(shop: House) -> None:
    for number, cost in enumerate(["5", "5.00", "6", "6.0", "5"]):
        shop.write(f"p{number}.csv", HEADER, f"A,{cost},,{number}")
        shop.night()
        days_pass(shop, 1)
    assert changes(shop) == [("A", "5.0", None), ("A", "6.0", 3), ("A", "5.0", 1)]


def test_the_same_content_again_adds_nothing(shop: House) -> None:
    for name in ("p1.csv", "p2.csv"):
        shop.write(name, HEADER, "A,5,,")
        shop.night()
    shop.write("p3.csv", HEADER, "A,5,,", "A,5,,")
    before = shop.rows("select * from raw.attribute_changes")
    shop.night()
    assert shop.rows("select * from raw.attribute_changes") == before


def test_of_several_files_in_one_night_the_first_and_the_last_count(shop: House) -> None:
    shop.write("p9.csv", HEADER, "A,1,,", "A,2,,")
    shop.write("p10.csv", HEADER, "A,3,,", "B,7,,")
    shop.night()
    assert changes(shop) == [("A", "1.0", None), ("A", "3.0", 0), ("B", "7.0", None)]


def test_a_second_load_on_the_same_day_has_the_last_word(shop: House) -> None:
    for number, cost in enumerate(["1", "2", "3"]):
        shop.write(f"p{number}.csv", HEADER, f"A,{cost},,{number}")
        shop.night()
    assert changes(shop) == [("A", "1.0", None), ("A", "3.0", 0)]


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago"])
def test_the_day_is_the_businesss(shop: House, zone: str) -> None:
    """The two are 25 hours apart, so that at least one of them has another day than the server."""
    shop.describe(products(), sales(files="s*.csv"), time_zone=zone)
    for number in (1, 2):
        shop.write(f"p{number}.csv", HEADER, f"A,{number},,")
        shop.night()
    assert changes(shop) == [("A", "1.0", None), ("A", "2.0", 0)]


def test_a_value_that_goes_away_ends(shop: House) -> None:
    for number, cost in enumerate(["1", "", "2"]):
        shop.write(f"p{number}.csv", HEADER, f"A,{cost},,{number}")
        shop.night()
        days_pass(shop, 1)
    assert changes(shop) == [("A", "1.0", None), ("A", None, 2), ("A", "2.0", 1)]


def test_a_source_that_does_not_speak_of_it_changes_nothing(shop: House) -> None:
    names = {"product_id": "id", "product_name": "cost"}
    shop.describe(products(), PRODUCTS | {"name": "names", "files": "n.csv", "columns": names}, sales(files="s*.csv"))
    shop.write("p.csv", HEADER, "A,5,,")
    shop.write("n.csv", HEADER, "A,Kettle,,")
    shop.night()
    shop.night(1)
    assert shop.rows("select product_name, unit_cost from raw.products") == [("Kettle", None)]
    assert changes(shop) == [("A", "5.0", None)]


def test_a_rejected_row_says_nothing(shop: House) -> None:
    shop.describe(products(max_rejected_pct=100), sales(files="s*.csv"))
    shop.write("p.csv", HEADER, "A,5,,", "A,six,,")
    shop.night()
    assert changes(shop) == [("A", "5.0", None)]


# days that the row gives ---------------------------------------------------------------------------------------------


def given(house: House) -> list[tuple[Any, ...]]:
    return house.rows(
        """select entity_key, trim_scale(value_text::numeric)::text, valid_from::text from raw.attribute_changes
           order by 1, valid_from nulls first"""
    )


def test_a_day_that_the_row_gives_counts_whatever_the_order(shop: House) -> None:
    shop.describe(dated(), sales(files="s*.csv"))
    shop.write("p1.csv", HEADER, "A,3,2024-03-01,", "A,1,2024-01-01,", "B,9,,")
    shop.night()
    shop.write("p2.csv", HEADER, "A,2,2024-02-29,")
    shop.night()
    expected = [("A", "1", "2024-01-01"), ("A", "2", "2024-02-29"), ("A", "3", "2024-03-01"), ("B", "9", None)]
    assert given(shop) == expected


def test_a_given_day_that_changes_nothing_yet_is_kept_for_what_may_come_between(shop: House) -> None:
    shop.describe(dated(), sales(files="s*.csv"))
    shop.write("p1.csv", HEADER, "A,1,2024-01-01,", "A,1,2024-03-01,")
    shop.night()
    shop.write("p2.csv", HEADER, "A,2,2024-02-01,")
    shop.night()
    assert [row[1:] for row in given(shop)] == [("1", "2024-01-01"), ("2", "2024-02-01"), ("1", "2024-03-01")]


def test_a_corrected_day_is_replaced(shop: House) -> None:
    shop.describe(dated(), sales(files="s*.csv"))
    shop.write("p1.csv", HEADER, "A,1,2024-01-01,")
    shop.night()
    shop.write("p2.csv", HEADER, "A,1.5,2024-01-01,")
    shop.night()
    assert given(shop) == [("A", "1.5", "2024-01-01")]
    assert shop.column(
        "select l.file_path from raw.attribute_changes c join ops.loads l on l.load_id = c._load_id"
    ) == ["p2.csv"]


# what goes wrong -----------------------------------------------------------------------------------------------------


def test_a_load_that_dies_leaves_no_trace(shop: House, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.write("p1.csv", HEADER, "A,5,,")
    shop.night()
    before = shop.rows("select * from raw.attribute_changes")
    shop.write("p2.csv", HEADER, "A,6,,")

    def die(name: str) -> None:
        if name == "load.merged":
            assert shop.rows("select * from raw.attribute_changes") != before
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(failpoints, "reach", die)
        with pytest.raises(KeyboardInterrupt):
            shop.night()
    assert shop.rows("select * from raw.attribute_changes") == before
    shop.night()
    assert changes(shop) == [("A", "5.0", None), ("A", "6.0", 0)]


def test_a_refused_file_leaves_no_trace(shop: House) -> None:
    shop.write("p1.csv", HEADER, "A,5,,", "B,x,,")
    with pytest.raises(SourceError):
        shop.night()
    assert changes(shop) == []


# a changed mapping ---------------------------------------------------------------------------------------------------


def test_a_changed_mapping_makes_the_history_again_with_the_days_it_had(shop: House) -> None:
    for number, cost in enumerate(["5", "6", "5"]):
        shop.write(f"p{number}.csv", HEADER, f"A,{cost},,{number}")
        shop.night()
        days_pass(shop, 1)
    for expression in ("cost || '0'", "cost || '00'"):
        shop.describe(products(columns={"unit_cost": {"expression": expression}}), sales(files="s*.csv"))
        shop.night()
        days_pass(shop, 1)
    assert changes(shop) == [("A", "500.0", None), ("A", "600.0", 4), ("A", "500.0", 3)]


def test_files_taken_in_against_their_names_order_keep_their_days(shop: House) -> None:
    shop.write("p9.csv", HEADER, "A,9,,")
    shop.night()
    days_pass(shop, 1)
    shop.write("p1.csv", HEADER, "A,1,,")
    shop.night()
    days_pass(shop, 1)
    shop.describe(products(columns={"brand": {"constant": "own"}}), sales(files="s*.csv"))
    shop.night()
    # read anew, the later name wins: today the cost is 9 again, as raw.products says
    assert changes(shop) == [("A", "9.0", None), ("A", "1.0", 1), ("A", "9.0", 0)]
    assert shop.column("select unit_cost::int from raw.products") == [9]


def test_what_an_overwritten_file_said_is_not_forgotten(shop: House) -> None:
    """A price list that is written over every week: only ingestion knows the old prices."""
    for cost in ("5", "6"):
        shop.write("p.csv", HEADER, f"A,{cost},,")
        shop.night()
        days_pass(shop, 1)
    shop.describe(products(columns={"brand": {"constant": "own"}}), sales(files="s*.csv"))
    shop.night()
    assert changes(shop) == [("A", "5.0", None), ("A", "6.0", 1)]


def test_a_content_that_came_back_is_remembered_in_its_place(shop: House) -> None:
    for cost in ("5", "6", "5"):
        shop.write("p.csv", HEADER, f"A,{cost},,")
        shop.night()
        days_pass(shop, 1)
    shop.describe(products(columns={"brand": {"constant": "own"}}), sales(files="s*.csv"))
    shop.night()
    assert changes(shop) == [("A", "5.0", None), ("A", "6.0", 2), ("A", "5.0", 1)]


def test_an_attribute_that_is_no_longer_mapped_has_no_history(shop: House) -> None:
    shop.describe(products(columns={"list_price": "cost"}), sales(files="s*.csv"))
    shop.write("p.csv", HEADER, "A,5,,")
    shop.night()
    assert changes(shop, "list_price") == [("A", "5.0", None)]
    shop.describe(products(), sales(files="s*.csv"))
    shop.night()
    assert changes(shop, "list_price") == []
    assert changes(shop) == [("A", "5.0", None)]


def test_a_reps_territory_is_kept_too(house: House) -> None:
    columns = {"rep_id": "id", "territory_id": "cost", "valid_from": "from"}
    house.describe(PRODUCTS | {"entity": "sales_reps", "columns": columns}, sales(files="s*.csv"))
    house.write("p1.csv", HEADER, "R1,NORTH,,", "R2,SOUTH,2024-02-29,")
    house.night()
    columns_of_it = "entity, entity_key, attribute, value_text, valid_from"
    assert house.rows(f"select {columns_of_it} from raw.attribute_changes order by 2") == [
        ("sales_reps", "R1", "territory_id", "NORTH", None),
        ("sales_reps", "R2", "territory_id", "SOUTH", date(2024, 2, 29)),
    ]


def test_many_products_cost_little(shop: House) -> None:
    """20,000 products twice: the history is made of sets, not of rows."""
    for number in (1, 2):
        lines = [f"A{n},{n % 100 + (number if n % 50 == 0 else 0)},," for n in range(20_000)]
        shop.write(f"p{number}.csv", HEADER, *lines)
        shop.night()
        days_pass(shop, 1)
    (n_changes,) = shop.column("select count(*) from raw.attribute_changes")
    assert n_changes == 20_000 + 400
