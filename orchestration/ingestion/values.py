"""Cleaned texts and numbers as SQL: from a text column of ``incoming`` to a value, or to null where there is none.

Not here: dates (dates.py), and which column is what (compile.py). Values are cast only behind a test of their form, so
that no row makes the statement fail; what PostgreSQL would take but no export means (1_000, 0x10, NaN) does not pass.
"""

import re
from collections.abc import Sequence

from orchestration.ingestion.entity import precision_of

# Space, tab, line ends, and the no-break space that spreadsheets paste.
TRIMMED = "E' \\t\\r\\n\\u00A0'"


def literal(text: str) -> str:
    """The text as an SQL literal.

    >>> literal("Jürgen's")
    "'Jürgen''s'"
    """
    quoted = "'" + text.replace("'", "''") + "'"
    return " E" + quoted.replace("\\", "\\\\") if "\\" in text else quoted


def cleaned(text: str, blanks: Sequence[str], case: str | None = None) -> str:
    """SQL of ``text`` (SQL) without blanks around it; null if it is one of ``blanks``; in the wanted case.

    >>> cleaned("s.c1", ["-"], "upper")
    "upper(nullif(nullif(btrim(s.c1, E' \\\\t\\\\r\\\\n\\\\u00A0'), ''), '-'))"
    """
    text = f"btrim({text}, {TRIMMED})"
    for blank in dict.fromkeys(("", *blanks)):
        text = f"nullif({text}, {literal(blank)})"
    return f"{case}({text})" if case else text


def number(text: str, sql_type: str, decimal: str, thousands: str | None) -> str:
    """SQL of the number in ``text`` (SQL): digits, one sign and one decimal mark only, and nothing lost to rounding.

    >>> number("t.k0", "integer", ".", None)[:73]
    "case when translate(t.k0, '0123456789+-', '') = '' and pg_input_is_valid("
    """
    is_whole = sql_type == "integer"
    plain, allowed, grouped = text, "0123456789+-" + ("" if is_whole else decimal), ""
    if thousands is not None:
        mark, group = re.escape(decimal), re.escape(thousands)
        fraction = "" if is_whole else f"({mark}[0-9]+)?"
        form = literal(rf"^[+-]?([0-9]{{1,3}}({group}[0-9]{{3}})+|[0-9]+){fraction}$")
        plain, allowed = f"replace({text}, {literal(thousands)}, '')", allowed + thousands
        grouped = f"{text} ~ {form} and "
    if decimal == ",":
        plain = f"replace({plain}, ',', '.')"
    # pg_input_is_valid costs a third of a regular expression; translate refuses what it lets pass: 1_000, NaN, 1e5
    passes = f"{grouped}translate({text}, {literal(allowed)}, '') = '' and pg_input_is_valid({plain}, '{sql_type}')"
    if is_whole:
        return f"case when {passes} then ({plain})::integer end"
    # a text that is only one character longer than the decimals that fit (the mark) has nothing to lose
    exact = f"octet_length({text}) < {precision_of(sql_type)[1] + 2} or ({plain})::numeric = ({plain})::{sql_type}"
    return f"case when {passes} then case when {exact} then ({plain})::{sql_type} end end"
