"""What a text becomes: numbers, dates, times, ids, values that are looked up, expressions; and which texts are refused.

Not here: whole files and loads (test_ingestion_files.py, test_ingestion_load.py).
"""

import csv
import io
import re
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestration.errors import ConfigurationError, SourceError
from tests.support.ingestion import HEADER, House, line, sales

DATABASE = settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], database=None
)


def fates(house: House, column: str, mapping: Any, texts: list[str], **source: Any) -> list[Any]:
    """What becomes of each text in ``column``: its value, or the rule that rejected it."""
    house.describe(sales(columns={column: mapping}, **source))
    name = mapping if isinstance(mapping, str) else mapping.get("from", "x")
    plain = {"order": "", "line": "1", "at": "2024-02-29 10:00:00", "product": "P", "qty": "1", "price": "1", "x": ""}
    if "format" in (mapping if isinstance(mapping, dict) else {}) and column != "ordered_at":
        raise AssertionError("only ordered_at has a format here")
    stream = io.StringIO()
    writer = csv.DictWriter(stream, list(plain))
    writer.writeheader()
    writer.writerows(plain | {"order": str(i), name: text} for i, text in enumerate(texts))
    house.connection.execute("truncate raw.sales_lines, ops.loads, quarantine.rejected_rows")
    house.write("values.csv", stream.getvalue())
    house.night()
    found: dict[int, Any] = {int(o): v for o, v in house.rows(f"select order_id, {column} from raw.sales_lines")}
    for rule, order in house.rows("select rule, raw_row ->> 'order' from quarantine.rejected_rows"):
        found[int(order)] = rule
    return [found[i] for i in range(len(texts))]


NO = "not_a_number"
BLANK = "missing"

# numbers ------------------------------------------------------------------------------------------------------------


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


# dates and times ----------------------------------------------------------------------------------------------------

NO_TIME = "not_a_time"


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)


def test_iso_times(house: House) -> None:
    cases = {
        "2024-02-29 10:00:00": utc(2024, 2, 29, 9),
        "2024-02-29T10:00:00": utc(2024, 2, 29, 9),
        "2024-02-29 10:00": utc(2024, 2, 29, 9),
        "2024-02-29": utc(2024, 2, 28, 23),
        " 2024-02-29 ": utc(2024, 2, 28, 23),
        "2024-1-5 8:03": utc(2024, 1, 5, 7, 3),
        "2024-02-29 10:00:00.25": utc(2024, 2, 29, 9, 0, 0, 250000),
        "2024-01-05 23:59:59.9999999": utc(2024, 1, 5, 22, 59, 59, 999999),
        "2024-02-29T10:00:00Z": utc(2024, 2, 29, 10),
        "2024-02-29 10:00:00+05:30": utc(2024, 2, 29, 4, 30),
        "2024-02-29T23:30:00.123456-0800": utc(2024, 3, 1, 7, 30, 0, 123456),
        "2024-02-29T10:00+01": utc(2024, 2, 29, 9),
        "1900-01-01 00:00:00": utc(1899, 12, 31, 23),
        "": BLANK,
        "2023-02-29 10:00:00": NO_TIME,
        "2024-02-30 10:00:00": NO_TIME,
        "1900-02-29": NO_TIME,
        "2024-13-01": NO_TIME,
        "2024-00-10": NO_TIME,
        "2024-01-00": NO_TIME,
        "2024-02-29 24:00:00": NO_TIME,
        "2024-02-29 24:00": NO_TIME,
        "2024-02-29T24:00": NO_TIME,
        "2024-02-29 10:60:00": NO_TIME,
        "2024-02-29 23:59:60": NO_TIME,
        "2024-02-29T10:00:60Z": NO_TIME,
        "2024-02-30T10:00:00Z": NO_TIME,
        "2024-02-29 24:00:00Z": NO_TIME,
        "99999-01-01": NO_TIME,
        "1899-12-31 23:00:00": NO_TIME,
        "2200-01-01 00:00:00": NO_TIME,
        "21999-01-01": NO_TIME,
        "infinity": NO_TIME,
        "-infinity": NO_TIME,
        "today": NO_TIME,
        "now": NO_TIME,
        "epoch": NO_TIME,
        "20240229": NO_TIME,
        "2024-060": NO_TIME,
        "2024-013-5": NO_TIME,
        "2024-1-005": NO_TIME,
        "24-02-29": NO_TIME,
        "29.02.2024": NO_TIME,
        "02/29/2024": NO_TIME,
        "2024-Feb-29 10:00:00": NO_TIME,
        "2024-02-29 10:00:00 PM": NO_TIME,
        "2024-02-29 10:00:00 BC": NO_TIME,
        "2024-02-29 1O:00:00": NO_TIME,
        "２０２４-02-29 10:00:00": NO_TIME,
        "2024-02- 9 10:00:00": NO_TIME,
        "2024-02-29 +1:00:00": NO_TIME,
        "45351": NO_TIME,
        "2024-02-29  10:00:00": NO_TIME,
        "2024-02-29 10:00:000": NO_TIME,
        "2024-02-29 J:00:00": NO_TIME,
        "J2460370": NO_TIME,
    }
    for text, fate in zip(cases, fates(house, "ordered_at", "at", list(cases)), strict=True):
        assert fate == cases[text], text


