"""An example taken in and built by dbt, as the first half of a night does: raw, then staging, marts, kpis and bi.

Not here: what the same files say to another engine (recompute_books.py).
"""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from pydantic import SecretStr

from orchestration.business import load_business
from orchestration.dbt_manifest import DBT_PROJECT, dbt_environment, dbt_executable
from orchestration.ingestion.load import LoadReport, load_source
from orchestration.night import lease
from orchestration.settings import Settings
from orchestration.stack.local_postgres import LocalPostgres
from orchestration.warehouse import initialise
from tests.support.postgres import create_database, drop_database

BUILT = ("path:models/staging", "path:models/marts", "path:models/kpis", "path:models/bi")


class Built(NamedTuple):
    """A warehouse: its URL, and what was loaded of each source."""

    url: str
    reports: dict[str, LoadReport]


@contextmanager
def built(server: LocalPostgres, business_folder: Path, data: Path, target: Path) -> Iterator[Built]:
    """All files of an example taken in and the models built, in a database that lives as long as the block."""
    name = create_database(server)
    url = server.url(name)
    initialise(url)
    business = load_business(business_folder)
    with lease(url, run_id="recomputed", business=business) as night:
        reports = {
            source.name: load_source(night.connection, business, source, data, token=night.token)
            for source in business.sources
        }
        night.set_as_of(None)
        _build(url, night.token, target)
    yield Built(url, reports)
    drop_database(server, name)


def _build(url: str, token: int, target: Path) -> None:
    folder = str(DBT_PROJECT)
    done = subprocess.run(
        [dbt_executable(), "run", "--full-refresh", "--select", *BUILT,
         "--project-dir", folder, "--profiles-dir", folder, "--target-path", str(target), "--log-path", str(target)],
        env={**os.environ, **dbt_environment(Settings(database_url=SecretStr(url))), "DBT_TARGET_PATH": str(target),
             "PGOPTIONS": f"-c daybreak.token={token}", "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:]
