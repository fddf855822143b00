"""The one Settings object, and the only reader of the environment.

Not here: what differs between two businesses (business.py reads that from the business folder).
"""

import os
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

PROJECT_ROOT = Path(__file__).resolve().parent.parent


class Settings(BaseSettings):
    """Where this Daybreak lives and how it reaches the outside; frozen, from ``DAYBREAK_*`` variables.

    >>> Settings(home="/srv/daybreak").dagster_home.as_posix()
    '/srv/daybreak/dagster'
    """

    model_config = SettingsConfigDict(env_prefix="DAYBREAK_", frozen=True, extra="forbid", populate_by_name=True)

    home: Path = Field(default=Path(".daybreak"), description="Where all state lives.")
    database_url: SecretStr | None = Field(
        default=None, description="An existing PostgreSQL ≥ 16 to use instead of the embedded one."
    )
    business: Path = Field(default=PROJECT_ROOT / "examples" / "demo", description="The business folder.")
    data: Path | None = Field(
        default=None, description="Where the source files lie; default: HOME/data/<business folder's name>."
    )
    postgres_port: int = Field(
        default=54329,
        ge=0,
        le=65535,
        description="Wanted port of the embedded server; another is taken if it is in use (0: any).",
    )
    ui_port: int = Field(default=3000, ge=0, le=65535, description="Port of the Dagster UI.")
    ui_host: str = Field(default="127.0.0.1", description="Address the UI listens on. It has no login of its own.")
    code_server_port: int = Field(default=4266, ge=0, le=65535, description="Port of the code server, on 127.0.0.1.")
    smtp_host: str | None = Field(default=None, description="SMTP server; without one e-mail waits in the outbox.")
    smtp_port: int = 587
    smtp_user: str | None = None
    smtp_password: SecretStr | None = None
    smtp_starttls: bool = True
    smtp_from: str = "daybreak@localhost"
    slack_webhook: SecretStr | None = Field(default=None, description="Slack incoming-webhook URL.")
    forecast_executor: Literal["local", "dask"] = Field(
        default="local", description="Who computes forecasts: this machine, or an existing Dask cluster."
    )
    forecast_processes: int = Field(
        default=1, ge=1, le=256, description="Processes of the local executor; 1 is the night's own."
    )
    dask_scheduler: str | None = Field(
        default=None,
        validate_default=True,
        pattern=r"^(tcp|tls)://\S+:\d+$",
        description="Address of the Dask scheduler, for example tcp://scheduler:8786.",
    )
    failpoint: str | None = Field(
        default=None, description="Tests only: the named point at which the process kills itself."
    )

    @field_validator("dask_scheduler")
    @classmethod
    def _a_cluster_has_an_address(cls, address: str | None, others: ValidationInfo) -> str | None:
        if address is None and others.data.get("forecast_executor") == "dask":
            raise ValueError("DAYBREAK_FORECAST_EXECUTOR=dask needs the scheduler's address, as tcp://host:8786")
        return address

    @property
    def root(self) -> Path:
        """DAYBREAK_HOME as an absolute path."""
        return self.home.expanduser().resolve()

    @property
    def dagster_home(self) -> Path:
        """DAGSTER_HOME: dagster.yaml, and what Dagster keeps beside its database."""
        return self.root / "dagster"

    @property
    def dbt_target(self) -> Path:
        """Where dbt puts its manifest and compiled SQL."""
        return self.root / "dbt"

    @property
    def dbt_docs(self) -> Path:
        """The documentation of the dbt project, one HTML file."""
        return self.root / "docs" / "dbt.html"

    @property
    def editions(self) -> Path:
        """The folder that report editions are put in."""
        return self.root / "editions"

    @property
    def scratch(self) -> Path:
        """The folder for what a load fetches from stores or unpacks; empty between two loads."""
        return self.root / "scratch"

    @property
    def postgres_data(self) -> Path:
        """Folder of the embedded server: its data, password files and log."""
        return self.root / "postgres"

    @property
    def business_folder(self) -> Path:
        """The business folder as an absolute path."""
        return self.business.expanduser().resolve()

    @property
    def data_folder(self) -> Path:
        """The folder that the globs of sources.yaml are relative to."""
        folder = self.data or self.root / "data" / self.business_folder.name
        return folder.expanduser().resolve()


def secret(name: str) -> str | None:
    """The environment variable that a business folder names as ``${NAME}``; None if it is not set.

    What is secret stays out of the business folder, and is asked for only where it is needed.
    """
    return os.environ.get(name)
