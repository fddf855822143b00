"""The answers of the independent engine: a number per grain, entity, window and KPI; and how ours compare.

Not here: how a KPI is computed (recompute_sales.py and its neighbours).
"""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

import psycopg

from tests.support.recompute_books import Books

Number = Decimal | float | int | None
Cell = tuple[str, str, date, date, str]  # grain, entity, first and last day, KPI
Answers = dict[Cell, Number]


class Comparison(NamedTuple):
    """How many values of how many KPIs, grains and periods were compared, and which differ: ours, then theirs."""

    compared: int
    known: dict[str, int]
    grains: set[str]
    periods: set[str]
    differences: list[str]


def answers_of(books: Books, query: str) -> Answers:
    """The rows of a query with grain, entity, start, until and a column per KPI."""
    result = books.db.execute(query)
    kpis = [column[0] for column in result.description][4:]
    return {
        (grain, entity, start, until, kpi): value
        for grain, entity, start, until, *values in result.fetchall()
        for kpi, value in zip(kpis, values, strict=True)
    }


def is_same(ours: Decimal | None, theirs: Number) -> bool:
    """Exact sums must be equal to the last digit; what was divided, to six digits behind the point."""
    if ours is None or theirs is None:
        return ours is None and theirs is None
    if isinstance(theirs, float):
        return abs(float(ours) - theirs) <= 1e-5 + 1e-9 * abs(theirs)
    return ours == theirs


def compare(url: str, room: str, answers: Answers) -> Comparison:
    """Every value of a room that there are answers for; a missing answer is a difference."""
    kpis = sorted({cell[-1] for cell in answers})
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            f"""select grain, entity, window_start, window_end, kpi, period, basis, amount
                from kpis.kpi_values_{room} where kpi = any(%s)""",
            [kpis],
        ).fetchall()
    known = dict.fromkeys(kpis, 0)
    differences = []
    for grain, entity, start, end, kpi, period, basis, amount in rows:
        theirs = answers.get((grain, entity, start, end, kpi), "no answer")
        known[kpi] += amount is not None
        if isinstance(theirs, str) or not is_same(amount, theirs):
            differences.append(f"{kpi} of {grain} {entity}, {period} {basis} ({start} to {end}): {amount} | {theirs}")
    cells = {(grain, entity, start, end, kpi) for grain, entity, start, end, kpi, *_ in rows}
    unsaid = [cell for cell, value in answers.items() if value and cell not in cells]
    differences += [f"{cell}: nothing | {answers[cell]}" for cell in unsaid]
    return Comparison(len(rows), known, {row[0] for row in rows}, {row[5] for row in rows}, differences)


def merged(parts: Iterable[Answers]) -> Answers:
    """All answers together."""
    return {cell: value for part in parts for cell, value in part.items()}


def scalar(books: Books, query: str) -> Any:
    """The one value of a query."""
    ((value,),) = books.db.execute(query).fetchall()
    return value
