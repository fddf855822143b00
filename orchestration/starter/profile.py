"""What the values of a column look like: numbers and their marks, dates and their order, blanks, ids, countries.

Not here: what a column means (matching.py). A profile is a guess from a sample; whatever it leaves open it says.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property

ENOUGH = 0.97  # of the values must be of a form: exports have bad rows
MOST_TYPED = 6_000  # values whose form is looked at, spread over all
# Written for "no value" by programs; and what people write so in columns of numbers and dates.
BLANKS = frozenset({"null", "<null>", "(null)", "\\n", "n/a", "#n/a", "none", "nan", "nil", "(blank)"})
BLANKS_OF_VALUES = frozenset({"-", "--", "na", "n.a.", "?", "unknown", "k.a.", ".", "x", "*", "–", "—", "tbd"})

_INTEGER = re.compile(r"[+-]?\d+")
_DECIMAL = {".": re.compile(r"[+-]?\d*\.\d+|[+-]?\d+\.?"), ",": re.compile(r"[+-]?\d*,\d+|[+-]?\d+")}
_GROUPED = re.compile(r"[+-]?\d{1,3}(?:([., '\u00a0\u202f’])\d{3})(?:\1\d{3})*(?:([.,])\d+)?")
_SYMBOLS = re.compile(r"[$€£¥₹]|\b(?:EUR|USD|GBP|CHF|PLN|SEK|kr|zł)\b\.?|%|^\((?=.*\)$)|\)$|(?<=\d)-$")
_DATE = re.compile(
    r"(\d{1,4})([-./])(\d{1,2})\2(\d{4}|\d{2}|\d)"
    r"(?:([ T])(\d{1,2}):(\d{2})(?::(\d{2})([.,]\d+)?)?)?\s?(Z|[+-]\d\d:?\d\d)?"
)
_PACKED = re.compile(r"(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])")
_WORDY = re.compile(
    r"(?i).*\b(?:jan|feb|m[aä]r|apr|ma[yi]|jun|jul|aug|sep|o[ck]t|nov|de[cz])[a-zé]*\b.*\d.*|.*\d:\d\d.*[ap]m"
)


@dataclass(frozen=True)
class NumberForm:
    """How numbers are written; ``is_open`` where the marks could be read in two ways."""

    decimal: str = "."
    thousands: str | None = None
    decimals: int = 0  # the most that a value has
    has_symbols: bool = False
    is_open: bool = False


@dataclass(frozen=True)
class DateForm:
    """How dates are written: a strptime format, or None for ISO; ``is_open`` where no value proves the order."""

    format: str | None = None
    has_time: bool = False
    has_fraction: bool = False
    is_readable: bool = True  # by ingestion: no month names, no am and pm
    is_open: bool = False
    reason: str = "ISO 8601"


@dataclass(frozen=True)
class Profile:
    """One column of a table. ``values`` are its texts in order, trimmed, "" where there is none."""

    name: str
    values: tuple[str, ...] = field(repr=False)
    blanks: tuple[str, ...] = ()
    number: NumberForm | None = None
    date: DateForm | None = None
    is_whole: bool = False  # every number is a whole one

    @cached_property
    def filled(self) -> tuple[str, ...]:
        """The values that are there."""
        return tuple(value for value in self.values if value and value not in self.blanks)

    @cached_property
    def distinct(self) -> frozenset[str]:
        """The different values."""
        return frozenset(self.filled)

    @property
    def null_share(self) -> float:
        """The share of rows without a value."""
        return 1 - len(self.filled) / len(self.values) if self.values else 1.0

    @property
    def is_unique(self) -> bool:
        """Whether every row has a value of its own."""
        return bool(self.filled) and len(self.distinct) == len(self.values)

    @property
    def kind(self) -> str:
        """empty, date, whole number, number or text."""
        if not self.filled:
            return "empty"
        if self.date is not None:
            return "date"
        if self.number is not None:
            return "whole number" if self.is_whole else "number"
        return "text"

    @cached_property
    def numbers(self) -> tuple[float | None, ...]:
        """The values as numbers, None where there is none."""
        return tuple(self.as_number(value) for value in self.values)

    def as_number(self, value: str) -> float | None:
        """A value of this column as number."""
        if self.number is None or not value:
            return None
        text = value
        if self.number.has_symbols:
            is_negative = value.startswith("(") or value.endswith("-")
            text = ("-" if is_negative else "") + _SYMBOLS.sub("", value).strip(" \u00a0()-")
        if self.number.thousands:
            text = text.replace(self.number.thousands, "").replace("\u00a0", "")
        try:
            return float(text.replace(self.number.decimal, "."))
        except ValueError:
            return None

    @property
    def are_float_ids(self) -> bool:
        """Whether whole numbers went through a program that made 17850.0 of 17850."""
        some = self.filled[:2000]
        return bool(some) and sum(value.endswith(".0") and value[:-2].isdigit() for value in some) >= ENOUGH * len(some)


def profile(name: str, values: Sequence[str]) -> Profile:
    """The profile of a column.

    >>> profile("Menge", ["1.234,50", "-", "7,25"]).number
    NumberForm(decimal=',', thousands='.', decimals=2, has_symbols=False, is_open=False)
    >>> profile("Datum", ["01.02.2024", "31.01.2024"]).date.format, profile("d", ["1/2/2024"]).date.is_open
    ('%d.%m.%Y', True)
    """
    trimmed = tuple(value.strip(" \t\r\n\u00a0") for value in values)
    counts = Counter(value for value in trimmed[:: 1 + len(trimmed) // MOST_TYPED] if value)
    # a rare NaN is a broken number, to be rejected; a frequent one is how a program writes that there is none
    rare = 0.01 * counts.total()
    blanks = [v for v, n in counts.items() if v.casefold() in BLANKS and (v.casefold() != "nan" or n > rare)]
    typed = {value: n for value, n in counts.items() if value not in blanks}
    sure = {value: n for value, n in typed.items() if value.casefold() not in BLANKS_OF_VALUES}
    date = _date_form(sure)
    number = None if date is not None and date.format != "%Y%m%d" else _number_form(sure)
    if date is not None or number is not None:
        blanks += [value for value in typed if value not in sure]
    if number is not None and number.decimals:
        # one value with more decimals than are kept would be rejected: all of them are looked at
        longest = max(len(v) - v.rindex(number.decimal) - 1 for v in set(trimmed) if number.decimal in v)
        number = replace(number, decimals=number.decimals if number.has_symbols else longest)
    whole = number is not None and number.decimals == 0
    return Profile(name, trimmed, tuple(sorted(blanks)), number, date, whole)


def _share(counts: dict[str, int], matched: set[str]) -> float:
    return sum(counts[value] for value in matched) / max(1, sum(counts.values()))


def _number_form(counts: dict[str, int]) -> NumberForm | None:
    plain = {value: _SYMBOLS.sub("", value).strip(" \u00a0") for value in counts}
    has_symbols = any(plain[value] != value for value in counts)
    texts = set(plain.values())
    for form in _forms(texts):
        matched = {value for value, text in plain.items() if _is_number(text, form)}
        if counts and _share(counts, matched) >= ENOUGH:
            longest = max(
                (len(plain[v].rpartition(form.decimal)[2]) for v in matched if form.decimal in plain[v]), default=0
            )
            return NumberForm(form.decimal, form.thousands, longest, has_symbols, form.is_open)
    return None


def _forms(texts: set[str]) -> list[NumberForm]:
    """The marks that the texts may have been written with, the likeliest first."""
    marks: Counter[str] = Counter()
    groups: Counter[str] = Counter()
    open_marks: Counter[str] = Counter()
    for text in texts:
        grouped = _GROUPED.fullmatch(text)
        if grouped and (grouped[2] or text.count(grouped[1]) > 1 or grouped[1] not in ".,"):
            groups[grouped[1]] += 1
            marks[grouped[2]] += bool(grouped[2])
        elif grouped and not text.lstrip("+-").startswith("0"):  # 1.234: a thousand, or one and a bit
            open_marks[grouped[1]] += 1
        else:
            marks.update(mark for mark in ".," if mark in text)
    forms = []
    for decimal in (".", ","):
        other = "," if decimal == "." else "."
        thousands = next((mark for mark, _ in groups.most_common() if mark != decimal), None)
        if open_marks[other] and thousands is None:
            thousands = other
        # proven by a value that can only be read so
        proven = marks[decimal] > 0 or bool(groups) or not open_marks
        is_open = not proven or (open_marks[decimal] > 0 and not marks[decimal])
        forms.append((marks[decimal] + groups[other], NumberForm(decimal, thousands, is_open=is_open)))
    return [form for _, form in sorted(forms, key=lambda scored: -scored[0])]


def _is_number(text: str, form: NumberForm) -> bool:
    if _DECIMAL[form.decimal].fullmatch(text):
        return True
    grouped = _GROUPED.fullmatch(text)
    return bool(grouped and grouped[1] == form.thousands and grouped[2] in (None, form.decimal))


def _date_form(counts: dict[str, int]) -> DateForm | None:
    if not counts:
        return None
    found = {value: match for value in counts if (match := _DATE.fullmatch(value))}
    if _share(counts, set(found)) >= ENOUGH:
        return _form_of(list(found.values()))
    if _share(counts, {value for value in counts if _PACKED.fullmatch(value)}) >= ENOUGH:
        return DateForm("%Y%m%d", reason="eight digits that are days of the calendar")
    if _share(counts, {value for value in counts if len(value) < 40 and _WORDY.fullmatch(value)}) >= ENOUGH:
        return DateForm(is_readable=False, reason="month names, or am and pm")
    return None


def _form_of(found: list[re.Match[str]]) -> DateForm | None:
    """The format of dates in digits; the order of day and month is proven by a value above 12."""
    firsts, thirds = {len(match[1]) for match in found}, {len(match[4]) for match in found}
    mark = Counter(match[2] for match in found).most_common(1)[0][0]
    has_time = any(
        match[6] is not None and (match[6], match[7], match[8] or "00") != ("00", "00", "00") for match in found
    )
    fraction = any(match[9] for match in found)
    clock = _clock(found)
    if firsts == {4}:
        if mark == "-" or clock is None:
            return DateForm(None, has_time, fraction, mark == "-", reason="ISO 8601, the year first")
        return DateForm(f"%Y{mark}%m{mark}%d{clock}", has_time, fraction, not fraction, reason="the year first")
    year = "%Y" if thirds == {4} else "%y" if thirds == {2} else None
    if year is None or 4 in firsts or 3 in firsts:
        return None
    first, second = max(int(match[1]) for match in found), max(int(match[3]) for match in found)
    if (first > 12 and second > 12) or max(first, second) > 31:
        return None
    day_first = first > 12 or (second <= 12 and mark == ".")
    is_open = max(first, second) <= 12
    order = ("%d", "%m") if day_first else ("%m", "%d")
    reason = f"day {max(first, second)} proves the order" if not is_open else "no day above 12 proves the order"
    form = f"{order[0]}{mark}{order[1]}{mark}{year}{clock or ''}"
    return DateForm(form, has_time, fraction, clock is not None and not fraction, is_open, reason)


def _clock(found: list[re.Match[str]]) -> str | None:
    """The format of the time; None where not all of them are of one."""
    clocks = {(match[5], match[8] is not None) if match[5] else None for match in found}
    if len(clocks) > 1 or any(match[10] for match in found):
        return None
    ((only),) = clocks
    return "" if only is None else only[0] + ("%H:%M:%S" if only[1] else "%H:%M")


@cache
def countries() -> dict[str, str]:
    """Names of countries in several languages, and their codes, each with the two-letter code."""
    from babel import Locale

    known: dict[str, str] = {}
    for language in ("en", "de", "fr", "es", "it", "pt", "nl", "pl", "sv", "da"):
        for code, name in Locale(language).territories.items():
            if len(code) == 2 and code.isalpha() and code not in ("EU", "UN", "ZZ", "EZ", "QO", "XA", "XB"):
                known.setdefault(str(name).casefold(), code)
                known.setdefault(code.casefold(), code)
    more = {"usa": "US", "uk": "GB", "eire": "IE", "rsa": "ZA", "great britain": "GB", "england": "GB", "holland": "NL"}
    return known | more


def country_codes(values: Sequence[str]) -> Counter[str]:
    """How often each country comes, of the values that name one."""
    known = countries()
    return Counter(code for value in values if (code := known.get(value.casefold())))
