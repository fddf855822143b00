"""The ways a row can be rejected, and the sentences people read about it.

Not here: when a rule holds (compile.py), and what is done with the row (quarantine.py).
"""

from dataclasses import dataclass

from orchestration.ingestion.entity import Column, precision_of
from orchestration.sources import ColumnMapping


@dataclass(frozen=True)
class Rule:
    """A way a row can be rejected. ``value`` is the SQL of the text at fault, over ``s`` (incoming)."""

    number: int
    rule: str
    column: str | None
    value: str
    reason: str


DUPLICATE = Rule(0, "duplicate", None, "null::text", "The row repeats an earlier row of its file.")


def form_rule(column: Column, mapping: ColumnMapping, decimal: str) -> tuple[str, str]:
    """The rule's name and what a text of this column should be."""
    if mapping.values is not None:
        return "unknown_value", f"one of the {len(mapping.values)} values that sources.yaml knows"
    if column.type.startswith("numeric"):
        mark = "point" if decimal == "." else "comma"
        digits, decimals = precision_of(column.type)
        return "not_a_number", f"a number with a decimal {mark}, of at most {digits} digits and {decimals} decimals"
    if column.type == "integer":
        return "not_a_whole_number", "a whole number of at most 9 digits"
    what = "date" if column.type == "date" else "time"
    form = f"of the form {mapping.format}" if mapping.format else "in ISO form"
    return f"not_a_{what}", f"a {what} {form}, from 1900 to 2199, that the calendar and the clock know"