def test_the_future_is_rejected(house: House) -> None:
    assert fates(house, "ordered_at", "at", ["2199-12-31 00:00:00"]) == ["in_the_future"]


FORMATS = {
    "%d.%m.%Y %H:%M": {
        "29.02.2024 10:05": utc(2024, 2, 29, 9, 5),
        "5.1.2024 8:03": utc(2024, 1, 5, 7, 3),
        " 5.1.2024 08:03 ": utc(2024, 1, 5, 7, 3),
        "29.02.2023 10:00": NO_TIME,
        "30.02.2024 10:00": NO_TIME,
        "2024.02.29 10:00": NO_TIME,
        "29.02.24 10:00": NO_TIME,
        "29.02.2024": NO_TIME,
        "29.02.2024 24:00": NO_TIME,
        "29-02-2024 10:00": NO_TIME,
        "29.02.2024 10:00:00": NO_TIME,
        "..2024 :": NO_TIME,
        "29.02. 10:00": NO_TIME,
        "029.2.2024 10:00": NO_TIME,
        "29.002.2024 10:00": NO_TIME,
        "ab.cd.2024 10:00": NO_TIME,
        "1/.2.2024 10:00": NO_TIME,
        "2024-02-29 10:00": NO_TIME,
        "2.29.2024 10:00": NO_TIME,
        "29.02.1899 10:00": NO_TIME,
        "29.02.99999 10:00": NO_TIME,
        "": BLANK,
    },
    "%Y%m%d": {
        "20240229": utc(2024, 2, 28, 23),
        " 20240105 ": utc(2024, 1, 4, 23),
        "20230229": NO_TIME,
        "2024022": NO_TIME,
        "202402290": NO_TIME,
        "2024-2-9": NO_TIME,
        "abcdefgh": NO_TIME,
        "2024 229": NO_TIME,
        "+2024229": NO_TIME,
    },
    "%Y%m%d%H%M%S": {"20240229100503": utc(2024, 2, 29, 9, 5, 3), "20240229240000": NO_TIME, "20240229235960": NO_TIME},
    "%d/%m/%y": {
        "29/02/24": utc(2024, 2, 28, 23),
        "5/1/68": "in_the_future",
        "05/01/69": utc(1969, 1, 4, 23),
        "5/1/99": utc(1999, 1, 4, 23),
        "5/1/2024": NO_TIME,
        "5/1/4": NO_TIME,
        "31/04/24": NO_TIME,
    },
    "%m/%d/%Y": {"02/29/2024": utc(2024, 2, 28, 23), "1/5/2024": utc(2024, 1, 4, 23), "29/02/2024": NO_TIME},
    "%Y-%m-%d %H:%M:%S": {
        "2024-02-29 10:00:00": utc(2024, 2, 29, 9),
        "2024-2-9 1:02:03": utc(2024, 2, 9, 0, 2, 3),
        "2024-02-29T10:00:00": NO_TIME,
        "2024-02-29": NO_TIME,
        "2024-02-30 10:00:00": NO_TIME,
    },
    "%Y-%m-%d %H:%M": {"2024-02-29 10:00": utc(2024, 2, 29, 9), "2024-02-29 10:00:00": NO_TIME},
    "%d. %m. %Y, %H Uhr": {"29. 02. 2024, 10 Uhr": utc(2024, 2, 29, 9), "5. 1. 2024, 9 Uhr": utc(2024, 1, 5, 8)},
    "%d'%m\\%Y": {"29'02\\2024": utc(2024, 2, 28, 23), "1'2\\2024": utc(2024, 1, 31, 23)},
    "%Y_%m_%d": {"2024_02_29": utc(2024, 2, 28, 23), "2024x02x29": NO_TIME},
}


