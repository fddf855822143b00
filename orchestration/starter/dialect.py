"""How delimited text is written, by its first bytes: encoding, delimiter, quote, row end, header or none.

Not here: the other formats (looks.py), and what its columns hold (profile.py).
"""

import codecs
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from orchestration.shapes import CsvDialect
from orchestration.starter.names import ideas_of
from orchestration.starter.words import IDEAS

SAMPLE_BYTES = 1 << 18
MOST_LINES = 400
_SINGLE = (",", ";", "\t", "|", "^", "~", "\x1f", "\x01", "\x1e", "¦", "§", "#")
_SEVERAL = re.compile(r"(?=[^\w\s]?[|~^#;+¦§¬*$])[^\w\s\"'.,()/@%&<>=-]{2,4}|::")
_ROW_MARK = re.compile(r"[^\w\s\"'.,()-]{2,5}$")
_VALUE = re.compile(
    r"[+-]?[$€£]?[\d.,' ]*\d%?|\d{1,4}[-./]\d{1,2}[-./]\d{1,4}([T ].*)?|\d{1,2}:\d\d(:\d\d)?|\{?[0-9A-Fa-f-]{36}\}?"
)


@dataclass(frozen=True)
class Dialect:
    """A dialect, the first records as it cuts them, and how sure it is."""

    dialect: CsvDialect
    rows: tuple[tuple[str, ...], ...]
    has_header: bool
    confidence_pct: int
    reason: str


def encoding_of(head: bytes) -> str:
    """The encoding of text that begins like this: one of those that ``CsvDialect`` knows.

    >>> encoding_of("Größe".encode()), encoding_of("Größe".encode("cp1252")), encoding_of("a;b".encode("utf-16-le"))
    ('utf-8', 'cp1252', 'utf-16')
    """
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if head.startswith(codecs.BOM_UTF8):
        return "utf-8"
    # of Latin text in UTF-16 every second byte is NUL
    if len(head) >= 4 and max(head[0::2].count(0), head[1::2].count(0)) > len(head) * 0.3:
        return "utf-16"
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        decoder.decode(head)  # not final: the sample may end within a character
    except UnicodeDecodeError:
        return "latin-1" if any(byte in b"\x81\x8d\x8f\x90\x9d" for byte in head) else "cp1252"
    return "utf-8"


def find_dialect(head: bytes, *, is_whole: bool) -> Dialect | None:
    """How delimited text that begins with ``head`` is written; None where it is no text.

    Args:
        head: the first bytes.
        is_whole: whether that is all of it; else its last line is not complete.
    """
    encoding = encoding_of(head)
    text = head.decode("utf-8-sig" if encoding == "utf-8" else encoding, errors="replace")
    text = text.removeprefix("\ufeff")
    if "\0" in text or not text.strip():
        return None
    row_end = _row_end(text)
    lines = _lines(text, row_end, is_whole=is_whole)
    score, delimiter, rows, mark = _best_cut(lines, row_end)
    if score == 0.0:  # one column
        delimiter, rows, mark = ",", [[line.strip('"')] for line in lines], '"'
    if (row_end or len(delimiter) > 1) and mark and split_rows(lines, delimiter, None) == rows:
        mark = None  # such exports do not quote, and a field may well begin with the mark
    has_header, why = has_header_row(rows)
    dialect = CsvDialect.model_validate(
        {"delimiter": delimiter, "quote": mark, "row_end": row_end, "encoding": encoding}
    )
    widths = Counter(len(row) for row in rows)
    share = widths.most_common(1)[0][1] / len(rows)
    reason = f"{share:.0%} of {len(rows)} lines have {widths.most_common(1)[0][0]} fields; {why}"
    return Dialect(dialect, tuple(map(tuple, rows)), has_header, round(100 * share), reason)


def _best_cut(lines: Sequence[str], row_end: str | None) -> tuple[float, str, list[list[str]], str | None]:
    """How well the best delimiter and quote cut the lines, the two, and the records."""
    best: tuple[float, str, list[list[str]], str | None] = (0.0, ",", [[line] for line in lines], '"')
    text = "\n".join(lines)
    # an unquoted field may hold a quote (16"): only where quoting makes a worse table there is none
    marks = ['"', "'"] if _frames(text, "'") and '"' not in text else ['"']
    for delimiter in _candidates(lines):
        for mark in [*marks, None]:
            rows = split_rows(lines, delimiter, mark if mark and mark in text else None)
            score = _consistency(rows) - (0.02 if mark is None and not row_end else 0)
            if score > best[0] + 1e-9:
                best = (score, delimiter, rows, mark)
    return best


def _row_end(text: str) -> str | None:
    r"""Marks that every line ends with, as in ``&|\n``."""
    lines = [line.rstrip("\r") for line in text.split("\n")][:-1]
    ends = [found.group() for line in lines if (found := _ROW_MARK.search(line))]
    # records that hold line ends themselves end only every few lines with the mark
    if len(lines) < 2 or len(ends) < 2 or len(ends) * 20 < len(lines):
        return None
    mark = Counter(end[-2:] for end in ends).most_common(1)[0][0]
    count = sum(line.endswith(mark) for line in lines)
    inside = "".join(line[: -len(mark)] if line.endswith(mark) else line for line in lines)
    while (longer := _one_longer(mark, ends)) and inside.count(longer[0]) <= count:
        mark = longer
    if len(mark) < 2 or re.fullmatch(r"(.)\1+|[;,|\t]+", mark) or sum(k.count(mark) for k in lines) > count * 1.02:
        return None
    return mark + ("\r\n" if mark + "\r\n" in text else "\n")


