"""What every tier shares: the embedded server's fixtures, and the guard that keeps the tiers honest."""

import pytest

pytest_plugins = [
    "tests.support.once",
    "tests.support.postgres",
    "tests.support.dbt_runs",
    "tests.support.ingestion",
    "tests.support.erp",
    "tests.support.stores",
]

# Programs that tests start, one of them broken on purpose: no modules with doctests.
collect_ignore_glob = ["support/*"]

SLOW_FIXTURES = {"postgres_server", "database_url"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A unit test that asks for a database is in the wrong folder: the collection fails."""
    for item in items:
        asked = SLOW_FIXTURES & set(getattr(item, "fixturenames", ()))
        if asked and "tests/unit/" in item.nodeid:
            raise pytest.UsageError(f"{item.nodeid} uses {', '.join(sorted(asked))}: it belongs to tests/integration")