@pytest.mark.parametrize("form", FORMATS)
def test_times_in_a_format(house: House, form: str) -> None:
    cases = FORMATS[form]
    found = fates(house, "ordered_at", {"from": "at", "format": form}, list(cases))
    assert dict(zip(cases, found, strict=True)) == cases


@DATABASE
@given(
    moments=st.lists(
        st.datetimes(datetime(1970, 1, 1), datetime(2023, 12, 31)).map(lambda m: m.replace(microsecond=0)),
        min_size=1, max_size=40,
    ),
    form=st.sampled_from(["%d.%m.%Y %H:%M:%S", "%Y%m%d%H%M%S", "%m/%d/%y %H:%M:%S", "%Y-%m-%d %H:%M:%S"]),
)  # fmt: skip
def test_what_strftime_writes_is_read_back(house: House, moments: list[datetime], form: str) -> None:
    texts = [moment.strftime(form) for moment in moments]
    found = fates(house, "ordered_at", {"from": "at", "format": form, "time_zone": "UTC"}, texts)
    assert found == [moment.replace(tzinfo=UTC) for moment in moments]


def test_the_hour_that_spring_skips_is_rejected_and_the_one_that_autumn_repeats_is_the_second(house: House) -> None:
    cases = {
        "2024-03-31 01:59:59": utc(2024, 3, 31, 0, 59, 59),
        "2024-03-31 02:00:00": NO_TIME,
        "2024-03-31 02:59:59": NO_TIME,
        "2024-03-31 03:00:00": utc(2024, 3, 31, 1),
        "2024-10-27 02:30:00": utc(2024, 10, 27, 1, 30),
        "2024-10-27 02:30:00+02:00": utc(2024, 10, 27, 0, 30),
    }
    assert fates(house, "ordered_at", "at", list(cases)) == list(cases.values())


def test_the_sales_day_is_the_business_s_day(house: House) -> None:
    house.describe(sales(time_zone="America/New_York"))
    house.write("a.csv", HEADER, line("1").replace("10:00:00", "19:00:00"), line("2").replace("10:00:00", "17:59:59"))
    house.night()
    assert house.rows("select order_id, ordered_at, order_date from raw.sales_lines order by 1") == [
        ("1", utc(2024, 3, 1, 0), date(2024, 3, 1)), ("2", utc(2024, 2, 29, 22, 59, 59), date(2024, 2, 29)),
    ]  # fmt: skip
    house.describe(sales())
    house.connection.execute("truncate raw.sales_lines, ops.loads")
    house.write("a.csv", HEADER, line("1").replace(" 10:00:00", "T23:30:00Z"))
    house.night()
    assert house.column("select order_date from raw.sales_lines") == [date(2024, 3, 1)]


def test_dates_by_themselves(house: House) -> None:
    customers = {
        "name": "customers", "entity": "customers", "files": "c.csv", "format": "csv", "max_rejected_pct": 100,
        "columns": {"customer_id": "id", "created_on": {"from": "on", "format": "%d.%m.%Y"}},
    }  # fmt: skip
    house.describe(customers, sales(files="none"))
    house.write("c.csv", "id,on", "1,29.02.2024", "2,29.02.2023", "3,1.2.2024", "4,", "5,31.12.2199", "6,infinity")
    house.night()
    assert dict(house.rows("select customer_id, created_on from raw.customers")) == {
        "1": date(2024, 2, 29), "3": date(2024, 2, 1), "4": None, "5": date(2199, 12, 31),
    }  # fmt: skip
    assert house.rejected() == [
        (3, "created_on", "29.02.2023", "not_a_date"), (7, "created_on", "infinity", "not_a_date"),
    ]  # fmt: skip


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


