"""The words of SQL dumps: literals, names and what ends a statement, for each dialect that dumps are written in.

Not here: which statements bring rows (sql_dump.py). Nothing is ever executed.
"""

import re
from dataclasses import dataclass

from orchestration.errors import SourceError
from orchestration.ingestion.readers.cells import Number
from orchestration.ingestion.readers.tree import Fault
from orchestration.ingestion.readers.window import Window

IDENTIFIER = r'(?:"(?:[^"]|"")++"|`(?:[^`]|``)++`|\[[^\]]++\]|[^\W\d][\w$#@]*+)'
NAME = rf"{IDENTIFIER}(?:\s*+\.\s*+{IDENTIFIER}){{0,3}}"
FLAGS = re.IGNORECASE | re.DOTALL

_PLAIN = r"'(?:[^']++|'')*+'"
_ESCAPED = r"'(?:[^'\\]++|''|\\.)*+'"
_DOUBLE = r'"(?:[^"]++|"")*+"'
_DOUBLE_ESCAPED = r'"(?:[^"\\]++|""|\\.)*+"'
_NUMBER = r"[-+]?(?:\d++(?:\.\d*+)?+|\.\d++)(?:e[-+]?\d++)?+"
_COMMENT = r"--[^\n]*+|/\*(?:[^*]++|\*(?!/))*+\*/"
_DOLLAR = r"\$(?P<tag>\w*+)\$(?:[^$]++|\$(?!(?P=tag)\$))*+\$(?P=tag)\$"
_UNESCAPED = {"0": "\0", "b": "\b", "n": "\n", "r": "\r", "t": "\t", "f": "\f", "v": "\v", "Z": "\x1a"}
_ESCAPE = re.compile(r"\\(?:([0-7]{1,3})|x([0-9a-fA-F]{1,2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))", re.DOTALL)
_WORDS = {"null": None, "true": True, "false": False}
_NEXT_BATCH = re.compile(r"\n\s*+(?:GO|INSERT)\b", FLAGS)  # SQL Server's statements need no semicolon
_MYSQL_ESCAPE = re.compile(r"\\(.)", re.DOTALL)


@dataclass(frozen=True)
class Syntax:
    """The patterns of one dialect.

    ``blank`` is what may stand between two statements. ``piece`` is a part of a statement that does not end it, and
    ``pieces`` many of them. ``row`` is a list of values in its parentheses, ``value`` a literal in it with the mark
    that follows, and ``part`` a piece of what is no literal; ``plain_row`` and ``plain_value`` are of rows that have
    only texts, numbers, null, true and false, as most. ``token`` is one of a table's definition.
    """

    dialect: str
    has_escapes: bool
    blank: re.Pattern[str]
    piece: re.Pattern[str]
    pieces: re.Pattern[str]
    plain_row: re.Pattern[str]
    plain_value: re.Pattern[str]
    row: re.Pattern[str]
    value: re.Pattern[str]
    part: re.Pattern[str]
    token: re.Pattern[str]


