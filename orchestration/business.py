"""The business folder: typed, frozen models of its YAML files. What differs between two businesses is data, here.

Not here: reading YAML (yaml_files.py), a mapping as SQL (ingestion/compile.py), the environment (settings.py).
"""

from pathlib import Path
from typing import Literal, Self
from zoneinfo import ZoneInfo

import holidays
from pydantic import Field, model_validator

from orchestration.errors import ConfigurationError
from orchestration.forecasts.families import ForecastPlan
from orchestration.forecasts.what_if import ScenariosFile, WhatIf
from orchestration.shapes import DatabaseConnection, Store
from orchestration.sources import Source, SourcesFile
from orchestration.yaml_files import KeyProblemError, Part, TimeZone, load_model, load_model_and_lines, nearest

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


class Profile(Part):
    """business.yaml: who the business is."""

    name: str = Field(min_length=1)
    currency: str = Field(pattern=r"^[A-Z]{3}$")
    time_zone: TimeZone
    locale: str = "en"
    country: str | None = Field(default=None, pattern=r"^[A-Z]{2}$")
    subdivision: str | None = None
    fiscal_year_start_month: int = Field(default=1, ge=1, le=12)
    first_weekday: Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"] = "monday"
    as_of: Literal["last_sales_day", "yesterday"] = "last_sales_day"
    service_level_pct: float = Field(default=95.0, ge=50, lt=100)
    default_lead_time_days: int = Field(default=14, ge=1, le=365)
    carrying_cost_pct: float | None = Field(default=None, ge=0, le=100)
    forecast: ForecastPlan = ForecastPlan()

    @model_validator(mode="after")
    def _has_a_calendar(self) -> Self:
        """Said here, for a night would find out only when it forecasts."""
        if self.country is None:
            if self.subdivision is not None:
                raise KeyProblemError("a part of which country? give country too", "subdivision")
            return self
        try:
            calendar = holidays.country_holidays(self.country)
        except NotImplementedError:
            what = "no calendar of public holidays is known for this country: leave the key out"
            raise KeyProblemError(what, "country") from None
        parts = {
            *calendar.subdivisions,
            *(name for also in calendar.get_subdivision_aliases().values() for name in also),
        }
        if self.subdivision is not None and self.subdivision not in parts:
            known = f"known are {', '.join(calendar.subdivisions)}" if calendar.subdivisions else "it has none"
            raise KeyProblemError(f"{self.country} has no part {self.subdivision!r}; {known}", "subdivision")
        return self

    @property
    def first_weekday_number(self) -> int:
        """1 for Monday to 7 for Sunday, as ISO counts."""
        return WEEKDAYS.index(self.first_weekday) + 1

    @property
    def zone(self) -> ZoneInfo:
        """The business's time zone."""
        return ZoneInfo(self.time_zone)


class Alerts(Part):
    """alerts.yaml: who is told."""

    email: tuple[str, ...] = ()
    slack: bool = False
    silence_hours: int = Field(
        default=26, ge=1, description="Hours without a publication after which silence is an alert."
    )
    forecast_drift_pct: float = Field(
        default=20, gt=0, le=100, description="Share of what a series family forecasts that must drift for an alert."
    )


class Business(Part):
    """The whole business folder."""

    folder: Path
    profile: Profile
    sources: tuple[Source, ...]
    alerts: Alerts
    scenarios: tuple[WhatIf, ...] = ()
    stores: dict[str, Store] = Field(default={})
    connections: dict[str, DatabaseConnection] = Field(default={})

    def source(self, name: str) -> Source:
        """The source of that name. Raises ConfigurationError if there is none, with the nearest names."""
        found = next((s for s in self.sources if s.name == name), None)
        if found is None:
            names = [source.name for source in self.sources]
            raise ConfigurationError(f"{self.folder}: there is no source {name!r}{nearest(name, names)}")
        return found

    def sources_of(self, entity: str) -> list[Source]:
        """The sources that bring ``entity``, in the order of sources.yaml."""
        return [s for s in self.sources if s.entity == entity]


def load_business(folder: Path) -> Business:
    """Read and validate a business folder.

    ``alerts.yaml`` may be absent: then nobody is told; so may ``scenarios.yaml``: then there is no what-if.

    Raises:
        ConfigurationError: the folder or a file in it is missing or wrong; every problem with file, line and key.
    """
    if not folder.is_dir():
        raise ConfigurationError(
            f"{folder}: no such business folder", remedy="name one with --business DIR or DAYBREAK_BUSINESS"
        )
    alerts, scenarios = folder / "alerts.yaml", folder / "scenarios.yaml"
    profile = load_model(folder / "business.yaml", Profile)
    sources, lines = load_model_and_lines(folder / "sources.yaml", SourcesFile)
    for i, source in enumerate(sources.sources):
        source.found_in(folder / "sources.yaml", ("sources", i), lines)
    for key, places in (("stores", sources.stores), ("connections", sources.connections)):
        for name, place in places.items():
            place.found_in(folder / "sources.yaml", (key, name), lines)
    return Business(
        folder=folder,
        profile=profile,
        sources=sources.sources,
        stores=sources.stores,
        connections=sources.connections,
        alerts=load_model(alerts, Alerts) if alerts.exists() else Alerts(),
        scenarios=load_model(scenarios, ScenariosFile).scenarios if scenarios.exists() else (),
    )
