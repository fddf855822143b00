"""Which PostgreSQL this home uses, ready to work: the embedded server or the one that DAYBREAK_DATABASE_URL names.

Not here: the embedded server itself (stack/local_postgres.py), or what is in the database (warehouse.py).
"""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from psycopg import sql

from orchestration import warehouse
from orchestration.errors import ConfigurationError
from orchestration.settings import Settings
from orchestration.stack.environment import DAGSTER_DATABASE, STACK_MARK, child_environment
from orchestration.stack.local_postgres import LocalPostgres, running
from orchestration.stack.postgres_files import write_file
from orchestration.warehouse import BI_READER


@contextmanager
def database(settings: Settings, *, set_up: bool = True) -> Iterator[str]:
    """The warehouse's URL, with the server running, the schemas there and Dagster's database beside it.

    The embedded server is started if it does not run, and stopped when its last user leaves. Without ``set_up`` the
    database is left as it is.

    Raises:
        DaybreakError: the server does not start, cannot be reached, is too old, or refuses to be set up.
    """
    if settings.database_url is not None:
        url = settings.database_url.get_secret_value()
        if set_up:
            _set_up(url)
        yield url
        return
    with running(settings.postgres_data, port=settings.postgres_port) as server:
        url = server.url()
        if set_up:
            _set_up(url)
            let_reader_in(url, _reader_password(settings.postgres_data))
        yield url


def _set_up(url: str) -> None:
    warehouse.initialise(url)
    warehouse.ensure_database(url, DAGSTER_DATABASE)


def _reader_password(folder: Path) -> str:
    """The embedded server's password of bi_reader, made on first use."""
    path = folder / "bi_reader.password"
    if not path.exists():
        write_file(path, secrets.token_urlsafe(24), mode=0o600)
    return path.read_text(encoding="ascii").strip()


def let_reader_in(url: str, password: str) -> None:
    """On the embedded server bi_reader can log in itself; on any other its administrator says who is a member of it."""
    with warehouse.connect(url) as connection, connection.transaction():
        # two starters at once would update one row of pg_authid: "tuple concurrently updated"
        connection.execute("select pg_advisory_xact_lock(%s)", [warehouse.SET_UP_LOCK])
        statement = sql.SQL("alter role {} login password {}").format(sql.Identifier(BI_READER), sql.Literal(password))
        connection.execute(statement)


def enter_environment(settings: Settings, url: str) -> None:
    """Make this process one of the home's own, with the variables that its children get."""
    os.environ.update(child_environment(settings, url))
    # a night on its own belongs to no stack, which would end it as a leftover
    os.environ.pop(STACK_MARK, None)


def known_url(settings: Settings, *, reader: bool = False) -> str:
    """The URL of the database in use, as its owner or as the read-only login.

    Raises:
        TransientError: the embedded server is not running.
        ConfigurationError: the reader's login of somebody else's server is not ours to know.
    """
    if settings.database_url is not None:
        if reader:
            raise ConfigurationError(
                "logins of DAYBREAK_DATABASE_URL's server are kept by its administrator",
                remedy=f"grant {BI_READER} to the login of each BI user",
            )
        return settings.database_url.get_secret_value()
    server = LocalPostgres(settings.postgres_data, port=settings.postgres_port)
    if not reader:
        return server.url()
    return server.url(user=BI_READER, password=_reader_password(settings.postgres_data))
