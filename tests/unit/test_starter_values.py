"""What `daybreak init` sees in values: numbers, dates, blanks, countries, names in many languages, kinds of lines.

Not here: the files that hold them (test_starter_looks.py).
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration.starter.guesses import decimals_meant
from orchestration.starter.kinds import guess_kinds
from orchestration.starter.matching import Candidate
from orchestration.starter.names import ideas_of
from orchestration.starter.profile import NumberForm, country_codes, profile


@pytest.mark.parametrize(
    ("values", "decimal", "thousands", "numbers"),
    [
        (["1.234,50", "7"], ",", ".", [1234.5, 7]),
        (["1,234.50", "0.5"], ".", ",", [1234.5, 0.5]),
        (["1 234,5", "2"], ",", " ", [1234.5, 2]),
        (["1'234.5"], ".", "'", [1234.5]),
        (["0.125", "12.250"], ".", None, [0.125, 12.25]),  # no thousand begins with a nought
        (["1.234.567"], ",", ".", [1234567]),
        ([".50", "-3"], ".", None, [0.5, -3]),
        (["$1,000.50", "(12.00)", "5-"], ".", ",", [1000.5, -12, -5]),
        (["12,5 €", "3 €"], ",", None, [12.5, 3]),
        (["15%", "7%"], ".", None, [15, 7]),
    ],
)
def test_numbers(values: list[str], decimal: str, thousands: str | None, numbers: list[float]) -> None:
    found = profile("x", values)
    assert found.number is not None
    assert (found.number.decimal, found.number.thousands) == (decimal, thousands)
    assert list(found.numbers) == numbers


def test_a_thousand_or_one_and_a_bit_is_said_to_be_open() -> None:
    assert profile("x", ["1.234", "5.678"]).number == NumberForm(decimal=".", decimals=3, is_open=True)
    assert profile("x", ["1.5", "2,5"]).number is None  # both marks are decimal ones: no number form fits


@pytest.mark.parametrize(
    ("values", "form", "is_open"),
    [
        (["31.01.2024"], "%d.%m.%Y", False),
        (["01/31/2024 9:05"], "%m/%d/%Y %H:%M", False),
        (["31/01/24"], "%d/%m/%y", False),
        (["1/2/2024"], "%m/%d/%Y", True),
        (["1.2.2024"], "%d.%m.%Y", True),
        (["2024-01-31T10:00:00"], None, False),
        (["2024/01/31"], "%Y/%m/%d", False),
        (["20240131"], "%Y%m%d", False),
    ],
)
def test_dates(values: list[str], form: str | None, is_open: bool) -> None:
    found = profile("day", values).date
    assert found is not None
    assert (found.format, found.is_open, found.is_readable) == (form, is_open, True)


@pytest.mark.parametrize("value", ["Jan 5, 2024", "5. Mai 2024", "1/2/2024 9:05 PM"])
def test_dates_that_cannot_be_read_are_dates_all_the_same(value: str) -> None:
    found = profile("day", [value]).date
    assert found is not None
    assert not found.is_readable


def test_dates_of_no_one_order_are_texts() -> None:
    assert profile("day", ["31/01/2024", "01/31/2024"]).date is None
    assert profile("version", ["1.2.3", "1.10.4"]).date is None


def test_blanks_are_what_a_column_of_numbers_has_beside_numbers() -> None:
    assert profile("x", ["1", "-", "NULL", "2", "n/a"]).blanks == ("-", "NULL", "n/a")
    assert profile("name", ["A-1", "-", "x", "NULL"]).blanks == ("NULL",)
    assert profile("x", ["1"] * 200 + ["NaN"]).blanks == ()  # one broken number is to be rejected
    assert profile("x", ["1", "nan"]).blanks == ("nan",)
    assert profile("country", ["DE", "NA"]).blanks == ()


def test_the_noise_of_floats() -> None:
    assert decimals_meant(profile("p", ["9.80000019", "14"])) == 4
    assert decimals_meant(profile("p", ["0.123456789", "14"])) == 6
    assert profile("id", ["17850.0", "12.0"]).are_float_ids


def test_the_one_value_with_more_decimals_is_seen() -> None:
    found = profile("x", [*["1.25"] * 20_001, "0.1234567", *["2.5"] * 20_000])
    assert found.number is not None
    assert found.number.decimals == 7


def test_countries_in_their_own_languages() -> None:
    assert country_codes(["Deutschland", "Austria", "Espagne", "PL", "EIRE", "Mars"]) == {
        "DE": 1, "AT": 1, "ES": 1, "PL": 1, "IE": 1
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "ideas"),
    [
        ("cust_no", {"customer", "id"}),
        ("Belegnummer", {"document", "id"}),
        ("N° facture", {"id", "invoice"}),
        ("Prix unitaire HT", {"price", "unit", "net"}),
        ("numero_pedido", {"id", "order"}),
        ("precio unitario", {"price", "unit"}),
        ("Quantità", {"quantity"}),
        ("Codice articolo", {"id", "product"}),
        ("quantidade", {"quantity"}),
        ("Artikelnr", {"product", "id"}),
        ("Stuksprijs", {"unit", "price"}),
        ("nr_zamówienia", {"id", "order"}),
        ("ilość", {"quantity"}),
        ("cena_jednostkowa", {"price", "unit"}),
        ("kundnr", {"customer", "id"}),
        ("orderdate", {"order", "date"}),
        ("SalesOrderDetailID", {"sales", "order", "line", "id"}),
        ("shipped_on", {"ship", "date"}),
        ("USt", {"tax"}),
        ("Von", {"from"}),
        ("Zahlart", {"payment", "kind"}),
        ("ArtNo", {"product"}),
    ],
)
def test_names_in_many_languages(name: str, ideas: set[str]) -> None:
    assert set(ideas_of(name)) == ideas


@given(st.text(max_size=40))
def test_any_name_has_ideas_or_none(name: str) -> None:
    assert isinstance(ideas_of(name), tuple)


# Kinds of lines -------------------------------------------------------------------------------------------------------


def test_charges_and_returns_by_codes_and_order_numbers() -> None:
    lines = [(f"5{n:05d}", f"{n % 40 + 10000}", "KETTLE", "2") for n in range(200)]
    lines += [("C500001", "10001", "KETTLE", "-2"), ("C500002", "10002", "POSTAGE STAMPS", "-1")]
    lines += [
        ("500003", "POST", "POSTAGE", "1"),
        ("500004", "B", "Adjust bad debt", "1"),
        ("500005", "PADS", "PADS", "1"),
    ]
    columns = {
        name: Candidate(profile(name, [row[i] for row in lines]), 1.0)
        for i, name in enumerate(("order_id", "product_id", "product_name", "qty_units"))
    }
    assert [(kind.kind, kind.when) for kind in guess_kinds(columns)] == [
        ("adjustment", "product_id in ('B')"),
        ("charge", "product_id in ('POST')"),
        ("return", "order_id like 'C%' or qty_units < 0"),
        ("sale", None),
    ]
