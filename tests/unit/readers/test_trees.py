"""JSON, XML and YAML as rows: nesting, paths, optional fields, and any bytes at all.

Not here: one format alone (test_json.py, test_xml.py, test_yaml.py), what a night makes of the rows
(tests/integration/test_ingestion_structured.py).
"""

import json
import re
from pathlib import Path

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from orchestration.errors import SourceError
from orchestration.ingestion.readers.opening import open_reader
from orchestration.shapes import Shape
from tests.support.readers import read, read_or_refuse
from tests.support.trees import EXPLODED, FUZZ, ORDERS


@pytest.mark.parametrize("form", ["json", "yaml"])
def test_nested_records_become_rows(path: Path, chunk: int, form: str) -> None:
    text = json.dumps(ORDERS) if form == "json" else yaml.safe_dump(ORDERS, sort_keys=False)
    tree = {"records": "data.orders", "lines": "items"}
    header, rows, bad = read(path, text, format=form, tree=tree)
    expected = EXPLODED[1] if form == "json" else [(*r[:2], r[2].replace("1", '"1"'), *r[3:]) for r in EXPLODED[1]]
    assert (header, rows, bad) == (EXPLODED[0], expected, [])


def test_lists_inside_lists_become_rows_along_the_path(path: Path) -> None:
    record = {"customer": "c", "orders": [{"no": 1, "items": [{"s": "a"}, {"s": "b"}]}, {"no": 2, "items": None}]}
    header, rows, _ = read(path, json.dumps([record]), format="json", tree={"lines": "orders.items"})
    assert header == ["customer", "orders.no", "orders.items.s"]
    assert rows == [("c", "1", "a"), ("c", "1", "b"), ("c", "2", "")]


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("json", "[]"),
        ("json", " [ ]\n"),
        ("xml", "<Orders/>"),
        ("xml", "<?xml version='1.0'?><a>  </a>"),
        ("yaml", "[]"),
    ],
)
def test_a_file_without_records_lacks_no_column(path: Path, form: str, text: str) -> None:
    assert read(path, text, {"id": ".", "qty": "."}, format=form) == (["id", "qty"], [], [])


@pytest.mark.parametrize(
    ("form", "text"),
    [("json", '{"data": {"orders": []}}'), ("json", '{"data": {"orders": null}}'), ("yaml", "data: {orders: []}"),
     ("xml", "<data/>"), ("yaml", "data:\n  orders:\n")],
)  # fmt: skip
def test_nor_does_one_with_an_empty_list_at_the_path(path: Path, form: str, text: str) -> None:
    assert read(path, text, {"id": "."}, format=form, tree={"records": "data.orders"}) == (["id"], [], [])


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("json", '{"data":\n{"order": []}}'),
        ("yaml", "data: {order: []}"),
        ("xml", "<data><order/></data>"),
        ("json", '{\n"data": 7}'),
        ("yaml", "data: 7"),
        ("xml", "<date><orders/></date>"),
    ],
)
def test_a_wrong_path_is_refused(path: Path, form: str, text: str) -> None:
    hint = "; did you mean" if "7" not in text else ""
    with pytest.raises(SourceError, match=rf"there is no .*orders'?{re.escape(hint)}"):
        read(path, text, format=form, tree={"records": "data.orders"})


@pytest.mark.parametrize("form", ["json", "xml", "yaml"])
def test_an_empty_file_is_no_file(path: Path, form: str) -> None:
    for text in ("", "\n") if form != "xml" else ("",):
        with pytest.raises(SourceError, match="the file is empty"):
            read(path, text, format=form)


@pytest.mark.parametrize("form", ["json", "xml", "yaml"])
def test_a_missing_file_is_said(tmp_path: Path, form: str) -> None:
    with pytest.raises(SourceError, match="cannot be read: No such file"):
        open_reader(tmp_path / "gone", Shape(format=form), {}).header()  # type: ignore[arg-type]


def test_an_optional_field_may_be_missing_altogether(path: Path) -> None:
    found = read(path, '[{"id": 1}]', format="json", tree={"optional": ["discount", "id"]})
    assert found == (["id", "discount"], [("1", "")], [])


@FUZZ
@example(b"[" * 100_000, "json")
@example(b'{"a":' * 100_000, "json")
@example(b'[{"a":"' + b"\\ud800" * 3 + b'"}]', "json")
@example(b'[{"a":1}', "json")
@example(b"\xff\xfe[", "json")
@example(b"\xff\xfe\x00\xd8", "json")
@example(b"<a>" * 10_000, "xml")
@example(b"<?xml version='1.0' encoding='zip'?><a/>", "xml")
@example(b"<?xml version='1.0' encoding='nonsense'?><a/>", "xml")
@example(b"<?xml version='1.0' encoding='gbk'?><a><b>\xff\xff</b></a>", "xml")
@example(b"[" * 10_000, "yaml")
@example(b"&a [*a]", "yaml")
@example(b"? [a]: b\n: c", "yaml")
@example(b"- <<: [1]\n- <<: {a: 1}", "yaml")
@example(b"%YAML 9.9\n---\na", "yaml")
@example(b"\x00", "yaml")
@given(content=st.binary(max_size=60), form=st.sampled_from(["json", "xml", "yaml"]))
def test_any_bytes_are_records_or_refused(path: Path, content: bytes, form: str) -> None:
    for tree in ({}, {"records": "a.b", "lines": "c.d"}):
        read_or_refuse(path, content, format=form, tree=tree)


PIECES = [
    '{"a":', "[", "]", "{", "}", ",", ":", '"a"', '"b":', "1", "1.5e3", "null", "NaN", "\n", " ", "- a: 1\n", "a: ",
    "&x ", "*x ", "<<: ", "<a>", "</a>", "<b c='1'>", "</b>", "<a/>", "t", "&amp;", "<![CDATA[", "]]>", "<!--", "-->",
    "|\n  x\n",
]  # fmt: skip


@FUZZ
@given(
    content=st.lists(st.sampled_from(PIECES), max_size=25).map("".join), form=st.sampled_from(["json", "xml", "yaml"])
)
def test_any_scraps_are_records_or_refused(path: Path, content: str, form: str) -> None:
    for tree in ({}, {"records": "a", "lines": "b"}):
        read_or_refuse(path, content, format=form, tree=tree)
