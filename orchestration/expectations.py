"""What a rule and a suite of rules are, the patterns most rules follow, and the query for the rows that break one.

Not here: the rules of a table (suites.py, suites_raw.py), or how they are run (checks.py).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

Severity = Literal["critical", "warning"]
FIRST_DAY = "date '1990-01-01'"
LAST_DAY = "current_date + 366"
MOST_UNITS = "1e7"
MOST_PRICE = "1e7"
MOST_MONEY = "1e10"
FINITE = "1e15"  # a bound refuses NaN too: PostgreSQL sorts it above every number


@dataclass(frozen=True)
class Rule:
    """One promise: ``fails_when`` is the SQL condition of a row that breaks it; it speaks of ``columns``.

    Where ``unique`` is set, it is broken by several rows with the same ``columns`` instead. A condition that
    is null does not fail, so a rule about a required column says ``is null or``.
    """

    name: str
    columns: tuple[str, ...]
    fails_when: str = ""
    severity: Severity = "critical"
    unique: bool = False


@dataclass(frozen=True)
class Suite:
    """The rules of one table. ``key`` and ``lineage`` are shown with every failing row."""

    schema: str
    table: str
    key: tuple[str, ...]
    rules: tuple[Rule, ...]
    lineage: tuple[str, ...] = ()
    min_rows: int = 0

    @property
    def name(self) -> str:
        """``schema.table``, with the schema it is published under."""
        return f"{self.schema}.{self.table}"


def present(*columns: str) -> list[Rule]:
    """Every one of the columns holds something."""
    return [Rule(f"{c} is not empty", (c,), f"{c} is null or btrim(cast({c} as text)) = ''") for c in columns]


def between(
    columns: Sequence[str], low: str, high: str, *, required: bool = True, severity: Severity = "critical"
) -> list[Rule]:
    """Every one of the columns lies between two bounds, both of them allowed; where it is required, it is there too."""
    null = "is null or {c} " if required else ""
    return [
        Rule(f"{c} is between {low} and {high}", (c,), f"{c} {null.format(c=c)}not between {low} and {high}", severity)
        for c in columns
    ]


def finite(*columns: str, required: bool = True) -> list[Rule]:
    """Every one of the columns is a number that can be added up."""
    rules = between(columns, f"-{FINITE}", FINITE, required=required)
    return [Rule(f"{rule.columns[0]} is finite", rule.columns, rule.fails_when) for rule in rules]


def one_of(column: str, *values: str) -> Rule:
    """The column holds one of the texts."""
    # "is null or" because membership is unknown, not false, for a null.
    listed = ", ".join(f"'{value}'" for value in values)
    return Rule(f"{column} is one of {listed}", (column,), f"{column} is null or {column} not in ({listed})")


def unique(*columns: str) -> Rule:
    """No two rows agree in all of the columns."""
    return Rule(f"{', '.join(columns)} is unique", columns, unique=True)


def rows_that_break(rule: Rule, suite: Suite) -> str:
    """The query for the rows that break the rule, every value as text; ``{batch}`` stands for the table.

    >>> print(rows_that_break(unique("date_key"), Suite("bi", "dim_date", ("date_key",), ())))
    select cast(date_key as text) as date_key, cast(count(*) as text) as rows
    from {batch} group by date_key having count(*) > 1
    """
    if rule.unique:
        keys = ", ".join(rule.columns)
        columns = f"{_as_text(rule.columns)}, cast(count(*) as text) as rows"
        return f"select {columns}\nfrom {{batch}} group by {keys} having count(*) > 1"
    columns = _as_text(dict.fromkeys((*suite.key, *suite.lineage, *rule.columns)))
    return f"select {columns}\nfrom {{batch}} where {rule.fails_when}"


def _as_text(columns: Iterable[str]) -> str:
    return ", ".join(f"cast({column} as text) as {column}" for column in columns)
