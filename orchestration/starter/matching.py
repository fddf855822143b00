"""Which column of a table is which column of an entity, by name and values; and which entity a table is.

Not here: columns that other tables bring (lookups.py), and what is made of amounts (amounts.py).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from orchestration.ingestion.contract import ENTITIES
from orchestration.ingestion.entity import Column, Entity
from orchestration.sources import DERIVED
from orchestration.starter.meanings import ANCHORS, MEANINGS, NOT_CALLED, SUBJECTS
from orchestration.starter.names import fit, ideas_of, words_of
from orchestration.starter.profile import Profile, country_codes
from orchestration.starter.tables import Table

LEAST_TABLE = 0.6  # below this a table is not thought to be the entity
LEAST_COLUMN = 0.55  # below this a column is only named as a candidate
LEAST_CANDIDATE = 0.3
# Columns of an entity that can be made of others where no column is them.
MADE = {
    "sales_lines": {"line_id", "unit_price", "ordered_at", "order_id", "qty_units"},
    "inventory_levels": {"snapshot_date"},
}
_MASTER = {
    "products",
    "customers",
    "suppliers",
    "locations",
    "sales_reps",
    "territories",
    "promotions",
    "opportunities",
}
_NAMES = ("_name", "note", "lost_reason")
_GROUPS = ("category", "subcategory", "segment", "region", "channel", "brand", "stage", "status", "method", "_kind")


@dataclass(frozen=True)
class Candidate:
    """A column that may be a column of an entity. ``table`` is None for the source's own, else what it is joined by."""

    profile: Profile
    score: float
    join: str | None = None

    @property
    def name(self) -> str:
        """As the mapping calls it."""
        return self.profile.name if self.join is None else f"{self.join}.{self.profile.name}"


@dataclass(frozen=True)
class Match:
    """A table seen as an entity: the column that each of its columns would come from, and how well that fits."""

    table: Table
    entity: Entity
    columns: Mapping[str, Candidate]
    score: float

    @cached_property
    def missing(self) -> list[str]:
        """Required columns that nothing was found for."""
        return [name for name in needed(self.entity) if name not in self.columns]


def needed(entity: Entity) -> list[str]:
    """The columns that a mapping must have."""
    return [c.name for c in entity.columns if c.required and c.default is None and c.name not in DERIVED]


def score(profile: Profile, entity: str, target: str, subject: frozenset[str]) -> float:
    """How surely a column is the entity's column ``target``, 0 to 1: its name, and whether its values can be that."""
    name = profile.name.rpartition(".")[2] if "." in profile.name else profile.name
    meaning = MEANINGS[entity][target]
    by_name = max(fit(ideas_of(name), meaning, subject), fit(ideas_of(profile.name), meaning, subject))
    return by_name * _suits(profile, ENTITIES[entity].column(target)) if by_name else 0.0


def _suits(profile: Profile, column: Column) -> float:
    """Whether the values can be what the column holds: 1 yes, 0 no."""
    if profile.kind == "empty":
        return 0.0
    if column.type in ("date", "timestamptz"):
        return 0.0 if profile.date is None else 1.0 if profile.date.is_readable else 0.7
    if column.type == "integer":
        return float(profile.is_whole)
    if column.type != "text":
        is_number = profile.number is not None and profile.date is None
        # whole "sales" are rather pieces than money, and broken ones rather money
        odd = {"line_amount": profile.is_whole, "qty_units": not profile.is_whole}.get(column.name, False)
        return (0.65 if odd and column.name == "line_amount" else 0.9 if odd else 1.0) * is_number
    return _suits_text(profile, column.name)


def _suits_text(profile: Profile, name: str) -> float:
    if profile.date is not None and profile.number is None:
        return 0.0
    some = profile.filled[:500]
    length = sum(map(len, some)) / len(some)
    if name.endswith("_id"):
        if profile.kind == "number" and not profile.are_float_ids:
            return 0.0
        are_words = sum(" " in value for value in some) > 0.5 * len(some)
        return 0.4 if length > 40 else 0.7 if are_words else 1.0
    if name.endswith(_NAMES):
        are_codes = sum(" " not in v and any(c.isdigit() for c in v) for v in some) > 0.9 * len(some)
        return 0.1 if profile.number is not None else 0.6 if are_codes else 1.0
    if name == "country":
        codes = country_codes([*profile.distinct][:300])
        return 1.0 if codes.total() >= 0.5 * min(300, len(profile.distinct)) else 0.3 if profile.number else 0.75
    if name in ("currency", "from_currency", "to_currency"):
        return 1.0 if all(len(value) == 3 and value.isalpha() for value in some[:100]) else 0.2
    if name.endswith(_GROUPS):
        is_scattered = len(profile.values) > 60 and len(profile.distinct) > 0.6 * len(profile.filled)
        return 0.4 if is_scattered else 0.8 if profile.number is not None else 1.0
    return 1.0


