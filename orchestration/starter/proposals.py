"""A proposed source: a table, the entity it is, the guessed mapping of each column, and what stays open.

Not here: the single guesses (guesses.py, amounts.py, kinds.py), and which tables make which sources (proposing.py).
"""

import re
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import pairwise
from statistics import median

from orchestration.starter.amounts import guess_amounts
from orchestration.starter.guesses import Guess, guess, person_name, quoted
from orchestration.starter.kinds import Kind, guess_kinds
from orchestration.starter.lookups import Completed, Lookup
from orchestration.starter.matching import Candidate, Match, candidates, distinct_share, needed
from orchestration.starter.profile import Profile
from orchestration.starter.tables import Table

# Formats with typed cells: what a number looks like there is decided by whoever writes it as text.
TYPED = {"excel", "parquet", "json", "yaml", "sql"}
NOT_FOUND = "?"
LEAST_UNIQUE = 0.9  # of the rows must differ in what is taken as their key
_PERSONS = {"sales_reps": "rep_name", "customers": "customer_name"}


@dataclass(frozen=True)
class Proposal:
    """One source as it would be written."""

    name: str
    match: Match
    guesses: dict[str, Guess]
    lookups: tuple[Lookup, ...] = ()
    kinds: tuple[Kind, ...] = ()
    notes: tuple[str, ...] = ()
    columns: Mapping[str, Candidate] = field(default_factory=dict)

    @property
    def table(self) -> Table:
        """The table its own rows come from."""
        return self.match.table

    @property
    def entity(self) -> str:
        """What its rows are."""
        return self.match.entity.name

    @property
    def missing(self) -> list[str]:
        """Required columns that nothing was found for."""
        return [name for name in needed(self.match.entity) if NOT_FOUND in self.guesses[name].reads]

    @property
    def is_written(self) -> bool:
        """Whether it is written as a source, not as a comment: sales always are, there is no night without."""
        return not self.missing or self.match.entity.is_required

    @property
    def confidence_pct(self) -> int:
        """How sure it is as a whole: the entity's, less what is missing."""
        return round(100 * self.match.score) - 15 * len(self.missing)

    @property
    def decimal(self) -> str:
        """The decimal mark of the source."""
        return "." if self.table.shape.format in TYPED else self.table.decimal

    def profile_of(self, target: str) -> Profile | None:
        """The values of the column that an entity's column comes from."""
        candidate = self.columns.get(target)
        return candidate.profile if candidate else None

    def blanks(self) -> tuple[str, ...]:
        """Texts that stand for no value in the columns that are read, beside the empty one."""
        found = {blank for candidate in self.columns.values() for blank in candidate.profile.blanks}
        country = self.profile_of("country")
        if country is not None and "NA" in country.distinct:
            found.discard("NA")  # Namibia
        return tuple(sorted(found))

    @property
    def reads(self) -> set[str]:
        """The columns that it reads, those of other tables by their join."""
        return {name for made in self.guesses.values() for name in made.reads} | {k for j in self.lookups for k in j.on}

    def unread(self, elsewhere: Container[str] = ()) -> list[tuple[Profile, str]]:
        """The columns that nothing reads, here or ``elsewhere``, each with what it might be."""
        read = self.reads
        offers = candidates(self.table, self.entity)
        free = [target for target in offers if target not in self.guesses]
        listed = []
        for profile in self.table.columns:
            if profile.name not in read and profile.name not in elsewhere:
                near = [(c.score, target) for target in free for c in offers[target] if c.profile is profile]
                listed.append((profile, max(near)[1] if near else ""))
        return listed


def propose(match: Match, completed: Completed, name: str, *, is_besides: bool = False) -> Proposal:
    """The source that a match makes; ``is_besides``: its rows bring something else too, so their key comes again."""
    table, columns = match.table, dict(completed.columns)
    is_typed = table.shape.format in TYPED
    decimal = "." if is_typed else table.decimal
    known = {c.name: c for c in match.entity.columns}
    guesses = {t: guess(c, known[t], decimal=decimal, is_typed=is_typed) for t, c in columns.items()}
    notes: list[str] = []
    kinds: tuple[Kind, ...] = ()
    if match.entity.name == "sales_lines":
        _put_amounts(guesses, guess_amounts(columns, decimal=decimal, is_typed=is_typed, others=table.columns), notes)
        _put_line(guesses, columns, table.parts)
        _put_order(guesses, columns, table.parts)
        kinds = tuple(guess_kinds(columns))
    _put_names(guesses, completed, table, match.entity.name)
    if match.entity.name == "targets" and "period" not in guesses:
        _put_period(guesses, columns)
    if match.entity.name == "exchange_rates" and "to_currency" not in guesses:
        _put_currency(guesses, columns)
    elif not is_besides:
        _put_doubt(guesses, match)
    for target in needed(match.entity):
        if target not in guesses:
            ask = "no column was found: name it"
            guesses[target] = Guess(target, {"from": NOT_FOUND}, 0, "", ask, (NOT_FOUND,))
    order = [c.name for c in match.entity.columns if c.name in guesses]
    sorted_guesses = {target: guesses[target] for target in order}
    return Proposal(name, match, sorted_guesses, completed.lookups, kinds, tuple(notes), columns=columns)


def _put_amounts(guesses: dict[str, Guess], found: Mapping[str, Guess], notes: list[str]) -> None:
    for target, better in found.items():
        if better.mapping:
            guesses[target] = better
        elif better.confidence_pct == 0:
            left = guesses.pop(target, None)
            notes.append(f"{', '.join(left.reads) if left else target} is not mapped: {better.confirm} {better.reason}")
        else:
            own = guesses[target]
            confirm = own.confirm if own.confirm and own.confidence_pct < 90 else better.confirm
            guesses[target] = replace(own, confidence_pct=better.confidence_pct, reason=better.reason, confirm=confirm)


