"""The business folder: typed, frozen models of its YAML files. What differs between two businesses is data, here.

Not here: reading YAML (yaml_files.py), compiling a mapping to SQL (ingestion/compile.py), the environment (settings.py).
"""

from pathlib import Path
from typing import Literal, Self
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from orchestration.errors import ConfigurationError
from orchestration.ingestion.contract import ENTITIES
from orchestration.yaml_files import load_model, nearest

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
LINE_KINDS = ("sale", "return", "charge", "adjustment")
# What ingestion derives itself when the mapping does not give it.
DERIVED = {"order_date", "line_amount", "line_kind"}


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


def _time_zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError(f"unknown time zone {name!r}{nearest(name, sorted(available_timezones()))[:120]}")
    return name


class Profile(_Part):
    """business.yaml: who the business is."""

    name: str = Field(min_length=1)
    currency: str = Field(pattern=r"^[A-Z]{3}$")
    time_zone: str
    locale: str = "en"
    fiscal_year_start_month: int = Field(default=1, ge=1, le=12)
    first_weekday: Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"] = "monday"
    as_of: Literal["last_sales_day", "yesterday"] = "last_sales_day"
    service_level_pct: float = Field(default=95.0, ge=50, lt=100)
    default_lead_time_days: int = Field(default=14, ge=1, le=365)

    _known_zone = field_validator("time_zone")(_time_zone)

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

    delimiter: str = Field(default=",", min_length=1, max_length=1)
    quote: str = Field(default='"', min_length=1, max_length=1)
    encoding: Literal["utf-8", "cp1252", "latin-1"] = "utf-8"


class ExcelSheet(_Part):
    """Where in a workbook the table stands."""

    sheet: str | None = Field(default=None, description="The sheet's name; the first one if not given.")
    header_row: int = Field(default=1, ge=1)


class ColumnMapping(_Part):
    """Where one column of an entity comes from: exactly one of from, constant, expression."""

    from_: str | None = Field(default=None, alias="from")
    constant: str | None = None
    expression: str | None = None
    numbered_within: tuple[str, ...] | None = Field(
        default=None,
        description="Source columns: rows of one file that agree in them get #2, #3, … appended. For exports without line numbers.",
    )
    format: str | None = Field(default=None, description="Of a date or time, as strptime writes it.")
    decimal: Literal[".", ","] | None = None
    thousands: Literal[".", ",", " ", "'"] | None = None
    time_zone: str | None = None
    case: Literal["upper", "lower"] | None = None
    values: dict[str, str] | None = None
    otherwise: Literal["reject", "keep"] = "reject"

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, name: str | None) -> str | None:
        return None if name is None else _time_zone(name)

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        given = [k for k in ("from_", "constant", "expression") if getattr(self, k) is not None]
        if len(given) != 1:
            raise ValueError("exactly one of from, constant, expression is expected")
        return self


class Classification(_Part):
    """A line kind, and when a line is of it; without ``when``: every line not matched before."""

    kind: Literal["sale", "return", "charge", "adjustment"]
    when: str | None = None


class RejectionRule(_Part):
    """A row for which ``when`` holds goes to quarantine, with ``because`` as the sentence people read."""

    rule: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    when: str
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
    time_zone: str | None = None
    max_rejected_pct: float = Field(default=5.0, ge=0, le=100)
    columns: dict[str, ColumnMapping]
    blanks: tuple[str, ...] = ("",)
    duplicates: Literal["skip", "reject"] = "skip"
    classify: tuple[Classification, ...] = ()
    reject: tuple[RejectionRule, ...] = ()

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, name: str | None) -> str | None:
        return None if name is None else _time_zone(name)

    @field_validator("files")
    @classmethod
    def _inside(cls, glob: str) -> str:
        if glob.startswith("/") or ".." in Path(glob).parts:
            raise ValueError("must lie below the data folder: no leading / and no ..")
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
                raise ValueError(f"{self.entity} has no column {name!r}{nearest(name, known)}")
        needed = {c.name for c in entity.columns if c.required and c.default is None} - DERIVED
        missing = sorted(needed - set(self.columns))
        if missing:
            raise ValueError(f"columns: {', '.join(missing)} of {self.entity} must be mapped")
        if self.entity == "sales_lines" and "line_kind" not in self.columns:
            self._check_classification()
        return self

    def _check_classification(self) -> None:
        if not self.classify or self.classify[-1].when is not None:
            raise ValueError("classify: the last entry must have no 'when', so that every line gets a kind")
        if any(c.when is None for c in self.classify[:-1]):
            raise ValueError("classify: an entry without 'when' ends the list; those after it would never match")


class SourcesFile(_Part):
    """sources.yaml."""

    sources: tuple[Source, ...] = Field(min_length=1)

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
    return Business(
        folder=folder,
        profile=load_model(folder / "business.yaml", Profile),
        sources=load_model(folder / "sources.yaml", SourcesFile).sources,
        alerts=load_model(alerts, Alerts) if alerts.exists() else Alerts(),
    )
