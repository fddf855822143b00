"""What the amounts of sales lines are: which of units, price, discount and total make which, proven by arithmetic.

Not here: which columns they are by name (matching.py).
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median

from orchestration.starter.guesses import Guess, decimals_meant, number_of
from orchestration.starter.matching import Candidate
from orchestration.starter.profile import Profile

PROVEN = 0.95  # of the lines must add up
LEAST_LINES = 5
MOST_LINES = 20_000
_MONEY = ("qty_units", "unit_price", "discount_amount", "line_amount")
Row = tuple[float, ...]
_BEFORE = "is it an amount on the whole line, and unit_price the price before it?"

# What a discount may be, and what then remains of units q, price p and discount d.
FORMULAS: dict[str, Callable[[float, float, float], float]] = {
    "amount": lambda q, p, d: q * p - d,
    "rate": lambda q, p, d: q * p * (1 - d),
    "percent": lambda q, p, d: q * p * (1 - d / 100),
    "amount per unit": lambda q, p, d: q * (p - d),
    "amount added": lambda q, p, d: q * p + d,
}


@dataclass(frozen=True)
class Amounts:
    """The columns found by name, as numbers."""

    columns: Mapping[str, Candidate]
    decimal: str
    is_typed: bool
    others: Sequence[Profile] = ()  # every column of the table

    def sql(self, target: str) -> str:
        """The SQL of a column as number, without the noise of floats."""
        candidate = self.columns[target]
        sql = number_of(candidate, is_typed=self.is_typed)
        if candidate.profile.number and candidate.profile.number.decimals > 6:
            return f"round({sql}, {decimals_meant(candidate.profile)})"
        return sql

    def rows(self, *targets: str) -> Iterator[Row]:
        """The lines on which all of these stand."""
        columns = [self.columns[target].profile.numbers[:MOST_LINES] for target in targets]
        for row in zip(*columns, strict=True):
            if all(value is not None for value in row):
                yield tuple(value for value in row if value is not None)

    def guess(
        self, target: str, expression: str, confidence_pct: int, reason: str, confirm: str | None = None
    ) -> Guess:
        """A guess by an expression, whose numbers have a decimal point."""
        mapping = {"expression": expression} | ({"decimal": "."} if self.decimal == "," else {})
        return Guess(target, mapping, confidence_pct, reason, confirm)


def guess_amounts(
    columns: Mapping[str, Candidate], *, decimal: str, is_typed: bool, others: Sequence[Profile] = ()
) -> dict[str, Guess]:
    """Guesses for units, price, discount and amount, where more is to be said of them than their names do.

    Args:
        columns: the columns of the source by the entity's; only its own are tried.
        decimal: the source's decimal mark.
        is_typed: whether the format has typed cells.
        others: every column of the table, of which one may be the price before the discount.
    """
    own = {
        target: candidate
        for target, candidate in columns.items()
        if candidate.join is None
        and (target == "product_id" or (target in _MONEY and candidate.profile.number is not None))
    }
    amounts = Amounts(own, decimal, is_typed, others)
    has = set(own)
    if {"qty_units", "unit_price", "line_amount"} <= has:
        return _of_all(amounts)
    if {"qty_units", "unit_price", "discount_amount"} <= has:
        return _of_a_discount(amounts)
    if {"qty_units", "line_amount"} <= has:
        return _of_a_total(amounts)
    return {}


def _share(rows: Sequence[Row], holds: Callable[[Row], float]) -> float:
    """The share of lines on which the formula gives the last value, but for rounding."""
    fits = sum(abs(holds(row) - row[-1]) <= max(0.011, abs(row[-1]) * 1e-4) for row in rows)
    return fits / len(rows) if rows else 0.0


def _of_all(amounts: Amounts) -> dict[str, Guess]:
    """Units, price and total are there: what the discount is shows in what adds up."""
    found: dict[str, Guess] = {}
    plain = list(amounts.rows("qty_units", "unit_price", "line_amount"))
    without = _share(plain, lambda row: row[0] * row[1])
    if "discount_amount" in amounts.columns:
        rows = list(amounts.rows("qty_units", "unit_price", "discount_amount", "line_amount"))
        discounted = [row for row in rows if row[2]]
        shares = {name: _share(discounted, lambda r, f=formula: f(*r[:3])) for name, formula in FORMULAS.items()}  # type: ignore[misc]
        best = max(shares, key=lambda name: shares[name]) if shares else ""
        if len(discounted) >= LEAST_LINES and shares[best] >= PROVEN:
            text = f"{shares[best]:.0%} of {len(discounted)} discounted lines add up with the discount as {best}"
            found |= _proven(amounts, ("qty_units", "unit_price", "line_amount"), text)
            found["discount_amount"] = _discount(amounts, best, 99, text, None)
            return found
        if discounted and without >= PROVEN:
            # the total takes no notice of the discount: the price is what was paid
            text = f"units × price is the total on {without:.0%} of the lines, discounted or not"
            found |= _proven(amounts, ("qty_units", "unit_price", "line_amount"), text)
            found["discount_amount"] = Guess("discount_amount", {}, 0, text, "price and total are after the discount")
            return found
    if plain and without >= PROVEN:
        text = f"units × price is the total on {without:.0%} of {len(plain)} lines"
        found |= _proven(amounts, ("qty_units", "unit_price", "line_amount"), text)
    elif plain:
        text = f"units × price is the total on only {without:.0%} of the lines"
        found["line_amount"] = Guess(
            "line_amount", {"from": amounts.columns["line_amount"].name}, 40, text,
            "units, price, discount and total do not add up: is one of them another column, or tax in it?",
            (amounts.columns["line_amount"].name,),
        )  # fmt: skip
    return found


def _proven(amounts: Amounts, targets: Sequence[str], text: str) -> dict[str, Guess]:
    """The columns as they are, with what proves them; the mapping is left to what their texts need."""
    return {t: Guess(t, {}, 99, text, None, (amounts.columns[t].name,)) for t in targets}


def _discount(amounts: Amounts, meaning: str, confidence_pct: int, reason: str, confirm: str | None) -> Guess:
    """The discount on the whole line, of what the column says."""
    units, price, cut = (amounts.sql(t) for t in ("qty_units", "unit_price", "discount_amount"))
    name = amounts.columns["discount_amount"].name
    sql = {
        "rate": f"round({units} * {price} * {cut}, 6)",
        "percent": f"round({units} * {price} * {cut} / 100, 6)",
        "amount per unit": f"round({units} * {cut}, 6)",
        "amount added": f"-{cut}",
    }
    if meaning == "amount":
        return Guess("discount_amount", {}, confidence_pct, reason, confirm, (name,))
    made = amounts.guess("discount_amount", sql[meaning], confidence_pct, reason, confirm)
    return Guess(made.target, made.mapping, made.confidence_pct, made.reason, made.confirm, (name,))


def _of_a_discount(amounts: Amounts) -> dict[str, Guess]:
    """No total to compare with: the discount's own size has to tell."""
    candidate = amounts.columns["discount_amount"]
    cuts = [abs(cut) for (cut,) in amounts.rows("discount_amount") if cut]
    if not cuts:
        return {}
    before = _price_before(amounts)
    if before is not None:
        return before
    largest, kinds = max(cuts), len({round(cut, 6) for cut in cuts})
    named = any(word in candidate.name.casefold() for word in ("%", "pct", "perc", "rate", "proz"))
    sizes = f"{kinds} different values up to {largest:g}"
    if largest <= 1 and (named or kinds <= 60):
        return {"discount_amount": _discount(amounts, "rate", 85, sizes, "is it a share of units × price?")}
    if largest <= 100 and named:
        return {"discount_amount": _discount(amounts, "percent", 80, sizes, "is it a percentage of units × price?")}
    gross = [abs(q * p) for q, p, _ in amounts.rows("qty_units", "unit_price", "discount_amount")]
    over = sum(cut > total for (_, _, cut), total in zip(
        amounts.rows("qty_units", "unit_price", "discount_amount"), gross, strict=True))  # fmt: skip
    if over > 0.02 * len(gross) and largest <= 100:
        return {"discount_amount": _discount(amounts, "percent", 60, sizes, "is it a percentage of units × price?")}
    return {
        "discount_amount": Guess("discount_amount", {}, 80, f"{sizes}: an amount per line", _BEFORE, (candidate.name,))
    }


