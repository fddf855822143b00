"""Processes of this machine: who is alive, who is who, how ours are started and ended; free ports.

Not here: what they do (stack.py, local_postgres.py). A pid alone is never trusted: pids are used again.
"""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

EXEC_SHIM = Path(__file__).with_name("exec_shim.py")
# psutil adds clock ticks (10 ms) to the boot time, which itself moves when the clock is set.
SAME_START_SECONDS = 2.0


@dataclass(frozen=True)
class ProcessId:
    """A process that cannot be mistaken for a later one: its pid and its start (seconds since the epoch)."""

    pid: int
    started_at: float

    @classmethod
    def of(cls, pid: int) -> "ProcessId | None":
        """The process that has ``pid`` now, or None.

        >>> ProcessId.of(os.getpid()).find().pid == os.getpid()
        True
        >>> ProcessId(os.getpid(), started_at=0.0).find() is None
        True
        """
        try:
            return cls(pid, psutil.Process(pid).create_time())
        except (psutil.Error, ValueError):
            return None

    def find(self) -> psutil.Process | None:
        """The live process, or None if it has ended (a zombie has) or the pid belongs to another one now."""
        try:
            process = psutil.Process(self.pid)
            is_same = abs(process.create_time() - self.started_at) <= SAME_START_SECONDS
        except (psutil.Error, ValueError):
            return None
        return process if is_same and is_alive(process) else None


def is_alive(process: psutil.Process) -> bool:
    """Whether the process can still do something: a zombie cannot, though its pid answers kill(pid, 0)."""
    try:
        return process.is_running() and process.status() not in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
    except psutil.Error:
        return False


def wait_gone(processes: Iterable[psutil.Process], *, timeout_seconds: float) -> list[psutil.Process]:
    """Wait until every process has ended; returns those that are still alive at the end."""
    deadline = time.monotonic() + timeout_seconds
    alive = [p for p in processes if is_alive(p)]
    while alive and time.monotonic() < deadline:
        time.sleep(0.05)
        alive = [p for p in alive if is_alive(p)]
    return alive


def end(processes: Iterable[psutil.Process], *, number: int = signal.SIGTERM, grace_seconds: float) -> None:
    """Send a signal, wait, and kill what is still alive."""
    targets = list(processes)
    for process in targets:
        with contextlib.suppress(psutil.Error):
            process.send_signal(number)
    for process in wait_gone(targets, timeout_seconds=grace_seconds):
        with contextlib.suppress(psutil.Error):
            process.kill()
    wait_gone(targets, timeout_seconds=5)


def with_environment(name: str, value: str) -> list[psutil.Process]:
    """Every live process, ourselves excepted, that was started with ``name=value`` in its environment.

    The mark is inherited, so it also finds the grandchildren of a parent that is gone.
    """
    found = []
    for process in psutil.process_iter():
        # NoSuchProcess: it ended meanwhile. AccessDenied: another user's. OSError: a kernel thread.
        with contextlib.suppress(psutil.Error, OSError):
            if process.pid != os.getpid() and process.environ().get(name) == value and is_alive(process):
                found.append(process)
    return found


def shim_command(command: list[str], *options: str) -> list[str]:
    """``command`` started through exec_shim.py, with the shim's own options.

    >>> shim_command(["/bin/true"], "--die-with", "1")[-4:]
    ['--die-with', '1', '--', '/bin/true']
    """
    return [sys.executable, "-I", "-S", str(EXEC_SHIM), *options, "--", *command]


def start_child(
    command: list[str], *, environment: Mapping[str, str], folder: Path, log: Path
) -> subprocess.Popen[bytes]:
    """Start a child in its own session that dies with us; its output is appended to ``log``.

    To be called from the main thread: Linux sends the death signal when the *thread* that forked ends.
    """
    with log.open("ab") as output:
        return subprocess.Popen(
            shim_command(command, "--die-with", str(os.getpid())),
            env=dict(environment),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def is_port_free(port: int, *, host: str = "127.0.0.1") -> bool:
    """Whether a server could listen on the port now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def free_port(*wanted: int, host: str = "127.0.0.1") -> int:
    """The first wanted port that is free (0 is skipped), otherwise one that the kernel chooses.

    >>> taken = socket.create_server(("127.0.0.1", 0))
    >>> free_port(taken.getsockname()[1]) == taken.getsockname()[1]
    False
    >>> taken.close()
    """
    for port in wanted:
        if port and is_port_free(port, host=host):
            return port
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def tail(path: Path, *, lines: int = 12) -> str:
    """The last lines of a log, or an empty text if there is none."""
    try:
        with path.open("rb") as log:
            log.seek(max(0, path.stat().st_size - 8192))
            return "\n".join(log.read().decode(errors="replace").splitlines()[-lines:])
    except OSError:
        return ""
