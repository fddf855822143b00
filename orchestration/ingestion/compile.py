"""A source's mapping as SQL: from the text columns of ``incoming`` to typed columns, and to the first rule a row breaks.

Not here: running it (load.py). Values are cast only behind a test of their form, so no row can make the statement fail,
and forms that PostgreSQL would accept but no sales export means (``1_000``, ``0x10``, ``NaN``, ``infinity``) do not pass.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from orchestration.business import ColumnMapping, Source
from orchestration.errors import SourceError
from orchestration.ingestion import dates
from orchestration.ingestion.contract import ENTITIES, Column, Entity
from orchestration.ingestion.expressions import render
from orchestration.yaml_files import nearest

# Space, tab, line ends, and the no-break space that spreadsheets paste.
TRIMMED = "E' \\t\\r\\n\\u00A0'"


@dataclass(frozen=True)
class Rule:
    """A way a row can be rejected. ``value`` is the SQL of the text at fault, over ``s`` (incoming)."""

    number: int
    rule: str
    column: str | None
    value: str
    reason: str


@dataclass(frozen=True)
class Mapped:
    """A compiled source: ``query`` yields ``_row``, the entity's columns and ``_rule`` (null for a good row)."""

    entity: Entity
    query: str
    rules: tuple[Rule, ...]


def literal(text: str) -> str:
    """The text as an SQL literal.

    >>> literal("Jürgen's")
    "'Jürgen''s'"
    """
    quoted = "'" + text.replace("'", "''") + "'"
    return " E" + quoted.replace("\\", "\\\\") if "\\" in text else quoted


def check_columns(source: Source, header: list[str], file: str) -> None:
    """Raise SourceError if the file lacks a column that the mapping reads."""
    for target, mapping in source.columns.items():
        for name in (mapping.from_, *(mapping.numbered_within or ())):
            if name is not None and name not in header:
                raise SourceError(
                    f"{file}: there is no column {name!r}, which {source.name}.columns.{target} reads{nearest(name, header)}",
                    remedy="correct the mapping in sources.yaml, or the export",
                )


def compile_source(source: Source, *, staging: Mapping[str, str], business_zone: str) -> Mapped:
    """Compile the mapping of ``source``.

    Args:
        source: the source, validated.
        staging: the column of ``incoming`` that holds each header name's texts.
        business_zone: the business's time zone: sales days are days there.

    Raises:
        ConfigurationError: an expression or condition is wrong, or a date format cannot be read.
    """
    return _Compiler(source, staging, business_zone).compile()


