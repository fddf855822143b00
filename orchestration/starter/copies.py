"""The same table found more than once, as a CSV and in a dump: which are copies, and which of them is kept.

Not here: identical files (init.py), and tables that share only their keys (proposing.py).
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence

from orchestration.starter.matching import best_matches
from orchestration.starter.names import fold
from orchestration.starter.profile import Profile
from orchestration.starter.tables import Table

KNOWN = 0.9  # of the smaller one's keys stand in the larger one
ALIKE_NAMED = 0.5  # of the columns hold the same, where the tables have one name
ALIKE = 0.8  # where they have not


def without_copies(tables: Sequence[Table]) -> tuple[list[Table], dict[str, str]]:
    """The tables, each once, and why the others are left out, by their place."""
    groups: list[list[Table]] = []
    for table in tables:
        group = next((g for g in groups if any(_are_copies(table, other) for other in g)), None)
        if group is None:
            groups.append([table])
        else:
            group.append(table)
    origins = Counter(_origin(table) for table in tables)
    kept: list[Table] = []
    left: dict[str, str] = {}
    for group in groups:
        # what was cut short or is broken has fewer rows; of equals those that lie together, and no dump made by hand
        best = max(group, key=lambda t: (t.rows, origins[_origin(t)], t.shape.format != "sql", t.confidence_pct))
        kept.append(best)
        left |= {table.place: f"a copy of {best.place}" for table in group if table is not best}
    return sorted(kept, key=tables.index), left


def _origin(table: Table) -> tuple[str, str]:
    return table.shape.files.rpartition("/")[0], table.shape.format


def _bare(name: str) -> str:
    """A name as two programs may both write it.

    >>> _bare("customerID") == _bare("customer_id"), _bare("order-details") == _bare("order_details")
    (True, True)
    """
    return re.sub(r"[\W_]", "", fold(name.rpartition(".")[2] or name))


def _are_copies(one: Table, other: Table) -> bool:
    """Whether the smaller table's keys and most of its values stand in the larger one."""
    mine, theirs = _columns(one), _columns(other)
    both = [name for name in mine if name in theirs]
    have_one_name = _bare(one.label) == _bare(other.label)
    if not one.rows or not other.rows or len(both) < 2:
        return False
    if len(both) < (0.5 if have_one_name else 0.8) * max(len(mine), len(theirs)):
        return False
    less, more = (mine, theirs) if one.rows <= other.rows else (theirs, mine)
    values = [{name: _values(side[name]) for name in both} for side in (less, more)]
    same = [_known(values[0][name], values[1][name]) for name in both if less[name].filled]
    if sum(same) < (ALIKE_NAMED if have_one_name else ALIKE) * len(same):
        return False
    key = _key(one, both) or _key(other, both) or both
    return _known(*(list(zip(*(side[name] for name in key), strict=True)) for side in values))


def _columns(table: Table) -> dict[str, Profile]:
    return {_bare(column.name): column for column in table.columns}


def _values(column: Profile) -> list[object]:
    """The values as two programs agree on them: 14.00 is 14, and the clock of a day's date says nothing."""
    if column.number is not None and column.date is None:
        return [round(number, 4) if number is not None else None for number in column.numbers]
    if column.date is not None:
        return [value[:10] for value in column.values]
    return ["" if value in column.blanks else value for value in column.values]


def _known(less: Sequence[object], more: Sequence[object]) -> bool:
    own = set(less)
    return len(own & set(more)) >= KNOWN * len(own)


def _key(table: Table, names: Sequence[str]) -> list[str]:
    """The columns of the business key that both have; else one that is unique."""
    columns: Mapping[str, Profile] = _columns(table)
    match = next(iter(best_matches(table)), None)
    if match is not None:
        key = [_bare(match.columns[part].profile.name) for part in match.entity.key if part in match.columns]
        if len(key) == len(match.entity.key) and set(key) <= set(names):
            return key
    return next(([name] for name in names if columns[name].is_unique), [])
