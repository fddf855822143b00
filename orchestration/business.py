"""The business folder: typed, frozen models of its YAML files. What differs between two businesses is data, here.

Not here: reading YAML (yaml_files.py), a mapping as SQL (ingestion/compile.py), the environment (settings.py).
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PrivateAttr, field_validator, model_validator

from orchestration.errors import ConfigurationError
from orchestration.ingestion.contract import ENTITIES
from orchestration.ingestion.dates import check_format
from orchestration.ingestion.expressions import check_expression, check_names
from orchestration.yaml_files import KeyProblemError, Location, load_model, load_model_and_lines, nearest

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
# What ingestion derives itself when the mapping does not give it.
DERIVED = {"order_date", "line_amount", "line_kind"}


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


def _time_zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError(f"unknown time zone {name!r}{nearest(name, sorted(available_timezones()))[:120]}")
    return name


TimeZone = Annotated[str, AfterValidator(_time_zone)]
Expression = Annotated[str, AfterValidator(check_expression)]


class Profile(_Part):
    """business.yaml: who the business is."""

    name: str = Field(min_length=1)
    currency: str = Field(pattern=r"^[A-Z]{3}$")
    time_zone: TimeZone
    locale: str = "en"
    fiscal_year_start_month: int = Field(default=1, ge=1, le=12)
    first_weekday: Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"] = "monday"
    as_of: Literal["last_sales_day", "yesterday"] = "last_sales_day"
    service_level_pct: float = Field(default=95.0, ge=50, lt=100)
    default_lead_time_days: int = Field(default=14, ge=1, le=365)

    @property
    def first_weekday_number(self) -> int:
        """1 for Monday to 7 for Sunday, as ISO counts."""
        return WEEKDAYS.index(self.first_weekday) + 1

    @property
    def zone(self) -> ZoneInfo:
        """The business's time zone."""
        return ZoneInfo(self.time_zone)


class CsvDialect(_Part):
    """How a CSV source is written."""

    # what both PostgreSQL and Python's csv take: one byte, and nothing that stands in numbers and names
    delimiter: str = Field(default=",", pattern=r"^[\t !-/:-@\[-`{-~]$")
    quote: str = Field(default='"', pattern=r"^[!-/:-@\[-`{-~]$")
    encoding: Literal["utf-8", "cp1252", "latin-1"] = "utf-8"

    @model_validator(mode="after")
    def _two_marks(self) -> Self:
        if self.delimiter == self.quote:
            raise ValueError("delimiter and quote must differ")
        return self


class ExcelSheet(_Part):
    """Where in a workbook the table stands."""

    sheet: str | None = Field(default=None, description="The sheet's name; the first one if not given.")
    header_row: int = Field(default=1, ge=1)


class ColumnMapping(_Part):
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


class Classification(_Part):
    """A line kind, and when a line is of it; without ``when``: every line not matched before."""

    kind: Literal["sale", "return", "charge", "adjustment"]
    when: Expression | None = None


class RejectionRule(_Part):
    """A row for which ``when`` holds goes to quarantine, with ``because`` as the sentence people read."""

    rule: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    when: Expression
    because: str = Field(min_length=1)


class Source(_Part):
    """One entry of sources.yaml: files of one shape, and how their rows become rows of one entity."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    entity: str
    files: str = Field(min_length=1, description="A glob below the data folder.")
    format: Literal["csv", "excel", "parquet"]
    csv: CsvDialect = CsvDialect()
    excel: ExcelSheet = ExcelSheet()
    decimal: Literal[".", ","] = "."
    time_zone: TimeZone | None = None
    max_rejected_pct: float = Field(default=5.0, ge=0, le=100)
    columns: dict[str, ColumnMapping]
    blanks: tuple[str, ...] = ("",)
    duplicates: Literal["skip", "reject"] = "skip"
    classify: tuple[Classification, ...] = ()
    reject: tuple[RejectionRule, ...] = ()
    _file: str = PrivateAttr(default="sources.yaml")
    _lines: dict[str, int] = PrivateAttr(default_factory=dict)

    def where(self, key: str) -> str:
        """File, line, source and key, to begin an error about that key with."""
        known = key
        while known and known not in self._lines:
            known = known.rpartition(".")[0]
        line = self._lines.get(known)
        return f"{self._file}{'' if line is None else f':{line}'}: {self.name}.{key}"

    def found_in(self, path: Path, place: Location, lines: Mapping[Location, int]) -> None:
        """Remember the file it was read from and the lines of its keys, for ``where``."""
        self._file = str(path)
        inside = {at[len(place) :]: line for at, line in lines.items() if at[: len(place)] == place}
        self._lines = {".".join(map(str, at)): line for at, line in inside.items()}

    @field_validator("files")
    @classmethod
    def _inside(cls, glob: str) -> str:
        if glob.startswith("/") or ".." in Path(glob).parts:
            raise ValueError("must lie below the data folder: no leading / and no ..")
        try:
            next(Path("/dev/null").glob(glob), None)
        except (ValueError, NotImplementedError, IndexError) as error:
            raise ValueError(f"not a glob: {error}") from None
        return glob

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


class SourcesFile(_Part):
    """sources.yaml."""

    sources: tuple[Source, ...]

    @model_validator(mode="after")
    def _sensible_as_a_whole(self) -> Self:
        names = [s.name for s in self.sources]
        twice = sorted({n for n in names if names.count(n) > 1})
        if twice:
            raise ValueError(f"two sources are named {twice[0]!r}")
        if not any(s.entity == "sales_lines" for s in self.sources):
            raise ValueError("one source must bring sales_lines: without sales there is no night")
        return self


class Alerts(_Part):
    """alerts.yaml: who is told."""

    email: tuple[str, ...] = ()
    slack: bool = False
    silence_hours: int = Field(
        default=26, ge=1, description="Hours without a publication after which silence is an alert."
    )


class Business(_Part):
    """The whole business folder."""

    folder: Path
    profile: Profile
    sources: tuple[Source, ...]
    alerts: Alerts

    def sources_of(self, entity: str) -> list[Source]:
        """The sources that bring ``entity``, in the order of sources.yaml."""
        return [s for s in self.sources if s.entity == entity]


def load_business(folder: Path) -> Business:
    """Read and validate a business folder. ``alerts.yaml`` may be absent: then nobody is told.

    Raises:
        ConfigurationError: the folder or a file in it is missing or wrong; every problem with file, line and key.
    """
    if not folder.is_dir():
        raise ConfigurationError(
            f"{folder}: no such business folder", remedy="name one with --business DIR or DAYBREAK_BUSINESS"
        )
    alerts = folder / "alerts.yaml"
    profile = load_model(folder / "business.yaml", Profile)
    sources, lines = load_model_and_lines(folder / "sources.yaml", SourcesFile)
    for i, source in enumerate(sources.sources):
        source.found_in(folder / "sources.yaml", ("sources", i), lines)
    return Business(
        folder=folder,
        profile=profile,
        sources=sources.sources,
        alerts=load_model(alerts, Alerts) if alerts.exists() else Alerts(),
    )
