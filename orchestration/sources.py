"""sources.yaml: typed, frozen models of which source brings which entity, and how its columns are mapped.

Not here: where its files are and how they are written (shapes.py), the other files of a business folder (business.py),
a mapping as SQL (ingestion/compile.py).
"""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, field_validator, model_validator

from orchestration.ingestion.contract import ENTITIES
from orchestration.ingestion.dates import check_format
from orchestration.ingestion.expressions import check_expression, check_names, names_in
from orchestration.shapes import DatabaseConnection, DatabaseQuery, Join, Shape, Store
from orchestration.yaml_files import KeyProblemError, Part, Placed, TimeZone, nearest

# What ingestion derives itself when the mapping does not give it.
DERIVED = {"order_date", "line_amount", "line_kind"}

Expression = Annotated[str, AfterValidator(check_expression)]


class ColumnMapping(Part):
    """Where one column of an entity comes from: exactly one of from, constant, expression."""

    from_: str | None = Field(default=None, alias="from", min_length=1)
    constant: str | None = Field(default=None, min_length=1)
    expression: Expression | None = None
    numbered_within: tuple[str, ...] | None = Field(
        default=None,
        description="Source columns: rows of a file that agree in them get #2, #3, … (exports without line numbers).",
    )
    format: Annotated[str, AfterValidator(check_format)] | None = Field(
        default=None, description="Of a date or time, as strptime writes it."
    )
    decimal: Literal[".", ","] | None = None
    thousands: Literal[".", ",", " ", "'"] | None = None
    time_zone: TimeZone | None = None
    case: Literal["upper", "lower"] | None = None
    values: dict[str, str] | None = None
    otherwise: Literal["reject", "keep"] = "reject"

    @field_validator("values")
    @classmethod
    def _no_blank_targets(cls, values: dict[str, str] | None) -> dict[str, str] | None:
        if values is not None and "" in values.values():
            raise ValueError("a value cannot be mapped to nothing: list it under the source's blanks")
        return values

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        given = [k for k in ("from_", "constant", "expression") if getattr(self, k) is not None]
        if len(given) != 1:
            raise ValueError("exactly one of from, constant, expression is expected")
        if self.constant is not None and self.numbered_within:
            raise ValueError("a constant cannot be numbered")
        if self.decimal is not None and self.decimal == self.thousands:
            raise ValueError("decimal and thousands must differ")
        return self

    def names(self) -> list[str]:
        """The header names that the mapping reads, in its order.

        >>> ColumnMapping(expression='upper("Name")').names()
        ['Name']
        """
        origin = [self.from_] if self.from_ is not None else names_in(self.expression or "null")
        return [*origin, *(self.numbered_within or ())]


class Classification(Part):
    """A line kind, and when a line is of it; without ``when``: every line not matched before."""

    kind: Literal["sale", "return", "charge", "adjustment"]
    when: Expression | None = None


class RejectionRule(Part):
    """A row for which ``when`` holds goes to quarantine, with ``because`` as the sentence people read."""

    rule: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    when: Expression
    because: str = Field(min_length=1)


