"""What a text becomes that stands for a number, and which texts are no number: every refusal by row and rule.

Not here: how files are taken apart (test_ingestion_files.py).
"""

import re
from decimal import Decimal, InvalidOperation
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.support.ingestion import HEADER, House, line, sales
from tests.support.texts import BLANK, DATABASE, fates

NO = "not_a_number"


def test_numbers_are_digits_one_sign_and_one_point(house: House) -> None:
    cases = {
        "7": 7, "+7": 7, "-7.5": Decimal("-7.5"), "007": 7, ".5": Decimal("0.5"), "5.": 5, " 7 ": 7, "\u00a07\t": 7,
        "12345678901234": 12345678901234, "0.123456": Decimal("0.123456"), "-0": 0, "1.5000000000": Decimal("1.5"),
        "99999999999999.999999": Decimal("99999999999999.999999"),
        "": BLANK, "  ": BLANK,
        "1_000": NO, "0x10": NO, "0b1": NO, "NaN": NO, "nan": NO, "inf": NO, "-Infinity": NO, "1e5": NO, "1E-2": NO,
        "１２": NO, "٣": NO, "½": NO, "1,5": NO, "1.234,56": NO, "1 000": NO, "$5": NO, "5-": NO, "--5": NO, "+-5": NO,
        "1.2.3": NO, ".": NO, "-": NO, "+": NO, "4x6": NO, "zwölf": NO, "''": NO,
        "0.1234567": NO,  # a seventh decimal would be rounded away
        "123456789012345": NO,  # 15 digits
        "1" * 5000: NO,
    }  # fmt: skip
    assert fates(house, "qty_units", "qty", list(cases)) == list(cases.values())


def test_a_decimal_comma_with_and_without_thousands(house: House) -> None:
    plain = {"1234,56": Decimal("1234.56"), "-0,5": Decimal("-0.5"), "7": 7, "1.234,56": NO, "1.5": NO, "1,2,3": NO}
    assert fates(house, "unit_price", {"from": "price", "decimal": ","}, list(plain)) == list(plain.values())
    grouped = {
        "1.234,56": Decimal("1234.56"), "1.234.567": 1234567, "1234,56": Decimal("1234.56"), "-1.234": -1234,
        "999": 999, "0,123456": Decimal("0.123456"),
        "12.34,56": NO, "1.23": NO, "1,234.56": NO, ".123": NO, "1..234": NO, "1.2345": NO, "１.234": NO,
        "1.234,": NO, "1.234,1234567": NO,
    }  # fmt: skip
    german = {"from": "price", "decimal": ",", "thousands": "."}
    assert fates(house, "unit_price", german, list(grouped)) == list(grouped.values())
    swiss = {"1'234.5": Decimal("1234.5"), "1’234.5": NO}
    assert fates(house, "unit_price", {"from": "price", "thousands": "'"}, list(swiss)) == list(swiss.values())


def test_the_decimal_mark_of_the_source_is_that_of_its_columns(house: House) -> None:
    assert fates(house, "unit_price", "price", ["1,5", "1.5"], decimal=",") == [Decimal("1.5"), NO]


def test_a_blank_that_looks_like_a_number_is_a_blank(house: House) -> None:
    assert fates(house, "qty_units", "qty", ["0", " 0", "0.0", "-"], blanks=["0", "-"]) == [BLANK, BLANK, 0, BLANK]


@DATABASE
@given(texts=st.lists(st.text("0123456789+-.,eE_xX '\u00a0１naNif", max_size=18), min_size=1, max_size=60))
def test_no_text_fails_the_load_and_what_passes_is_exactly_what_stands_there(house: House, texts: list[str]) -> None:
    for text, fate in zip(texts, fates(house, "qty_units", "qty", texts), strict=True):
        stripped = text.strip(" \t\r\n\u00a0")
        expected: Any = BLANK
        if stripped:
            is_form = re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)", stripped)
            expected = NO
            if is_form:
                number = Decimal(stripped)
                try:
                    is_exact = number == number.quantize(Decimal("0.000001"))
                except InvalidOperation:
                    is_exact = False
                expected = number if abs(number) < 10**14 and is_exact else NO
        assert fate == expected, text


def test_whole_numbers(house: House) -> None:
    products = {
        "name": "products", "entity": "products", "files": "p.csv", "format": "csv", "max_rejected_pct": 100,
        "columns": {"product_id": "id", "product_name": "name", "lead_time_days": "days"},
    }  # fmt: skip
    house.describe(products, sales(files="none.csv"))
    texts = ["7", "+7", "-7", " 7 ", "", "7.0", "7,0", "1_0", "0x1", "１", "٣", "999999999", "2147483648", "x"]
    house.write("p.csv", "id,name,days", *(f'{i},n,"{text}"' for i, text in enumerate(texts)))
    house.night()
    values = dict(house.rows("select product_id::int, lead_time_days from raw.products"))
    assert values == {0: 7, 1: 7, 2: -7, 3: 7, 4: None, 11: 999999999}
    assert set(house.rules()) == {"not_a_whole_number"}


def test_an_amount_that_no_column_holds_is_rejected(house: House) -> None:
    house.write("a.csv", HEADER, line("1", qty="99999999999999", price="2"), line("2", qty="10000000", price="9999999"))
    house.night()
    assert house.column("select line_amount from raw.sales_lines") == [99999990000000]
    assert house.rejected() == [(2, None, None, "too_large")]


def test_a_discount_that_cannot_be_read_is_rejected_and_one_that_is_not_there_is_zero(house: House) -> None:
    assert fates(house, "discount_amount", "x", ["", " ", "0.5", "x"]) == [0, 0, Decimal("0.5"), NO]
    assert house.column("select line_amount from raw.sales_lines order by order_id") == [1, 1, Decimal("0.5")]
