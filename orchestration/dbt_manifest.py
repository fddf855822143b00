"""The dbt project as Dagster sees it: an up-to-date manifest, and a fingerprint of all that decides what it builds.

Not here: running the models (defs/dbt.py). The manifest lies in DAYBREAK_HOME: the project itself stays read-only.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from dagster_dbt import DbtProject

from orchestration.business import Profile
from orchestration.errors import ConfigurationError
from orchestration.settings import PROJECT_ROOT, Settings
from orchestration.stack.environment import connection_pieces
from orchestration.stack.file_lock import FileLock
from orchestration.suites import suites
from orchestration.warehouse import script

DBT_PROJECT = PROJECT_ROOT / "dbt_project"
_SOURCES = ("*.sql", "*.yml", "*.md", "*.csv")
_PARSE_TIMEOUT_SECONDS = 300
KEEP_ARTIFACTS_SECONDS = 7 * 86400


def dbt_environment(settings: Settings) -> dict[str, str]:
    """What dbt's process needs: the variables that profiles.yml reads, and where its artifacts go."""
    # without a database the defaults of profiles.yml let dbt parse
    pieces = connection_pieces(settings.database_url.get_secret_value()) if settings.database_url else {}
    names = {"host": "HOST", "port": "PORT", "user": "USER", "password": "PASSWORD", "dbname": "DATABASE"}
    connection = {f"DAYBREAK_PG_{variable}": pieces[name] for name, variable in names.items() if name in pieces}
    return {**connection, "DBT_TARGET_PATH": str(settings.dbt_target)}


def dbt_executable() -> str:
    """The dbt of the environment we run in, whether or not it is on the PATH."""
    return str(Path(sys.executable).parent / "dbt")


def prepared_project(settings: Settings) -> DbtProject:
    """The dbt project with a manifest that is as new as its files and of this database; parses it if it is not.

    dbt throws its parsed project away when the connection is another one: parsed for no database, every one of a
    night's two builds parsed all of it again, 2 × 4 s.

    Raises:
        ConfigurationError: dbt cannot parse the project; with what dbt said.
    """
    target = settings.dbt_target
    target.mkdir(parents=True, exist_ok=True)
    variables = dbt_environment(settings)
    stamp, wanted = target / "manifest.sha256", _stamp(variables)
    with FileLock(target / "parse.lock") as lock:
        lock.lock(timeout_seconds=_PARSE_TIMEOUT_SECONDS)
        is_new = (target / "manifest.json").exists() and stamp.exists() and stamp.read_text() == wanted
        if not is_new:
            _parse(target, variables)
            stamp.write_text(wanted)
    return DbtProject(project_dir=DBT_PROJECT, profiles_dir=DBT_PROJECT, target_path=target)


def _stamp(variables: Mapping[str, str]) -> str:
    """What decides whether dbt can use what it parsed: its files, and the connection without its password."""
    connection = sorted((k, v) for k, v in variables.items() if k != "DAYBREAK_PG_PASSWORD")
    return hashlib.sha256(f"{project_hash()} {connection}".encode()).hexdigest()


def _parse(target: Path, variables: Mapping[str, str]) -> None:
    command = [
        dbt_executable(),
        "parse",
        "--project-dir",
        str(DBT_PROJECT),
        "--profiles-dir",
        str(DBT_PROJECT),
    ]
    # Parsed whole: of a data test whose SQL alone has changed, dbt 1.11's partial parsing forgets what its YAML says,
    # and Dagster then has no check for it.
    command += ["--target-path", str(target), "--log-path", str(target), "--no-use-colors", "--no-partial-parse"]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=_PARSE_TIMEOUT_SECONDS,
        check=False,
        env={**os.environ, **variables, "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"},
    )
    if done.returncode != 0:
        raise ConfigurationError(f"dbt cannot parse {DBT_PROJECT}:\n{done.stdout[-3000:]}{done.stderr[-1000:]}")


def prune_artifacts(settings: Settings) -> None:
    """Delete the logs and artifacts of dbt's invocations that are older than a week; each has a folder of its own."""
    oldest = time.time() - KEEP_ARTIFACTS_SECONDS
    for folder in settings.dbt_target.glob("dbt_*"):
        if folder.is_dir() and folder.stat().st_mtime < oldest:
            shutil.rmtree(folder, ignore_errors=True)


def project_hash() -> str:
    """A hash of every file that the dbt project consists of."""
    digest = hashlib.sha256()
    files = sorted(p for pattern in _SOURCES for p in DBT_PROJECT.rglob(pattern) if "target" not in p.parts)
    for path in files:
        digest.update(path.relative_to(DBT_PROJECT).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def fingerprint(profile: Profile) -> str:
    """What decides how facts look and what is asked of them: dbt's and bi's SQL, the suites, the business's calendar.

    Another one means building all anew, and checking all of raw.
    """
    calendar = (
        f"{profile.time_zone} {profile.fiscal_year_start_month} {profile.first_weekday_number} {profile.currency}"
    )
    return hashlib.sha256(f"{project_hash()} {script('bi_functions.sql')} {suites()} {calendar}".encode()).hexdigest()
