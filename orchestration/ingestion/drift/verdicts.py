"""Whether a file is of the shape its source's files have had: what stops the source, and what is only worth telling.

Not here: measuring files (facts.py). Everything here compares two lists of facts; no database, no clock.
"""

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from statistics import median

from orchestration.ingestion.drift.facts import ColumnFacts, Facts
from orchestration.sources import Source

FEW = 20  # values, or rows: of fewer nothing is concluded
OFTEN, SELDOM = 0.5, 0.05  # shares: what holds for most lines, and for next to none
ALWAYS = 0.9
OTHER_SIZE = 50  # a price of 1999 where 19.99 stood is a hundred times larger; a dear month is not
LONG_SPAN = timedelta(days=45)
NEAR = timedelta(days=7)


@dataclass(frozen=True)
class Verdict:
    """What is wrong with a file, and what is new about it; each a sentence with what was seen and what was expected."""

    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def compare(source: Source, before: Sequence[Facts], now: Facts) -> Verdict:
    """Compare a file with the last ones of its source.

    Args:
        source: the source, with ``max_shrink_pct``.
        before: the facts of its last files, the newest last; of none, nothing is said.
        now: the facts of the file.

    >>> from orchestration.ingestion.drift.facts import Facts
    >>> compare(None, [], Facts("a.csv", ("a",), 1))
    Verdict(problems=(), notes=())
    """
    if not before:
        return Verdict()
    shrunk = tuple(_shrunk(source, before, now))
    stopped, told = (shrunk, ()) if _is_list(source) else ((), shrunk)
    if now.rows == 0:
        return Verdict(stopped, told)
    problems = [*_retyped(source, before, now), *_other_numbers(source, before, now), *_off(before, now), *stopped]
    notes = [*_new_names(source, before, now), *_emptied(before, now), *told]
    for is_sure, sentence in _exchanged(source, before, now):
        (problems if is_sure else notes).append(sentence)
    return Verdict(tuple(problems), tuple(notes))


def renamed(missing: str, header: Sequence[str], expected: Sequence[str]) -> str:
    """A guess at what became of a column that is missing: a new one with a like name, or at its place; else nothing.

    >>> renamed("Qty", ["No", "Quantity"], ["No", "Qty"])
    "; 'Quantity' is new: was 'Qty' renamed?"
    """
    new = [name for name in header if name not in expected]
    like = difflib.get_close_matches(missing.casefold(), [name.casefold() for name in new], n=1, cutoff=0.5)
    place = expected.index(missing) if missing in expected else -1
    found = next((name for name in new if name.casefold() in like), None)
    if found is None and 0 <= place < len(header) and header[place] in new:
        found = header[place]
    return f"; {found!r} is new: was {missing!r} renamed?" if found else ""


def _column(facts: Facts, name: str) -> ColumnFacts:
    return facts.columns.get(name, ColumnFacts())


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def _label(source: Source, name: str) -> str:
    return repr(source.columns[name].from_ or name)


def _retyped(source: Source, before: Sequence[Facts], now: Facts) -> Iterator[str]:
    for name, column in now.columns.items():
        was = _share(sum(_column(f, name).unformed for f in before), sum(f.looked_at for f in before))
        is_now = _share(column.unformed, now.looked_at)
        if now.looked_at >= FEW and is_now >= OFTEN and was <= SELDOM:
            yield (
                f"{now.file}: {_label(source, name)} changed its form: {column.unformed} of the first {now.looked_at} "
                f"texts cannot be read as {name}, of the last files {100 * was:.0f} % could not"
            )


def _other_numbers(source: Source, before: Sequence[Facts], now: Facts) -> Iterator[str]:
    for name, column in now.columns.items():
        olds = [_column(f, name) for f in before]
        if column.marked >= FEW and _share(column.triples, column.marked) >= ALWAYS:
            was = _share(sum(c.triples for c in olds), sum(c.marked for c in olds))
            if was <= OFTEN:
                yield (
                    f"{now.file}: {_label(source, name)} has three digits after its mark in {column.triples} of "
                    f"{column.marked} numbers, where {100 * was:.0f} % had: is the mark now one of thousands?"
                )
                continue
        sizes = [c.size for c in olds if c.size and c.values >= FEW]
        if column.size and sizes and column.values >= FEW:
            usual = median(sizes)
            if not 1 / OTHER_SIZE < column.size / usual < OTHER_SIZE:
                yield (
                    f"{now.file}: the values of {_label(source, name)} are about {column.size:.4g} where they were "
                    f"about {usual:.4g}: another decimal mark, or another unit?"
                )


