"""Date formats, expressions, cells and file names: what is plain Python in ingestion.

Not here: what the SQL made of them does with values (tests/integration/test_ingestion_values.py).
"""

from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from orchestration.errors import SourceError
from orchestration.ingestion.contract import ENTITIES, raw_ddl
from orchestration.ingestion.dates import check_format
from orchestration.ingestion.expressions import check_expression, check_names, names_in, render
from orchestration.ingestion.files import DataFolder, natural_key
from orchestration.ingestion.names import check_columns
from orchestration.ingestion.readers.cells import cell_text
from orchestration.ingestion.readers.records import checked_header, printable
from orchestration.ingestion.values import literal
from orchestration.sources import Source

SOURCE = Source.model_validate(
    {
        "name": "sales", "entity": "sales_lines", "files": "**/*.csv", "format": "csv",
        "columns": {
            "order_id": "order", "line_id": {"from": "line", "numbered_within": ["order"]}, "ordered_at": "at",
            "product_id": "product", "qty_units": "qty", "unit_price": "price",
        },
        "classify": [{"kind": "sale"}],
    }
)  # fmt: skip


@pytest.mark.parametrize("form", ["%Y-%m-%d", "%d.%m.%Y %H:%M", "%Y%m%d", "%d/%m/%y", "%d. %m. %Y", "%H:%M %m/%d/%Y"])
def test_formats_that_can_be_read(form: str) -> None:
    assert check_format(form) == form


@pytest.mark.parametrize(
    ("form", "problem"),
    [
        ("", "must hold one year"), ("%Y-%m", "must hold one year"), ("%Y-%y-%m-%d", "must hold one year"),
        ("%d.%b.%Y", "%b in the date format"), ("%d.%m.%Y %I:%M %p", "%I in"), ("%d.%m.%Y %z", "%z in"),
        ("%d.%m.%Y%", "% in the date format"), ("%d.%m.%Y %%", "%% in"), ("%d.%d.%m.%Y", "a part twice"),
        ("%d.%m.%Y :%M", "minutes without hours"), ("%d.%m.%Y %H:%S", "seconds without minutes"),
        ("20%y-%m-%d", "neither digits"), ("%d|%m|%Y", "neither digits"),
    ],
)  # fmt: skip
def test_formats_that_cannot(form: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        check_format(form)


def test_expressions_know_their_columns() -> None:
    assert names_in("coalesce(b, \"A b\", 'c')") == ["b", "A b"]
    check_names('"A b" = b', ["A b", "b"])
    with pytest.raises(ValueError, match="unknown column 'B'"):
        check_names('"B" = 1', ["b"])
    assert render('"A b" || \'"A b"\'', {"A b": "s.c0"}) == "s.c0 || '\"A b\"'"


@pytest.mark.parametrize(
    "text",
    [
        "select 1",
        "(select 1)",
        "a = any(array(select 1))",
        "a; b",
        "--",
        "/* only a comment */",
        "a --",
        "*",
        "count(*)",
        "a over ()",
        "$1",
        ":name",
        "%s",
        "pg_read_file('/etc/passwd')",
        "current_user",
        "random()",
        "version()",
        "nextval('s')",
        "lo_import('x')",
        "query_to_xml('select 1', true, true, '')",
        "set_config('a', 'b', false)",
        "insert into a values (1)",
        "case when exists (select 1) then a end",
        "a in (table b)",
    ],
)
def test_nothing_but_an_expression_passes(text: str) -> None:
    if text == "a --":
        assert check_expression(text) == text  # a comment does no harm: it is rendered as one, or not at all
        assert "\n" not in render(text, {"a": "s.c0"})
        assert not render(text, {"a": "s.c0"}).endswith("--")
        return
    with pytest.raises(ValueError, match=r"expression|allowed"):
        check_expression(text)


@example("%?")
@example("{:}")
@example("(" * 5000)
@given(st.text())
def test_any_text_is_an_expression_or_a_value_error(text: str) -> None:
    try:
        check_expression(text)
    except ValueError:
        return
    names_in(text)


@given(st.text(st.characters(exclude_characters="\0", codec="utf-8")))
def test_a_literal_has_every_quote_doubled(text: str) -> None:
    sql = literal(text).strip()
    inner = sql.removeprefix("E")[1:-1]
    plain = inner.replace("''", "'")
    assert (plain.replace("\\\\", "\\") if sql.startswith("E") else plain) == text
    assert "'" not in inner.replace("''", "")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (True, "true"),
        (7, "7"),
        (7.0, "7"),
        (-0.5, "-0.5"),
        (1e15, "1000000000000000"),
        (1e-5, "0.00001"),
        (0.1 + 0.2, "0.3"),
        (1.1, "1.1"),
        (float("nan"), "NaN"),
        (float("inf"), "Infinity"),
        (Decimal("0E-10"), "0.0000000000"),
        (Decimal("1E+3"), "1000"),
        (date(2024, 2, 29), "2024-02-29"),
        (datetime(2024, 2, 29, 1), "2024-02-29 01:00:00"),
        (time(1, 2), "01:02:00"),
        ("007", "007"),
        (b"a", "b'a'"),
    ],
)
def test_cells_as_text(value: object, text: str) -> None:
    assert cell_text(value) == text


