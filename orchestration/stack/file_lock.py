"""A lock that the kernel lets go of when its holder dies: flock on a file that is never deleted.

Not here: what a lock protects (local_postgres.py, stack.py), or the lease of a night (PostgreSQL holds that).
"""

import fcntl
import os
import time
from pathlib import Path
from types import TracebackType

from orchestration.errors import TransientError

POLL_SECONDS = 0.05


class FileLock:
    """One open file and the lock on it. Two objects in one process are two users.

    The file is created if missing (mode 0600) and may carry a few bytes about its holder.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     first, second = FileLock(Path(folder) / "lock"), FileLock(Path(folder) / "lock")
    ...     print(first.try_lock(exclusive=True), second.try_lock(exclusive=False))
    ...     first.close()
    ...     print(second.try_lock(exclusive=False))
    ...     second.close()
    True False
    True
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def try_lock(self, *, exclusive: bool) -> bool:
        """Take the lock, or change the kind of the one held, without waiting; False if others are in the way.

        A refused change may lose the lock that was held: that is how flock converts.
        """
        kind = fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH
        try:
            fcntl.flock(self._fd, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def lock(self, *, timeout_seconds: float) -> None:
        """Take the exclusive lock.

        Raises:
            TransientError: somebody else still holds it after ``timeout_seconds``.
        """
        deadline = time.monotonic() + timeout_seconds
        while not self.try_lock(exclusive=True):
            if time.monotonic() > deadline:
                raise TransientError(
                    f"{self.path}: still locked by another process after {timeout_seconds:.0f} s",
                    remedy=f"find the process with: fuser {self.path}",
                )
            time.sleep(POLL_SECONDS)

    def write(self, text: str) -> None:
        """Leave a note about the holder in the file."""
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, text.encode(), 0)

    def read(self) -> str:
        """The note that the holder left, or the last one."""
        return os.pread(self._fd, 4096, 0).decode(errors="replace")

    def close(self) -> None:
        """Let go of the lock and the file."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __enter__(self) -> "FileLock":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