def _exchanged(source: Source, before: Sequence[Facts], now: Facts) -> Iterator[tuple[bool, str]]:
    """Dates that continue the last files only with day and month exchanged, and whether that is sure.

    Of one day it never is, for a day that comes late looks the same; nor is it against one former file.
    """
    for name, column in now.columns.items():
        olds = [_column(f, name) for f in before]
        lasts, spans = [c.last for c in olds if c.last], [c.last - c.first for c in olds if c.first and c.last]
        if not (column.first and column.last and column.swapped_first and column.swapped_last and lasts):
            continue
        if (column.first, column.last) == (column.swapped_first, column.swapped_last):
            continue
        if column.first.day == column.last.day == 1:  # firsts of months: a year's plan looks like days of January
            continue
        span, swapped_span, usual = column.last - column.first, column.swapped_last - column.swapped_first, max(spans)
        is_torn = span > usual + LONG_SPAN and swapped_span <= usual + NEAR
        follows = abs(column.swapped_first - max(lasts)) <= NEAR and abs(column.first - max(lasts)) > LONG_SPAN
        if is_torn or (follows and swapped_span <= usual + NEAR):
            is_sure = column.first != column.last and len(lasts) > 1
            yield (
                is_sure,
                f"{now.file}: {_label(source, name)} seems to have day and month the other way round: read by "
                f"{source.columns[name].format} it runs from {column.first} to {column.last}, exchanged from "
                f"{column.swapped_first} to {column.swapped_last}; the last files ended on {max(lasts)}",
            )


def _off(before: Sequence[Facts], now: Facts) -> Iterator[str]:
    was, is_now = _share(sum(f.off for f in before), sum(f.looked_at for f in before)), _share(now.off, now.looked_at)
    if now.off >= 3 and is_now > 0.01 and is_now > 5 * was:
        yield (
            f"{now.file}: the stated amount is not units × price − discount in {now.off} of the first "
            f"{now.looked_at} lines, where it was not in {100 * was:.1f} %"
        )


def _shrunk(source: Source, before: Sequence[Facts], now: Facts) -> Iterator[str]:
    """A file that comes again, or a whole list that comes anew, with far fewer rows than it had."""
    if source.database and source.database.watermark:
        return  # each look brings what is new
    same = [f.rows for f in before if f.file == now.file]
    # of a list that comes in several files, none tells how long another one should be
    is_whole = _is_list(source) and all(f.n_files == 1 for f in (*before, now))
    usual = same[-1] if same else median(f.rows for f in before) if is_whole else 0
    if usual >= FEW and now.rows < usual * (1 - source.max_shrink_pct / 100):
        yield (
            f"{now.file}: {now.rows} rows where {usual:.0f} stood, a fall by more than the "
            f"{source.max_shrink_pct:g} % that max_shrink_pct allows: is the export cut short?"
        )


# What a business exports as a whole each time, not as what is new.
_LISTS = ("products", "customers", "suppliers", "locations", "sales_reps", "territories")
_TREES = ("json", "xml", "yaml")


def _is_list(source: Source) -> bool:
    return source.entity in _LISTS


def _new_names(source: Source, before: Sequence[Facts], now: Facts) -> Iterator[str]:
    last = before[-1]
    # a record of a tree leaves out what it does not have, and has its fields in any order
    is_tree = source.format in _TREES
    known = {name for facts in before for name in facts.header} if is_tree else set(last.header)
    new = [name for name in now.header if name not in known]
    gone = [name for name in last.header if name not in now.header]
    if new:
        yield f"{now.file}: new columns that nothing reads: {', '.join(map(repr, new[:10]))}"
    if is_tree:
        return
    if gone:
        yield f"{now.file}: columns that nothing read are gone: {', '.join(map(repr, gone[:10]))}"
    if not new and not gone and now.header != last.header:
        yield f"{now.file}: the columns come in another order"


def _emptied(before: Sequence[Facts], now: Facts) -> Iterator[str]:
    for name, column in now.columns.items():
        was = _share(sum(_column(f, name).values for f in before), sum(f.looked_at for f in before))
        if now.looked_at >= FEW and _share(column.values, now.looked_at) <= OFTEN and was >= 1 - SELDOM:
            yield (
                f"{now.file}: {name} is empty in {now.looked_at - column.values} of the first {now.looked_at} lines, "
                f"where it was there in {100 * was:.0f} %"
            )