def _price_before(amounts: Amounts) -> dict[str, Guess] | None:
    """A second price, from which the discount leads to the first: then that one is before it, and it is per unit."""
    price, cut = (amounts.columns[t].profile for t in ("unit_price", "discount_amount"))
    for other in amounts.others:
        if other.number is None or other in (price, cut):
            continue
        rows = [
            (a, b, c)
            for a, b, c in zip(other.numbers[:MOST_LINES], price.numbers, cut.numbers, strict=False)
            if a is not None and b is not None and c
        ]
        share = _share([(a, c, b) for a, b, c in rows], lambda row: row[0] - row[1])
        if len(rows) >= LEAST_LINES and share >= PROVEN:
            text = f"{other.name} − {cut.name} is {price.name} on {share:.0%} of the discounted lines"
            given = Amounts({**amounts.columns, "unit_price": Candidate(other, 0.9)}, amounts.decimal, amounts.is_typed)
            made = given.guess("unit_price", given.sql("unit_price"), 97, text)
            guessed = replace(made, reads=(other.name,))
            return {"unit_price": guessed, "discount_amount": _discount(given, "amount per unit", 97, text, None)}
    return None


def _of_a_total(amounts: Amounts) -> dict[str, Guess]:
    """No price: it is the total by the units; and the discount shows in whether prices then stay the same."""
    total, units = amounts.sql("line_amount"), amounts.sql("qty_units")
    read = (amounts.columns["line_amount"].name, amounts.columns["qty_units"].name)
    net = f"round({total} / nullif({units}, 0), 6)"
    plain = amounts.guess("unit_price", net, 85, "no column of prices: total by units", None)
    found = {"unit_price": Guess(plain.target, plain.mapping, 85, plain.reason, None, read)}
    if "discount_amount" not in amounts.columns:
        return found
    cut, name = amounts.sql("discount_amount"), amounts.columns["discount_amount"].name
    cuts = [abs(d) for (d,) in amounts.rows("discount_amount")]
    if not cuts or max(cuts) > 1:
        found["discount_amount"] = Guess("discount_amount", {}, 0, "", "is the total before or after this discount?")
        return found
    gross = f"{total} / nullif({units}, 0) / nullif(1 - {cut}, 0)"
    proof = _list_price_proof(amounts)
    reason = (
        f"the discount is a share, and {proof}" if proof else "the discount is a share, the total taken as after it"
    )
    confirm = None if proof else f"is {read[0]} after the discount?"
    pct = 95 if proof else 65
    price = amounts.guess("unit_price", f"round({gross}, 6)", pct, reason, confirm)
    found["unit_price"] = Guess(price.target, price.mapping, pct, reason, confirm, (*read, name))
    off = amounts.guess("discount_amount", f"{units} * round({gross}, 6) - {total}", pct, reason, confirm)
    found["discount_amount"] = Guess(off.target, off.mapping, pct, reason, confirm, (name,))
    return found


