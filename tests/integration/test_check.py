"""`daybreak check`: what it says about a folder and its files, and that it leaves nothing behind.

Not here: how a mistake in the YAML is worded (tests/unit/test_business.py).
"""

import json
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import SecretStr

from orchestration.check import Finding, as_json, check_business
from orchestration.errors import ConfigurationError
from orchestration.ingestion import sample
from orchestration.ingestion.sample import Example, KindTotal
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
    (finding,) = check(house, url)
    assert (finding.files, finding.newest, finding.rows_sampled, finding.rows_rejected) == (2, "10.csv", 4, 2)
    assert finding.problem == "2 of 4 rows would be rejected, more than the 40 % it allows"
    assert not finding.is_fine
    house.describe(sales(max_rejected_pct=50))
    assert check(house, url)[0].is_fine


def test_a_file_in_order_and_its_totals(house: House, url: str) -> None:
    house.write("a.csv", HEADER, line(), line("2", day="2024-03-01", qty="-1", price="0.50"))
    (finding,) = check(house, url)
    assert finding.is_fine
    assert finding.problem is None
    assert finding.judged.totals == (
        KindTotal("return", 1, Decimal(-1), Decimal("-0.5")),
        KindTotal("sale", 1, Decimal(2), Decimal(3)),
    )
    assert (finding.judged.first_day, finding.judged.last_day) == (date(2024, 2, 29), date(2024, 3, 1))


def test_rejects_are_grouped_by_rule_with_their_first_lines(house: House, url: str) -> None:
    bad = [line(str(n), qty="x") for n in range(8)]
    house.write("a.csv", HEADER, "1,2", *bad, line("9", day="2024-02-30"), line("10"))
    (finding,) = check(house, url)
    rules = [(group.rule, group.column, group.count) for group in finding.judged.rejects]
    assert rules == [("not_a_number", "qty_units", 8), ("column_count", None, 1), ("not_a_time", "ordered_at", 1)]
    shown = [(group.rule, [example.line for example in examples]) for group, examples in finding.first_rejects()]
    assert shown == [("not_a_number", [3, 4, 5]), ("column_count", [2]), ("not_a_time", [11])]
    assert finding.judged.rejects[0].examples[0] == Example(
        3, "qty_units", "x", "Qty: 'x' is not a number with a decimal point, of at most 14 digits and 6 decimals."
    )
    assert finding.judged.rejects[1].examples[0].reason == "The line has 2 fields, the header names 6."


def test_a_rule_of_the_business_names_the_column_it_looks_at(house: House, url: str) -> None:
    rule = {"rule": "too_dear", "when": "unit_price > 100 and qty_units > 0", "because": "Nothing costs that much."}
    house.describe(sales(reject=[rule]))
    house.write("a.csv", HEADER, line(), line("2", price="100.01"))
    (group,) = check(house, url)[0].judged.rejects
    assert (group.rule, group.column) == ("too_dear", "unit_price")
    assert group.examples == (Example(3, "unit_price", "100.01", "Nothing costs that much."),)


def test_what_nothing_reads_and_what_is_empty(house: House, url: str) -> None:
    house.describe(sales(columns={"customer_id": "who"}))
    house.write("a.csv", f"{HEADER},who,colour", f"{line()},K1,red", f"{line('2')},,blue")
    judged = check(house, url)[0].judged
    assert judged.unread == ("colour",)
    assert judged.null_share["customer_id"] == 0.5
    assert judged.null_share["qty_units"] == 0


def test_of_a_large_file_only_the_beginning_is_judged(house: House, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample, "SMALL_BYTES", 10)
    monkeypatch.setattr(sample, "MOST_ROWS", 3)
    house.write("a.csv", HEADER, *(line(str(n)) for n in range(3)))
    assert check(house, url)[0].judged.is_whole
    house.write("a.csv", HEADER, *(line(str(n)) for n in range(3)), line("3", qty="x"))
    judged = check(house, url)[0].judged
    assert (judged.read, judged.rejected, judged.is_whole) == (3, 0, False)


