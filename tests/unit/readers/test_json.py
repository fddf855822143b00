"""JSON as rows: exactness, broken and hostile files, encodings, and a round trip through a real writer.

Not here: what it has in common with XML and YAML (test_trees.py).
"""

import json
import tracemalloc
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration.errors import SourceError
from orchestration.ingestion.readers import window
from orchestration.ingestion.readers.json_tree import JsonReader
from orchestration.shapes import Tree
from tests.support.readers import read
from tests.support.trees import FUZZ, KEYS, SCALARS, shown


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
