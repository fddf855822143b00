"""A live database: connecting to it so that nothing is changed there, and its errors as ours, without its password.

Not here: what is read from it (extracts.py), and the warehouse (orchestration/warehouse.py).
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy import exc

from orchestration.errors import ConfigurationError, PermanentError, SourceError, UnreachableError
from orchestration.ingestion.origins.references import References
from orchestration.shapes import DatabaseConnection

CONNECT_SECONDS = 10
STATEMENT_SECONDS = 3600
GLANCE_SECONDS = 10
# The packages of drivers whose module is called otherwise.
PACKAGES = {"MySQLdb": "mysqlclient", "psycopg2": "psycopg2-binary"}
# A URL without a driver means one that is old or must be compiled: the one to name instead, as its package is called.
DRIVERS = {"oracle": "oracledb", "mysql": "pymysql", "mariadb": "pymysql"}
_REFUSED = re.compile(r"authentication failed|access denied|login failed|permission denied|pg_hba", re.IGNORECASE)


@dataclass
class LiveDatabase:
    """One of the connections of sources.yaml.

    Args:
        name: what sources.yaml calls it.
        described: its URL.
        data_folder: where the file of a relative SQLite URL lies.
    """

    name: str
    described: DatabaseConnection
    data_folder: Path
    references: References = field(default_factory=References)

    @contextmanager
    def reading(self, *, seconds: int = STATEMENT_SECONDS) -> Iterator[sa.Connection]:
        """A connection in one read-only transaction, with ``seconds`` for a statement; rolled back at the end.

        Of PostgreSQL and SQLite the server itself refuses to write; elsewhere a role that may only read does.

        Raises:
            ConfigurationError: the URL is wrong, or its driver is not installed.
            SourceError: the database does not understand what it is asked, or has a value that no program can read.
            PermanentError: it refuses us.
            UnreachableError: it does not answer, or stopped answering.
        """
        engine = self._engine()
        try:
            with engine.connect() as connection:
                if engine.dialect.name == "postgresql":
                    connection = connection.execution_options(
                        isolation_level="REPEATABLE READ", postgresql_readonly=True
                    )
                    connection.exec_driver_sql(f"set local statement_timeout = {seconds * 1000}")
                yield connection
                connection.rollback()
        except exc.DBAPIError as error:
            raise self._in_words(error) from None
        except (exc.SQLAlchemyError, ValueError, OverflowError, LookupError) as error:
            raise SourceError(
                f"{self.name}: cannot be read: {self._first_line(error)}",
                remedy="leave the column out, or cast it in a query",
            ) from None
        finally:
            engine.dispose()

    def _engine(self) -> sa.Engine:
        where = self.described.where("url")
        drivername = ""
        try:
            url = sa.make_url(self.references.fill_url(self.described.url, where))
            drivername = url.drivername
            if url.password:
                self.references.note(str(url.password))
            return sa.create_engine(self._read_only(url), poolclass=sa.NullPool, connect_args=_connect_args(url))
        except exc.NoSuchModuleError:
            raise ConfigurationError(
                f"{where}: {url.drivername!r} is no dialect that SQLAlchemy has here",
                remedy="install the package that brings it beside Daybreak",
            ) from None
        except ImportError as error:
            module = (error.name or str(error)).partition(".")[0]
            raise ConfigurationError(
                f"{where}: the driver {module!r} is not installed",
                remedy=_driver_remedy(drivername, module),
            ) from None
        except (exc.ArgumentError, TypeError, ValueError) as error:
            raise ConfigurationError(f"{where}: not a database URL: {self._first_line(error)}") from None

    def _read_only(self, url: sa.URL) -> sa.URL:
        """A URL of SQLite opens its file for reading only: a file that is missing would otherwise be made."""
        if url.get_backend_name() != "sqlite" or not url.database or url.database.startswith((":", "file:")):
            return url
        path = self.data_folder / url.database
        if not path.is_file():
            raise SourceError(f"{self.name}: there is no file {path}", remedy=f"correct {self.described.where('url')}")
        return url.set(database=f"file:{quote(str(path))}").update_query_dict({"mode": "ro", "uri": "true"})

    def _in_words(self, error: exc.DBAPIError) -> Exception:
        text = self._first_line(error.orig)
        if _REFUSED.search(text):
            return PermanentError(
                f"the database {self.name} refuses: {text}", remedy=f"see to {self.described.where('url')}"
            )
        if isinstance(error, exc.OperationalError | exc.InterfaceError) and not _is_a_mistake(error):
            return UnreachableError(
                f"the database {self.name} does not answer: {text}",
                remedy=f"is it up, and {self.described.where('url')} right?",
            )
        return SourceError(f"{self.name}: {text}", remedy="correct the source's database in sources.yaml")

    def _first_line(self, error: Any) -> str:
        lines = self.references.hide(str(error)).strip().splitlines()
        return lines[0].strip() if lines else type(error).__name__


def _driver_remedy(drivername: str, module: str) -> str:
    """How to come by a driver.

    >>> _driver_remedy("oracle", "cx_Oracle")
    'write oracle+oracledb://… and install the package oracledb beside Daybreak'
    """
    if drivername in DRIVERS:
        driver = DRIVERS[drivername]
        return f"write {drivername}+{driver}://… and install the package {driver} beside Daybreak"
    return f"install the package {PACKAGES.get(module, module)} beside Daybreak"


def _is_a_mistake(error: exc.DBAPIError) -> bool:
    """SQLite calls every mistake in a statement an operational error."""
    return type(error.orig).__module__ == "sqlite3" and "unable to open" not in str(error.orig)


def _connect_args(url: sa.URL) -> dict[str, Any]:
    """How long to wait for an answer, as each driver calls it."""
    name = {"postgresql": "connect_timeout", "mysql": "connect_timeout", "mariadb": "connect_timeout"}
    key = name.get(url.get_backend_name())
    return {key: CONNECT_SECONDS} if key and key not in url.query else {}
