"""A private folder for what a load fetches or unpacks: made when it is first needed, gone when the load is over.

Not here: what is put into it (stores.py, archives.py, extracts.py). What a killed process left goes with the next look.
"""

import shutil
import tempfile
from pathlib import Path

from orchestration.errors import PermanentError
from orchestration.stack.file_lock import FileLock

GIB = 1 << 30
MOST_BYTES = 64 * GIB  # of one source in one night
KEPT_FREE_BYTES = GIB  # the database lives on the same disk


class Scratch:
    """Files of one load below ``root``; several loads at once have a folder each."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._folder: Path | None = None
        self._lock: FileLock | None = None
        self._files = 0
        self._bytes = 0

    def new_path(self) -> Path:
        """A path at which no file stands yet."""
        self._files += 1
        return self._own_folder() / f"{self._files:06d}"

    def require(self, size_bytes: int, what: str) -> None:
        """Raise PermanentError if ``size_bytes`` more would fill the disk, or are more than one load may fetch."""
        free = shutil.disk_usage(self._own_folder()).free - KEPT_FREE_BYTES
        room = max(min(free, MOST_BYTES - self._bytes), 0)
        if size_bytes > room:
            raise PermanentError(
                f"{what}: {size_bytes / GIB:.1f} GiB are to be fetched, and there is room for {room / GIB:.1f} GiB",
                remedy=f"free space below {self.root}, or narrow the source's glob for the first nights",
            )
        self._bytes += size_bytes

    def close(self) -> None:
        """Remove the folder with everything in it."""
        if self._folder is not None and self._lock is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._lock.path.unlink(missing_ok=True)
            self._lock.close()
        self._folder = self._lock = None

    def _own_folder(self) -> Path:
        if self._folder is None:
            self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
            with FileLock(self.root / "lock") as everybody:
                everybody.lock(timeout_seconds=30)
                self._folder = Path(tempfile.mkdtemp(prefix="load-", dir=self.root))
                self._lock = FileLock(_lock_of(self._folder))
                self._lock.try_lock(exclusive=True)
        return self._folder


def remove_leftovers(root: Path) -> None:
    """Remove the folders of loads whose process is dead: their locks died with it."""
    if not root.is_dir():
        return
    with FileLock(root / "lock") as everybody:
        everybody.lock(timeout_seconds=30)
        for folder in root.glob("load-*/"):
            with FileLock(_lock_of(folder)) as lock:
                if lock.try_lock(exclusive=True):
                    shutil.rmtree(folder, ignore_errors=True)
                    lock.path.unlink(missing_ok=True)


def _lock_of(folder: Path) -> Path:
    return folder.with_name(folder.name + ".lock")
