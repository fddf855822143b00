"""From tables to sources: which table brings which entity, what a flat one brings besides, what agrees with what.

Not here: a single source's mapping (proposals.py), and the YAML (write.py).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from orchestration.ingestion.contract import ENTITIES
from orchestration.starter.copies import without_copies
from orchestration.starter.guesses import Guess, guess
from orchestration.starter.lookups import Completed, Lookup, complete
from orchestration.starter.matching import LEAST_COLUMN, Candidate, Match, assign, best_matches, candidates, score
from orchestration.starter.meanings import ANCHORS, MEANINGS
from orchestration.starter.names import ideas_of, source_name, unique
from orchestration.starter.profile import Profile
from orchestration.starter.proposals import Proposal, known_share, propose
from orchestration.starter.tables import Table

# Columns that refer to a row of another entity.
REFERS = {
    "product_id": "products", "customer_id": "customers", "rep_id": "sales_reps", "territory_id": "territories",
    "location_id": "locations", "supplier_id": "suppliers", "promotion_id": "promotions",
}  # fmt: skip
# What flat sales lines may also say of their products and customers.
_ALSO = ("products", "customers")
STEADY = 0.95  # of the keys must have one value in a column for it to be theirs


@dataclass(frozen=True)
class Proposed:
    """All sources, and the tables that are none, each with why."""

    proposals: tuple[Proposal, ...]
    unused: Mapping[str, str]


def propose_all(tables: Sequence[Table]) -> Proposed:
    """The sources that the tables make, sales first."""
    given = tables
    tables, copies = without_copies(given)
    matches = [found[0] for table in tables if (found := best_matches(table))]
    matches, same = _one_each(matches, tables)
    proposals: list[Proposal] = []
    names: set[str] = set()
    for match in sorted(matches, key=lambda m: (list(ENTITIES).index(m.entity.name), -m.score)):
        proposals.append(propose(match, complete(match, tables), _name(match, names)))
    proposals += _freight(proposals, names) + _also(proposals, names)
    proposals = _agreed(_referred(proposals))
    used = {p.table.place for p in proposals} | {k.table.place for p in proposals for k in p.lookups}
    labels = [table.label for table in given]
    unused = {}
    for table in given:
        if table.place not in used:
            # a name that several have says nothing without the place
            is_named = labels.count(table.label) == 1 and table.place not in copies
            name = table.label if is_named else table.place
            unused[name] = copies.get(table.place) or same.get(table.place) or _why_unused(table)
    return Proposed(tuple(proposals), unused)


def _why_unused(table: Table) -> str:
    if table.shape.csv.names and table.shape.csv.names[0] == "column_1":
        return "no header, and nothing names its columns: give the .sql with its create table too, or set csv.names"
    found = _nearest_entity(table)
    return "no entity fits" + (f"; nearest is {found}" if found else "")


def _nearest_entity(table: Table) -> str:
    """The entity that most of the columns fit, however badly; "" if none does."""
    fits = {entity: len(assign([candidates(table, entity)])) for entity in ENTITIES}
    entity = max(fits, key=lambda name: fits[name])
    return f"{entity} with {fits[entity]} columns" if fits[entity] >= 2 else ""


def _name(match: Match, taken: set[str]) -> str:
    """A name for the source: the table's own, or its entity's."""
    label = source_name(match.table.label.rpartition(".")[2])
    return _unique(label if label[:1].isalpha() else match.entity.name, taken)


def _unique(name: str, taken: set[str]) -> str:
    found = unique(name, taken)
    taken.add(found)
    return found


def _one_each(matches: Sequence[Match], tables: Sequence[Table]) -> tuple[list[Match], dict[str, str]]:
    """Of several tables with the same things the one to start from; the others are looked up by it."""
    same: dict[str, str] = {}
    for entity in sorted({m.entity.name for m in matches} - {"sales_lines"}):
        ours = [m for m in matches if m.entity.name == entity and m.table.place not in same]
        key = ENTITIES[entity].key[0]
        if len(ENTITIES[entity].key) > 1:
            continue
        referred = _referring(tables, [m.table for m in ours], key)
        for one in ours:
            for other in ours:
                if one is other or {one.table.place, other.table.place} & set(same):
                    continue
                mine, theirs = one.columns[key].profile, other.columns[key].profile
                if not (mine.is_unique and theirs.is_unique and known_share(mine.distinct, theirs.distinct) >= 0.98):
                    continue
                # the larger one has more of them, unless nobody ever speaks of the rest
                is_enough = bool(referred) and known_share(referred, mine.distinct) >= 0.99
                is_equal = len(mine.distinct) == len(theirs.distinct)
                left = other if (one.score >= other.score if is_equal else is_enough) else one
                kept = other if left is one else one
                same[left.table.place] = f"the same {entity} as {kept.table.place}"
    return [m for m in matches if m.table.place not in same], same


def _referring(tables: Sequence[Table], own: Sequence[Table], key: str) -> frozenset[str]:
    """The ids by which other tables speak of those things; by their surest name, for a buyer is an employee too."""
    entity = next((name for name in ("sales_lines", "products", "customers") if key in MEANINGS[name]), "")
    rated = [
        (score(column, entity, key, frozenset()), column)
        for table in tables
        for column in (table.columns if entity and table not in own else ())
    ]
    best = max((rating for rating, _ in rated), default=0.0)
    values = [column.distinct for rating, column in rated if rating == best >= 0.85]
    return frozenset().union(*values)


def _also(proposals: Sequence[Proposal], names: set[str]) -> list[Proposal]:
    """Products and customers out of flat sales lines, where no table of their own brings them."""
    found = []
    for entity in _ALSO:
        if any(p.entity == entity for p in proposals):
            continue
        for sales in (p for p in proposals if p.entity == "sales_lines" and len(p.guesses) > 8):
            columns = _steady_columns(sales.table, entity)
            has_anchors = all(any(name in columns for name in group) for group in ANCHORS[entity])
            if has_anchors and len(columns) >= 3:
                match = Match(sales.table, ENTITIES[entity], columns, sales.match.score * 0.95)
                made = propose(
                    match, Completed(dict(columns), ()), _unique(f"{sales.name}_{entity}", names), is_besides=True
                )
                note = f"the same files as {sales.name}: of each of the {entity} the last row counts"
                found.append(replace(made, notes=(note,)))
    return found


def _steady_columns(table: Table, entity: str) -> dict[str, Candidate]:
    """The columns of which each key has but one value; no money, no dates: those are the line's."""
    offers = candidates(table, entity)
    kinds = {c.name: c.type for c in ENTITIES[entity].columns}
    key = ENTITIES[entity].key[0]
    if not offers[key] or offers[key][0].score < 0.9:
        return {}
    keys = offers[key][0].profile.values
    steady = {
        t: [c for c in found if t == key or steadiness(keys, c.profile) >= STEADY]
        for t, found in offers.items()
        if kinds[t] == "text"
    }
    return assign([steady], least=LEAST_COLUMN)


