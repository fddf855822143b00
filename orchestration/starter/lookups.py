"""Tables that a source's rows look columns up in: by a key that is unique there and whose values are all known there.

Not here: which column of such a table is which (matching.py), and the YAML (write.py).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from orchestration.starter.matching import LEAST_COLUMN, Candidate, Match, assign, candidates, score
from orchestration.starter.meanings import MEANINGS
from orchestration.starter.names import fit, ideas_of, source_name, unique
from orchestration.starter.profile import Profile
from orchestration.starter.tables import Table

LEAST_KNOWN = 0.98  # of a key's values must be known in the other table
MOST_LOOKUPS = 4
# Columns of a line that its product, its customer or its rep has are looked up in their own tables, by BI too.
_OWN_TABLES = {"sales_lines": {"product_name", "country", "category", "currency"}, "purchase_orders": {"supplier_name"}}


@dataclass(frozen=True)
class Lookup:
    """Another table, the columns it is joined on, and the share of the key's values that it knows."""

    name: str
    table: Table
    on: dict[str, str]
    known_share: float
    is_needed: bool = False  # whether a row without a match is none: an order's line without the order


@dataclass(frozen=True)
class Completed:
    """A match, with what other tables add to it."""

    columns: dict[str, Candidate]
    lookups: tuple[Lookup, ...]


def complete(match: Match, tables: Sequence[Table]) -> Completed:
    """The match with columns looked up in other tables, where those fit better than its own or there are none."""
    offers = [candidates(match.table, match.entity.name)]
    lookups: list[Lookup] = []
    names = join_names(tables)
    for table in tables:
        if table is match.table:
            continue
        for lookup, offer in _offers(match, table, tables, names):
            offers.append(offer)
            lookups.append(lookup)
    chosen = assign(offers)
    # a looked-up column takes the place of an own one only where that is a mere key to it
    for target, candidate in list(chosen.items()):
        own = match.columns.get(target)
        if candidate.join is not None and own is not None and own.score >= 0.8:
            chosen[target] = own
    used = {c.join for c in chosen.values() if c.join is not None}
    kept: list[Lookup] = []
    for lookup in lookups:
        parents = {name.partition(".")[0] for k in lookups if k.name in used for name in k.on if "." in name}
        if lookup.name in used | parents and all(lookup.name != other.name for other in kept):
            kept.append(lookup)
    return Completed(chosen, tuple(kept[:MOST_LOOKUPS]))


def _offers(
    match: Match, table: Table, tables: Sequence[Table], names: Mapping[str, str]
) -> list[tuple[Lookup, dict[str, list[Candidate]]]]:
    """What a table offers, by the column that leads there; and what the tables behind it offer."""
    link = _link(match.table, table, match, names)
    if link is None:
        return []
    lookup, column, is_own = link
    if is_own:
        offer = candidates(table, match.entity.name, join=lookup.name)
        wanted = {k: v for k, v in offer.items() if k not in match.columns or match.columns[k].score < 0.8}
        wanted.pop(match.entity.key[0], None)
        return [(lookup, wanted)]
    found = [(lookup, _named(match, table, column, lookup.name))]
    for further in tables:  # one step on: a product's subcategory has a category
        if further is not match.table and further is not table and (behind := _link(table, further, None, names)):
            step, key, _ = behind
            on = {f"{lookup.name}.{name}": other for name, other in step.on.items()}
            known = min(step.known_share, lookup.known_share)
            offer = _named(match, further, key, step.name)
            if any(offer.values()):
                found.append((Lookup(step.name, further, on, known), offer))
    return found if any(any(offer.values()) for _, offer in found) else []


def _named(match: Match, table: Table, column: Profile, join: str) -> dict[str, list[Candidate]]:
    """Of a table about X the name of X, for the columns that mean X: a category's name for category."""
    thing = tuple(idea for idea in ideas_of(column.name) if idea != "id")
    entity = match.entity.name
    offer: dict[str, list[Candidate]] = {}
    for target, meaning in MEANINGS[entity].items():
        if target.endswith("_id") or target in _OWN_TABLES.get(entity, ()) or fit(thing, meaning) < LEAST_COLUMN:
            continue
        named = [
            Candidate(p, fit((*thing, "name"), meaning), join)
            for p in table.columns
            if p.kind == "text" and set(ideas_of(p.name)) & {"name", "description"} and _is_about(p, thing)
        ]
        offer[target] = sorted(named, key=lambda c: "name" not in ideas_of(c.profile.name))[:1]
    return offer


def _is_about(profile: Profile, thing: tuple[str, ...]) -> bool:
    return set(ideas_of(profile.name)) <= {"name", "description", *thing}


def _link(
    base: Table, other: Table, match: Match | None, names: Mapping[str, str]
) -> tuple[Lookup, Profile, bool] | None:
    """How rows of ``base`` find their row of ``other``: by which column, and whether it is their own key."""
    own_key = match.columns.get(match.entity.key[0]) if match and _has_own_key(match) else None
    best: tuple[float, Lookup, Profile, bool] | None = None
    for key in other.columns:
        if not key.is_unique or (key.date is not None and key.number is None):
            continue
        for column in base.columns:
            is_own = own_key is not None and own_key.profile is column
            alike = _alike(column, key, other, match if is_own else None)
            if not alike or column.kind == "empty" or (column.number is None) != (key.number is None):
                continue
            known = len(column.distinct & key.distinct) / len(column.distinct)
            # of a file with bad rows, or of a sample, not every key is seen
            least = (LEAST_KNOWN if alike < 1 else 0.6) if other.is_whole else 0.3
            if known < least:
                continue
            is_needed = is_own and column.null_share == 0
            lookup = Lookup(names[other.place], other, {column.name: key.name}, known, is_needed)
            if best is None or alike > best[0]:
                best = (alike, lookup, column, is_own)
    return best[1:] if best else None


def _has_own_key(match: Match) -> bool:
    """Whether the first part of the key is enough to find more of a row: a thing's id, or a document's number."""
    return len(match.entity.key) == 1 or match.entity.key[-1] == "line_id"


def _alike(column: Profile, key: Profile, other: Table, match: Match | None) -> float:
    """How well two columns are named as keys of one thing."""
    own, theirs = set(ideas_of(column.name)), set(ideas_of(key.name))
    if "id" not in own and own != theirs:
        return 0.0
    if own == theirs:
        return 1.0
    if theirs == {"id"} and own == {*other.ideas, "id"}:
        return 0.9
    if match is not None:
        # both may be called otherwise, and still be the key of the same thing: employee_id, BusinessEntityID
        fits = score(key, match.entity.name, match.entity.key[0], frozenset(other.ideas))
        return 0.9 * fits if fits >= 0.7 else 0.0
    return 0.0


def join_names(tables: Sequence[Table]) -> dict[str, str]:
    """Each table's own name, as one that sources.yaml takes, by its place; no two have one."""
    names: dict[str, str] = {}
    for table in tables:
        names[table.place] = unique(source_name(table.label.rpartition(".")[2]) or "other", set(names.values()))
    return names