class Source(Shape, Placed):
    """One entry of sources.yaml: files of one shape, and how their rows become rows of one entity."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    entity: str
    database: DatabaseQuery | None = None
    joins: tuple[Join, ...] = ()
    decimal: Literal[".", ","] = "."
    time_zone: TimeZone | None = None
    max_rejected_pct: float = Field(default=5.0, ge=0, le=100)
    max_shrink_pct: float = Field(
        default=50.0, ge=0, le=100, description="How much smaller a whole list may be than it was."
    )
    columns: dict[str, ColumnMapping]
    blanks: tuple[str, ...] = ("",)
    duplicates: Literal["skip", "reject"] = "skip"
    classify: tuple[Classification, ...] = ()
    reject: tuple[RejectionRule, ...] = ()

    def _called(self) -> str:
        return self.name

    @field_validator("entity")
    @classmethod
    def _known_entity(cls, name: str) -> str:
        if name not in ENTITIES:
            raise ValueError(f"unknown entity {name!r}{nearest(name, list(ENTITIES))}")
        return name

    @field_validator("columns", mode="before")
    @classmethod
    def _short_form(cls, columns: object) -> object:
        if not isinstance(columns, dict):
            return columns
        return {k: {"from": v} if isinstance(v, str) else v for k, v in columns.items()}

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        if bool(self.files) == (self.database is not None):
            raise ValueError("exactly one of files, database is expected")
        names = [join.name for join in self.joins]
        if len(set(names)) < len(names):
            raise KeyProblemError("two joins have one name", "joins")
        return self

    @model_validator(mode="after")
    def _fits_the_entity(self) -> Self:
        entity = ENTITIES.get(self.entity)
        if entity is None:
            return self
        known = [c.name for c in entity.columns]
        for name in self.columns:
            if name not in known:
                raise KeyProblemError(f"{self.entity} has no column {name!r}{nearest(name, known)}", "columns", name)
        needed = {c.name for c in entity.columns if c.required and c.default is None} - DERIVED
        missing = sorted(needed - set(self.columns))
        if missing:
            raise KeyProblemError(f"{', '.join(missing)} of {self.entity} must be mapped", "columns")
        for name, mapping in self.columns.items():
            column_type = entity.column(name).type
            if mapping.format is not None and column_type not in ("date", "timestamptz"):
                raise KeyProblemError(f"{name} is no date or time", "columns", name, "format")
            if mapping.decimal == "," and mapping.thousands is None and column_type == "integer":
                raise KeyProblemError(f"{name} is a whole number", "columns", name, "decimal")
        return self

    @model_validator(mode="after")
    def _classifies_every_line(self) -> Self:
        if self.entity != "sales_lines" or "line_kind" in self.columns:
            if self.classify:
                raise KeyProblemError("only sales_lines without a mapped line_kind are classified", "classify")
            return self
        if not self.classify or self.classify[-1].when is not None:
            raise KeyProblemError("the last entry must have no 'when', so that every line gets a kind", "classify")
        for i, entry in enumerate(self.classify[:-1]):
            if entry.when is None:
                raise KeyProblemError(
                    "an entry without 'when' ends the list; those after it never match", "classify", i
                )
        return self

    @model_validator(mode="after")
    def _conditions_know_their_columns(self) -> Self:
        entity = ENTITIES.get(self.entity)
        every = [c.name for c in entity.columns] if entity else []
        conditions = [("classify", i, c.when, list(self.columns)) for i, c in enumerate(self.classify)]
        conditions += [("reject", i, r.when, every) for i, r in enumerate(self.reject)]
        for key, i, when, names in conditions:
            try:
                check_names(when or "true", names)
            except ValueError as error:
                raise KeyProblemError(str(error), key, i, "when") from None
        return self


class SourcesFile(Part):
    """sources.yaml."""

    stores: dict[str, Store] = Field(default={})
    connections: dict[str, DatabaseConnection] = Field(default={})
    sources: tuple[Source, ...]

    @model_validator(mode="after")
    def _places_are_known(self) -> Self:
        for i, source in enumerate(self.sources):
            if source.database is not None and source.database.connection not in self.connections:
                name = source.database.connection
                hint = nearest(name, list(self.connections))
                raise KeyProblemError(f"unknown connection {name!r}{hint}", "sources", i, "database", "connection")
            for place, shape in [((), source), *((("joins", k), join) for k, join in enumerate(source.joins))]:
                if shape.store is not None and shape.store not in self.stores:
                    hint = nearest(shape.store, list(self.stores))
                    raise KeyProblemError(f"unknown store {shape.store!r}{hint}", "sources", i, *place, "store")
        return self

    @model_validator(mode="after")
    def _sensible_as_a_whole(self) -> Self:
        names = [s.name for s in self.sources]
        twice = sorted({n for n in names if names.count(n) > 1})
        if twice:
            raise ValueError(f"two sources are named {twice[0]!r}")
        if not any(s.entity == "sales_lines" for s in self.sources):
            raise ValueError("one source must bring sales_lines: without sales there is no night")
        return self
