"""XML as rows: attributes, document types, encodings, hostile files, and a round trip through a real writer.

Not here: what it has in common with JSON and YAML (test_trees.py).
"""

from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration.errors import SourceError
from orchestration.ingestion.readers import xml_tree
from tests.support.readers import read
from tests.support.trees import FUZZ

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