def steadiness(keys: Sequence[str], column: Profile) -> float:
    """The share of keys that have only one value in the column."""
    values: dict[str, set[str]] = {}
    for key, value in zip(keys, column.values, strict=True):
        if key:
            values.setdefault(key, set()).add(value)
    return sum(len(found) == 1 for found in values.values()) / len(values) if values else 0.0


def _freight(proposals: Sequence[Proposal], names: set[str]) -> list[Proposal]:
    """Freight that stands once in the order's header becomes a charge of its own."""
    found: dict[str, Proposal] = {}  # by the header: several sources may look their lines up in one
    for sales in proposals:
        if sales.entity != "sales_lines":
            continue
        for lookup in sales.lookups:
            order = sales.guesses["order_id"].reads[0] if "order_id" in sales.guesses else ""
            column = next((c for c in lookup.table.columns if ideas_of(c.name) == ("freight",) and c.number), None)
            if column is not None and order in lookup.on and lookup.table.place not in found:
                found[lookup.table.place] = _freight_of(sales, lookup, column, order, names)
    return [*found.values()]


def _freight_of(sales: Proposal, lookup: Lookup, column: Profile, order: str, names: set[str]) -> Proposal:
    entity, table = sales.match.entity, lookup.table
    columns = {
        target: Candidate(c.profile, c.score)
        for target, c in sales.columns.items()
        if c.join == lookup.name and target not in ("product_id", "product_name", "line_id")
    }
    columns["order_id"] = Candidate(table.by_name[lookup.on[order]], 0.97)
    columns["unit_price"] = Candidate(column, 0.9)
    is_typed = table.shape.format not in ("csv", "xml")
    known = {c.name: c for c in entity.columns}
    guesses = {t: guess(c, known[t], decimal=table.decimal, is_typed=is_typed) for t, c in columns.items()}
    ask = f"is {column.name} charged to the customer, and in none of the lines?"
    guesses["unit_price"] = replace(guesses["unit_price"], confirm=ask, confidence_pct=70)
    for target, constant in (
        ("line_id", "freight"),
        ("line_kind", "charge"),
        ("product_id", "FREIGHT"),
        ("qty_units", "1"),
    ):
        guesses[target] = Guess(target, {"constant": constant}, 70, "a charge of its own", None)
    ordered = {c.name: guesses[c.name] for c in entity.columns if c.name in guesses}
    match = Match(table, entity, columns, 0.7)
    return Proposal(_unique("freight", names), match, ordered, columns=columns)