def candidates(table: Table, entity: str, *, join: str | None = None) -> dict[str, list[Candidate]]:
    """For each column of the entity the columns of the table that may be it, the best first."""
    found: dict[str, list[Candidate]] = {}
    for target in MEANINGS[entity]:
        scored = [Candidate(p, score(p, entity, target, frozenset(table.ideas)), join) for p in table.columns]
        found[target] = sorted((c for c in scored if c.score >= LEAST_CANDIDATE), key=lambda c: -c.score)
    return found


def assign(offers: Iterable[Mapping[str, Sequence[Candidate]]], *, least: float = LEAST_COLUMN) -> dict[str, Candidate]:
    """One column for each target, the surest first; no column twice."""
    pairs = [
        (-candidate.score, candidate.join is not None, place, target, candidate)
        for offer in offers
        for target, listed in offer.items()
        for place, candidate in enumerate(listed)
        if candidate.score >= least
    ]
    chosen: dict[str, Candidate] = {}
    used: set[str] = set()
    for *_, target, candidate in sorted(pairs, key=lambda pair: pair[:4]):
        if target not in chosen and candidate.name not in used:
            chosen[target] = candidate
            used.add(candidate.name)
    return chosen


def match(table: Table, entity_name: str) -> Match | None:
    """The table as that entity; None where what the entity cannot be without is not there."""
    entity = ENTITIES[entity_name]
    columns = assign([candidates(table, entity_name)])
    called = fit(table.ideas, SUBJECTS[entity_name])
    if NOT_CALLED.get(entity_name, frozenset()) & {*table.ideas, *words_of(table.label)}:
        return None
    if not all(any(name in columns for name in group) for group in ANCHORS[entity_name]):
        return None
    if entity_name == "sales_lines" and not called and not {"unit_price", "line_amount"} & set(columns):
        return None
    wanted = needed(entity)
    made = MADE.get(entity_name, set())
    found = [columns[name].score if name in columns else 0.6 * (name in made) for name in wanted]
    subject = max(called, fit(ideas_of(table.label), SUBJECTS[entity_name]))
    own = [columns[name].score for group in ANCHORS[entity_name] for name in group if name in columns]
    rated = (
        0.4 * sum(found) / len(found)
        + 0.3 * subject
        + 0.15 * sum(own) / len(own)
        + 0.15 * _key_fits(table, entity, columns)
    )
    rated += 0.01 * min(5, len(columns) - len(own))
    return Match(table, entity, columns, round(min(rated, 1.0), 3))


def _key_fits(table: Table, entity: Entity, columns: Mapping[str, Candidate]) -> float:
    """1 where the business key is unique, 0.5 where that cannot be said, less where it is not."""
    parts = [columns[name].profile for name in entity.key if name in columns]
    if len(parts) < len([name for name in entity.key if entity.column(name).required]):
        return 0.5
    share = distinct_share([part.values for part in parts], table.parts)
    if share > 0.999:
        return 1.0
    return -2.0 if entity.name in _MASTER and share < 0.9 else 0.3


def distinct_share(columns: Sequence[Sequence[str]], parts: Sequence[int] = ()) -> float:
    """The share of rows that differ in these columns, within each file: a later export may bring a row again.

    Args:
        columns: the values of each column, row by row.
        parts: how many of the rows are of each file, one after the other.

    >>> distinct_share([["1", "2", "2", "3"]]), distinct_share([["1", "2", "2", "3"]], [2, 2])
    (0.75, 1.0)
    """
    rows = list(zip(*columns, strict=True))
    places, begins = [], 0
    for size in parts or [len(rows)]:
        places.append(slice(begins, begins + size))
        begins += size
    return sum(len(set(rows[place])) for place in places) / len(rows) if rows else 0.0


def best_matches(table: Table) -> list[Match]:
    """The entities that a table may be, the likeliest first."""
    found = [made for entity in ENTITIES if (made := match(table, entity)) is not None]
    return sorted((m for m in found if m.score >= LEAST_TABLE - 0.1 * m.entity.is_required), key=lambda m: -m.score)
