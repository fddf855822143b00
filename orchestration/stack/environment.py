"""What the stack's processes start with: their environment, and Dagster's home. Only here is a database URL read.

Not here: reading the environment (settings.py), or starting anything (stack.py).
"""

import os
import shutil
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict
from pydantic import SecretStr

from orchestration.errors import ConfigurationError
from orchestration.settings import PROJECT_ROOT, Settings

DAGSTER_DATABASE = "daybreak_dagster"
# Inherited by every process of a stack: whoever carries it belongs to the stack of that home.
STACK_MARK = "DAYBREAK_STACK"
LIBPQ = {"sslmode": "PGSSLMODE", "sslrootcert": "PGSSLROOTCERT", "sslcert": "PGSSLCERT", "sslkey": "PGSSLKEY"}


def child_environment(
    settings: Settings, database_url: str, *, dagster_database: str = DAGSTER_DATABASE
) -> dict[str, str]:
    """Ours, plus: settings as absolute ``DAYBREAK_*``, Dagster's home and database, telemetry off.

    Args:
        settings: with the ports that were really chosen.
        database_url: the warehouse; Dagster's tables live in ``dagster_database`` on the same server.

    Raises:
        ConfigurationError: the URL cannot be read or names no host.

    >>> environment = child_environment(Settings(home="/srv/d"), "postgresql://me:p%40ss@db.example:6543/daybreak")
    >>> environment["DAGSTER_HOME"], environment["DAGSTER_PG_PASSWORD"], environment["DAGSTER_PG_DB"]
    ('/srv/d/dagster', 'p@ss', 'daybreak_dagster')
    """
    environment = dict(os.environ)
    environment.update(_settings_variables(settings))
    for name in [name for name, value in environment.items() if value == "" and name.startswith("DAYBREAK_")]:
        del environment[name]
    pieces = connection_pieces(database_url)
    environment.update({LIBPQ[name]: value for name, value in pieces.items() if name in LIBPQ})
    environment.update(
        {
            "DAYBREAK_DATABASE_URL": database_url,
            "DAYBREAK_CODE_SERVER_HOST": "127.0.0.1",
            STACK_MARK: str(settings.root),
            "DAGSTER_HOME": str(settings.dagster_home),
            "DAGSTER_COMPUTE_LOGS": str(settings.dagster_home / "logs"),
            "DAGSTER_PG_HOST": pieces["host"],
            "DAGSTER_PG_PORT": pieces["port"],
            "DAGSTER_PG_USER": pieces.get("user", ""),
            "DAGSTER_PG_PASSWORD": pieces.get("password", ""),
            "DAGSTER_PG_DB": dagster_database,
            "DAGSTER_DISABLE_TELEMETRY": "1",
            "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
            "GX_ANALYTICS_ENABLED": "false",
            "DO_NOT_TRACK": "1",
            "NO_COLOR": "1",
            "PYTHONUNBUFFERED": "1",
        }
    )
    return environment


def _settings_variables(settings: Settings) -> dict[str, str]:
    """Every setting as its variable, paths absolute; an unset one becomes empty, to hide an inherited one."""
    variables = {}
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        if isinstance(value, SecretStr):
            value = value.get_secret_value()
        elif isinstance(value, Path):
            value = value.expanduser().resolve()
        variables[f"DAYBREAK_{name.upper()}"] = "" if value is None else str(value)
    return variables


def write_dagster_home(settings: Settings) -> None:
    """Make DAGSTER_HOME, with the project's dagster.yaml in it: a new version's settings count from the next start."""
    settings.dagster_home.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(PROJECT_ROOT / "dagster.yaml", settings.dagster_home / "dagster.yaml")


def connection_pieces(database_url: str) -> dict[str, str]:
    """A database URL as libpq reads it: ``host``, ``port``, ``user``, ``password``, ``dbname``, ``sslmode`` and so on.

    Raises:
        ConfigurationError: the URL cannot be read or names no host; its text, which holds a password, is not repeated.

    >>> connection_pieces("postgresql://me:p%40ss@db.example/sales")["password"]
    'p@ss'
    >>> connection_pieces("postgresql://db.example/sales")["port"]
    '5432'
    """
    try:
        pieces = {name: str(value) for name, value in conninfo_to_dict(database_url).items() if value is not None}
    except Exception as error:
        # The text of the error quotes the URL, and the URL holds a password.
        raise ConfigurationError(
            f"DAYBREAK_DATABASE_URL cannot be read ({type(error).__name__})",
            remedy="write it as postgresql://user:password@host:port/database, special characters as %XX",
        ) from None
    if "host" not in pieces:
        raise ConfigurationError("DAYBREAK_DATABASE_URL names no host", remedy="add the host, for example 127.0.0.1")
    pieces.setdefault("port", "5432")  # as libpq has it; others would take the embedded server's
    return pieces