def test_joined_files_are_looked_up(house: House, url: str) -> None:
    join = {"name": "header", "files": "heads.csv", "on": {"order": "id"}}
    house.describe(sales(files="lines.csv", joins=[join], columns={"country": "header.land"}))
    house.write("lines.csv", HEADER, line("1"), line("7"))
    house.write("heads.csv", "id,land\n1,AT\n")
    (finding,) = check(house, url)
    (group,) = finding.judged.rejects
    assert (group.rule, group.count, group.examples[0].value) == ("no_match", 1, "7")
    (house.data / "heads.csv").unlink()
    problem = check(house, url)[0].problem
    assert problem is not None
    assert "no file matches 'heads.csv'" in problem


def test_repeats_are_judged_where_they_are_rejected(house: House, url: str) -> None:
    house.describe(sales(duplicates="reject", max_rejected_pct=0))
    house.write("a.csv", HEADER, line(), line())
    (finding,) = check(house, url)
    assert finding.rows_rejected == 1
    assert finding.judged.rejects[0].examples[0].reason == "The row repeats an earlier row of its file."


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
    join = {"name": "header", "files": "heads.csv", "on": {"order": "id"}}
    house.describe(sales(files="a.csv", joins=[join]))
    house.write("a.csv", HEADER, line())
    house.write("heads.csv", "id\n1\n")
    server = url.rpartition("/")[0] + "/postgres"
    configured = Settings(
        home=house.folder.parent, business=house.folder, data=house.data, database_url=SecretStr(server)
    )
    assert check_business(configured, say=lambda text: None)[0].is_fine


def test_without_a_server_it_leaves_none_behind(house: House, tmp_path: Path) -> None:
    house.write("a.csv", HEADER, line())
    home = tmp_path / "home"
    configured = Settings(home=home, business=house.folder, data=house.data, postgres_port=0)
    assert check_business(configured, say=lambda text: None)[0].is_fine
    assert not home.exists() or not list(home.rglob("*"))


def test_guesses_that_nobody_confirmed_are_counted(house: House, url: str) -> None:
    house.write("a.csv", HEADER, line())
    path = house.folder / "business.yaml"
    path.write_text(path.read_text(encoding="utf-8") + "locale: en  # CONFIRM\n", encoding="utf-8")
    said: list[str] = []
    configured = Settings(home=house.folder.parent, business=house.folder, data=house.data, database_url=SecretStr(url))
    check_business(configured, say=said.append)
    assert said[1] == "business.yaml: 1 guess is not confirmed, in line 4"


def test_the_findings_as_json(house: House, url: str) -> None:
    house.write("a.csv", HEADER, line(price="0.10"), line("2", qty="x"))
    (told,) = json.loads(as_json(check(house, url)))
    assert told["judged"]["totals"] == [{"kind": "sale", "rows": 1, "units": "2.000000", "amount": "0.200000"}]
    assert told["judged"]["rejects"][0]["examples"][0]["value"] == "x"
    assert told["judged"]["first_day"] == "2024-02-29"


def test_files_that_no_source_finds_are_named(house: House, url: str) -> None:
    house.describe(sales(files="sales_*.csv"))
    house.write("sales_1.csv", HEADER, line())
    for n in range(6):
        house.write(f"stray_{n}.csv", HEADER)
    house.write(".hidden.csv", HEADER)
    said: list[str] = []
    settings = Settings(home=house.folder.parent, business=house.folder, data=house.data, database_url=SecretStr(url))
    check_business(settings, say=said.append)
    names = ", ".join(f"stray_{n}.csv" for n in range(5))
    assert said[-1] == f"6 files below {house.data} match no source: {names}, …"


def test_a_missing_data_folder_is_named_once(house: House, url: str) -> None:
    house.describe(sales(), sales(name="more"))
    said: list[str] = []
    nowhere = house.data / "nowhere"
    settings = Settings(home=house.folder.parent, business=house.folder, data=nowhere, database_url=SecretStr(url))
    findings = check_business(settings, say=said.append)
    assert [finding.problem for finding in findings] == ["there is no data folder"] * 2
    assert sum("there is no data folder" in text for text in said) == 1


def test_what_one_source_of_a_file_reads_is_not_unread(house: House, url: str) -> None:
    house.describe(
        sales(),
        {
            "name": "p",
            "entity": "products",
            "files": "*.csv",
            "columns": {"product_id": "product", "product_name": "P"},
        },
    )
    house.write("a.csv", f"{HEADER},P,Colour", f"{line()},Pen,red")
    first, second = check(house, url)
    assert (first.judged.unread, second.judged.unread) == (("Colour",), ())
