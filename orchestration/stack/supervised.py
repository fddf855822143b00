"""One supervised process: its command, its log, its back-off after crashes, its end.

Not here: which processes there are and in what order they start and stop (stack.py).
"""

import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from orchestration.errors import PermanentError
from orchestration.stack.processes import start_child, tail

MAX_LOG_BYTES = 10_000_000
FIRST_RESTART_SECONDS, LAST_RESTART_SECONDS = 1.0, 60.0
STEADY_SECONDS = 300.0  # a process that ran so long begins again with the shortest back-off


@dataclass
class Supervised:
    """A process that is started again when it ends by itself."""

    name: str
    command: list[str]
    log: Path
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    crashes: int = 0
    restart_at: float | None = None

    def start(self, environment: Mapping[str, str], folder: Path) -> None:
        """Start it; a log that has grown beyond 10 MB is put aside first."""
        if self.log.exists() and self.log.stat().st_size > MAX_LOG_BYTES:
            self.log.replace(self.log.with_suffix(".log.1"))
        self.process = start_child(self.command, environment=environment, folder=folder, log=self.log)
        self.started_at, self.restart_at = time.monotonic(), None

    def check_alive(self) -> None:
        """Raises PermanentError with the last lines of the log if the process has ended."""
        if self.process and self.process.poll() is not None:
            raise PermanentError(
                f"{self.name} ended with code {self.process.returncode}:\n{tail(self.log)}",
                remedy=f"read {self.log}",
            )

    def is_due(self, now: float) -> bool:
        """Whether it has crashed and its back-off is over."""
        return self.restart_at is not None and now >= self.restart_at

    def note_crash(self, now: float) -> str | None:
        """If it has ended since the last look: plan the restart and return what to tell; otherwise None."""
        if self.restart_at is not None or self.process is None or self.process.poll() is None:
            return None
        self.crashes = 1 if now - self.started_at > STEADY_SECONDS else self.crashes + 1
        wait = backoff_seconds(self.crashes)
        self.restart_at = now + wait
        return (
            f"{self.name} ended with code {self.process.returncode}: "
            f"starting it again in {wait:.0f} s (log: {self.log})"
        )

    def ask_to_end(self) -> None:
        """Send SIGTERM."""
        if self.process and self.process.poll() is None:
            self.process.terminate()

    def wait_or_kill(self, deadline: float) -> None:
        """Wait for its end until ``deadline`` (monotonic seconds), then kill it."""
        if self.process:
            try:
                self.process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def backoff_seconds(crashes: int) -> float:
    """How long to wait after that many crashes in a row: 1 s, doubled each time, at most a minute.

    >>> [backoff_seconds(n) for n in (1, 2, 3, 6, 7, 5000)]
    [1.0, 2.0, 4.0, 32.0, 60.0, 60.0]
    """
    return min(FIRST_RESTART_SECONDS * 2.0 ** min(crashes - 1, 10), LAST_RESTART_SECONDS)
