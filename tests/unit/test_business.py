"""The business folder's mistakes, each with file, line, key and what may have been meant; before anything runs.

Not here: mistakes that show only beside a file (tests/integration/test_ingestion_values.py).
"""

from pathlib import Path

import pytest

from orchestration.business import Business, load_business
from orchestration.errors import ConfigurationError
from orchestration.settings import PROJECT_ROOT

BUSINESS = "name: Käse & Co\ncurrency: EUR\ntime_zone: Europe/Berlin\n"
SOURCES = """sources:
  - name: sales
    entity: sales_lines
    files: "*.csv"
    format: csv
    columns:
      order_id: Beleg
      line_id: Zeile
      ordered_at: {from: Datum, format: "%d.%m.%Y"}
      product_id: Artikel
      qty_units: Menge
      unit_price: {from: Preis, decimal: ","}
      country: {from: Land, values: {NO: Norway}}
    classify:
      - {kind: return, when: "qty_units < 0"}
      - {kind: sale}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "business.yaml").write_text(BUSINESS, encoding="utf-8")
    (tmp_path / "sources.yaml").write_text(SOURCES, encoding="utf-8")
    return tmp_path


def load_with(folder: Path, old: str, new: str, name: str = "sources.yaml") -> Business:
    text = (folder / name).read_text(encoding="utf-8")
    assert text.count(old) >= 1
    (folder / name).write_text(text.replace(old, new, 1), encoding="utf-8")
    return load_business(folder)


def test_a_folder_without_mistakes(folder: Path) -> None:
    business = load_business(folder)
    assert business.profile.name == "Käse & Co"
    assert business.sources[0].columns["country"].values == {"NO": "Norway"}  # not a boolean
    assert business.alerts.email == ()
    assert business.sources_of("products") == []


@pytest.mark.parametrize("example", ["demo", "online_retail"])
def test_the_examples_are_without_mistakes(example: str) -> None:
    assert load_business(PROJECT_ROOT / "examples" / example).sources_of("sales_lines")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("    format: csv", "    fromat: csv", "sources.yaml:5: sources.0.fromat: unknown key; did you mean 'format'?"),
        (
            "      unit_price:",
            "      unit_prize:",
            "sources.yaml:12: sources.0.columns.unit_prize: sales_lines has no column 'unit_prize'; did you "
            "mean 'unit_price'?",
        ),
        (
            "      product_id: Artikel\n",
            "",
            "sources.yaml:6: sources.0.columns: product_id of sales_lines must be mapped",
        ),
        (
            "entity: sales_lines",
            "entity: sale_lines",
            "sources.yaml:3: sources.0.entity: unknown entity 'sale_lines'; did you mean 'sales_lines'?",
        ),
        ("    format: csv", "    format: csv\n    format: csv", "sources.yaml:6: key 'format' stands twice"),
        (
            "    format: csv",
            "    format: xlm",
            "sources.yaml:5: sources.0.format: Input should be 'csv', 'excel', 'parquet', 'json'",
        ),
        (
            "      product_id: Artikel",
            "      product_id: {form: Artikel}",
            "sources.yaml:10: sources.0.columns.product_id.form: unknown key; did you mean 'format' or "
            "'from'?",
        ),
        (
            "      product_id: Artikel",
            "      product_id: {from: A, constant: B}",
            "sources.yaml:10: sources.0.columns.product_id: exactly one of from, constant, expression is "
            "expected",
        ),
        (
            "      product_id: Artikel",
            "      product_id: ''",
            "sources.yaml:10: sources.0.columns.product_id.from: String should have at least 1 character",
        ),
        (
            "{NO: Norway}",
            "{NO: ''}",
            "sources.yaml:13: sources.0.columns.country.values: a value cannot be mapped to nothing",
        ),
        (
            "\"%d.%m.%Y\"",
            "\"%d.%b.%Y\"",
            "sources.yaml:9: sources.0.columns.ordered_at.format: %b in the date format '%d.%b.%Y' is not "
            "known",
        ),
        (
            "\"%d.%m.%Y\"",
            "\"%d.%m\"",
            "sources.yaml:9: sources.0.columns.ordered_at.format: the date format '%d.%m' must hold one "
            "year, a month and a day",
        ),
        (
            "product_id: Artikel",
            "product_id: {from: A, format: '%Y%m%d'}",
            "sources.yaml:10: sources.0.columns.product_id.format: product_id is no date or time",
        ),
        (
            "decimal: \",\"",
            "decimal: \",\", thousands: \",\"",
            "sources.yaml:12: sources.0.columns.unit_price: decimal and thousands must differ",
        ),
        ("      - {kind: sale}\n", "", "sources.yaml:14: sources.0.classify: the last entry must have no 'when'"),
        ('when: "qty_units < 0"}', "}", "sources.yaml:15: sources.0.classify.0: an entry without 'when' ends the list"),
        (
            "qty_units < 0",
            "qty_unit < 0",
            "sources.yaml:15: sources.0.classify.0.when: unknown column 'qty_unit' in 'qty_unit < 0'; did "
            "you mean 'qty_units'",
        ),
        ("qty_units < 0", "s.qty_units < 0", "unknown column 's.qty_units'"),
        (
            "qty_units < 0",
            "abbs(qty_units) > 0",
            "sources.yaml:15: sources.0.classify.0.when: function abbs() is not allowed in 'abbs(qty_units) "
            "> 0'; did you mean 'abs'",
        ),
        ("qty_units < 0", "pg_sleep(9) is null", "function pg_sleep() is not allowed"),
        (
            "qty_units < 0",
            "exists (select 1)",
            "sources.yaml:15: sources.0.classify.0.when: function exists() is not allowed",
        ),
        ("qty_units < 0", "qty_units in (select 1)", "only an expression over columns is allowed"),
        ("qty_units < 0", "true; drop table x", "exactly one expression is expected"),
        ("qty_units < 0", "qty_units <", "cannot read the expression 'qty_units <'"),
        ("qty_units < 0", "", "exactly one expression is expected"),
        ("qty_units < 0", "sum(qty_units) > 1", "only an expression over columns is allowed"),
        ("qty_units < 0", "row_number() over () > 1", "only an expression over columns is allowed"),
        ("qty_units < 0", "now() > ordered_at", "is not allowed in"),
        ("qty_units < 0", "drop table raw.sales_lines", "only an expression over columns is allowed"),
        (
            "    classify:",
            "    reject:\n      - {rule: odd, when: nosuch = 1, because: x}\n    classify:",
            "sources.yaml:15: sources.0.reject.0.when: unknown column 'nosuch'",
        ),
        (
            "      product_id: Artikel",
            "      product_id: {expression: 'uper(\"A\")'}",
            "sources.yaml:10: sources.0.columns.product_id.expression: function uper() is not allowed in "
            "'uper(\"A\")'; did you mean 'upper'",
        ),
        (
            "    format: csv",
            "    format: csv\n    time_zone: Europe/Berln",
            "sources.yaml:6: sources.0.time_zone: unknown time zone 'Europe/Berln'; did you mean "
            "'Europe/Berlin'",
        ),
        (
            "    format: csv",
            "    format: csv\n    csv: {delimiter: 'x'}",
            "sources.yaml:6: sources.0.csv.delimiter: this cannot part fields",
        ),
        (
            "    format: csv",
            "    format: csv\n    csv: {delimiter: ';', quote: ';'}",
            "sources.yaml:6: sources.0.csv: delimiter and quote must differ",
        ),
        (
            "    format: csv",
            "    format: csv\n    max_rejected_pct: many",
            "sources.yaml:6: sources.0.max_rejected_pct: Input should be a valid number",
        ),
        (
            "    format: csv",
            "    format: csv\n    max_rejected_pct: nan",
            "sources.yaml:6: sources.0.max_rejected_pct: Input should be",
        ),
        ('"*.csv"', "/etc/*.csv", "sources.yaml:4: sources.0.files: must lie below the data folder"),
        ('"*.csv"', "a/../../x.csv", "sources.yaml:4: sources.0.files: must lie below the data folder"),
        ('"*.csv"', '"**.csv"', "sources.yaml:4: sources.0.files: not a glob"),
        (
            "entity: sales_lines",
            "entity: products",
            "sources.yaml:7: sources.0.columns.order_id: products has no column 'order_id'",
        ),
        ("sources:", "sorces:", "sources.yaml:1: sorces: unknown key; did you mean 'sources'"),
        ("    format: csv", "\tformat: csv", "sources.yaml: not valid YAML: line 5"),
    ],
)  # fmt: skip
def test_a_mistake_in_sources_yaml_is_named_with_line_key_and_what_may_be_meant(
    folder: Path, old: str, new: str, message: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_with(folder, old, new)
    assert message in str(caught.value)
    assert str(caught.value).startswith(str(folder))
    assert "at least 1 item" not in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("Europe/Berlin", "Berlin", "business.yaml:3: time_zone: unknown time zone 'Berlin'"),
        ("currency: EUR", "curency: EUR", "business.yaml:2: curency: unknown key; did you mean 'currency'?"),
        ("currency: EUR\n", "", "business.yaml:1: currency: this key is missing"),
        ("EUR", "Euro", "business.yaml:2: currency: String should match pattern"),
        (
            "EUR",
            "EUR\nfiscal_year_start_month: 13",
            "business.yaml:3: fiscal_year_start_month: Input should be less than",
        ),
        ("EUR", "EUR\nfirst_weekday: mon", "business.yaml:3: first_weekday: Input should be 'monday'"),
        ("EUR", "EUR\ncountry: XX", "business.yaml:3: country: no calendar of public holidays is known"),
        ("EUR", "EUR\nsubdivision: BY", "business.yaml:3: subdivision: a part of which country? give country too"),
        ("EUR", "EUR\ncountry: AT\nsubdivision: XX", "business.yaml:4: subdivision: AT has no part 'XX'; known are 1"),
    ],
)  # fmt: skip
def test_a_mistake_in_business_yaml(folder: Path, old: str, new: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_with(folder, old, new, "business.yaml")
    assert message in str(caught.value)


def test_every_mistake_is_named_at_once(folder: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_with(folder, BUSINESS, "nam: x\ncurrency: euro\ntime_zone: nowhere\n", "business.yaml")
    assert len(str(caught.value).splitlines()) == 4


def test_two_sources_of_one_name_and_no_sales(folder: Path) -> None:
    one = SOURCES.removeprefix("sources:\n")
    with pytest.raises(ConfigurationError, match="two sources are named 'sales'"):
        load_with(folder, SOURCES, SOURCES + one)
    products = """sources:
  - {name: p, entity: products, files: p.csv, format: csv, columns: {product_id: id, product_name: name}}
