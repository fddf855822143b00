"""A source's mapping as SQL: from the texts of ``incoming`` to typed columns, and to the first rule a row breaks.

Not here: running it (staging.py), the form of single values (values.py, dates.py), and the rules' sentences (rules.py).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from orchestration.errors import ConfigurationError
from orchestration.ingestion import dates
from orchestration.ingestion.contract import ENTITIES
from orchestration.ingestion.entity import Column, Entity
from orchestration.ingestion.expressions import names_in, numbers_taken, render
from orchestration.ingestion.names import found_column
from orchestration.ingestion.rules import DUPLICATE, Rule, form_rule
from orchestration.ingestion.values import cleaned, literal, number
from orchestration.sources import ColumnMapping, Source

# A business key is indexed, and an index entry has at most 2,704 bytes: three such texts fit.
LONGEST_KEY_BYTES = 800
# Amounts are numeric(20,6): what is rounded up to a fifteenth digit before the point does not fit.
LARGEST_AMOUNT = "99999999999999.9999995"


@dataclass(frozen=True)
class Probe:
    """One expression of sources.yaml by itself, to find out which failed: where it stands, and a query of only it."""

    where: str
    query: str


@dataclass(frozen=True)
class Mapped:
    """A compiled source: ``query`` yields ``_row``, the entity's columns and ``_rule`` (null for a good row).

    ``preparation`` makes the tables that ``query`` reads beside ``incoming``.
    """

    entity: Entity
    preparation: tuple[str, ...]
    query: str
    rules: tuple[Rule, ...]
    probes: tuple[Probe, ...]


def compile_source(source: Source, *, staging: Mapping[str, str], business_zone: str) -> Mapped:
    """Compile the mapping of ``source``.

    Args:
        source: the source, validated.
        staging: the column of ``incoming`` that holds each header name's texts.
        business_zone: the business's time zone: sales days are days there.

    Raises:
        ConfigurationError: an expression uses a column that the files do not have.
    """
    return _Compiler(source, staging, business_zone).compile()


@dataclass
class _Compiler:
    """Builds the query from the inside out, a layer each: texts and dates ``t``, values ``v``, all columns ``d``."""

    source: Source
    staged: Mapping[str, str]
    business_zone: str
    texts: dict[str, str] = field(default_factory=dict)  # SQL over ``s`` → its column of ``t``: each is computed once
    rules: list[Rule] = field(default_factory=lambda: [DUPLICATE])
    probes: list[Probe] = field(default_factory=list)
    numberings: dict[str, str] = field(default_factory=dict)  # partition → its table of numbers
    faults: dict[str, str] = field(default_factory=dict)  # column → SQL of a text its expression cannot cast

    def __post_init__(self) -> None:
        self.entity = ENTITIES[self.source.entity]
        self.staging = {name: f"s.{column}" for name, column in self.staged.items()}

    def compile(self) -> Mapped:
        for k in range(len(self.source.joins)):
            self._kept(f"s.{found_column(k)}")
        self.faults = {name: fault for name, m in self.source.columns.items() if (fault := self._fault(m))}
        for fault in self.faults.values():
            self._kept(fault)
        mapped = [(self.entity.column(name), mapping) for name, mapping in self.source.columns.items()]
        times = [(column, mapping) for column, mapping in mapped if _is_time(column)]
        # An offset keeps the planner from merging the layers and computing a text once per use; a layer costs nothing.
        # In quotes, because 0 by itself is cast, and what is cast might be more than 0: no second process would help.
        cuts = "".join(f", {self._cut(c, m)} as {c.name}_cut" for c, m in times)
        isos = "".join(f", {self._iso(c, m)} as {c.name}_iso" for c, m in times)
        read = "".join(f", {dates.read(f't.{c.name}_iso', _kind_of(c))} as {c.name}_read" for c, _ in times)
        values = ", ".join(f"{self._value(column, mapping)} as {column.name}" for column, mapping in mapped)
        layer = self._texts_layer()
        for columns in (cuts, isos, read):
            layer = f"select t.*{columns} from ({layer}) t offset '0'"
        layer = f"select t.*, {values} from ({layer}) t offset '0'"
        layer = f"select v.*, {self._amount()} as _amount from ({layer}) v offset '0'"
        derived = ", ".join(f"{self._derived(column, layer)} as {column.name}" for column in self.entity.columns)
        kept = "".join(f", v.{column}" for column in self.texts.values())
        layer = f"select v._row{kept}, {derived} from ({layer}) v offset '0'"
        columns = ", ".join(f"d.{c.name}" for c in self.entity.columns)
        query = f"select d._row, {columns}, {self._first_rule(layer)} as _rule from ({layer}) d"
        preparation = tuple(_numbering(table, group) for group, table in self.numberings.items())
        return Mapped(self.entity, preparation, query, tuple(self.rules), tuple(self.probes))

    def _texts_layer(self) -> str:
        """The innermost layer; to be called when every text it must have is known."""
        numbers = "".join(f", {table}.number as {table}" for table in self.numberings.values())
        joins = "".join(f" left join {table} using (_row)" for table in self.numberings.values())
        texts = "".join(f", {text} as {column}" for text, column in self.texts.items())
        return f"select s._row{numbers}{texts} from incoming s{joins} offset '0'"

    # texts ----------------------------------------------------------------------------------------------------------

    def _origin(self, name: str, mapping: ColumnMapping) -> str:
        """SQL over ``s`` of what stands in the file, or what the expression makes of it."""
        if mapping.constant is not None:
            return literal(mapping.constant) + "::text"
        if mapping.from_ is not None:
            return self.staging[mapping.from_]
        return f"({self._rendered(mapping.expression or '', f'columns.{name}.expression', self.staging)})::text"

    def _fault(self, mapping: ColumnMapping) -> str | None:
        """SQL over ``s`` of the first text that the mapping's expression takes for a number and that is none."""
        taken = {} if mapping.expression is None else numbers_taken(mapping.expression, self.staging)
        faults = []
        for text, form in taken.items():
            shown = f"({text})::text"
            faults.append(f"case when {cleaned(shown, self.source.blanks)} !~ {literal(form)} then {shown} end")
        return f"coalesce({', '.join(faults)})" if faults else None

    def _kept(self, text: str) -> str:
        """The column of ``t`` that holds ``text`` (SQL over ``s``)."""
        return "t." + self.texts.setdefault(text, f"k{len(self.texts)}")

    def _raw(self, column: Column, mapping: ColumnMapping) -> str:
        return self._kept(self._origin(column.name, mapping))

    def _cleaned(self, text: str, mapping: ColumnMapping) -> str:
        return cleaned(text, self.source.blanks, mapping.case)

    def _text(self, column: Column, mapping: ColumnMapping) -> str:
        """The cleaned text, as a column of ``t``."""
        origin = self._origin(column.name, mapping)
        return self._kept(origin if mapping.constant is not None else self._cleaned(origin, mapping))

    def _numbered(self, text: str, mapping: ColumnMapping) -> str:
        """The text with #2, #3, … in the second, third, … row of its file that agrees in the given columns."""
        if not mapping.numbered_within:
            return text
        # what counts as the same is what the key will hold: 85123a and 85123A are one article once in upper case
        same = [self._cleaned(self.staging[name], mapping) for name in mapping.numbered_within]
        group = ", ".join(["s._row / 10000000000", *same])
        table = self.numberings.setdefault(group, f"numbering_{len(self.numberings)}")
        return f"case when t.{table} is null then {text} else {text} || '#' || t.{table} end"

    # values ---------------------------------------------------------------------------------------------------------

    def _value(self, column: Column, mapping: ColumnMapping) -> str:
        """The typed value of one column over ``t``, null where the text does not have its form."""
        if _is_time(column):
            return dates.value(f"t.{column.name}", _kind_of(column), is_loose=self._is_loose(mapping))
        if column.type != "text" and mapping.values is None and not self._blanks_look_like_values():
            # most numbers come without blanks around them: a text is cleaned only if it is no number as it stands
            raw = self._raw(column, mapping)
            clean = self._cleaned(raw, mapping)
            return f"coalesce({self._number(raw, column, mapping)}, {self._number(clean, column, mapping)})"
        text = self._text(column, mapping)
        if mapping.values is not None:
            text = _looked_up(text, mapping)
        if column.type == "text":
            return self._numbered(text, mapping)
        return self._number(text, column, mapping)

    def _number(self, text: str, column: Column, mapping: ColumnMapping) -> str:
        return number(text, column.type, mapping.decimal or self.source.decimal, mapping.thousands)

    def _blanks_look_like_values(self) -> bool:
        return any(c.isdigit() for blank in self.source.blanks for c in blank)

    def _is_loose(self, mapping: ColumnMapping) -> bool:
        # cells of workbooks and Parquet files that are real dates come in ISO form, whatever the texts beside them
        return mapping.format is None or self.source.format != "csv"

    def _time_texts(self, column: Column, mapping: ColumnMapping) -> tuple[str, str]:
        """SQL of the text of a date or time as it came, and cleaned; the same where it must be cleaned to be judged."""
        if mapping.values is not None or self._blanks_look_like_values():
            text = self._text(column, mapping)
            text = text if mapping.values is None else f"({_looked_up(text, mapping)})"
            return text, text
        raw = self._raw(column, mapping)
        return raw, self._cleaned(raw, mapping)

    def _cut(self, column: Column, mapping: ColumnMapping) -> str:
        raw, clean = self._time_texts(column, mapping)
        return "null::text" if mapping.format is None else dates.cut(raw, clean, mapping.format)

    def _iso(self, column: Column, mapping: ColumnMapping) -> str:
        raw, clean = self._time_texts(column, mapping)
        if mapping.format is None:
            return dates.iso_as_is(raw, clean, _kind_of(column))
        iso = dates.to_iso(raw, f"t.{column.name}_cut", mapping.format, _kind_of(column))
        return f"coalesce({iso}, {clean})" if self._is_loose(mapping) else iso

    # derived columns ------------------------------------------------------------------------------------------------

    def _derived(self, column: Column, layer: str) -> str:
        """A column as it will stand in ``raw``: the mapped value, or what ingestion makes of the others."""
        name, mapping = column.name, self.source.columns.get(column.name)
        if mapping is not None:
            if column.type == "timestamptz":
                return self._instant(name, mapping)
            if column.default is None:
                return f"v.{name}"
            # a default is for a text that is not there, never for one that could not be read
            missing = f"{self._shown(column, mapping, 'v')} is null"
            default = f"{literal(column.default)}::{column.type}"
            return f"case when v.{name} is null and {missing} then {default} else v.{name} end"
        if name == "order_date":
            return self._sales_day()
        if name == "line_amount":
            fits = f"v._amount < {LARGEST_AMOUNT} and v._amount > -{LARGEST_AMOUNT}"
            return f"case when {fits} then v._amount::{column.type} end"
        if name == "line_kind":
            return self._kind(layer)
        return f"{'null' if column.default is None else literal(column.default)}::{column.type}"

    def _zone(self, mapping: ColumnMapping) -> str:
        return mapping.time_zone or self.source.time_zone or self.business_zone

    def _instant(self, name: str, mapping: ColumnMapping) -> str:
        local = dates.instant(f"v.{name}", self._zone(mapping))
        if mapping.format is not None and not self._is_loose(mapping):
            return local
        return f"case when v.{name} is not null then {local} else {dates.instant_with_offset(f'v.{name}_iso')} end"

    def _sales_day(self) -> str:
        mapping = self.source.columns["ordered_at"]
        here, zone = literal(self.business_zone), self._zone(mapping)
        if zone == self.business_zone:
            day = "v.ordered_at::date"
        else:
            day = f"(v.ordered_at at time zone {literal(zone)} at time zone {here})::date"
        return f"coalesce({day}, ({dates.instant_with_offset('v.ordered_at_iso')} at time zone {here})::date)"

    def _amount(self) -> str:
        """Units × price − discount, not yet rounded to the column's type."""
        if self.entity.name != "sales_lines":
            return "null::numeric"
        discount = " - coalesce(v.discount_amount, 0)" if "discount_amount" in self.source.columns else ""
        return f"v.qty_units * v.unit_price{discount}"

    def _kind(self, layer: str) -> str:
        *conditional, last = self.source.classify
        columns = {name: f"v.{name}" for name in self.source.columns}
        cases = [
            f"when {self._rendered(c.when or '', f'classify.{i}.when', columns, layer)} then {literal(c.kind)}"
            for i, c in enumerate(conditional)
        ]
        return f"case {' '.join(cases)} else {literal(last.kind)} end" if cases else literal(last.kind)

    def _rendered(self, text: str, key: str, columns: Mapping[str, str], layer: str = "") -> str:
        where = self.source.where(key)
        try:
            expression = render(text, columns)
        except ValueError as error:
            raise ConfigurationError(f"{where}: {error}") from None
        rows = "incoming s" if not layer else f"({layer}) {next(iter(columns.values()))[0]}"
        probe = Probe(where, f"select count(x) from (select {expression} as x from {rows} offset '0') y")
        if probe not in self.probes:
            self.probes.append(probe)
        return f"({expression})"

    # rules ----------------------------------------------------------------------------------------------------------

    def _shown(self, column: Column, mapping: ColumnMapping, alias: str) -> str:
        """SQL of the text a column was read from, over a layer that has the texts; null if there was none."""
        if column.type == "text" or mapping.values is not None or self._blanks_look_like_values():
            return self._text(column, mapping).replace("t.", f"{alias}.", 1)
        return self._cleaned(self._raw(column, mapping).replace("t.", f"{alias}.", 1), mapping)

    def _first_rule(self, layer: str) -> str:
        """The number of the first rule a row breaks: forms first, then what must be there, then the business's own."""
        cases = [*self._match_rules(), *self._fault_rules()]
        for name, mapping in self.source.columns.items():
            column = self.entity.column(name)
            label = mapping.from_ or name
            if column.type != "text" or mapping.values is not None:
                rule, reason = form_rule(column, mapping, mapping.decimal or self.source.decimal)
                no_form = self._add(rule, name, f"{label}: {{value}} is not {reason}.")
                cases.append(
                    f"when d.{name} is null and {self._shown(column, mapping, 'd')} is not null then {no_form}"
                )
            if column.required and column.default is None:
                missing = self._add("missing", name, f"{label}: there is no value, and {name} is needed.")
                cases.append(f"when d.{name} is null then {missing}")
            if column.type == "text" and name in self.entity.key:
                long = self._add("too_long", name, f"{label}: {{value}} is longer than {LONGEST_KEY_BYTES} bytes.")
                cases.append(f"when octet_length(d.{name}) > {LONGEST_KEY_BYTES} then {long}")
        cases += self._business_rules(layer)
        return f"(case {' '.join(cases)} end)::smallint"

    def _match_rules(self) -> list[str]:
        cases = []
        for k, join in enumerate(self.source.joins):
            if join.unmatched == "reject":
                reason = f"{', '.join(join.on)}: {{value}} has no match in {join.name}."
                key = f"nullif(concat_ws(', ', {', '.join(self.staging[name] for name in join.on)}), '')"
                self.rules.append(Rule(len(self.rules), "no_match", next(iter(join.on)), key, reason))
                found = self._kept(f"s.{found_column(k)}").replace("t.", "d.", 1)
                cases.append(f"when {found} is null then {len(self.rules) - 1}")
        return cases

    def _fault_rules(self) -> list[str]:
        cases = []
        for name, fault in self.faults.items():
            rule = Rule(
                len(self.rules), "not_a_number", name, fault, f"{name}: its expression needs a number, not {{value}}."
            )
            self.rules.append(rule)
            cases.append(f"when {self._kept(fault).replace('t.', 'd.', 1)} is not null then {rule.number}")
        return cases

    def _business_rules(self, layer: str) -> list[str]:
        cases = []
        if "ordered_at" in self.source.columns:
            late = self._add("in_the_future", "ordered_at", "{value} lies in the future.")
            cases.append(f"when d.ordered_at > now() + interval '1 day' then {late}")
        if self.entity.name == "sales_lines" and "line_amount" not in self.source.columns:
            large = self._add("too_large", None, "The line's amount has more than 14 digits.")
            cases.append(f"when d.line_amount is null then {large}")
        columns = {c.name: f"d.{c.name}" for c in self.entity.columns}
        for i, own in enumerate(self.source.reject):
            condition = self._rendered(own.when, f"reject.{i}.when", columns, layer)
            # the first mapped column of the condition is the one to look at
            looked_at = next((name for name in names_in(own.when) if name in self.source.columns), None)
            cases.append(f"when {condition} then {self._add(own.rule, looked_at, own.because)}")
        for column in self.entity.columns:
            if column.allowed and column.name in self.source.columns:
                kind = "unknown_kind" if column.name == "line_kind" else "unknown_value"
                unknown = self._add(kind, column.name, f"{{value}} is not {_listed(column.allowed)}.")
                known = ", ".join(literal(text) for text in column.allowed)
                cases.append(f"when d.{column.name} not in ({known}) then {unknown}")
        return cases

    def _add(self, rule: str, column: str | None, reason: str) -> int:
        mapping = self.source.columns.get(column or "")
        value = "null::text" if mapping is None else self._origin(column or "", mapping)
        self.rules.append(Rule(len(self.rules), rule, column, value, reason[0].upper() + reason[1:]))
        return len(self.rules) - 1


def _listed(words: Sequence[str]) -> str:
    """The words as a sentence lists them.

    >>> _listed(["open", "won", "lost"])
    'open, won or lost'
    """
    return ", ".join(words[:-1]) + " or " + words[-1]


def _is_time(column: Column) -> bool:
    return column.type in ("date", "timestamptz")


def _kind_of(column: Column) -> str:
    return "date" if column.type == "date" else "timestamp"


def _looked_up(text: str, mapping: ColumnMapping) -> str:
    cases = " ".join(f"when {literal(k)} then {literal(v)}" for k, v in (mapping.values or {}).items())
    otherwise = text if mapping.otherwise == "keep" else "null"
    return f"case {text} {cases} else {otherwise} end" if cases else otherwise


def _numbering(table: str, group: str) -> str:
    """The table of the rows that are not the first of their group, with their numbers in it.

    Analysed, or the planner sorts all of ``incoming`` to merge a few thousand numbers into it.
    """
    return f"""create unlogged table {table} as
        select _row, number from (
            select s._row, row_number() over (partition by {group} order by s._row) as number from incoming s) n
        where number > 1;
        analyze {table} (_row)"""
