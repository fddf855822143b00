"""What a text becomes otherwise: ids, names, blanks, values that are looked up, kinds, line numbers.

Not here: numbers and dates (test_ingestion_numbers.py, test_ingestion_dates.py).
"""

from decimal import Decimal

from tests.support.ingestion import HEADER, House, line, sales
from tests.support.texts import BLANK, fates, utc

# texts --------------------------------------------------------------------------------------------------------------


def test_ids_and_names_stay_as_they_are(house: House) -> None:
    texts = [
        "007",
        "NA",
        "NO",
        "null",
        "1e5",
        " İstanbul ",
        "\u00a0x\t",
        "a''b\\n",
        "{1}",
        "%s",
        "",
        "=1+1",
        "🙂",
        "a\nb",
    ]
    expected = ["007", "NA", "NO", "null", "1e5", "İstanbul", "x", "a''b\\n", "{1}", "%s", None, "=1+1", "🙂", "a\nb"]
    assert fates(house, "product_name", "x", texts) == expected


def test_blanks_are_what_the_source_says(house: House) -> None:
    texts = ["n/a", " n/a ", "N/A", "-", "NULL", "a'b"]
    assert fates(house, "customer_id", "x", texts, blanks=["n/a", "-", "a'b"]) == [
        None,
        None,
        "N/A",
        None,
        "NULL",
        None,
    ]
    assert fates(house, "product_id", "product", ["-", "P"], blanks=["-"]) == [BLANK, "P"]


def test_case(house: House) -> None:
    assert fates(house, "product_id", {"from": "product", "case": "upper"}, ["ab-ö", " É1 "]) == ["AB-Ö", "É1"]
    assert fates(house, "product_id", {"from": "product", "case": "lower"}, ["ÄB"]) == ["äb"]


def test_values_that_are_looked_up(house: House) -> None:
    mapping = {"from": "x", "values": {"NO": "Norway", "D'E": "Germany", "\\": "backslash"}}
    texts = ["NO", " NO ", "no", "D'E", "\\", "", "XX"]
    bad = "unknown_value"
    assert fates(house, "country", mapping, texts) == ["Norway", "Norway", bad, "Germany", "backslash", None, bad]
    kept = ["Norway", "Norway", "no", "Germany", "backslash", None, "XX"]
    assert fates(house, "country", mapping | {"otherwise": "keep"}, texts) == kept
    number = {"from": "qty", "values": {"one": "1", "two": "2", "many": "lots"}}
    assert fates(house, "qty_units", number, ["one", "two", "3", "many"]) == [1, 2, bad, bad]
    day = {"from": "at", "values": {"leap day": "2024-02-29 10:00:00"}}
    assert fates(house, "ordered_at", day, ["leap day", "other"]) == [utc(2024, 2, 29, 9), bad]


def test_constants(house: House) -> None:
    house.describe(sales(columns={"channel": {"constant": "O'Brien \\ Söhne"}, "qty_units": {"constant": "2.5"}}))
    house.write("a.csv", HEADER, line())
    house.night()
    assert house.rows("select channel, qty_units from raw.sales_lines") == [("O'Brien \\ Söhne", Decimal("2.5"))]


def test_a_key_too_long_for_its_index_is_rejected_not_a_crash(house: House) -> None:
    import random

    noise = "".join(random.Random(1).choices("abcdefghijklmnopqrstuvwxyz0123456789", k=40_000))
    house.write("a.csv", HEADER, line(noise), line(noise[:800]))
    house.night()
    assert house.column("select length(order_id) from raw.sales_lines") == [800]
    ((column, rule, reason),) = house.rows("select column_name, rule, reason from quarantine.rejected_rows")
    assert (column, rule) == ("order_id", "too_long")
    assert len(reason) < 200


def test_a_kind_that_is_mapped_must_be_one(house: House) -> None:
    mapped = {"from": "x", "values": {"R": "return", "S": "sale"}, "otherwise": "keep"}
    assert fates(house, "line_kind", mapped, ["R", "S", "charge", "gift", ""], classify=[]) == [
        "return", "sale", "charge", "unknown_kind", BLANK,
    ]  # fmt: skip


def test_the_first_condition_that_holds_decides_the_kind(house: House) -> None:
    house.describe(
        sales(
            classify=[
                {"kind": "charge", "when": "product_id in ('POST', 'ö''s')"},
                {"kind": "adjustment", "when": "order_id like 'A%' and unit_price = 0"},
                {"kind": "return", "when": "qty_units < 0"},
                {"kind": "sale"},
            ]
        )
    )
    house.write(
        "a.csv",
        HEADER,
        line("1", qty="-1").replace("P-1", "ö's"),
        line("A2", price="0"),
        line("3", qty="-1"),
        line("4"),
    )
    house.night()
    assert [row[4] for row in house.raw()] == ["charge", "return", "sale", "adjustment"]


def test_the_business_s_own_rules(house: House) -> None:
    rule = {
        "rule": "negative_price",
        "when": "unit_price < 0 or line_amount > 1000",
        "because": "100 % of {prices} are ≥ 0",
    }
    house.describe(sales(reject=[rule]))
    house.write("a.csv", HEADER, line("1", price="-1"), line("2"), line("3", price="501"), line("4", price="x"))
    house.night()
    assert house.rules() == ["negative_price", "negative_price", "not_a_number"]
    assert house.column("select reason from quarantine.rejected_rows order by line")[0] == "100 % of {prices} are ≥ 0"


# numbering ----------------------------------------------------------------------------------------------------------


def test_rows_without_line_numbers_are_numbered_within_their_document(house: House) -> None:
    numbered = {"from": "product", "case": "upper", "numbered_within": ["order", "product"]}
    house.describe(sales(columns={"line_id": numbered}))
    products = ["85a", "85A", " 85a ", "9", "", "85A"]
    house.write("a.csv", HEADER, *(line("1").replace("P-1", p) for p in products), line("2").replace("P-1", "85a"))
    house.night()
    assert house.column("select order_id || '/' || line_id from raw.sales_lines order by _line") == [
        "1/85A", "1/85A#2", "1/85A#3", "1/9", "1/85A#4", "2/85A",
    ]  # fmt: skip
    house.write("b.csv", HEADER, line("1", qty="9").replace("P-1", "85a"))  # another file counts anew
    assert house.night().rows_replaced == 1
