"""The business folder as YAML text: every guess with its certainty and reason beside it, and what must be confirmed.

Not here: the guesses (proposals.py) and the folder (init.py).
"""

import json
import re
from collections.abc import Mapping, Sequence

from orchestration.shapes import CsvDialect, ExcelSheet, Shape, Tree
from orchestration.sources import Source
from orchestration.starter.guesses import Guess
from orchestration.starter.lookups import Lookup
from orchestration.starter.place import Place
from orchestration.starter.proposals import Proposal

MOST_SHOWN = 12
_PLAIN = re.compile(r"[A-Za-z_][\w .+/()-]*[\w)]|[A-Za-z_]")
# Other programs than Daybreak would read these as something else.
_WORDS_OF_YAML = {"null", "true", "false", "yes", "no", "off", "y", "n", "nan"}


def scalar(value: object) -> str:
    r"""A YAML scalar, in quotes where it would otherwise be read as something else, or break the line.

    >>> scalar("Order ID"), scalar("NO"), scalar("+|"), scalar('cast("a" as text)'), scalar(None)
    ('Order ID', '"NO"', '"+|"', '\'cast("a" as text)\'', '""')
    """
    if value is None:
        return '""'
    text = str(value)
    if isinstance(value, int) or (_PLAIN.fullmatch(text) and text.casefold() not in _WORDS_OF_YAML):
        return text
    if '"' in text and text.isprintable():
        return "'" + text.replace("'", "''") + "'"
    return json.dumps(text, ensure_ascii=not text.isprintable())


