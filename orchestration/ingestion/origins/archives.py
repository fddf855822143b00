"""Compressed files: what is in them, unpacked into files of its own, with limits that no honest export comes near.

Not here: where they come from (files.py, stores.py), or what their contents mean. A workbook is a zip by itself; it is
its name's last ending that makes a file an archive.
"""

import hashlib
import stat
import zipfile
import zlib
from collections.abc import Callable, Collection, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, Any, Protocol

from orchestration.errors import SourceError
from orchestration.ingestion.files import is_finished, natural_key

CHUNK_BYTES = 1 << 20
MOST_BYTES = 20 << 30
MOST_ENTRIES = 10_000
# Text packs ten to twenty times, the most repetitive of our exports sixty times; a bomb begins at a thousand.
MOST_RATIO = 200
FREE_BYTES = 10 << 20  # the ratio counts from here: a small file of one repeated line is no bomb
PACKED = (".gz", ".bz2", ".xz", ".zst", ".zip")
REFUSED = (".tar", ".tgz", ".7z", ".rar", ".z")
# What the unpackers of the standard library and of Arrow raise at a damaged file.
_DAMAGED = (EOFError, OSError, zlib.error, zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError)


@dataclass(frozen=True)
class Unpacked:
    """One content of an archive: its name as the ledger has it, where it now lies, and its hash."""

    name: str
    path: Path
    sha256: str


def is_archive(name: str) -> bool:
    """Whether a file of that name is unpacked before it is read.

    >>> is_archive("sales.csv.GZ"), is_archive("till.zip"), is_archive("book.xlsx")
    (True, True, False)
    """
    return name.lower().endswith((*PACKED, *REFUSED))


def unpack(
    archive: Path, name: str, new_path: Callable[[], Path], only: Collection[str] | None = None
) -> Iterator[Unpacked]:
    """Unpack the files of an archive in natural order of their names; hidden and unfinished ones are left out.

    Args:
        archive: where it lies.
        name: what it is called; its contents are ``name`` itself or, of a zip, ``name/entry``.
        new_path: gives a path for each content.
        only: the names wanted; all of them if not given.

    Raises:
        SourceError: it is damaged, encrypted, an archive within an archive, unpacks to far more than it should, or has
            a name that leads out of it.
    """
    ending = next((e for e in (*PACKED, *REFUSED) if name.lower().endswith(e)), "")
    inner = name[: -len(ending)].lower()
    if ending in REFUSED or inner.endswith(REFUSED):
        raise SourceError(f"{name}: this kind of archive is not read", remedy="pack the files as .zip or .gz")
    if inner.endswith(PACKED):
        raise _nested(name)
    try:
        limit = _Limit(name, archive.stat().st_size)
        if ending == ".zip":
            yield from _unpack_zip(archive, name, new_path, only=only, limit=limit)
        else:
            with closing(_open_stream(archive, ending)) as stream:
                yield _write(stream, name, new_path(), limit)
    except _DAMAGED as error:
        raise SourceError(f"{name}: cannot be unpacked: {error}", remedy="export or copy it again") from None


class _Bytes(Protocol):
    def read(self, size: int, /) -> bytes: ...

    def close(self) -> None: ...


@dataclass
class _Limit:
    """How much an archive may still unpack to: what its own headers say of it is not believed."""

    name: str
    packed_bytes: int
    bytes: int = field(default=0)

    def add(self, size: int) -> None:
        self.bytes += size
        if self.bytes > min(MOST_BYTES, FREE_BYTES + MOST_RATIO * self.packed_bytes):
            raise SourceError(
                f"{self.name}: unpacks to more than {min(MOST_BYTES, FREE_BYTES + MOST_RATIO * self.packed_bytes):,} "
                f"bytes from {self.packed_bytes:,}",
                remedy="if it is no bomb, bring the file unpacked",
            )


def _open_stream(archive: Path, ending: str) -> Any:
    if ending == ".gz":
        import gzip

        return gzip.open(archive, "rb")
    if ending == ".bz2":
        import bz2

        return bz2.open(archive, "rb")
    if ending == ".xz":
        import lzma

        return _Xz(lzma.open(archive, "rb"))
    import pyarrow

    return pyarrow.input_stream(str(archive), compression="zstd")


class _Xz:
    """lzma's errors are no OSErrors: here they are."""

    def __init__(self, stream: IO[bytes]) -> None:
        self.stream = stream

    def read(self, size: int) -> bytes:
        import lzma

        try:
            return self.stream.read(size)
        except lzma.LZMAError as error:
            raise OSError(str(error)) from None

    def close(self) -> None:
        self.stream.close()


def _unpack_zip(
    archive: Path, name: str, new_path: Callable[[], Path], *, only: Collection[str] | None, limit: _Limit
) -> Iterator[Unpacked]:
    with zipfile.ZipFile(archive) as zipped:
        entries = [entry for entry in zipped.infolist() if not entry.is_dir()]
        if len(entries) > MOST_ENTRIES:
            raise SourceError(f"{name}: has {len(entries):,} files, more than {MOST_ENTRIES:,}", remedy="split it")
        for entry in entries:
            _check_name(entry.filename, name)
        if len({entry.filename for entry in entries}) < len(entries):
            raise SourceError(f"{name}: two of its files have one name", remedy="pack it anew")
        wanted = [entry for entry in entries if is_finished(PurePosixPath(entry.filename))]
        if not wanted:
            raise SourceError(f"{name}: there is no file in it", remedy="an export without rows still has its header")
        for entry in sorted(wanted, key=lambda e: natural_key(e.filename)):
            inside = f"{name}/{entry.filename}"
            _check_entry(entry, inside)
            if only is None or inside in only:
                before = limit.bytes
                with zipped.open(entry) as stream:
                    unpacked = _write(stream, inside, new_path(), limit)
                if limit.bytes - before != entry.file_size:
                    raise zipfile.BadZipFile(f"{entry.filename} is not as long as its header says")
                yield unpacked


def _check_name(entry: str, archive: str) -> None:
    """Raise SourceError at a name that leads elsewhere, although nothing is ever written under it."""
    path = PurePosixPath(entry.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or ":" in path.parts[0] or not entry.isprintable():
        raise SourceError(
            f"{archive}: {entry!r} is a name that leads out of its archive, or cannot be shown", remedy="pack it anew"
        )


def _check_entry(entry: zipfile.ZipInfo, name: str) -> None:
    """Raise SourceError if an entry of a zip is nothing to be read."""
    if entry.flag_bits & 1:
        raise SourceError(f"{name}: is encrypted", remedy="bring it without a password")
    if stat.S_ISLNK(entry.external_attr >> 16):
        raise SourceError(f"{name}: is a link, not a file", remedy="pack the file itself")
    if is_archive(entry.filename):
        raise _nested(name)


def _write(stream: _Bytes, name: str, path: Path, limit: _Limit) -> Unpacked:
    digest = hashlib.sha256()
    with path.open("wb") as target:
        while chunk := stream.read(CHUNK_BYTES):
            limit.add(len(chunk))
            digest.update(chunk)
            target.write(chunk)
    return Unpacked(name, path, digest.hexdigest())


def _nested(name: str) -> SourceError:
    return SourceError(f"{name}: an archive within an archive is not unpacked", remedy="pack its files once")
