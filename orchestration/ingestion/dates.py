"""Dates and times as SQL: from a text in a declared format, or in ISO form, to a value; null if there is no such time.

Not here: which column has which format (compile.py). A text is rewritten in the one form in which PostgreSQL writes
the value back, and must come back as it went in: 30 February, 24:00 and second 60 do not, and letters neither.
"""

import re
from itertools import pairwise

PARTS = {
    "%Y": ("year", 4), "%y": ("short_year", 2), "%m": ("month", 2), "%d": ("day", 2),
    "%H": ("hour", 2), "%M": ("minute", 2), "%S": ("second", 2),
}  # fmt: skip
_PADDED_ISO = {"date": "____-__-__", "timestamp": "____-__-__ __:__:__"}
_ISO = {"date": "%Y-%m-%d", "timestamp": "%Y-%m-%d %H:%M:%S"}
_BYTES = {"date": 10, "timestamp": 19}
_LOOSE_SHAPES = {
    "date": "('--', '-- ::')",
    "timestamp": "('-- ::', '-- :', '--', '--T::', '--T:', '-- ::.', '--T::.')",
}
_WITH_OFFSET = (
    "^[0-9]{4}-[0-9]{2}-[0-9]{2}[ T]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.][0-9]{1,9})?)?"
    "(Z|[+-][0-9]{2}(:?[0-9]{2})?)$"
)
_SEPARATOR = "|"


def check_format(form: str) -> str:
    """The strptime format ``form`` itself, if it can be read.

    Raises:
        ValueError: an unknown directive, one that stands twice, digits between them, or no full date.

    >>> check_format("%d.%m.%Y %H:%M")
    '%d.%m.%Y %H:%M'
    """
    tokens = _tokens(form)
    unknown = [token for token in tokens if token.startswith("%") and token not in PARTS]
    if unknown:
        raise ValueError(f"{unknown[0]} in the date format {form!r} is not known; known are {', '.join(PARTS)}")
    names = [PARTS[token][0] for token in tokens if token in PARTS]
    if not {"month", "day"} <= set(names) or len({"year", "short_year"} & set(names)) != 1:
        raise ValueError(f"the date format {form!r} must hold one year, a month and a day")
    if len(set(names)) != len(names):
        raise ValueError(f"the date format {form!r} has a part twice")
    if ("minute" in names and "hour" not in names) or ("second" in names and "minute" not in names):
        raise ValueError(f"the date format {form!r} has minutes without hours, or seconds without minutes")
    if any(c.isdigit() or c == _SEPARATOR for token in tokens if token not in PARTS for c in token):
        raise ValueError(f"the date format {form!r} must hold neither digits nor {_SEPARATOR} between its parts")
    return form


def cut(raw: str, clean: str, form: str) -> str:
    """SQL of a text whose parts are not all of full width, every character between its parts replaced by ``|``.

    Null where all parts are of full width, as in nearly every export, and where the text is not of the format at all.

    >>> cut("t.k0", "btrim(t.k0)", "%m/%d/%y")
    "case when t.k0 like '__/__/__' then null
     when translate(btrim(t.k0), '0123456789', '') = '//' then translate(btrim(t.k0), '/', '|') end"
    """
    tokens = _tokens(form)
    if _is_touching(tokens):  # nothing to cut at
        return f"case when {clean} <> {raw} and {clean} like '{_like(tokens)}' then {clean} end"
    shape = "".join(token for token in tokens if token not in PARTS).replace("'", "''")
    between = "".join(sorted({c for token in tokens if token not in PARTS for c in token}))
    quoted = between.replace("'", "''")
    bars = f"translate({clean}, '{quoted}', '{_SEPARATOR * len(between)}')"
    form = f"translate({clean}, '0123456789', '') = '{shape}'"
    return f"case when {raw} like '{_like(tokens)}' then null when {form} then {bars} end"


def to_iso(raw: str, bars: str, form: str, kind: str) -> str:
    """SQL that rewrites a text of the format ``form`` as PostgreSQL would write its value; null if it is not of it.

    Args:
        raw: SQL of the text as it came.
        bars: SQL of what ``cut`` made of it.
        form: a format that ``check_format`` has passed.
        kind: ``date`` or ``timestamp``.

    >>> to_iso("t.k0", "t.k0_cut", "%Y-%m-%d", "date")[:75]
    "case when t.k0_cut is not null then split_part(t.k0_cut, '|', 1) || '-' || "
    """
    tokens = _tokens(form)
    padded = _like(tokens)
    fixed = raw if form == _ISO[kind] else _assemble(_fixed(raw, tokens), kind)
    loose = _assemble(_fixed(bars, tokens) if _is_touching(tokens) else _separated(bars, tokens), kind)
    return f"case when {bars} is not null then {loose} when {raw} like '{padded}' then {fixed} end"


def iso_as_is(raw: str, clean: str, kind: str) -> str:
    """SQL of a text that is in ISO form already: without the blanks around it."""
    return f"case when {raw} like '{_PADDED_ISO[kind]}' then {raw} else {clean} end"


