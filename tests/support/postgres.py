"""A real PostgreSQL for tests: one embedded server for all workers of a test run, a fresh database per test.

Not here: schemas or data. Load it with ``pytest_plugins = ["tests.support.postgres"]``.
"""

import itertools
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from orchestration.stack.local_postgres import LocalPostgres, running

# Only what a test machine may lose: no test here cuts the power. The rest is the configuration of production.
TEST_CHANGES = {"fsync": "off", "shared_buffers": "64MB", "max_connections": "200"}
# All of them are equally long: see dbt_runs.py.
DATABASE_NAME = "test_{process:07}_{number:05}"
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def postgres_server(run_folder: Path) -> Iterator[LocalPostgres]:
    """The server that all xdist workers of this test run share; the last one to finish stops it."""
    with running(run_folder / "postgres", changes=TEST_CHANGES) as server:
        yield server


@pytest.fixture
def database_url(postgres_server: LocalPostgres) -> Iterator[str]:
    """URL of a fresh empty database, dropped after the test."""
    name = create_database(postgres_server)
    yield postgres_server.url(name)
    drop_database(postgres_server, name)


def create_database(server: LocalPostgres, *, template: str | None = None) -> str:
    """Create a database, a copy of ``template`` if given (nobody may be connected to it); return its name."""
    name = DATABASE_NAME.format(process=os.getpid(), number=next(_numbers))
    # Files are copied, not logged: half the time where nobody waits for the disk.
    query = sql.SQL("create database {} template {} strategy file_copy")
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute(query.format(sql.Identifier(name), sql.Identifier(template or "template1")))
    return name


def drop_database(server: LocalPostgres, name: str) -> None:
    """Drop a database, whoever is connected to it."""
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))


def open_folder(prefix: str) -> Path:
    """A new folder that every user may walk through (pytest's own are closed); the caller removes it."""
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    folder.chmod(0o755)
    return folder