def _put_line(guesses: dict[str, Guess], columns: dict[str, Candidate], parts: Sequence[int]) -> None:
    """The line within the order: a column that is unique in it, or the product numbered within."""
    order, product = columns.get("order_id"), columns.get("product_id")
    if order is None or order.join is not None:
        return
    line = columns.get("line_id")
    if line is not None and line.join is None:
        share = distinct_share([order.profile.values, line.profile.values], parts)
        if share > 0.98:
            proof = f"unique with {order.name} on {share:.1%} of the rows"
            guesses["line_id"] = replace(guesses["line_id"], confidence_pct=97, reason=proof, confirm=None)
            return
    if product is None or product.join is not None:
        return
    share = distinct_share([order.profile.values, product.profile.values], parts)
    if share > 0.9999:
        reason = f"no line numbers, but {product.name} comes once in each {order.name}"
        guesses["line_id"] = Guess("line_id", {"from": product.name}, 85, reason, None, (product.name,))
        return
    reason = f"no line numbers: {product.name} comes again in {1 - share:.1%} of the rows, and is numbered"
    mapping = {"from": product.name, "numbered_within": [order.name, product.name]}
    ask = "is there a column that numbers the lines?" if share < LEAST_UNIQUE else None
    guesses["line_id"] = Guess("line_id", mapping, 80, reason, ask, (product.name,))


def _put_doubt(guesses: dict[str, Guess], match: Match) -> None:
    """A key that comes again and again is hardly the key: of its rows only the last would count."""
    key = match.entity.key
    own = [match.columns[part] for part in key if part in match.columns]
    if len(own) < len(key) or any(part not in guesses for part in key):
        return
    share = distinct_share([part.profile.values for part in own], match.table.parts)
    if share < LEAST_UNIQUE:
        names = ", ".join(part.name for part in own)
        ask = f"only {share:.0%} of the rows differ in {names}: of the others the last counts; is it the key?"
        guesses[key[0]] = replace(guesses[key[0]], confirm=guesses[key[0]].confirm or ask)


def _put_order(guesses: dict[str, Guess], columns: dict[str, Candidate], files: Sequence[int]) -> None:
    """Sales without documents, as totals per day and product: the day and the place stand for the document."""
    if "order_id" in guesses:
        return
    parts = [
        columns[t]
        for t in ("ordered_at", "location_id", "customer_id", "rep_id", "territory_id", "channel")
        if t in columns
    ]
    product = columns.get("product_id")
    if "ordered_at" not in columns or product is None:
        return
    reads = tuple(part.name for part in parts)
    made = f"concat_ws('|', {', '.join(quoted(name) for name in reads)})"
    ask = "these look like totals, not documents: orders and their number mean nothing then"
    guesses["order_id"] = Guess("order_id", {"expression": made}, 50, "no document numbers", ask, reads)
    within = [*reads, product.name]
    reason = "no document numbers: the product within the day and place"
    mapping = {"from": product.name, "numbered_within": within}
    share = distinct_share([c.profile.values for c in (*parts, product)], files)
    guesses["line_id"] = Guess(
        "line_id", {"from": product.name} if share == 1 else mapping, 60, reason, None, (product.name,)
    )


def _put_names(guesses: dict[str, Guess], completed: Completed, table: Table, entity: str) -> None:
    """A person's name of its two parts, where no column has the whole of it."""
    target = _PERSONS.get(entity)
    if target is None:
        return
    places = [(table.columns, None), *((lookup.table.columns, lookup.name) for lookup in completed.lookups)]
    whole = guesses.get(target)
    if whole is not None and whole.confidence_pct >= 80:
        return
    for columns, join in places:
        found = person_name(columns, join)
        if found is None:
            continue
        expression, reads = found
        parts_only = whole is None or whole.reads[0] in reads
        if not parts_only and whole is not None:
            expression, reads = (
                f"coalesce(nullif(btrim({quoted(whole.reads[0])}), ''), {expression})",
                (*whole.reads, *reads),
            )
        guesses[target] = Guess(target, {"expression": expression}, 88, "put together from its parts", None, reads)
        return


def _put_currency(guesses: dict[str, Guess], columns: Mapping[str, Candidate]) -> None:
    """The currency that all rates are into, where the rate's own name says it: Kurs in EUR."""
    rate = columns.get("rate")
    found = re.search(r"(?<![A-Za-z])[A-Z]{3}(?![A-Za-z])", rate.name) if rate else None
    if rate is not None and found is not None:
        ask = f"are these {found[0]} for one of the other?"
        guesses["to_currency"] = Guess("to_currency", {"constant": found[0]}, 70, f"by the name {rate.name}", ask)


def _put_period(guesses: dict[str, Guess], columns: Mapping[str, Candidate]) -> None:
    """Whether targets are for weeks, months, quarters or years: by the days between them."""
    column = columns.get("period_start")
    if column is None or column.profile.date is None or column.profile.date.format is not None:
        return
    days = sorted({date.fromisoformat(value[:10]) for value in column.profile.filled if _is_day(value[:10])})
    gaps = [(later - earlier).days for earlier, later in pairwise(days)]
    if not gaps:
        return
    gap = median(gaps)
    period = "day" if gap < 5 else "week" if gap < 20 else "month" if gap < 60 else "quarter" if gap < 200 else "year"
    if period != "month":
        guesses["period"] = Guess("period", {"constant": period}, 85, f"{gap:g} days from one to the next", None)


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def known_share(values: Iterable[str], known: frozenset[str]) -> float:
    """The share of different values that are known."""
    distinct = set(values)
    return len(distinct & known) / len(distinct) if distinct else 1.0
