"""An example taken in and built by dbt, as the first half of a night does: raw, then staging, marts, kpis and bi.

Not here: what the same files say to another engine (recompute_books.py).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from orchestration.business import load_business
from orchestration.ingestion.load import LoadReport, load_source
from orchestration.night import lease
from orchestration.stack.local_postgres import LocalPostgres
from orchestration.warehouse import initialise
from tests.support.dbt_runs import run_dbt
from tests.support.postgres import create_database, drop_database

BUILT = ("path:models/staging", "path:models/marts", "path:models/kpis", "path:models/bi")


class Built(NamedTuple):
    """A warehouse: its URL, and what was loaded of each source."""

    url: str
    reports: dict[str, LoadReport]


@contextmanager
def built(server: LocalPostgres, parsed: Path, business_folder: Path, data: Path, work: Path) -> Iterator[Built]:
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
        result = run_dbt(parsed, url, "run", "--full-refresh", "--select", *BUILT, work=work, token=night.token)
        assert result.success, [r.message for r in result.result or [] if r.status == "error"] or result.exception
    yield Built(url, reports)
    drop_database(server, name)
