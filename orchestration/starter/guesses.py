"""A guessed mapping of one column: where it comes from, how its texts are read, how sure that is and why.

Not here: which column is which (matching.py), amounts (amounts.py), and the YAML (write.py).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from orchestration.ingestion.entity import PERCENT, Column, precision_of
from orchestration.starter.matching import Candidate
from orchestration.starter.names import ideas_of
from orchestration.starter.profile import Profile

# Words of SQL that a column may be called; such a name stands in quotes.
_RESERVED_WORDS = (
    "order group user table select from to where end start date desc limit offset all and or not null case when "
    "then else values default check primary column left right in is as on using union having time timestamp interval"
)
_RESERVED = frozenset(_RESERVED_WORDS.split())
# What stands for the words that a column may hold, as the ideas or beginnings of the export's.
_WORDS: dict[str, tuple[str, ...]] = {
    "won": ("won", "win", "gewonnen", "gagn", "ganad", "vint", "wygran"),
    "lost": ("lost", "verlor", "perd", "przegran", "closed lost"),
    "open": ("open", "offen", "ouvert", "abiert", "apert", "new", "progress"),
    "receipt": ("receipt", "receive", "in", "purchase", "eingang", "wareneingang", "entr", "zugang", "po"),
    "sale": ("sale", "sold", "out", "issue", "ausgang", "verkauf", "vente", "venta", "so"),
    "return": ("return", "retour", "rück", "devol", "reso"),
    "transfer": ("transfer", "umlager", "move"),
    "adjustment": ("adjust", "korrektur", "count", "inventur", "correc"),
    "write_off": ("write", "scrap", "waste", "verderb", "abschreib", "ausbuch"),
    "month": ("month", "monat", "mois", "mes", "m"),
    "quarter": ("quarter", "quartal", "trim", "q"),
    "year": ("year", "jahr", "annual", "y"),
    "week": ("week", "woche", "w"),
    "day": ("day", "tag", "d"),
    "revenue": ("revenue", "sales", "umsatz", "amount"),
    "units": ("unit", "qty", "quantity", "menge", "pieces"),
    "gross_profit": ("profit", "margin", "gp", "rohertrag"),
    "new_customers": ("new", "neukunden", "customer"),
}

# What a person calls a column, where its name is none of their words.
_CALLED = {
    "territory_id": "the sales territory",
    "rep_id": "the sales rep",
    "location_id": "the place that the goods left",
    "customer_id": "the customer's number",
    "promotion_id": "the promotion",
    "supplier_id": "the supplier's number",
    "channel": "the sales channel",
}


@dataclass(frozen=True)
class Guess:
    """How one column of an entity would be mapped, in percent of certainty, and what a person should confirm."""

    target: str
    mapping: Mapping[str, object]
    confidence_pct: int
    reason: str
    confirm: str | None = None
    reads: tuple[str, ...] = field(default=())  # the source columns

    @property
    def is_sure(self) -> bool:
        """Whether nobody needs to look at it."""
        return self.confirm is None and self.confidence_pct >= 70


def quoted(name: str) -> str:
    """A source column's name as an expression writes it.

    >>> quoted("qty"), quoted("Order Date"), quoted("header.OrderDate"), quoted("order")
    ('qty', '"Order Date"', 'header."OrderDate"', '"order"')
    """
    parts = [
        part
        if re.fullmatch("[a-z_][a-z0-9_]*", part) and part not in _RESERVED
        else '"' + part.replace('"', '""') + '"'
        for part in name.split(".")
    ]
    return ".".join(parts)


def number_of(candidate: Candidate, *, is_typed: bool = False) -> str:
    """The SQL of a source column as number, however it is written."""
    form, text = candidate.profile.number, f"btrim({quoted(candidate.name)})"
    if form is None or is_typed:
        return f"cast({quoted(candidate.name)} as numeric)"
    if form.has_symbols:
        bare = f"regexp_replace({text}, '[^0-9.,]', '', 'g')"
        sign = f"case when {text} ~ '^[(]|^-|-$' then '-' else '' end"
        text = f"concat({sign}, {_point(bare, form.decimal, form.thousands)})"
    elif form.decimal == "," or form.thousands:
        text = _point(text, form.decimal, form.thousands)
    else:
        text = quoted(candidate.name)
    rest = [value for value in candidate.profile.values if value and candidate.profile.as_number(value) is None]
    if rest:  # what is no number yields null, so that only its row is rejected
        return f"case when {text} ~ '^[+-]?[0-9]*[.]?[0-9]+$' then cast({text} as numeric) end"
    return f"cast({text} as numeric)"


def _point(text: str, decimal: str, thousands: str | None) -> str:
    text = f"replace({text}, '{thousands}', '')" if thousands else text
    return f"replace({text}, ',', '.')" if decimal == "," else text


def guess(candidate: Candidate, column: Column, *, decimal: str, is_typed: bool, why: str = "") -> Guess:
    """The mapping of an entity's column from a source column.

    Args:
        candidate: the source column.
        column: the entity's column.
        decimal: the source's decimal mark.
        is_typed: whether the format has typed cells, which are written in one way whatever they looked like.
        why: more reason.
    """
    confidence = round(100 * candidate.score)
    reason = why or f"by its name, {_shown_values(candidate.profile)}"
    if column.type in ("date", "timestamptz"):
        mapping, confirm = _date(candidate, column)
        if candidate.profile.date is not None:
            reason = why or f"by its name; {candidate.profile.date.reason}"
    elif column.type != "text":
        mapping, confirm, note = _number(candidate, column, decimal, is_typed)
        reason = f"{reason}; {note}" if note else reason
    else:
        mapping, confirm = _text(candidate, column)
    if confirm is None and confidence < 70:
        confirm = f"is {candidate.name} {_CALLED.get(column.name, column.name)}?"
        if not column.required:
            confirm += " If not, delete this line: nothing else needs it."
    return Guess(column.name, mapping, confidence - (10 if confirm else 0), reason, confirm, (candidate.name,))


def _shown_values(profile: Profile) -> str:
    if profile.kind != "text":
        return f"{profile.kind}s"
    count = len(profile.distinct)
    return f"{count} different texts" if count > 1 else f"{count} text"


def _date(candidate: Candidate, column: Column) -> tuple[dict[str, object], str | None]:
    form = candidate.profile.date
    if form is None:
        return {"from": candidate.name}, "the sample has no date in it"
    if not form.is_readable:
        example = candidate.profile.filled[0]
        return {"from": candidate.name}, f"{form.reason} cannot be read ({example!r}): export ISO dates or digits"
    if form.format is None:
        has_clock = any(len(value) > 10 for value in candidate.profile.filled)
        if column.type == "date" and has_clock:
            return {"expression": f"left({quoted(candidate.name)}, 10)"}, None
        return {"from": candidate.name}, None
    confirm = f"day or month first? {form.reason}" if form.is_open else None
    return {"from": candidate.name, "format": form.format}, confirm


def _number(
    candidate: Candidate, column: Column, decimal: str, is_typed: bool
) -> tuple[dict[str, object], str | None, str]:
    """The mapping, what must be confirmed, and what was done to the texts."""
    form = candidate.profile.number
    assert form is not None
    mapping: dict[str, object] = {"from": candidate.name}
    sql = number_of(candidate, is_typed=is_typed)
    point = {"decimal": "."} if decimal == "," else {}
    numbers = [abs(number) for number in candidate.profile.numbers if number is not None]
    if column.type == PERCENT and numbers and 0 < max(numbers) <= 1:
        expression: dict[str, object] = {"expression": f"{sql} * 100"}
        return expression | point, "are these shares between 0 and 1, and not percent?", ""
    if column.type.startswith("numeric") and form.decimals > precision_of(column.type)[1]:
        digits = decimals_meant(candidate.profile)
        noise = "the noise of four-byte floats" if digits == 4 else "more decimals than are kept"
        rounded: dict[str, object] = {"expression": f"round({sql}, {digits})"}
        return rounded | point, None, f"{noise} is rounded off"
    if form.has_symbols:
        plain: dict[str, object] = {"expression": sql}
        return plain | point, None, "signs of currency, percent or minus are taken off"
    if form.thousands and not is_typed:
        mapping["thousands"] = form.thousands
    if form.decimal != decimal and not is_typed and (form.decimals or form.thousands):
        mapping["decimal"] = form.decimal
    confirm = f"is {candidate.profile.filled[0]!r} a thousand, or one and a bit?" if form.is_open else None
    return mapping, confirm, ""


def decimals_meant(profile: Profile) -> int:
    """The decimals that were meant, where floats left their noise: 9.80000019 is 9.8; six where they are all meant.

    >>> from orchestration.starter.profile import profile
    >>> decimals_meant(profile("p", ["9.80000019", "34.7999992"])), decimals_meant(profile("p", ["1.23456789"]))
    (4, 6)
    """
    numbers = [number for number in profile.numbers[:5000] if number]
    for digits in (2, 4):
        if all(abs(round(n, digits) - n) <= abs(n) * 2e-7 for n in numbers):
            return 4
    return 6


def _text(candidate: Candidate, column: Column) -> tuple[dict[str, object], str | None]:
    profile = candidate.profile
    if column.name.endswith("_id") and profile.are_float_ids:
        return {"expression": f"regexp_replace({quoted(candidate.name)}, '\\.0$', '')"}, None
    if column.allowed:
        values = {value: meant for value in sorted(profile.distinct)[:50] if (meant := _meant(value, column.allowed))}
        unknown = sorted(profile.distinct - set(values))[:5]
        if not unknown and all(value == meant for value, meant in values.items()):
            return {"from": candidate.name}, None
        listed = f"; nothing is known of {', '.join(unknown)}" if unknown else ""
        return {
            "from": candidate.name,
            "values": values or {"?": column.allowed[0]},
        }, f"what do the words mean{listed}?"
    if column.name == "channel" and profile.distinct <= {"0", "1", "true", "false", "Y", "N", "t", "f"}:
        words = {v: "Online" if v in ("1", "true", "Y", "t") else "Other" for v in sorted(profile.distinct)}
        return {"from": candidate.name, "values": words}, "what are the two channels called?"
    return {"from": candidate.name}, None


def _meant(value: str, allowed: Sequence[str]) -> str | None:
    """The allowed word that a word of the export stands for."""
    text = value.casefold()
    if text in allowed:
        return text
    ideas = set(ideas_of(value))
    for word in sorted(allowed, key=len, reverse=True):
        if word in ideas or any(
            text.startswith(start) if len(start) > 2 else text == start for start in _WORDS.get(word, ())
        ):
            return word
    return next((word for word in allowed if any(len(k) > 2 and k in text for k in _WORDS.get(word, ()))), None)


def person_name(table_columns: Sequence[Profile], join: str | None) -> tuple[str, tuple[str, ...]] | None:
    """An expression that puts a first and a last name together, and the columns it reads."""
    firsts = ("firstname", "vorname", "prenom", "givenname", "nombre", "imie", "fornamn", "voornaam", "forename")
    lasts = (
        "lastname",
        "nachname",
        "surname",
        "apellido",
        "apellidos",
        "cognome",
        "nazwisko",
        "efternamn",
        "achternaam",
        "familyname",
    )
    by_name = {re.sub(r"[\W_]", "", column.name.casefold()): column for column in table_columns}
    first = next((by_name[name] for name in firsts if name in by_name), None)
    last = next((by_name[name] for name in lasts if name in by_name), None)
    if first is None or last is None:
        return None
    names = [column.name if join is None else f"{join}.{column.name}" for column in (first, last)]
    return f"concat_ws(' ', btrim({quoted(names[0])}), btrim({quoted(names[1])}))", tuple(names)
