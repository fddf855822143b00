"""Writing a file so that a reader sees the old one or the new one, never half of one.

Not here: what is in the file.
"""

import contextlib
import os
import tempfile
from pathlib import Path


def write_atomically(path: Path, content: bytes) -> None:
    """Put the content at path: a temporary file in the same folder, flushed to disk, then renamed over path.

    The folder is created if need be. After a crash at any point path holds the old bytes or the new ones.

    Raises:
        OSError: the folder cannot be written; path is then as it was and the temporary file is gone.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     target = Path(folder) / "new" / "edition.txt"
    ...     write_atomically(target, b"first")
    ...     write_atomically(target, b"second")
    ...     target.read_bytes(), [p.name for p in target.parent.iterdir()]
    (b'second', ['edition.txt'])
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".writing-", suffix=path.suffix)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o644)  # mkstemp's 0600 would hide the edition from everybody but the pipeline
        Path(temporary).replace(path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            Path(temporary).unlink()
        raise
    _flush_folder(path.parent)


def _flush_folder(folder: Path) -> None:
    """Flush the rename itself. Windows cannot open a folder, and needs no such flush."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