def _list_price_proof(amounts: Amounts) -> str:
    """Whether prices before discount stay the same within a product while those after it do not; in words."""
    product = amounts.columns.get("product_id")
    by_product: dict[str, list[tuple[float, float]]] = defaultdict(list)
    names = product.profile.values[:MOST_LINES] if product else ()
    columns = [amounts.columns[t].profile.numbers[:MOST_LINES] for t in ("qty_units", "line_amount", "discount_amount")]
    for name, units, total, cut in zip(names, *columns, strict=True):
        if units and total is not None and cut is not None and cut < 1:
            by_product[name].append((total / units, cut))
    steady_gross = steady_net = tried = 0
    for prices in by_product.values():
        if len({cut for _, cut in prices}) < 2:
            continue
        tried += 1
        steady_net += _is_steady([price for price, _ in prices])
        steady_gross += _is_steady([price / (1 - cut) for price, cut in prices])
    if tried >= LEAST_LINES and steady_gross > 0.6 * tried and steady_gross > 2 * steady_net:
        return f"with it {steady_gross} of {tried} products keep one list price"
    return ""


def _is_steady(prices: Sequence[float]) -> bool:
    middle = median(prices)
    return sum(abs(price - middle) <= max(0.011, abs(middle) * 0.01) for price in prices) >= 0.8 * len(prices)
