"""`daybreak check`: what it says about a folder and its files, and that it leaves nothing behind.

Not here: how a mistake in the YAML is worded (tests/unit/test_business.py).
"""

from pathlib import Path

import pytest
from pydantic import SecretStr

from orchestration.check import Finding, check_business
from orchestration.errors import ConfigurationError
from orchestration.settings import Settings
from tests.support.ingestion import HEADER, House, line, sales


def check(house: House, url: str) -> list[Finding]:
    said: list[str] = []
    before = house.everything()
    configured = Settings(home=house.folder.parent, business=house.folder, data=house.data, database_url=SecretStr(url))
    findings = check_business(configured, say=said.append)
    assert str(house.folder) in said[0]
    assert house.everything() == before
    return findings


@pytest.fixture
def url(house_url: str) -> str:
    return house_url


def test_the_newest_file_is_judged_as_a_night_would(house: House, url: str) -> None:
    house.describe(sales(max_rejected_pct=40))
    house.write("9.csv", "not,what\nit,should be\n")
    house.write("10.csv", HEADER, line("1"), line("2", qty="1_0"), line("3"), "4,too short")
    assert check(house, url) == [
        Finding("sales", 2, "10.csv", 4, 2, "2 of 4 rows would be rejected, more than the 40 % it allows; the first: "
                "line 3: Qty: '1_0' is not a number with a decimal point, of at most 14 digits and 6 decimals.",
                is_fine=False)
    ]  # fmt: skip
    house.describe(sales(max_rejected_pct=50))
    assert check(house, url)[0].is_fine


def test_a_file_in_order(house: House, url: str) -> None:
    house.write("a.csv", HEADER, line())
    assert check(house, url) == [Finding("sales", 1, "a.csv", 1, 0, None, is_fine=True)]


def test_a_line_that_is_no_row_comes_before_a_later_bad_value(house: House, url: str) -> None:
    house.write("a.csv", HEADER, "1,2", line("2", qty="x"))
    assert check(house, url)[0].problem == "line 2: The line has 2 fields, the header names 6."


def test_repeats_are_judged_where_they_are_rejected(house: House, url: str) -> None:
    house.describe(sales(duplicates="reject", max_rejected_pct=0))
    house.write("a.csv", HEADER, line(), line())
    (finding,) = check(house, url)
    assert finding.rows_rejected == 1
    assert finding.problem is not None
    assert finding.problem.endswith("line 3: The row repeats an earlier row of its file.")


def test_no_files_and_files_of_another_shape(house: House, url: str) -> None:
    house.describe(sales(), sales(name="web", files="web/*.csv"))
    house.write("web/a.csv", HEADER.replace("price", "prize"))
    nothing, other = check(house, url)
    assert (nothing.files, nothing.is_fine) == (0, False)
    assert nothing.problem is not None
    assert "no file matches '*.csv' below" in nothing.problem
    assert other.problem is not None
    assert "there is no column 'price', which web.columns.unit_price reads; did you mean 'prize'" in other.problem


def test_expressions_are_typed_before_any_file_is_read(house: House, url: str) -> None:
    house.describe(
        sales(columns={"product_name": {"expression": 'upper("x") + 1'}}),
        sales(name="conditions", reject=[{"rule": "odd", "when": "qty_units like '1%'", "because": "odd"}]),
        sales(name="fine", columns={"product_name": {"expression": 'upper("näme")'}}),
    )
    first, second, third = check(house, url)
    assert first.problem is not None
    assert "sales.columns.product_name.expression: PostgreSQL refuses the expression" in first.problem
    assert second.problem is not None
    assert "sources.yaml:" in second.problem
    assert "conditions.reject.0.when: PostgreSQL refuses" in second.problem
    assert third.problem is not None
    assert third.problem.startswith("no file matches")


def test_a_wrong_folder_is_an_error(house: House, url: str, tmp_path: Path) -> None:
    (house.folder / "business.yaml").write_text("nam: x\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="unknown key"):
        check(house, url)


def test_it_works_on_a_database_without_our_tables(house: House, url: str) -> None:
    house.write("a.csv", HEADER, line())
    server = url.rpartition("/")[0] + "/postgres"
    configured = Settings(
        home=house.folder.parent, business=house.folder, data=house.data, database_url=SecretStr(server)
    )
    assert check_business(configured, say=lambda text: None)[0].is_fine
