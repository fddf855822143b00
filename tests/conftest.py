"""What every tier shares: the embedded server's fixtures, and the guard that keeps the tiers honest."""

import gc

import pytest

pytest_plugins = [
    "tests.support.once",
    "tests.support.postgres",
    "tests.support.dbt_runs",
    "tests.support.ingestion",
    "tests.support.stores",
    "tests.support.erp",
]

# Programs that tests start, one of them broken on purpose: no modules with doctests.
collect_ignore_glob = ["support/*"]

SLOW_FIXTURES = {"postgres_server", "database_url"}

# What runs for minutes begins first, and no two that wait for the same night begin together. xdist hands out whole
# modules, by itself those of most tests first: the longest have few, and one worker was left alone with them.
LONGEST_FIRST = (
    "tests/pipeline/test_crashes.py",
    "tests/integration/test_compose.py",
    "tests/integration/test_dbt_project.py",
    "tests/pipeline/test_night.py",
    "tests/pipeline/test_online_retail.py",
    "tests/pipeline/test_recomputed_adventureworks.py",
    "tests/pipeline/test_recomputed_demo.py",
    "tests/integration/test_stack.py",
    "tests/pipeline",
    "tests/integration",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first; and a unit test that asks for a database is in the wrong folder: the collection fails."""
    items.sort(key=lambda item: next((n for n, long in enumerate(LONGEST_FIRST) if item.nodeid.startswith(long)), 99))
    for item in items:
        asked = SLOW_FIXTURES & set(getattr(item, "fixturenames", ()))
        if asked and "tests/unit/" in item.nodeid:
            raise pytest.UsageError(f"{item.nodeid} uses {', '.join(sorted(asked))}: it belongs to tests/integration")


def pytest_collection_finish() -> None:
    """Thousands of tests and all that they import stay to the end: no search for garbage looks at them again."""
    gc.collect()
    gc.freeze()