def _one_longer(mark: str, ends: Sequence[str]) -> str | None:
    """The mark with the character that always stands before it, if one does."""
    before = {end[-len(mark) - 1 : -len(mark)] for end in ends if end.endswith(mark)}
    return before.pop() + mark if len(before) == 1 and "" not in before else None


def _lines(text: str, row_end: str | None, *, is_whole: bool) -> list[str]:
    lines = text.split(row_end) if row_end else re.split(r"\r\n|\n|\r", text)
    if not is_whole and len(lines) > 1:
        lines.pop()
    return [line for line in lines if line.strip()][:MOST_LINES] or [text]


def _frames(text: str, mark: str) -> bool:
    """Whether the mark stands around fields."""
    return len(re.findall(rf"(?:^|[^\w\s]){mark}[^{mark}\n]*{mark}(?=[^\w\s]|$)", text, re.MULTILINE)) >= 2


def _candidates(lines: Sequence[str]) -> list[str]:
    """Marks that may part fields; a longer one comes first, for its characters part fields too."""
    head = lines[:50]
    several = Counter(mark for line in head for mark in set(_SEVERAL.findall(line)))
    # what each line has; a run of empty fields (||) is cut into its characters elsewhere
    found = [mark for mark, count in several.items() if count >= 0.8 * len(head) and not _is_run(mark, head)]
    parts = {c for mark in found for c in mark if not any(c in line.replace(mark, "") for line in head)}
    single = [mark for mark in _SINGLE if mark not in parts and any(mark in line for line in head)]
    return sorted(found, key=len, reverse=True) + single


def _is_run(mark: str, lines: Sequence[str]) -> bool:
    """Whether the mark is a run of one delimiter around empty fields: then that delimiter also stands alone."""
    single = mark[0]
    if mark != single * len(mark):
        return mark[0] in ",;\t|" and any(mark[0] in line.replace(mark, "") for line in lines)
    return any(single in line.replace(mark, "") for line in lines)


def split_rows(lines: Sequence[str], delimiter: str, quote: str | None) -> list[list[str]]:
    """The records of the sample; a quoted field may go on over lines.

    >>> split_rows(['a;"b;c"', '1;"x', 'y"'], ";", '"')
    [['a', 'b;c'], ['1', 'x\\ny']]
    """
    if quote is None:
        return [line.split(delimiter) for line in lines]
    # a quote begins a field only at its start; the records are put together until its quotes are even
    rows, pending = [], ""
    field = re.compile(
        rf"(?:^|{re.escape(delimiter)})\s*(?:{quote}((?:[^{quote}]|{quote}{quote})*){quote}\s*(?={re.escape(delimiter)}|$)"
        rf"|(.*?)(?={re.escape(delimiter)}|$))",
        re.DOTALL,
    )
    for line in lines:
        pending = f"{pending}\n{line}" if pending else line
        if pending.count(quote) % 2 and len(pending) < 20_000:
            continue
        found = field.findall(pending)
        rows.append([(quoted or plain).replace(quote * 2, quote) for quoted, plain in found])
        pending = ""
    return rows or [line.split(delimiter) for line in lines]


def _consistency(rows: Sequence[Sequence[str]]) -> float:
    """How much a way of cutting looks like a table: most rows of one width, and rather more columns than fewer."""
    widths = Counter(map(len, rows))
    width, count = widths.most_common(1)[0]
    if width < 2:
        return 0.0
    share = count / len(rows)
    # blanks around a delimiter inside prose (", ") tell a sentence from fields
    prose = sum(field.startswith(" ") and field.count(" ") > 3 for row in rows for field in row) / (len(rows) * width)
    begins = 1.0 if len(rows[0]) == width else 0.7
    return share**2 * (1 - 1 / (width + 1)) * (1 - prose) * begins - 0.02 * (len(widths) - 1) / len(rows)


def has_header_row(rows: Sequence[Sequence[str]]) -> tuple[bool, str]:
    """Whether the first row names the columns, and why it is thought to.

    >>> has_header_row([["id", "day"], ["1", "2024-01-31"]])[0], has_header_row([["1", "AB"], ["2", "CD"]])[0]
    (True, False)
    """
    first, others = [cell.strip() for cell in rows[0]], rows[1:]
    named = [cell for cell in first if cell]
    if not named or any(_VALUE.fullmatch(cell) for cell in named):
        return False, "the first row holds values"
    if len(set(named)) < len(named) or any(len(cell) > 80 for cell in named):
        return False, "the first row holds no names"
    known = sum(any(idea in IDEAS for idea in ideas_of(cell)) for cell in named)
    typed = 0
    for place in range(len(first)):
        cells = [row[place].strip() for row in others if place < len(row) and row[place].strip()]
        typed += bool(cells) and sum(bool(_VALUE.fullmatch(cell)) for cell in cells) > 0.8 * len(cells)
    repeated = any(cell in {row[i].strip() for row in others if i < len(row)} for i, cell in enumerate(first) if cell)
    if repeated and known < len(named):
        return False, "values of the first row come again below"
    if known * 2 >= len(named) or (typed and not repeated and known):
        return True, "the first row names the columns"
    if typed and not repeated:
        return True, "only the first row has no values"
    return not others or known > 0, "nothing but texts"
