"""Warehouses for the tests of dbt's models: a database each, and one parsed project for all of them.

Not here: what a warehouse can do (tests/support/dbt_warehouse.py).
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from orchestration.stack.local_postgres import LocalPostgres
from tests.support.dbt_warehouse import Warehouse
from tests.support.postgres import create_database, drop_database


@pytest.fixture(scope="module")
def new_warehouse(
    postgres_server: LocalPostgres, parsed_project: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[], Warehouse]]:
    """Makes warehouses, which live as long as the module."""
    made: list[str] = []

    def make() -> Warehouse:
        made.append(create_database(postgres_server))
        return Warehouse(postgres_server.url(made[-1]), tmp_path_factory.mktemp("dbt"), parsed_project)

    yield make
    for name in made:
        drop_database(postgres_server, name)
