"""Dates and times as SQL: from a text in a declared format to a value, or to null where the calendar or clock knows no such time.

Not here: which column has which format (compile.py). Forms are tested by what is left without digits and cut by
separators: regexp_replace with its groups took 113 µs a value where this takes 1.
"""

import re

from orchestration.errors import ConfigurationError

_PARTS = {
    "%Y": ("year", 4), "%y": ("short_year", 2), "%m": ("month", 2), "%d": ("day", 2),
    "%H": ("hour", 2), "%M": ("minute", 2), "%S": ("second", 2),
}  # fmt: skip
_DATE_SHAPES = "('--', '-- ::')"
_TIME_SHAPES = "('-- ::', '-- :', '--', '--T::', '--T:', '-- ::.', '--T::.')"


def to_iso(text: str, form: str, where: str) -> str:
    """SQL that rewrites ``text`` (SQL) of the strptime format ``form`` as ISO 8601; null if it is not of that form.

    Raises:
        ConfigurationError: the format has an unknown directive, or lacks the year, the month or the day.

    >>> to_iso("t.d", "%d/%m/%Y", "sources.yaml")[:55]
    "case when translate(t.d, '0123456789', '') = '//' then "
    """
    tokens = [token for token in re.split(r"(%.)", form) if token]
    unknown = [token for token in tokens if token.startswith("%") and token not in _PARTS]
    if unknown:
        raise ConfigurationError(
            f"{where}: {unknown[0]} in the date format {form!r} is not known; known are {', '.join(_PARTS)}"
        )
    names = [_PARTS[token][0] for token in tokens if token in _PARTS]
    if not {"month", "day"} <= set(names) or not {"year", "short_year"} & set(names):
        raise ConfigurationError(f"{where}: the date format {form!r} must hold a year, a month and a day")
    separators = "".join(token for token in tokens if token not in _PARTS)
    if any(c.isdigit() for c in separators):
        raise ConfigurationError(f"{where}: the date format {form!r} must not hold digits")
    shape, padded = separators.replace("'", "''"), f"{text} like '{_like(tokens)}'"
    is_iso = re.fullmatch("%Y-%m-%d([ T]%H:%M(:%S)?)?", form) is not None
    # padded to full widths, as nearly every export is, a text is cut by position; only others are split at separators
    fixed = f"when {padded} then {text if is_iso else _assemble(_fixed(text, tokens))}"
    loose = f" else {_assemble(_separated(text, tokens))}" if _is_separated(tokens) else ""
    return f"case when translate({text}, '0123456789', '') = '{shape}' then case {fixed}{loose} end end"


def date_value(iso: str) -> str:
    """SQL of the date that the SQL text ``iso`` holds; null if it is none from 1900 to 2199."""
    return f"case when {_guard(iso, _DATE_SHAPES)} and pg_input_is_valid({iso}, 'date') then ({iso})::date end"


def time_value(iso: str) -> str:
    """SQL of the local time (timestamp) that the SQL text ``iso`` holds; null if it is none from 1900 to 2199."""
    # PostgreSQL takes 24:00 and a 60th second and moves them on: a moved time is not what the file says
    kept = f"{iso} not like '% 24:%' and {iso} not like '%T24:%' and {iso} not like '%:60%'"
    return f"case when {_guard(iso, _TIME_SHAPES)} and {kept} and pg_input_is_valid({iso}, 'timestamp') then ({iso})::timestamp end"


def instant(local: str, zone: str) -> str:
    """SQL of the instant of a local time; null where the clock skipped it in spring, so that it is rejected, not moved.

    A local time that autumn repeats is taken as the second one (standard time), as PostgreSQL does.
    """
    quoted = "'" + zone + "'"
    there = f"{local} at time zone {quoted}"
    return there if zone == "UTC" else f"case when {there} at time zone {quoted} = {local} then {there} end"


def _guard(iso: str, shapes: str) -> str:
    return f"translate({iso}, '0123456789', '') in {shapes} and substr({iso}, 5, 1) = '-' and left({iso}, 2) in ('19', '20', '21')"


def _is_separated(tokens: list[str]) -> bool:
    return not any(a in _PARTS and b in _PARTS for a, b in zip(tokens, tokens[1:], strict=False))


def _like(tokens: list[str]) -> str:
    """The LIKE pattern of a text that has every part in its full width."""
    escaped = (re.sub(r"([%_\\])", r"\\\1", token).replace("'", "''") for token in tokens)
    return "".join(
        "_" * _PARTS[token][1] if token in _PARTS else text for token, text in zip(tokens, escaped, strict=True)
    )


def _separated(text: str, tokens: list[str]) -> dict[str, str]:
    """Each part's SQL where separators stand between all parts: every separator becomes one ``|``."""
    characters = sorted({c for token in tokens if token not in _PARTS for c in token})
    quoted = "".join(characters).replace("'", "''")
    cut = f"translate({text}, '{quoted}', '{'|' * len(characters)}')"
    parts, position = {}, 1
    for token in tokens:
        if token in _PARTS:
            parts[_PARTS[token][0]] = f"split_part({cut}, '|', {position})"
        else:
            position += len(token)
    return parts


def _fixed(text: str, tokens: list[str]) -> dict[str, str]:
    """Each part's SQL where parts touch (%Y%m%d): cut by their full widths."""
    parts, start = {}, 1
    for token in tokens:
        if token in _PARTS:
            name, width = _PARTS[token]
            parts[name] = f"substr({text}, {start}, {width})"
            start += width
        else:
            start += len(token)
    return parts


def _assemble(part: dict[str, str]) -> str:
    year = part["year"] if "year" in part else f"'20' || {part['short_year']}"
    iso = f"{year} || '-' || {part['month']} || '-' || {part['day']}"
    if "hour" in part:
        iso += f" || ' ' || {part['hour']} || ':' || {part.get('minute', chr(39) + '00' + chr(39))}"
        iso += f" || ':' || {part['second']}" if "second" in part else ""
    return iso