def _referred(proposals: Sequence[Proposal]) -> list[Proposal]:
    """Columns that refer to other entities, compared with what those have."""
    keys = {
        p.entity: profile.distinct
        for p in proposals
        if (key := p.match.entity.key[0]) in p.columns and (profile := p.profile_of(key)) is not None
    }
    categories = next(
        (c.profile.distinct for p in proposals if p.entity == "products" and (c := p.columns.get("category"))), None
    )
    checked = []
    for proposal in proposals:
        guesses = dict(proposal.guesses)
        required = {c.name for c in proposal.match.entity.columns if c.required}
        notes = list(proposal.notes)
        for target, candidate in proposal.columns.items():
            entity = REFERS.get(target)
            known = keys.get(entity or "") if entity != proposal.entity else None
            if target == "category" and proposal.entity != "products":
                entity, known = "the products' categories", categories
            if known is None or target not in guesses or not candidate.profile.distinct:
                continue
            share = known_share(candidate.profile.distinct, known)
            text = f"{share:.0%} of its values stand in {entity}"
            own = guesses[target]
            if share < 0.05 and target not in required:
                del guesses[target]
                notes.append(f"{candidate.name} is not mapped to {target}: {text}")
            elif share < 0.5:
                guesses[target] = replace(own, confidence_pct=min(own.confidence_pct, 50), confirm=f"only {text}")
            else:
                pct = max(own.confidence_pct, 97) if share > 0.95 else own.confidence_pct
                guesses[target] = replace(own, confidence_pct=pct, reason=f"{own.reason}; {text}")
        columns = {t: c for t, c in proposal.columns.items() if t in guesses}
        checked.append(replace(proposal, guesses=guesses, notes=tuple(notes), columns=columns))
    return checked


def _agreed(proposals: Sequence[Proposal]) -> list[Proposal]:
    """Product codes in upper case everywhere, if any file writes one of them in two ways."""
    codes = {v for p in proposals if (c := p.profile_of("product_id")) for v in c.distinct}
    if len({code.upper() for code in codes}) == len(codes):
        return list(proposals)
    agreed = []
    for proposal in proposals:
        guesses = dict(proposal.guesses)
        product = proposal.columns.get("product_id")
        for target in ("product_id", "line_id"):
            made = guesses.get(target)
            if product is not None and made is not None and made.mapping.get("from") == product.name:
                reason = f"{made.reason}; codes come in upper and lower case"
                guesses[target] = replace(made, mapping={**made.mapping, "case": "upper"}, reason=reason)
        agreed.append(replace(proposal, guesses=guesses))
    return agreed
