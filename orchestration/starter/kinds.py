"""Which sales lines are returns, charges and adjustments, by units, order numbers, product codes and their names.

Not here: the columns themselves (matching.py).
"""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from orchestration.ingestion.entity import literal
from orchestration.starter.matching import Candidate
from orchestration.starter.names import words_of

_CHARGES = (
    "post postage ship shipping shipment freight carriage delivery fracht versand versandkosten porto fee fees "
    "charge charges commission surcharge zuschlag gebuehr gebuehren frais livraison flete envio gastos spedizione "
    "trasporto frete verzendkosten handling insurance deposit pfand voucher gift manual packing verpackung vracht "
    "przesylka frakt dotcom amazonfee amazon bank nachnahme toll"
)
CHARGES = frozenset(_CHARGES.split())
_ADJUSTMENTS = (
    "adjust adjustment debt discount rabatt remise descuento sconto korrektur correction writeoff ausbuchung write "
    "sample samples rounding rundung round bonus skonto test gutschrift"
)
ADJUSTMENTS = frozenset(_ADJUSTMENTS.split())
MOST_CODES = 40


@dataclass(frozen=True)
class Kind:
    """One entry of ``classify``: a kind, its condition, and what speaks for it."""

    kind: str
    when: str | None
    reason: str


def guess_kinds(columns: Mapping[str, Candidate]) -> list[Kind]:
    """The entries of ``classify``, the last one without a condition."""
    kinds = []
    odd = _odd_codes(columns)
    for kind, words in (("adjustment", ADJUSTMENTS), ("charge", CHARGES)):
        codes = sorted(
            code for code, said in odd.items() if said & words and not (kind == "charge" and said & ADJUSTMENTS)
        )
        if codes:
            listed = ", ".join(literal(code) for code in codes[:MOST_CODES])
            names = "; ".join(sorted({" ".join(sorted(odd[code] & words)) for code in codes})[:4])
            kinds.append(Kind(kind, f"product_id in ({listed})", f"codes unlike the others, called {names}"))
    kinds.append(_returns(columns))
    return [*kinds, Kind("sale", None, "every other line")]


def _returns(columns: Mapping[str, Candidate]) -> Kind:
    """Negative units, and order numbers that begin with a letter where the units are negative."""
    units = columns["qty_units"].profile.numbers if "qty_units" in columns else ()
    orders = columns["order_id"].profile.values if "order_id" in columns else ()
    negative = sum(1 for number in units if number is not None and number < 0)
    if not negative:
        return Kind("return", "qty_units < 0", "the sample has none")
    if columns["order_id"].join is None and len(orders) == len(units):
        marked: Counter[str] = Counter()
        plain: Counter[str] = Counter()
        for order, number in zip(orders, units, strict=True):
            letter = order[:1] if re.match(r"[A-Za-z][-_ ]?\d", order) else ""
            (marked if number is not None and number < 0 else plain)[letter] += 1
        letter, count = max(marked.items(), key=lambda item: item[1])
        if letter and count > 0.5 * negative and plain[letter] < 0.1 * count:
            when = f"order_id like {literal(letter + '%')} or qty_units < 0"
            return Kind("return", when, f"{count} of {negative} lines with negative units begin with {letter}")
    return Kind("return", "qty_units < 0", f"{negative} lines have negative units")


def _odd_codes(columns: Mapping[str, Candidate]) -> dict[str, frozenset[str]]:
    """Product codes of another pattern than most, each with the words of the code and of its names."""
    product = columns.get("product_id")
    if product is None:
        return {}
    codes = product.profile.values
    named = columns.get("product_name")
    names = (
        named.profile.values if named is not None and len(named.profile.values) == len(codes) else ("",) * len(codes)
    )
    distinct = {code for code in codes if code}
    patterns = Counter(_pattern(code) for code in distinct)
    usual = {
        pattern for pattern, count in patterns.items() if count > 0.02 * len(distinct) and count > 3 and "9" in pattern
    }
    odd: dict[str, set[str]] = {}
    for code, name in zip(codes, names, strict=True):
        if code and usual and _pattern(code) not in usual:
            odd.setdefault(code.upper(), {*words_of(code.lower())}).update(words_of(name.lower()))
    return {code: frozenset(words) for code, words in odd.items()}


def _pattern(code: str) -> str:
    """The form of a code: letters and digits in runs.

    >>> _pattern("85123A"), _pattern("FUR-BO-10001798"), _pattern("POST")
    ('9A', 'A-A-9', 'A')
    """
    return re.sub(r"\d+", "9", re.sub(r"[^\W\d_]+", "A", code))