@given(st.decimals(-(10**8), 10**8, places=6))
def test_a_decimal_kept_as_a_double_comes_back_whole(value: Decimal) -> None:
    assert Decimal(cell_text(float(value))) == value


@given(st.decimals(-(10**5), 10**5, places=1))
def test_a_decimal_kept_as_a_narrow_float_comes_back_whole(value: Decimal) -> None:
    assert Decimal(cell_text(float(np.float32(value)), float_bits=32)) == value


@given(st.sampled_from([16, 32, 64]), st.integers(-(2**53), 2**53))
def test_a_whole_number_that_a_float_can_hold_comes_back_whole(bits: int, number: int) -> None:
    number %= {16: 2**11, 32: 2**24, 64: 2**53}[bits] + 1
    assert cell_text(float(number), float_bits=bits) == str(number)


@given(st.floats(allow_nan=False, allow_infinity=False), st.sampled_from([16, 32, 64]))
def test_with_a_comma_there_is_no_point_and_no_exponent(value: float, bits: int) -> None:
    text = cell_text(value, ",", bits)
    assert set(text) <= set("-0123456789,")
    assert text.replace(",", ".") == cell_text(value, float_bits=bits)
    assert cell_text(Decimal(value), ",") == cell_text(Decimal(value)).replace(".", ",")


def test_a_mark_changes_numbers_only() -> None:
    at = datetime(2024, 2, 29, 1, 2, 3, 500_000)
    assert [cell_text(v, ",") for v in ("12.345", at, None, 7)] == ["12.345", "2024-02-29 01:02:03.500000", "", "7"]


def test_what_cannot_be_stored_is_shown_as_an_escape() -> None:
    assert printable(b"a\xff\0\xc3\xa4".decode(errors="surrogateescape")) == "a\\xff\\x00ä"


def test_headers_are_trimmed() -> None:
    assert checked_header(Path("a"), [" a ", "\u00a0b"]) == ["a", "b"]


def test_names_sort_as_people_count() -> None:
    assert sorted(["²1", "٣2", "1", "Ä10", "Ä9"], key=natural_key) == ["1", "²1", "Ä9", "Ä10", "٣2"]
    assert sorted(["d10.csv", "d9.csv", "d1b2.csv", "d1b10.csv"], key=natural_key) == [
        "d1b2.csv", "d1b10.csv", "d9.csv", "d10.csv",
    ]  # fmt: skip


@given(st.lists(st.text(max_size=6)))
def test_any_names_can_be_sorted(names: list[str]) -> None:
    assert sorted(sorted(names, key=natural_key)) == sorted(names)


def test_files_are_found_in_order_below_the_data_folder(tmp_path: Path) -> None:
    for name in ("ü/10.csv", "ü/9.csv", "a.csv", ".hidden.csv", "b.CSV", "c.csv.part", "~$d.csv"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("x")
    (tmp_path / "folder.csv").mkdir()
    assert [f.relative_path for f in DataFolder(tmp_path).find("**/*.csv")] == ["a.csv", "ü/9.csv", "ü/10.csv"]
    with pytest.raises(SourceError, match="there is no data folder"):
        DataFolder(tmp_path / "nowhere").find("*.csv")


def test_a_name_that_cannot_be_shown_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a\nb.csv").write_text("x")
    with pytest.raises(SourceError, match="a name that cannot be shown"):
        DataFolder(tmp_path).find("*.csv")


def test_a_missing_column_is_named_with_the_nearest() -> None:
    header = ["order", "lines", "at", "product", "qty", "price", "more"]
    with pytest.raises(
        SourceError, match=r"no column 'line', which sales\.columns.line_id reads; did you mean 'lines'"
    ):
        check_columns(SOURCE, header, "x.csv")
    with pytest.raises(SourceError, match="no column 'order'"):
        check_columns(SOURCE, [name for name in header if name != "order"], "x.csv")
    check_columns(SOURCE, [*header, "line"], "x.csv")


def test_every_entity_has_a_key_of_which_a_part_is_always_there() -> None:
    for entity in ENTITIES.values():
        assert any(entity.column(name).required for name in entity.key), entity.name
        assert entity.day_column is None or entity.column(entity.day_column).required
        assert f"comment on table {entity.table} is 'One row per" in raw_ddl()
    with pytest.raises(KeyError, match="has no column 'colour'"):
        ENTITIES["products"].column("colour")
