"""The embedded PostgreSQL: adopt it if it runs, start it if not, stop it when its last user leaves.

Not here: its files and account (postgres_files.py), or any SQL of the warehouse (warehouse.py).
"""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import quote

import psutil
import psycopg

from orchestration.errors import PermanentError, TransientError
from orchestration.stack import postgres_files as files
from orchestration.stack.file_lock import FileLock
from orchestration.stack.processes import end, free_port, is_alive, is_port_free, tail, wait_gone

DATABASE = "daybreak"
START_TIMEOUT_SECONDS = 300  # a crash recovery replays up to max_wal_size: minutes on a slow disk
STOP_TIMEOUT_SECONDS = 60
LEFTOVER_SECONDS = 10
PORT_ATTEMPTS = 3


class LocalPostgres:
    """One embedded server in one folder (HOME/postgres). A plain object that holds no process and no lock.

    Args:
        folder: where data, password and logs are; created on the first start.
        port: the wanted port on 127.0.0.1; 0 for any. If it is taken, another is used and kept from then on.
        changes: configuration that differs from ``postgres_files.CONFIGURATION``.
    """

    def __init__(self, folder: Path, *, port: int = 0, changes: Mapping[str, str] | None = None) -> None:
        self.folder = folder.expanduser().resolve()
        self.data = self.folder / "data"
        self.wanted_port = port
        self.changes = dict(changes or {})

    def start(self) -> None:
        """Adopt the running server or start one, and make sure that database ``daybreak`` exists.

        Raises:
            PermanentError: the folder, its version, its owner or the machine refuses; with a remedy.
            TransientError: another process is starting or stopping it and does not finish.
        """
        with self._alone():
            self._start()

    def stop(self) -> None:
        """End the server, whoever uses it: transactions in progress are rolled back, commits are kept."""
        with self._alone():
            self._stop()

    def is_running(self) -> bool:
        """Whether our server answers now: a live postmaster of this folder, and a real connection to it."""
        if self._postmaster() is None:
            return False
        try:
            return self._is_ours()
        except psycopg.OperationalError:
            return False

    def url(self, database: str = DATABASE, *, user: str = files.SUPERUSER, password: str | None = None) -> str:
        """``postgresql://user:password@127.0.0.1:port/database``; the superuser's password is filled in.

        Raises:
            TransientError: the server is not running, so its port is not known.
        """
        if password is None and user == files.SUPERUSER:
            password = files.password(self.folder)
        secret = "" if password is None else ":" + quote(password, safe="")
        return f"postgresql://{quote(user, safe='')}{secret}@127.0.0.1:{self.port}/{quote(database, safe='')}"

    @property
    def port(self) -> int:
        """The port the server listens on. Raises TransientError if it is not running."""
        lines = self._pid_file()
        if len(lines) < 4 or not lines[3].isdigit() or self._postmaster() is None:
            raise TransientError(
                f"the embedded PostgreSQL in {self.folder} is not running",
                remedy="start it with daybreak up; it runs as long as somebody uses it",
            )
        return int(lines[3])

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold start.lock: of several starters and stoppers one works and the others wait."""
        try:
            files.prepare_folder(self.folder)
            with FileLock(self.folder / "start.lock") as lock:
                lock.lock(timeout_seconds=START_TIMEOUT_SECONDS + 30)
                yield
        except OSError as error:
            raise PermanentError(
                f"{error.filename or self.folder}: {error.strerror}",
                remedy=f"make {self.folder} a folder of the user you run as, on a disk with space",
            ) from error

    def _start(self) -> None:
        owner = files.account(self.folder)
        files.ensure_data(self.folder, owner)
        is_new = self._postmaster() is None
        if is_new:
            self._clear_leftovers()
            self._launch(owner)
        try:
            self._wait_until_it_answers()
            self._ensure_database()
        except BaseException:
            if is_new:  # started for nothing: leave nothing behind
                self._stop()
            raise

    def _launch(self, owner: files.Account) -> None:
        for attempt in range(PORT_ATTEMPTS):
            port = self._choose_port()
            files.write_configuration(self.folder, port=port, changes=self.changes)
            pid = self._spawn(owner)
            if self._wait_for_postmaster(pid):
                files.write_file(self.folder / "port", f"{self.wanted_port} {port}\n", mode=0o644)
                return
            # Somebody may have taken the port between our look and the server's bind: only then try again.
            if is_port_free(port) or attempt == PORT_ATTEMPTS - 1:
                break
        log = self.folder / "log"
        newest = max(log.glob("postgresql-*.log"), key=lambda p: p.stat().st_mtime, default=log / "none")
        said = [tail(log / "start.log"), *(line for line in tail(newest).splitlines() if f"[{pid}]" in line)]
        raise PermanentError(
            f"the embedded PostgreSQL in {self.data} does not start:\n" + "\n".join(said),
            remedy=files.start_remedy(self.folder, owner=owner, exit_code=1),
        )

    def _choose_port(self) -> int:
        try:
            wanted, used = (int(n) for n in (self.folder / "port").read_text(encoding="ascii").split())
        except (OSError, ValueError):
            wanted, used = self.wanted_port, 0
        kept = used if wanted == self.wanted_port else 0
        return free_port(kept, self.wanted_port)

    def _spawn(self, owner: files.Account) -> int:
        """Start the postmaster detached; returns its pid. Its first words go to log/start.log."""
        log = self.folder / "log" / "start.log"
        log.unlink(missing_ok=True)
        command = owner.command([str(files.binaries() / "postgres"), "-D", str(self.data)], "--detach", str(log))
        done = subprocess.run(
            command,
            env=files.server_environment(),
            cwd="/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            start_new_session=True,
            timeout=60,
            check=False,
        )
        if done.returncode != 0:
            raise PermanentError(
                f"the embedded PostgreSQL cannot be started: {done.stderr.decode(errors='replace').strip()}",
                remedy=files.start_remedy(self.folder, owner=owner, exit_code=done.returncode),
            )
        return int(done.stdout)

    def _wait_for_postmaster(self, pid: int) -> bool:
        """Wait until the postmaster has bound its port and says ready; False if it ended instead."""
        deadline = time.monotonic() + START_TIMEOUT_SECONDS
        while time.monotonic() < deadline:
            lines = self._pid_file()
            if len(lines) >= 8 and lines[0] == str(pid) and lines[7].strip() == "ready":
                return True
            try:
                if not is_alive(psutil.Process(pid)):
                    return False
            except psutil.NoSuchProcess:
                return False
            time.sleep(0.02)
        raise TransientError(
            f"the embedded PostgreSQL in {self.data} is not ready after {START_TIMEOUT_SECONDS} s",
            remedy=f"it may still be recovering from a crash: read {self.folder / 'log'} and start again",
        )

    def _wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT_SECONDS
        while True:
            try:
                is_ours = self._is_ours()
                break
            except (psycopg.OperationalError, TransientError) as error:
                if "authentication failed" in str(error):
                    raise PermanentError(
                        f"{self.folder / 'password'} is not the password of the embedded server",
                        remedy="restore the file from a backup",
                    ) from None
                if self._postmaster() is None or time.monotonic() > deadline:
                    raise TransientError(
                        f"the embedded PostgreSQL in {self.data} does not answer: {error}",
                        remedy=f"read {self.folder / 'log'}, then start again",
                    ) from None
            time.sleep(0.1)
        if not is_ours:
            raise PermanentError(f"another server than that of {self.data} answers on port {self.port}")

    def _is_ours(self) -> bool:
        with self._connect() as connection:
            row = connection.execute("show data_directory").fetchone()
        return row is not None and Path(row[0]).resolve() == self.data

    def _ensure_database(self) -> None:
        with self._connect() as connection:
            if connection.execute("select from pg_database where datname = %s", [DATABASE]).fetchone() is None:
                connection.execute(f"create database {DATABASE}".encode())

    def _connect(self) -> "psycopg.Connection[tuple[str, ...]]":
        return psycopg.connect(
            self.url("postgres"), autocommit=True, connect_timeout=10, sslmode="disable", gssencmode="disable"
        )

    def _pid_file(self) -> list[str]:
        try:
            return (self.data / "postmaster.pid").read_text(encoding="utf-8", errors="replace").splitlines()
        except (FileNotFoundError, NotADirectoryError):
            return []

    def _postmaster(self) -> psutil.Process | None:
        """The live postmaster of this folder; a zombie, or another process that got its pid, is none."""
        lines = self._pid_file()
        try:
            process = psutil.Process(int(lines[0]))
        except (IndexError, ValueError, psutil.Error):
            return None
        return process if self._belongs_here(process) else None

    def _belongs_here(self, process: psutil.Process) -> bool:
        try:
            if not is_alive(process) or not process.name().startswith("postgres"):
                return False
            try:
                return Path(process.cwd()) == self.data
            except psutil.AccessDenied:  # root in a container without CAP_SYS_PTRACE: the command line is public
                return str(self.data) in process.cmdline()
        except psutil.Error:
            return False

    def _clear_leftovers(self) -> None:
        """Make sure that nothing of a dead server is left, then remove its stale pid file.

        Backends outlive a postmaster killed with -9 until they notice; a new server beside them is refused.
        """
        left = [p for p in psutil.process_iter() if self._belongs_here(p)]
        left = wait_gone(left, timeout_seconds=LEFTOVER_SECONDS)
        end(left, number=signal.SIGQUIT, grace_seconds=LEFTOVER_SECONDS)
        (self.data / "postmaster.pid").unlink(missing_ok=True)

    def _stop(self) -> None:
        postmaster = self._postmaster()
        if postmaster is None:
            return
        for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):  # fast, immediate, none
            with contextlib.suppress(psutil.NoSuchProcess):
                os.kill(postmaster.pid, number)
            if not wait_gone([postmaster], timeout_seconds=STOP_TIMEOUT_SECONDS):
                return


@contextlib.contextmanager
def running(folder: Path, *, port: int = 0, changes: Mapping[str, str] | None = None) -> Iterator[LocalPostgres]:
    """The embedded server for the length of a with block; the last of its users, of all processes, stops it.

    Each user holds a shared lock on ``users.lock``, which the kernel takes back however the user ends: a
    killed user leaves the server running, the next one adopts it, and the count stays right.
    """
    server = LocalPostgres(folder, port=port, changes=changes)
    with contextlib.ExitStack() as stack:
        with server._alone():
            users = stack.enter_context(FileLock(server.folder / "users.lock"))
            users.try_lock(exclusive=False)  # exclusive holders hold start.lock too, so it cannot be refused
            server._start()
        try:
            yield server
        finally:
            with server._alone():
                if users.try_lock(exclusive=True):
                    server._stop()
