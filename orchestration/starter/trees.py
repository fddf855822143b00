"""Where in a JSON, XML or YAML file the records stand: the path to their list, and a list of lines within each.

Not here: reading them (ingestion/readers/). Only the beginning of a large file is looked at.
"""

import json
from collections import Counter
from pathlib import Path
from typing import Any

MOST_BYTES = 1 << 26
LOOKED_AT = 1 << 20
Found = tuple[str | None, str | None, str]  # records, lines, why


def find_trees(path: Path, kind: str) -> list[Found]:
    """The lists of records in a file; at most one, the longest.

    Raises:
        ValueError: it is not of that format, or too large to look for its lists.
    """
    if kind == "xml":
        return _in_xml(path)
    if kind == "json":
        first = _json_lines(path)
        if first is not None:
            return [(None, _lines_of(first), "a record per line")]
    if path.stat().st_size > MOST_BYTES:
        raise ValueError(f"more than {MOST_BYTES >> 20} MB are not searched: write its tree.records by hand")
    if kind == "json":
        tree = json.loads(path.read_bytes())
    else:
        import yaml

        loaded = [*yaml.load_all(path.read_text(encoding="utf-8-sig"), Loader=yaml.BaseLoader)]
        tree = loaded if len(loaded) > 1 else loaded[0] if loaded else None
    return _in_tree(tree)


def _json_lines(path: Path) -> list[Any] | None:
    """The first records of JSON lines; None if it is one document."""
    records: list[Any] = []
    with path.open(encoding="utf-8-sig", errors="replace") as stream:
        for line in stream:
            if not line.strip():
                continue
            try:
                records.append(json.loads(line))
            except ValueError:
                return None
            if len(records) == 50:
                break
    return (
        records if all(isinstance(r, dict) for r in records) and (len(records) > 1 or path.suffix != ".json") else None
    )


def _in_tree(tree: Any) -> list[Found]:
    """The longest list of mappings, as a dotted path; ``None`` for the top of the file."""
    lists: list[tuple[int, str, list[Any]]] = []

    def walk(node: Any, path: str, depth: int) -> None:
        if depth > 5:
            return
        if isinstance(node, list) and node and all(isinstance(item, dict) for item in node[:50]):
            lists.append((len(node), path, node))
        elif isinstance(node, dict):
            for key, value in node.items():
                walk(value, f"{path}.{key}" if path else str(key), depth + 1)

    walk(tree, "", 0)
    if not lists:
        return []
    count, path, records = max(lists, key=lambda found: found[0])
    return [(path or None, _lines_of(records), f"a list of {count} records at {path or 'the top'}")]


def _lines_of(records: list[Any]) -> str | None:
    """The list of mappings that most of the records hold, as an order holds its items."""
    counts: Counter[str] = Counter()
    for record in records[:200]:
        if isinstance(record, dict):
            counts.update(
                key for key, value in record.items() if isinstance(value, list) and value and isinstance(value[0], dict)
            )
    found = counts.most_common(1)
    return found[0][0] if found and found[0][1] * 2 >= min(len(records), 200) else None


def _in_xml(path: Path) -> list[Found]:
    """The element that comes again and again, outermost first, and one that does so within it."""
    from xml.etree.ElementTree import ParseError, XMLPullParser

    with path.open("rb") as stream:
        head = stream.read(LOOKED_AT)
    if b"<!ENTITY" in head:
        raise ValueError("it declares entities, which are refused")
    parser: Any = XMLPullParser(["start", "end"])
    stack: list[str] = []
    counts: Counter[tuple[str, ...]] = Counter()
    most_in_one: Counter[tuple[str, ...]] = Counter()
    inside: list[Counter[tuple[str, ...]]] = []
    has_children: set[tuple[str, ...]] = set()
    try:
        parser.feed(head)
        events: Any = parser.read_events()
        for event, element in events:
            if event == "start":
                stack.append(str(element.tag).rpartition("}")[2])
                here = tuple(stack)
                counts[here] += 1
                inside.append(Counter())
                if len(inside) > 1:
                    inside[-2][here] += 1
                    has_children.add(here[:-1])
                if element.attrib:
                    has_children.add(here)
            else:
                most_in_one |= inside.pop()
                stack.pop()
    except ParseError as error:
        raise ValueError(str(error)) from None
    # what is still open at the end of the sample counts too
    for open_children in inside:
        most_in_one |= open_children
    repeated = [place for place, most in most_in_one.items() if most > 1 and place in has_children]
    if not repeated:
        return []
    records = min(repeated, key=lambda place: (len(place), -counts[place]))
    within = [place for place in repeated if len(place) > len(records) and place[: len(records)] == records]
    lines = ".".join(min(within, key=len)[len(records) :]) if within else None
    path_of = ".".join(records)
    return [(path_of, lines, f"{counts[records]} times <{records[-1]}>")]