def flow(value: object) -> str:
    """A value in one line: scalars, lists and mappings.

    >>> flow({"from": "Datum", "format": "%d.%m.%Y", "on": ["a", "b"]})
    '{from: Datum, format: "%d.%m.%Y", on: [a, b]}'
    """
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{scalar(k)}: {flow(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(flow, value)) + "]"
    text = scalar(value)
    return json.dumps(text, ensure_ascii=False) if re.search(r"[,{}\[\]]", text) and text[0] not in "\"'" else text


def business_yaml(name: str, place: Place) -> str:
    """business.yaml, with what must be confirmed."""
    return (
        "# Written by daybreak init. What nobody can see in a file is marked CONFIRM.\n"
        f"name: {scalar(name)}  # CONFIRM: as it stands on the reports\n"
        f"currency: {place.currency}  # CONFIRM: {place.currency_reason}\n"
        f"time_zone: {place.time_zone}  # CONFIRM: {place.time_zone_reason}\n"
        "locale: en\n"
        "fiscal_year_start_month: 1  # CONFIRM\n"
        "first_weekday: monday\n"
        "as_of: last_sales_day\n"
    )


def alerts_yaml() -> str:
    """alerts.yaml: nobody is told yet."""
    return (
        "# Who is told of a new report and of a failed night.\n"
        "email: []  # CONFIRM: addresses, as in [zoe@example.com]\n"
        "slack: false\n"
        "silence_hours: 26\n"
    )


def sources_yaml(proposals: Sequence[Proposal], unused: Mapping[str, str], strangers: Mapping[str, str]) -> str:
    """sources.yaml: every source, and as comments what was left out."""
    lines = [
        "# Written by daybreak init from a look at the files. Beside each key: how sure it is, and why.",
        "# What a person must confirm is marked CONFIRM; take the mark away once it is.",
        "sources:",
    ]
    refused = {p.name: why for p in proposals if p.is_written and (why := _refusal(p))}
    written = [p for p in proposals if p.is_written and p.name not in refused]
    said: set[str] = set()
    for proposal in written:
        lines += ["", *_source(proposal)]
        place = proposal.table.place
        if place not in said:
            others = [p for p in written if p.table.place == place and p is not proposal]
            lines += [f"    # {line}" for line in _unread(proposal, {name for p in others for name in p.reads})]
        said.add(place)
    if not written:
        lines[-1] = "sources: []"
    for proposal in proposals:
        if proposal not in written:
            why = refused.get(proposal.name) or f"nothing was found for {', '.join(proposal.missing)}"
            lines += ["", f"  # Not a source yet: {_one_line(why)}."]
            own = [*_source(proposal), *(f"    # {line}" for line in _unread(proposal, set()))]
            lines += ["  # " + line.removeprefix("  ") for line in own]
    left = {**{f"{name} (table)": why for name, why in unused.items()}, **strangers}
    if left:
        lines += ["", "# Not recognised:"]
        lines += [f"#   {_one_line(name)}: {_one_line(why)}" for name, why in left.items()]
    return "\n".join(lines) + "\n"


def _refusal(proposal: Proposal) -> str:
    """Why a night would not take the source as it would be written; "" where it would."""
    import yaml

    try:
        (found,) = yaml.load("\n".join(_source(proposal)), Loader=yaml.BaseLoader)
        Source.model_validate(found)
    except (yaml.YAMLError, ValueError) as error:
        return f"it cannot be written as one: {error}"
    return ""


def _source(proposal: Proposal) -> list[str]:
    table = proposal.table
    lines = [
        f"  # {proposal.confidence_pct} % sure that these are {proposal.entity}. The files: {_one_line(table.reason)}",
        f"  - name: {proposal.name}",
        f"    entity: {proposal.entity}",
        f"    files: {json.dumps(table.shape.files, ensure_ascii=False)}{_of_one_file(proposal)}",
        *(f"    {line}" for line in _shape(table.shape)),
    ]
    if proposal.decimal == ",":
        lines.append('    decimal: ","')
    if proposal.blanks():
        lines.append(
            f"    blanks: {flow(['', *proposal.blanks()])}  # CONFIRM: do they all mean that there is no value?"
        )
    if proposal.lookups:
        lines += ["    joins:", *(f"      - {_join(lookup)}" for lookup in proposal.lookups)]
    lines.append("    columns:")
    lines += [f"      {_column(made)}" for made in proposal.guesses.values()]
    if proposal.kinds and "line_kind" not in proposal.guesses:
        lines.append("    classify:")
        for kind in proposal.kinds:
            when = f", when: {json.dumps(kind.when, ensure_ascii=False)}" if kind.when else ""
            confirm = "CONFIRM: " if kind.kind in ("charge", "adjustment") else ""
            lines.append(f"      - {{kind: {kind.kind}{when}}}  # {confirm}{_one_line(kind.reason)}")
    return lines + [f"    # {_one_line(note)}" for note in proposal.notes]


def _of_one_file(proposal: Proposal) -> str:
    """The question that the name of a single file raises; of what has no * in it only that file is ever found."""
    if "*" in proposal.table.shape.files or "?" in proposal.table.shape.files:
        return ""
    mark = "CONFIRM: " if proposal.entity == "sales_lines" else ""
    return f"  # {mark}will the next export have this name? If not, put a * for what changes"


def _unread(proposal: Proposal, elsewhere: set[str]) -> list[str]:
    """The columns that no source of the file reads."""
    lines = []
    unread = proposal.unread(elsewhere)
    for profile, near in unread[:MOST_SHOWN]:
        hint = f"; nearest: {near}" if near else ""
        lines.append(f"Nothing reads {_one_line(profile.name)} ({profile.kind}{hint}).")
    if len(unread) > MOST_SHOWN:
        names = ", ".join(_one_line(profile.name) for profile, _ in unread[MOST_SHOWN:])
        lines.append(f"Nor {len(unread) - MOST_SHOWN} more: {names[:300]}.")
    return lines


def _column(made: Guess) -> str:
    value = made.mapping["from"] if set(made.mapping) == {"from"} else made.mapping
    said = f"CONFIRM: {_one_line(made.confirm)} " if made.confirm else ""
    sure = f"{made.confidence_pct} %: {_one_line(made.reason)}" if made.reason else ""
    return f"{made.target}: {flow(value)}  # {said}{sure}".rstrip()


def _join(lookup: Lookup) -> str:
    shape = lookup.table.shape
    parts: dict[str, object] = {"name": lookup.name, "files": shape.files}
    text = ", ".join(f"{k}: {flow(v)}" for k, v in parts.items())
    for line in _shape(shape):
        text += f", {line}" if line != "format: csv" else ""
    unmatched = "" if lookup.is_needed else ", unmatched: keep"
    return f"{{{text}, on: {flow(lookup.on)}{unmatched}}}  # {lookup.known_share:.0%} of the keys stand there"


def _shape(shape: Shape) -> list[str]:
    """The keys of a shape that are not as they are by default."""
    lines = [f"format: {shape.format}"]
    for key, plain in (("csv", CsvDialect()), ("excel", ExcelSheet()), ("tree", Tree())):
        own = getattr(shape, key)
        changed = {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in own.model_dump().items()
            if value != getattr(plain, name)
        }
        if changed:
            lines.append(f"{key}: {flow(changed)}")
    if shape.sql is not None:
        lines.append(f"sql: {flow({'table': shape.sql.table})}")
    return lines


def _one_line(text: str) -> str:
    """A text that can stand in a comment."""
    shown = "".join(c if c.isprintable() else "·" for c in text)
    return shown if len(shown) <= 200 else shown[:200] + "…"