def read(iso: str, kind: str) -> str:
    """SQL of the date or time that PostgreSQL reads in the SQL text ``iso``; null if it is not of full width."""
    # a text of this length between '19' and '22' that comes back as it went in begins with such a year
    form = f"octet_length({iso}) = {_BYTES[kind]} and {iso} >= '19' and {iso} < '22'"
    return f"case when {form} and pg_input_is_valid({iso}, '{kind}') then ({iso})::{kind} end"


def value(name: str, kind: str, *, is_loose: bool) -> str:
    """SQL of the date or local time in the SQL text ``<name>_iso``, which ``<name>_read`` has read; else null.

    With ``is_loose`` the other ISO spellings pass too: ``2024-1-5``, a ``T``, no seconds, fractions of a second.
    """
    exact = f"case when {name}_read::text = {name}_iso then {name}_read end"
    return f"coalesce({exact}, {_loose_value(f'{name}_iso', kind)})" if is_loose else exact


def _loose_value(iso: str, kind: str) -> str:
    shape = f"translate({iso}, '0123456789', '') in {_LOOSE_SHAPES[kind]}"
    year = f"substr({iso}, 5, 1) = '-' and left({iso}, 2) in ('19', '20', '21')"
    # 2024-013-5 would be read as the 13th day of the year; 24:00 and a 60th second would be moved on
    kept = f"{iso} !~ '-[0-9]{{3}}|-[0-9]+-[0-9]{{3}}|[ T]24:|:60|:[0-9]{{3}}'"
    whole = f"left({iso}, 26)"  # SQL Server writes seven decimals; PostgreSQL would round them up into the next day
    return (
        f"case when {shape} and {year} and {kept} and pg_input_is_valid({whole}, '{kind}') then ({whole})::{kind} end"
    )


def instant(local: str, zone: str) -> str:
    """SQL of the instant of a local time; null where the clock skipped it in spring, so that it is rejected, not moved.

    A local time that autumn repeats is taken as the second one (standard time), as PostgreSQL does.
    """
    quoted = "'" + zone + "'"
    there = f"{local} at time zone {quoted}"
    return there if zone == "UTC" else f"case when {there} at time zone {quoted} = {local} then {there} end"


def instant_with_offset(iso: str) -> str:
    """SQL of the instant of an ISO text that says its own offset (``…Z``, ``…+01:00``); null for any other text."""
    form = (
        f"{iso} ~ '{_WITH_OFFSET}' and left({iso}, 2) in ('19', '20', '21') and pg_input_is_valid({iso}, 'timestamptz')"
    )
    return f"case when octet_length({iso}) > 16 and {form} then ({iso})::timestamptz end"


def _tokens(form: str) -> list[str]:
    return [token for token in re.split(r"(%.|%$)", form) if token]


def _is_touching(tokens: list[str]) -> bool:
    """Whether two parts stand side by side, as in %Y%m%d."""
    return any(a in PARTS and b in PARTS for a, b in pairwise(tokens))


def _like(tokens: list[str]) -> str:
    """The LIKE pattern of a text that has every part in its full width."""
    escaped = (re.sub(r"([%_\\])", r"\\\1", token).replace("'", "''") for token in tokens)
    return "".join("_" * PARTS[token][1] if token in PARTS else t for token, t in zip(tokens, escaped, strict=True))


def _separated(bars: str, tokens: list[str]) -> dict[str, str]:
    """Each part's SQL where separators stand between all parts; one digit is filled up to two."""
    parts, position = {}, 1
    for token in tokens:
        if token in PARTS:
            name = PARTS[token][0]
            part = f"split_part({bars}, '{_SEPARATOR}', {position})"
            filled = f"case octet_length({part}) when 1 then '0' || {part} else {part} end"
            parts[name] = part if "year" in name else filled
        else:
            position += len(token)
    return parts


def _fixed(text: str, tokens: list[str]) -> dict[str, str]:
    """Each part's SQL where every part has its full width: cut by position."""
    parts, start = {}, 1
    for token in tokens:
        if token in PARTS:
            name, width = PARTS[token]
            parts[name] = f"substr({text}, {start}, {width})"
            start += width
        else:
            start += len(token)
    return parts


def _assemble(part: dict[str, str], kind: str) -> str:
    year = part.get("year", "")
    if not year:  # as POSIX reads two digits: 69 to 99 are of the 20th century
        short = part["short_year"]
        year = f"case when {short} >= '69' then '19' else '20' end || ({short})"
    iso = f"{_own(year)} || '-' || {_own(part['month'])} || '-' || {_own(part['day'])}"
    if kind == "timestamp":
        clock = " || ':' || ".join(_own(part.get(name, "'00'")) for name in ("hour", "minute", "second"))
        iso += f" || ' ' || {clock}"
    return iso


def _own(expression: str) -> str:
    return f"({expression})" if expression.startswith("case") else expression
