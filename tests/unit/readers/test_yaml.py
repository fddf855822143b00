"""YAML as rows: scalars as they stand there, aliases, bombs, broken files, and a round trip through a real writer.

Not here: what it has in common with JSON and XML (test_trees.py).
"""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from orchestration.errors import SourceError
from orchestration.ingestion.readers import yaml_tree
from tests.support.readers import read
from tests.support.trees import FUZZ, KEYS, TEXTS, shown


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