# expressions --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("upper(x) || '-' || \"product\"", "Ä1-P"),
        ("coalesce(nullif(\"price\", '1'), 'one')", "one"),
        ("case when x like 'ä%' then left(x, 1) else null end", "ä"),
        ("split_part('a|b|c', '|', 2)", "b"),
        ("lpad(x, 5, '0')", "000ä1"),
        ("substring(x from 2 for 1)", "1"),
        ("regexp_replace('17850.0', '\\.0$', '')", "17850"),
        ("regexp_replace('aXbX', 'x', '-', 'gi')", "a-b-"),
        ("concat_ws('/', x, null, 'z')", "ä1/z"),
        ("(length(x) + 1) * 2", "6"),
        ("round(7.0 / 2, 1)", "3.5"),
        ("7 % 4", "3"),
        ("x ~ '^[^0-9]'", "true"),
        ("trim(both 'ä' from x)", "1"),
        ("replace(x, 'ä', $$'$$)", "'1"),
        ("position('1' in x)", "2"),
        ("initcap('o''neil')", "O'Neil"),
        ("missing", None),
        ("cast(right(x, 1) as integer) + 1", "2"),
    ],
)
def test_expressions_mean_what_postgresql_means(house: House, expression: str, expected: str | None) -> None:
    house.describe(sales(columns={"product_name": {"expression": expression}}))
    house.write("a.csv", HEADER + ",x,missing", line().replace("P-1", "P").replace("1.50", "1") + ",ä1,")
    house.night()
    assert house.column("select product_name from raw.sales_lines") == [expected]


def test_an_expression_that_fails_on_a_value_is_named_with_the_value_and_a_remedy(house: House) -> None:
    house.describe(sales(columns={"qty_units": {"expression": '8 / cast("qty" as integer)'}}))
    house.write("a.csv", HEADER, line("1", qty="4"))
    house.night()
    before = house.raw()
    house.write("b.csv", HEADER, line("2", qty="0"))
    with pytest.raises(SourceError) as caught:
        house.night()
    assert re.search(
        r"sources\.yaml:\d+: sales\.columns\.qty_units\.expression: the expression fails", caught.value.message
    )
    assert "division by zero" in caught.value.message
    assert caught.value.remedy is not None
    assert house.raw() == before
    assert house.column("select status from ops.loads order by load_id") == ["loaded", "stopped"]


@pytest.mark.parametrize("text", ["two", "4 Stk", "1_000", "0x10", "NaN", "１"])
def test_a_text_that_an_expression_takes_for_a_number_rejects_its_row_by_that_text(house: House, text: str) -> None:
    cast = {"expression": 'cast("qty" as numeric) * 2'}
    house.describe(sales(columns={"qty_units": cast, "discount_amount": cast}))
    house.write("a.csv", HEADER, line("1", qty="4"), line("2", qty=text), line("3", qty=" 5 "))
    assert house.night().rows_inserted == 2
    assert house.rejected() == [(3, "qty_units", text, "not_a_number")]
    (reason,) = house.column("select reason from quarantine.rejected_rows")
    assert reason == f"qty_units: its expression needs a number, not '{text}'."


def test_a_cast_that_the_mapping_guards_is_its_own_affair(house: House) -> None:
    guarded = {"expression": "case when qty ~ '^[0-9]+$' then cast(qty as numeric) else 1 end"}
    house.describe(sales(columns={"qty_units": guarded}))
    house.write("a.csv", HEADER, line("1", qty="two"))
    assert house.night().rows_inserted == 1


def test_a_condition_that_divides_by_zero_is_named(house: House) -> None:
    house.describe(sales(reject=[{"rule": "odd", "when": "qty_units / unit_price > 7", "because": "odd"}]))
    house.write("a.csv", HEADER, line("1", price="0"))
    with pytest.raises(SourceError, match=r"sources\.yaml:\d+: sales\.reject\.0\.when: .*division by zero"):
        house.night()


def test_a_condition_that_compares_a_number_with_a_text_is_a_configuration_error(house: House) -> None:
    house.describe(sales(classify=[{"kind": "return", "when": "qty_units like '-%'"}, {"kind": "sale"}]))
    house.write("a.csv", HEADER, line("1"))
    with pytest.raises(ConfigurationError, match=r"sources\.yaml:\d+: sales\.classify\.0\.when: PostgreSQL refuses"):
        house.night()
    assert house.rows("select * from ops.loads") == []


def test_an_expression_over_a_column_that_the_files_lack_names_the_nearest(house: House) -> None:
    house.describe(sales(columns={"product_name": {"expression": "upper(prodct)"}}))
    house.write("a.csv", HEADER, line("1"))
    message = r"a\.csv: there is no column 'prodct', which sales\.columns\.product_name reads; did you mean 'product'"
    with pytest.raises(SourceError, match=message):
        house.night()