def syntax_of(dialect: str, *, has_escapes: bool) -> Syntax:
    """The patterns of a dialect.

    Args:
        dialect: postgres, mysql or sqlserver.
        has_escapes: whether a backslash escapes in every text, as in MySQL.
    """
    literal = _ESCAPED if has_escapes else _PLAIN
    quoted = {
        "postgres": rf"(?<!\w)e{_ESCAPED}|{literal}|{_DOUBLE}",
        "mysql": rf"{literal}|{_DOUBLE_ESCAPED}|`(?:[^`]++|``)*+`",
        "sqlserver": rf"{literal}|{_DOUBLE}|\[[^\]]*+\]",
    }[dialect]
    # characters that may begin a piece of their own, each alone where it does not; at the window's end nobody knows
    if dialect == "postgres":
        special, lone, comment = r"e$", r"|e(?!'|\Z)|\$(?!\w*+(?:\$|\Z))", rf"|{_DOLLAR}"
    elif dialect == "mysql":
        special, lone, comment = r"`\#", "", r"|\#[^\n]*+"
    else:
        special, lone, comment = r"\[\n", r"|\n(?!\s*+(?:(?:GO|INSERT)\b|\Z))", ""
    piece = rf"[^;'\"/\-{special}]++|{quoted}|{_COMMENT}{comment}|-(?!-|\Z)|/(?!\*|\Z){lone}"
    in_row = special.replace("$", "").replace(r"\#", "").replace(r"\n", "")
    atom = rf"{quoted}|[^()'\"{in_row}]++" + ("|e" if dialect == "postgres" else "")
    body = atom
    for _ in range(3):  # parentheses inside parentheses, as in cast('1' as decimal(10,2))
        body = rf"{atom}|\((?:{body})*+\)"
    plain = rf"(?:N?{literal}|{_NUMBER}(?![\w.:])|(?:null|true|false)\b)"
    double = rf"|(?P<double>{_DOUBLE_ESCAPED})" if dialect == "mysql" else ""
    return Syntax(
        dialect=dialect,
        has_escapes=has_escapes,
        blank=re.compile(rf"(?:[\s;]++|{_COMMENT}{comment if dialect == 'mysql' else ''})*+", FLAGS),
        piece=re.compile(piece, FLAGS),
        pieces=re.compile(rf"(?:{piece}){{1,500}}+", FLAGS),
        plain_row=re.compile(rf"\((?:\s*+{plain}\s*+,)*+\s*+{plain}\s*+\)", FLAGS),
        plain_value=re.compile(plain, FLAGS),
        row=re.compile(rf"\((?:{body})*+\)", FLAGS),
        value=_value_pattern(literal, double),
        part=re.compile(rf"{quoted}|\((?:{body})*+\)|[^,)]", FLAGS),
        token=re.compile(rf"(?P<comment>{_COMMENT}{comment})|{quoted}|[^(),'\"\-/{in_row}$]++|.", FLAGS),
    )


def _value_pattern(literal: str, double: str) -> re.Pattern[str]:
    return re.compile(
        rf"""\s*+(?:
          (?P<number>{_NUMBER})
        | (?P<word>null|true|false)\b
        | N?(?P<text>{literal}) {double}
        | E(?P<escaped>{_ESCAPED})
        | 0x(?P<hex>[0-9a-f]*+) | X'(?P<hexes>[0-9a-f]*+)' | b'(?P<bits>[01]*+)'
        | _binary\s*+(?P<binary>{literal}) | _\w++\s*+(?P<charset>{literal})
        | (?:date|time|timestamp)\s*+(?P<dated>{literal})
        )
        (?:\s*+::\s*+[\w ]++(?:\(\d++(?:,\s*+\d++)?\))?(?:\[\])?)*+
        \s*+[,)]""",
        FLAGS | re.VERBOSE,
    )


_CAST = re.compile(r"\s*+(?:TRY_)?CAST\s*+\((?P<inner>.*)\bAS\s++[\w ]++(?:\([\d\s,]*+\))?\s*+\)\s*+", FLAGS)
_INSTANT = re.compile(r"\s*+(?:TRY_)?CAST\s*+\(\s*+0x.*\bAS\s++\w*(?:DATE|TIME)", FLAGS)


def plain_values(syntax: Syntax, row: str) -> list[object]:
    """The values of a row that is all texts, numbers, null, true and false."""
    raws = syntax.plain_value.findall(row)
    if "\\" in row or "''" in row:
        return [_plain(raw, syntax) for raw in raws]
    return [raw[1:-1] if raw[0] == "'" else _plain(raw, syntax) for raw in raws]


def _plain(raw: str, syntax: Syntax) -> object:
    first = raw[0]
    if first == "'" or raw[1:2] == "'":
        return _text(raw if first == "'" else raw[1:], syntax)
    if first in "0123456789-+.":
        return Number(raw.removeprefix("+"))
    return _WORDS[raw.lower()]


def values_of(syntax: Syntax, row: str) -> list[object] | Fault:
    """The values of a row in its parentheses: texts, Numbers, booleans and None; a Fault where one must be computed."""
    values: list[object] = []
    at, end = 1, ","
    if row[1:-1].isspace() or len(row) == 2:
        return values
    while end == ",":
        found = syntax.value.match(row, at)
        if found is None:
            begin = at
            while part := syntax.part.match(row, at):
                at = part.end()
            value = _cast(syntax, row[begin:at])
            if isinstance(value, Fault):
                return value
            values.append(value)
            end, at = row[at], at + 1
        else:
            values.append(_literal(syntax, found))
            at = found.end()
            end = row[at - 1]
    return values