class _Compiler:
    """Builds the query from the inside out, a layer each: texts ``t``, values ``v``, derived columns ``d``, the rule."""

    def __init__(self, source: Source, staging: Mapping[str, str], business_zone: str) -> None:
        self.source = source
        self.entity = ENTITIES[source.entity]
        self.staging = {name: f"s.{column}" for name, column in staging.items()}
        self.business_zone = business_zone
        self.rules: list[Rule] = []

    def compile(self) -> Mapped:
        mapped = self.source.columns.items()
        texts = ", ".join(f"{self._text(name, mapping)} as {name}" for name, mapping in mapped)
        formatted = [(name, mapping.format) for name, mapping in mapped if mapping.format is not None]
        iso = "".join(
            f", {dates.to_iso(f't.{name}', form, self._where(f'columns.{name}.format'))} as {name}_iso"
            for name, form in formatted
        )
        kept = ", ".join(f"t.{name} as {name}_text" for name in self.source.columns)
        values = ", ".join(f"{self._value(self.entity.column(name), mapping)} as {name}" for name, mapping in mapped)
        derived = ", ".join(f"{self._derived(column)} as {column.name}" for column in self.entity.columns)
        texts_kept = ", ".join(f"v.{name}_text" for name in self.source.columns)
        columns = ", ".join(f"d.{c.name}" for c in self.entity.columns)
        # offset 0 keeps the planner from merging the layers, which would evaluate every text once per use
        query = f"""
            select d._row, {columns}, {self._first_rule()} as _rule from (
                select v._row, {texts_kept}, {derived} from (
                    select t._row, {kept}, {values} from (
                        select t.*{iso} from (
                            select s._row, {texts} from incoming s offset 0) t offset 0) t offset 0) v offset 0) d"""
        return Mapped(self.entity, query, tuple(self.rules))

    def _where(self, key: str) -> str:
        return f"sources.yaml: {self.source.name}.{key}"

    # texts ----------------------------------------------------------------------------------------------------------

    def _text(self, name: str, mapping: ColumnMapping) -> str:
        """The cleaned text of one column: trimmed, blanks as null, in the wanted case."""
        if mapping.constant is not None:
            return literal(mapping.constant) + "::text"
        text = f"btrim({self._origin(name, mapping)}, {TRIMMED})"
        for blank in dict.fromkeys(("", *self.source.blanks)):
            text = f"nullif({text}, {literal(blank)})"
        if mapping.case:
            text = f"{mapping.case}({text})"
        if mapping.numbered_within:
            # what counts as the same must be what the key will hold: 85123a and 85123A are one article once in upper case
            same = [f"{mapping.case or ''}({self.staging[c]})" for c in mapping.numbered_within]
            group = ", ".join(["s._row / 10000000000", *same])
            number = f"row_number() over (partition by {group} order by s._row)"
            text = f"{text} || coalesce('#' || nullif({number}, 1), '')"
        return text

    def _origin(self, name: str, mapping: ColumnMapping) -> str:
        if mapping.expression is not None:
            where = self._where(f"columns.{name}.expression")
            return f"({render(mapping.expression, columns=self.staging, where=where)})"
        assert mapping.from_ is not None
        return self.staging[mapping.from_]

    # values ---------------------------------------------------------------------------------------------------------

    def _value(self, column: Column, mapping: ColumnMapping) -> str:
        """The typed value of one column, null where the text does not have its form."""
        text = f"t.{column.name}"
        if mapping.values is not None:
            cases = " ".join(f"when {literal(k)} then {literal(v)}" for k, v in mapping.values.items())
            otherwise = text if mapping.otherwise == "keep" else "null"
            text = f"case {text} {cases} else {otherwise} end"
        if column.type == "text":
            return text
        if column.type.startswith("numeric"):
            return _number(text, column.type, mapping.decimal or self.source.decimal, mapping.thousands)
        if column.type == "integer":
            return f"case when {text} ~ '^[+-]?\\d{{1,9}}$' then {text}::integer end"
        if mapping.format is not None:
            text = f"{text}_iso"
        return dates.date_value(text) if column.type == "date" else dates.time_value(text)

    # derived columns ------------------------------------------------------------------------------------------------

    def _derived(self, column: Column) -> str:
        """A column as it will stand in ``raw``: the mapped value, or what ingestion makes of the others."""
        name, mapping = column.name, self.source.columns.get(column.name)
        if mapping is not None:
            if column.type == "timestamptz":
                return dates.instant(f"v.{name}", self._zone(mapping))
            return (
                f"v.{name}"
                if column.default is None
                else f"coalesce(v.{name}, {literal(column.default)}::{column.type})"
            )
        if name == "order_date":
            return self._sales_day()
        if name == "line_amount":
            discount = "coalesce(v.discount_amount, 0)" if "discount_amount" in self.source.columns else "0"
            return f"(v.qty_units * v.unit_price - {discount})::{column.type}"
        if name == "line_kind":
            return self._kind()
        return f"{'null' if column.default is None else literal(column.default)}::{column.type}"

    def _zone(self, mapping: ColumnMapping) -> str:
        return mapping.time_zone or self.source.time_zone or self.business_zone

    def _sales_day(self) -> str:
        zone = self._zone(self.source.columns["ordered_at"])
        if zone == self.business_zone:
            return "v.ordered_at::date"
        return f"(v.ordered_at at time zone {literal(zone)} at time zone {literal(self.business_zone)})::date"

    def _kind(self) -> str:
        *conditional, last = self.source.classify
        if not conditional:
            return literal(last.kind)
        cases = " ".join(
            f"when {self._condition(c.when or '', f'classify[{i}].when', 'v')} then {literal(c.kind)}"
            for i, c in enumerate(conditional)
        )
        return f"case {cases} else {literal(last.kind)} end"

    def _condition(self, text: str, key: str, alias: str) -> str:
        mapped = self.source.columns if alias == "v" else [c.name for c in self.entity.columns]
        return render(text, columns={name: f"{alias}.{name}" for name in mapped}, where=self._where(key))

    # rules ----------------------------------------------------------------------------------------------------------

    def _first_rule(self) -> str:
        """The number of the first rule a row breaks: forms first, then what must be there, then the business's own."""
        cases = []
        for name, mapping in self.source.columns.items():
            column = self.entity.column(name)
            label = mapping.from_ or name
            if column.type != "text" or mapping.values is not None:
                rule, reason = _form_of(column, mapping, mapping.decimal or self.source.decimal)
                number = self._add(rule, name, f"{label}: {{value}} is not {reason}.")
                cases.append(f"when d.{name}_text is not null and d.{name} is null then {number}")
            if column.required and column.default is None:
                number = self._add("missing", name, f"{label}: there is no value, and {name} is needed.")
                cases.append(f"when d.{name} is null then {number}")
        if "ordered_at" in self.source.columns:
            number = self._add("in_the_future", "ordered_at", "{value} lies in the future.")
            cases.append(f"when d.ordered_at > now() + interval '1 day' then {number}")
        for i, own in enumerate(self.source.reject):
            number = self._add(own.rule, None, own.because)
            cases.append(f"when {self._condition(own.when, f'reject[{i}].when', 'd')} then {number}")
        if "line_kind" in self.source.columns:
            number = self._add("unknown_kind", "line_kind", "{value} is not sale, return, charge or adjustment.")
            cases.append(f"when d.line_kind not in ('sale', 'return', 'charge', 'adjustment') then {number}")
        return f"(case {' '.join(cases)} end)::smallint"

    def _add(self, rule: str, column: str | None, reason: str) -> int:
        mapping = self.source.columns.get(column or "")
        value = "null"
        if mapping is not None and mapping.constant is None:
            value = self._origin(column or "", mapping)
        self.rules.append(Rule(len(self.rules) + 1, rule, column, value, reason[0].upper() + reason[1:]))
        return len(self.rules)


