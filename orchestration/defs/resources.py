"""The resources every stage gets: the night, with its lease, and dbt.

Not here: any asset. This file holds its one ``@dg.definitions``; bare definitions beside it would be silently ignored.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg
from dagster_dbt import DbtCliResource
from pydantic import PrivateAttr

from orchestration.business import load_business
from orchestration.dbt_manifest import dbt_environment, dbt_executable, fingerprint, prepared_project
from orchestration.errors import ConfigurationError
from orchestration.night import Night, lease
from orchestration.settings import Settings


class NightResource(dg.ConfigurableResource):
    """The lease, held from the first step of a run to its last: one per run, because steps share the run's process."""

    _night: Night | None = PrivateAttr(default=None)
    _fingerprint: str = PrivateAttr(default="")

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator["NightResource"]:
        """Take the lease for the run; a run that finds another night alive fails here, before anything is touched."""
        settings = Settings()
        if settings.database_url is None:
            raise ConfigurationError(
                "no database is named",
                remedy="start Dagster with `daybreak up`, or set DAYBREAK_DATABASE_URL",
            )
        url = settings.database_url.get_secret_value()
        _keep_connections(context.instance)
        business = load_business(settings.business_folder)
        with lease(url, run_id=context.run_id or "none", business=business) as night:
            self._night = night
            self._fingerprint = fingerprint(business.profile)
            # dbt is a process of its own: it gets the fencing token as libpq passes it on
            os.environ.update(dbt_environment(settings), PGOPTIONS=f"-c daybreak.token={night.token}")
            yield self

    @property
    def code_fingerprint(self) -> str:
        """What decides how facts look, as it was when the run began: an edit in between counts for the next night."""
        return self._fingerprint

    def get(self) -> Night:
        """The night of this run."""
        assert self._night is not None
        return self._night


def _keep_connections(instance: dg.DagsterInstance | None) -> None:
    """Have the run write its events over a connection that stays open.

    Dagster opens one for every query but in its webserver, whose way this is: a small night has 800 events and opened
    2,450 connections for them, half of its 60 s.
    """
    if instance is not None:
        instance.optimize_for_webserver(statement_timeout=600_000, pool_recycle=3600, max_overflow=20)


@dg.definitions
def resources() -> dg.Definitions:
    """The night and dbt."""
    project = prepared_project(Settings())
    return dg.Definitions(
        resources={
            "night": NightResource(),
            "dbt": DbtCliResource(project_dir=project, dbt_executable=dbt_executable()),
        }
    )