"""
    (folder / "sources.yaml").write_text(products, encoding="utf-8")
    with pytest.raises(ConfigurationError, match="without sales there is no night"):
        load_business(folder)


def test_classifying_what_is_not_classified(folder: Path) -> None:
    with pytest.raises(ConfigurationError, match="only sales_lines without a mapped line_kind are classified"):
        load_with(folder, "    classify:", "      line_kind: Art\n    classify:")


def test_files_that_are_not_there_or_not_text(folder: Path) -> None:
    with pytest.raises(ConfigurationError, match="no such business folder"):
        load_business(folder / "nowhere")
    (folder / "business.yaml").write_bytes(b"name: \xff")
    with pytest.raises(ConfigurationError, match="not UTF-8 at byte 6"):
        load_business(folder)
    (folder / "business.yaml").unlink()
    with pytest.raises(ConfigurationError, match=r"business\.yaml: no such file"):
        load_business(folder)
    (folder / "business.yaml").write_text("", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="name: this key is missing"):
        load_business(folder)
    (folder / "business.yaml").write_text("- a\n- b\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"business\.yaml:1: the file:"):
        load_business(folder)


def test_a_source_knows_where_its_keys_stand(folder: Path) -> None:
    source = load_business(folder).sources[0]
    assert source.where("columns.unit_price.decimal") == f"{folder}/sources.yaml:12: sales.columns.unit_price.decimal"
    assert source.where("classify.0.when") == f"{folder}/sources.yaml:15: sales.classify.0.when"
    assert source.where("reject.3.when") == f"{folder}/sources.yaml:2: sales.reject.3.when"
