"""JSON, XML and YAML as rows: nesting, exactness, broken and hostile files, and round trips through real writers.

Not here: what a night makes of the rows (tests/integration/test_ingestion_structured.py).
"""

import json
import re
import tracemalloc
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from orchestration.errors import SourceError
from orchestration.ingestion.readers import window, xml_tree, yaml_tree
from orchestration.ingestion.readers.json_tree import JsonReader
from orchestration.ingestion.readers.opening import open_reader
from orchestration.shapes import Shape, Tree
from tests.support.readers import read, read_or_refuse

FUZZ = settings(
    max_examples=40, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
ORDERS = {
    "data": {
        "orders": [
            {"id": 1, "customer": {"city": "Graz"}, "items": [{"sku": "a", "qty": 2}, {"sku": "b"}], "tags": ["x", 1]},
            {"id": 2, "items": []},
            {"id": 3, "items": {"sku": "c"}},
        ]
    }
}
EXPLODED = (
    ["id", "customer.city", "tags", "items.sku", "items.qty"],
    [("1", "Graz", '["x", 1]', "a", "2"), ("1", "Graz", '["x", 1]', "b", ""), ("2", "", "", "", ""),
     ("3", "", "", "c", "")],
    [],
)  # fmt: skip


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "orders.txt"


@pytest.fixture(params=[1, 7, 1 << 20], ids=lambda size: f"chunk-{size}")
def chunk(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Every token is cut somewhere, and none is."""
    monkeypatch.setattr(window, "CHUNK_CHARACTERS", request.param)
    monkeypatch.setattr(xml_tree, "CHUNK_BYTES", max(64, request.param))
    return int(request.param)


# All three -----------------------------------------------------------------------------------------------------------


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


# JSON ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "mark", "text"),
    [
        ("1.50", ".", "1.50"),
        ("1.50", ",", "1,50"),
        ("0.1", ".", "0.1"),
        ("12345678901234567890123456789012345678.10", ".", "12345678901234567890123456789012345678.10"),
        ("9" * 5000, ".", "9" * 5000),
        ("1e-5", ".", "0.00001"),
        ("1.5E3", ",", "1500"),
        ("1e999999999", ".", "1e999999999"),
        ('"1.50"', ",", "1.50"),
        ('"007"', ".", "007"),
        ('" x "', ".", " x "),
        ("true", ".", "true"),
        ("null", ".", ""),
        ("[]", ".", ""),
        ('[{"x": 1.10}, null, true]', ".", '[{"x": 1.10}, null, true]'),
        ('"\\u00fc\\n"', ".", "ü\n"),
    ],
)
def test_json_values_are_exact(path: Path, chunk: int, written: str, mark: str, text: str) -> None:
    header, rows, bad = read(path, f'[{{"a": {written}, "b": 1}}]', {"a": mark}, format="json")
    assert (header, rows, bad) == (["a", "b"], [(text, "1")], [])


@pytest.mark.parametrize(
    ("record", "rule"),
    [
        ('{"a": NaN}', "not_a_number"),
        ('{"a": {"b": [-Infinity]}}', "not_a_number"),
        ('{"a": 1, "a": 1}', "repeated_field"),
        ('{"a": {"b": 1, "b": 2}}', "repeated_field"),
        ('{"a.b": 1, "a": {"b": 2}}', "repeated_field"),
        ('{"a": 1, " a": 2}', "repeated_field"),
        ('{"": 1}', "field_name"),
        ('{"a\\u0000": 1}', "field_name"),
        ('{"id": "\\u0000"}', "nul_character"),
        ('{"id": "\\ud800"}', "encoding"),
        ('{"a": ' * 150 + "1" + "}" * 150, "depth"),
        ('{"a": ' + "[" * 150 + "]" * 150 + "}", "depth"),
        ("[1]", "not_a_record"),
        ("null", "not_a_record"),
        ('"x"', "not_a_record"),
    ],
)
def test_a_bad_record_is_no_row_and_the_others_are(path: Path, record: str, rule: str) -> None:
    header, rows, bad = read(path, f'[{{"id": 1}},\n{record},\n{{"id": 2}}]', format="json")
    assert (header, rows, bad) == (["id"], [("1",), ("2",)], [(2, rule)])


def test_what_is_wrong_is_said_with_line_and_name(path: Path) -> None:
    path.write_text('[{"id": 1},\n{"id": {"x": NaN}}]')
    (_, bad) = JsonReader(path, Tree(), {}).records()
    assert bad.reason == (
        "The value of id.x is NaN, which JSON does not know. The record begins in line 2 of the file."
    )
    assert bad.text == '{"id": {"x": NaN}}'


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('[{"a": 1},\n{"a": }]', "line 2, column 7"),
        ('[{"a": 1},\n {"a": "x\n"}]', "line 2, column 10"),
        ('[{"a": 1}', "line 1, column 10"),
        ('[{"a": 1},]', "line 1, column 11"),
        ('[{"a": 1}] x', "line 1, column 12"),
        ('[{"a": "never closed', "line 1, column 8"),
        ('[{"a": 1}\n{"a": 2}]', "line 2, column 1"),
        ('{\n"a" 1}', "line 2, column 5"),
    ],
)
def test_a_broken_list_is_refused_where_it_breaks(path: Path, chunk: int, text: str, place: str) -> None:
    with pytest.raises(SourceError, match=f"{place}: not JSON"):
        read(path, text, format="json")


def test_a_broken_json_line_is_no_row_and_the_others_are(path: Path) -> None:
    text = '{"a": 1}\n\n{"a": 2\n{"a": 3}\r\n["x"]\n{"a": NaN}\n{"a": "4"}'
    assert read(path, text, format="json") == (["a"], [("1",), ("3",), ("4",)], [
        (3, "json"), (5, "not_a_record"), (6, "not_a_number"),
    ])  # fmt: skip


def test_json_lines_whose_first_line_is_broken_are_known_by_their_name(tmp_path: Path) -> None:
    text = '{"a": \n{"a": 1}\n'
    assert read(tmp_path / "a.jsonl", text, format="json") == (["a"], [("1",)], [(1, "json")])
    with pytest.raises(SourceError, match=r"line 3, column 1: not JSON.*\n.*named .jsonl"):
        read(tmp_path / "a.json", text, format="json")


def test_json_lines_with_envelopes(path: Path) -> None:
    text = '{"page": {"orders": [{"a": 1}, {"a": 2}]}}\n{"page": {"error": "x"}}\n{"page": {"orders": [{"a": 3}]}}\n'
    found = read(path, text, format="json", tree={"records": "page.orders"})
    assert found == (["a"], [("1",), ("2",), ("3",)], [(3, "no_records")])


@pytest.mark.parametrize("text", ['{\n"a": 1\n}\n{\n"a": 2\n}', '[{"a": 1}][{"a": 2}]', '[\n{"a": 1}\n,{"a": 2}\n]'])
def test_values_one_after_the_other(path: Path, chunk: int, text: str) -> None:
    assert read(path, text, format="json") == (["a"], [("1",), ("2",)], [])


def test_keys_with_points_and_pages_of_records(path: Path, chunk: int) -> None:
    text = '{"skipped": [[{"x": "]"}], {"y": [1, {}]}], "a.b": [{"c": [{"id": 1}]}, {"c": [{"id": 2}]}], "z": 1.5}'
    assert read(path, text + "\n\n", format="json", tree={"records": "a.b.c"}) == (["id"], [("1",), ("2",)], [])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_json_by_its_byte_order_mark(path: Path, encoding: str) -> None:
    assert read(path, '[{"ü": "🙂"}]'.encode(encoding), format="json") == (["ü"], [("🙂",)], [])


def test_bytes_of_another_encoding_spoil_their_record_only(path: Path) -> None:
    content = b'[{"a": "M\xfcller"}, {"a": "M\xc3\xbcller"}]'
    assert read(path, content, format="json") == (["a"], [("Müller",)], [(1, "encoding")])


def test_ids_as_keys_are_refused_before_they_fill_the_memory(path: Path) -> None:
    text = json.dumps([{f"id{i}": 1} for i in range(2000)])
    with pytest.raises(SourceError, match=r"more than 1,500 different fields\nRemedy: are ids used as keys"):
        read(path, text, format="json")


def test_a_record_without_end_is_refused_before_it_fills_the_memory(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(window, "CHUNK_CHARACTERS", 1000)
    monkeypatch.setattr(window, "LONGEST_PIECE", 10_000)
    with pytest.raises(SourceError, match=r"line 2, column 1: no end in the next [\d,]+ characters"):
        read(path, '[{"a": 1},\n{"a": "' + "x" * 100_000, format="json")


def test_a_long_list_never_stands_in_memory(path: Path) -> None:
    record = json.dumps({"id": 1, "name": "x" * 1000})
    path.write_text(
        '{"skipped": [' + ",".join([record] * 12_000) + '], "orders": [' + ",".join([record] * 12_000) + "]}"
    )
    tracemalloc.start()
    assert sum(1 for _ in JsonReader(path, Tree(records="orders"), {}).records()) == 12_000
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert path.stat().st_size > 24_000_000
    assert peak < 16_000_000


KEYS = st.text(st.characters(codec="utf-8", exclude_characters="\0."), min_size=1, max_size=4).filter(
    lambda k: k == k.strip() and k != "items"
)
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)
SCALARS = st.one_of(TEXTS, st.none(), st.booleans(), st.integers(), st.decimals(allow_nan=False, allow_infinity=False))


def shown(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return "" if value is None else str(value).lower()
    return format(value, "f") if isinstance(value, Decimal) else str(value)


@FUZZ
@given(
    records=st.lists(st.dictionaries(KEYS, SCALARS, min_size=1, max_size=3), min_size=1, max_size=5),
    form=st.sampled_from(["list", "lines", "inside", "spread"]),
    size=st.sampled_from([1, 3, 50]),
    is_ascii=st.booleans(),
)
def test_what_json_writes_is_read_back(
    path: Path, records: list[dict[str, Any]], form: str, size: int, is_ascii: bool
) -> None:
    def written(value: Any) -> str:
        return format(value, "f") if isinstance(value, Decimal) else json.dumps(value, ensure_ascii=is_ascii)

    texts = ["{" + ", ".join(f"{written(k)}: {written(v)}" for k, v in r.items()) + "}" for r in records]
    content = {
        "list": "[" + ",".join(texts) + "]",
        "lines": "\n".join(texts) + "\n",
        "inside": '{"meta": [1], "orders": [' + ", ".join(texts) + "]}",
        "spread": "[\n" + "\n,\n".join(texts) + "\n]",
    }[form]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(window, "CHUNK_CHARACTERS", size)
        found = read(path, content, format="json", tree={"records": "orders"} if form == "inside" else {})
    header = list(dict.fromkeys(k for r in records for k in r))
    assert found == (header, [tuple(shown(r.get(k)) for k in header) for r in records], [])


# XML -----------------------------------------------------------------------------------------------------------------

ORDER_XML = """<?xml version="1.0"?>
<!-- the day's orders -->
<o:Orders xmlns:o="urn:o" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
  <o:Order id="1" o:state="new">
    <Customer><City>Graz &amp; Linz</City></Customer>
    <Price currency="EUR">19.90</Price>
    <Note xsi:nil="true"/>
    <Lines count="2"><Line no="1"><Sku><![CDATA[<a>]]></Sku></Line><Line no="2"/></Lines>
    <Tag>x</Tag><Tag>y</Tag>
  </o:Order>
  <o:Order id="2"><Price>5</Price></o:Order>
</o:Orders>
"""


def test_xml_attributes_texts_and_lines_become_columns(path: Path, chunk: int) -> None:
    for tree in ({}, {"records": "Orders.Order"}, {"records": "/Orders/Order"}):
        header, rows, bad = read(path, ORDER_XML, format="xml", tree=tree | {"lines": "Lines.Line"})
        records = [dict(zip(header, row, strict=True)) for row in rows]
        first = {
            "@id": "1", "@state": "new", "Customer.City": "Graz & Linz", "Price.@currency": "EUR", "Price": "19.90",
            "Note": "", "Lines.@count": "2", "Tag": '["x", "y"]', "Lines.Line.@no": "1", "Lines.Line.Sku": "<a>",
        }  # fmt: skip
        second = first | {"Lines.Line.@no": "2", "Lines.Line.Sku": ""}
        third = dict.fromkeys(first, "") | {"@id": "2", "Price": "5"}
        assert (records, bad) == ([first, second, third], [])


@pytest.mark.parametrize(
    "prolog",
    [
        '<!DOCTYPE a [<!ENTITY x0 "ha"><!ENTITY x1 "&x0;&x0;&x0;&x0;&x0;&x0;&x0;&x0;">]>',
        '<!DOCTYPE a [<!ENTITY x1 SYSTEM "file:///etc/hostname">]>',
        '<!DOCTYPE a SYSTEM "http://127.0.0.1:1/a.dtd">',
        '<!DOCTYPE a [<!ENTITY % p SYSTEM "file:///etc/hostname"> %p;]>',
        '<!DOCTYPE a [<!ATTLIST b c CDATA "default">]>',
        "<!DOCTYPE a>",
    ],
    ids=["billion laughs", "external entity", "external subset", "parameter entity", "default attribute", "plain"],
)
def test_a_document_type_is_refused_with_all_its_entities(path: Path, prolog: str) -> None:
    entity = "&x1;" if "x1" in prolog else "1"
    with pytest.raises(SourceError, match=r"line 2: a document type .* is not read"):
        read(path, f"<?xml version='1.0'?>\n{prolog}<a><b>{entity}</b></a>", format="xml")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("<a><b>&x;</b></a>", "line 1, column 7: not XML: undefined entity"),
        ("<a>\n<b></a>", "line 2, column 6: not XML: mismatched tag"),
        ("<a><b/></a><a/>", "junk after document element"),
        ("<a><b>1</b>", "not XML: no element found"),
        ("<a>" + "<b>" * 200, "nested deeper than 100 levels"),
        ("<a><b/><c/></a>", r"which element is a record\? There are a.b \(1\), a.c \(1\)"),
        ("<a><b/><b/><c/><c/></a>", r"There are a.b \(2\), a.c \(2\)"),
        ("{}", "not XML"),
        (b"<a><b>\xff</b></a>", "not well-formed"),
        ('<?xml version="1.0" encoding="klingon"?><a/>', "not of the encoding that it declares"),
        (b'<?xml version="1.0" encoding="gbk"?><a>\xff\xff</a>', "not of the encoding that it declares"),
    ],
)
def test_bad_xml_is_refused_where_it_is_bad(path: Path, text: str | bytes, problem: str) -> None:
    with pytest.raises(SourceError, match=problem):
        read(path, text, format="xml")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "iso-8859-1", "windows-1252", "gbk", "shift_jis", "us-ascii"])
def test_xml_in_the_encoding_that_it_declares(path: Path, encoding: str) -> None:
    name = {"gbk": "中", "shift_jis": "日", "us-ascii": "a", "windows-1252": "€"}.get(encoding, "ü")
    text = f'<?xml version="1.0" encoding="{encoding}"?><a><b><n>{name}</n></b><b/></a>'
    assert read(path, text.encode(encoding), format="xml") == (["n"], [(name,), ("",)], [])


def test_an_xml_record_far_too_large_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xml_tree, "LONGEST_PIECE", 10_000)
    for body in ("<c>" + "x" * 20_000 + "</c>", "<c/>" * 1000, f"<c d='{'x' * 20_000}'/>"):
        with pytest.raises(SourceError, match=r"a record of more than 10,000 characters, begun in line 2"):
            read(path, f"<a>\n<b>{body}</b></a>", format="xml")
    with pytest.raises(SourceError, match="a tag without an end"):
        read(path, "<a><b c='" + "x" * 200_000, format="xml")


def test_one_stray_element_does_not_hide_the_records(path: Path) -> None:
    found = read(path, "<a><when>today</when><b>1</b><b>2</b></a>", format="xml")
    assert found == (["b"], [("1",), ("2",)], [])


NAMES = st.text("abcdeÄ_", min_size=1, max_size=3)
XML_TEXTS = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="\ufffe\uffff"), max_size=8
)


@FUZZ
@given(
    records=st.lists(st.dictionaries(NAMES, XML_TEXTS, min_size=1, max_size=3), min_size=1, max_size=5),
    encoding=st.sampled_from(["utf-8", "utf-16"]),
    as_attributes=st.booleans(),
)
def test_what_elementtree_writes_is_read_back(
    path: Path, records: list[dict[str, str]], encoding: str, as_attributes: bool
) -> None:
    root = ElementTree.Element("Orders")
    for record in records:
        own = ElementTree.SubElement(root, "Order", record if as_attributes else {})
        for name, text in () if as_attributes else record.items():
            ElementTree.SubElement(own, name).text = text
    content = ElementTree.tostring(root, encoding=encoding)
    header = list(dict.fromkeys(f"@{k}" if as_attributes else k for r in records for k in r))
    rows = [tuple(r.get(name.lstrip("@"), "") for name in header) for r in records]
    assert read(path, content, format="xml", tree={"records": "Orders.Order"}) == (header, rows, [])


# YAML ----------------------------------------------------------------------------------------------------------------


def test_yaml_scalars_are_the_text_that_stands_there(path: Path) -> None:
    text = (
        "- {country: NO, id: 007, price: 1.50, on: 2024-02-29, ok: yes, hex: 0x10, time: 12:30, big: 1_000}\n"
        "- {country: ~, id: null, price: '', on: 'null', ok: \"~\", hex: Null, time: , big: !!str null}\n"
    )
    header, rows, bad = read(path, text, {"price": ","}, format="yaml")
    assert header == ["country", "id", "price", "on", "ok", "hex", "time", "big"]
    assert rows == [
        ("NO", "007", "1.50", "2024-02-29", "yes", "0x10", "12:30", "1_000"),
        ("", "", "", "null", "~", "", "", "null"),
    ]
    assert bad == []


def test_yaml_aliases_and_merges_mean_what_they_say(path: Path) -> None:
    text = (
        "defaults: &d {country: AT, channel: web}\nmore: {deep: &e {x: 1}}\norders:\n"
        "- {<<: *d, id: 1, channel: shop}\n- {<<: [*e, *d], id: 2, at: *e}\n"
    )
    header, rows, _ = read(path, text, format="yaml", tree={"records": "orders"})
    records = [{k: v for k, v in zip(header, row, strict=True) if v} for row in rows]
    assert records == [
        {"country": "AT", "channel": "shop", "id": "1"},
        {"x": "1", "country": "AT", "channel": "web", "id": "2", "at.x": "1"},
    ]


def test_yaml_documents_are_records(path: Path) -> None:
    assert read(path, "a: 1\n---\na: 2\n---\n- a: 3\n- a: 4\n...\n", format="yaml") == (
        ["a"], [("1",), ("2",), ("3",), ("4",)], [],
    )  # fmt: skip


@pytest.mark.parametrize("at", ["records", "beside"])
def test_an_alias_bomb_is_refused(path: Path, at: str) -> None:
    lines = ["a0: &a0 [" + ", ".join(["lol"] * 10) + "]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 12)]
    with pytest.raises(SourceError, match=r"line 7: a record of more than [\d,]+ characters"):
        read(
            path, "\n".join(lines) + "\norders: []", format="yaml", tree={"records": "orders"} if at == "beside" else {}
        )


@pytest.mark.parametrize(
    ("text", "rule"),
    [("{a: 1, a: 2}", "repeated_field"), ("{? [x] : 1}", "field_name"), ("{<<: 7}", "field_name"),
     ("x", "not_a_record"), ("[1]", "not_a_record"), ("{? : 1}", "field_name")],
)  # fmt: skip
def test_a_bad_yaml_record_is_no_row(path: Path, text: str, rule: str) -> None:
    assert read(path, f"- a: 1\n- {text}\n", format="yaml") == (["a"], [("1",)], [(2, rule)])


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("- a: *x", "line 1: there is no anchor &x before it"),
        ("- &x [*x]", "there is no anchor &x before it"),
        ("a: [1,\n", "line 2, column 1: not YAML"),
        ("- a: 1\n  b: c: d", "line 2, column 7: not YAML: mapping values"),
        ("- " * 200 + "a", "nested deeper than 100 levels"),
        (b"- a: \xff", "not YAML: unacceptable character"),
        ("- a: \x07", "not YAML"),
        ("\t- a", "not YAML"),
    ],
)
def test_bad_yaml_is_refused_where_it_is_bad(path: Path, text: str | bytes, problem: str) -> None:
    with pytest.raises(SourceError, match=problem):
        read(path, text, format="yaml")


def test_one_endless_yaml_text_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yaml_tree, "LONGEST_RECORD", 100_000)
    with pytest.raises(SourceError, match="one text in it is far too long"):
        read(path, "- a: '" + "x" * 2_000_000 + "'", format="yaml")


# PyYAML folds lines at these where it writes them unescaped, and the C parser reads another text than its own
YAML_TEXTS = TEXTS.map(lambda text: re.sub("[\x85\u2028\u2029]", "_", text))
YAML_KEYS = KEYS.map(lambda text: re.sub("[\x85\u2028\u2029]", "_", text))


@FUZZ
@given(
    records=st.lists(
        st.dictionaries(YAML_KEYS, st.one_of(YAML_TEXTS, st.integers(), st.none()), min_size=1, max_size=3), min_size=1
    ),
    unicode=st.booleans(),
    encoding=st.sampled_from(["utf-8", "utf-16"]),
    form=st.sampled_from(["list", "documents"]),
)
def test_what_yaml_writes_is_read_back(
    path: Path, records: list[dict[str, Any]], unicode: bool, encoding: str, form: str
) -> None:
    options: dict[str, Any] = {"allow_unicode": unicode, "sort_keys": False}
    text = yaml.safe_dump(records, **options) if form == "list" else yaml.safe_dump_all(records, **options)
    header = list(dict.fromkeys(k for r in records for k in r))
    rows = [tuple(shown(r.get(k)) for k in header) for r in records]
    assert read(path, text.encode(encoding), format="yaml") == (header, rows, [])
