"""Expressions of a mapping: they mean what PostgreSQL means, and where they fail the value is named.

Not here: which expressions may be written (tests/unit).
"""

import re

import pytest

from orchestration.errors import ConfigurationError, SourceError
from tests.support.ingestion import HEADER, House, line, sales


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