def _cast(syntax: Syntax, text: str) -> object:
    """The literal inside ``cast(… as …)``, as SQL Server's scripts write times and decimals."""
    cast = _CAST.fullmatch(text)
    # of binary times only the server knows how they are meant
    found = syntax.value.fullmatch(f"{cast['inner']})") if cast and not _INSTANT.match(text) else None
    if found is None:
        return Fault("expression", f"{text.strip()[:100]!r} is no value: it would have to be computed.")
    return _literal(syntax, found)


def _literal(syntax: Syntax, found: re.Match[str]) -> object:
    kind = found.lastgroup or ""
    text = found[kind]
    if kind == "number":
        return Number(text.removeprefix("+"))
    if kind == "word":
        return _WORDS[text.lower()]
    if kind in ("hex", "hexes"):
        return f"0x{text}"
    if kind == "bits":
        return text
    if kind == "escaped":
        return _unescaped(text, _ESCAPE)
    if kind == "double":
        return _unescaped(text, _MYSQL_ESCAPE)
    plain = _text(text, syntax)
    return f"0x{plain.encode('utf-8', 'surrogateescape').hex()}" if kind == "binary" else plain


def _text(quoted: str, syntax: Syntax) -> str:
    if not syntax.has_escapes:
        return quoted[1:-1].replace("''", "'")
    return _unescaped(quoted, _MYSQL_ESCAPE if syntax.dialect == "mysql" else _ESCAPE)


def _unescaped(quoted: str, escape: re.Pattern[str]) -> str:
    """A text with escapes; the mark is doubled where it stands for itself, but not after a backslash."""
    mark, text = quoted[0], quoted[1:-1]
    if "\\" not in text:
        return text.replace(mark * 2, mark)
    return unescaped(re.sub(rf"(\\.)|{mark}{mark}", lambda m: m[1] or mark, text, flags=re.DOTALL), escape)


def unescaped(text: str, escape: re.Pattern[str] = _ESCAPE) -> str:
    r"""The text without its backslashes, as PostgreSQL (also in COPY) or MySQL means them.

    >>> unescaped(r"a\tb\\n"), unescaped(r"\303\244")
    ('a\tb\\n', 'ä')
    """
    if escape is _MYSQL_ESCAPE:
        # of \% and \_ MySQL keeps the backslash: they are for patterns
        own = {**_UNESCAPED, "f": "f", "v": "v", "%": r"\%", "_": r"\_"}
        return escape.sub(lambda m: own.get(m[1], m[1]), text)
    plain = escape.sub(_character, text)
    return plain.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape") if "\\" in text else plain


def _character(found: re.Match[str]) -> str:
    octal, hexadecimal, short, long, other = found.groups()
    if octal or hexadecimal:
        byte = (int(octal, 8) if octal else int(hexadecimal, 16)) & 0xFF
        return chr(byte) if byte < 0x80 else chr(0xDC00 + byte)
    if short or long:
        number = int(short or long, 16)
        return chr(number) if number < 0x110000 and not 0xD800 <= number < 0xE000 else found[0]
    return _UNESCAPED.get(other, other) if other not in "0Z" else other


def skip_statement(window: Window, syntax: Syntax) -> bool:
    """Go on to where the statement ends; whether it does before the file does.

    Raises:
        SourceError: a quote or a comment in it is never closed.
    """
    while True:
        while found := syntax.pieces.match(window.text, window.at):
            if found.end() == len(window.text):
                break
            window.at = found.end()
        while found := syntax.piece.match(window.text, window.at):
            if found.end() == len(window.text) and not window.has_ended:
                break
            window.at = found.end()
        ahead = window.text[window.at : window.at + 2]
        if ahead.startswith(";") or _NEXT_BATCH.match(window.text, window.at):
            return True
        if window.has_ended:
            if len(window.text[window.at :].strip()) > 1:
                line, column = window.place(window.at)
                raise SourceError(
                    f"{window.path}, line {line}, column {column}: what begins here is never closed",
                    remedy="was the dump cut off? Or set sql.dialect in sources.yaml",
                )
            window.at = len(window.text)
            return False
        window.more()


def skip_to(window: Window, pattern: re.Pattern[str]) -> bool:
    """Go on past the first line that ``pattern`` matches; whether there is one before the file ends."""
    while True:
        found = pattern.search(window.text, window.at)
        if found and (found.end() < len(window.text) or window.has_ended):
            window.at = found.end()
            return True
        if window.has_ended:
            window.at = len(window.text)
            return False
        window.at = found.start() if found else max(window.at, window.text.rfind("\n") + 1)
        window.more()