def _number(text: str, sql_type: str, decimal: str, thousands: str | None) -> str:
    """A guarded cast to ``sql_type``: digits, one sign and one decimal mark only, and nothing lost to rounding."""
    plain, allowed, grouped = text, f"0123456789+-{decimal}", ""
    if thousands is not None:
        mark, group = re.escape(decimal), re.escape(thousands)
        form = literal(rf"^[+-]?(\d{{1,3}}({group}\d{{3}})+|\d+)({mark}\d+)?$")
        plain, allowed, grouped = (
            f"replace({text}, {literal(thousands)}, '')",
            allowed + thousands,
            f"{text} ~ {form} and ",
        )
    if decimal == ",":
        plain = f"replace({plain}, ',', '.')"
    # pg_input_is_valid costs a third of a regular expression; translate refuses what it would let pass: 1_000, 0x10, NaN, 1e5
    return (
        f"case when {grouped}translate({text}, {literal(allowed)}, '') = '' and pg_input_is_valid({plain}, '{sql_type}') "
        f"then case when ({plain})::numeric = ({plain})::{sql_type} then ({plain})::{sql_type} end end"
    )


def _form_of(column: Column, mapping: ColumnMapping, decimal: str) -> tuple[str, str]:
    """The rule's name and what a text of this column should be."""
    if mapping.values is not None:
        return "unknown_value", f"one of the {len(mapping.values)} values that sources.yaml knows"
    if column.type.startswith("numeric"):
        mark = "point" if decimal == "." else "comma"
        return "not_a_number", f"a number with a decimal {mark}, of at most 14 digits and 6 decimals"
    if column.type == "integer":
        return "not_a_whole_number", "a whole number of at most 9 digits"
    what = "date" if column.type == "date" else "time"
    form = f"of the form {mapping.format}" if mapping.format else "in ISO form"
    return f"not_a_{what}", f"a {what} {form}, from 1900 to 2199, that the calendar and the clock know"
