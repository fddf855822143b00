"""Compressed files: what is unpacked, in which order, and what is refused by name: bombs, lies, locks, ways out.

Not here: nights over archives (tests/integration/test_ingestion_intake.py).
"""

import bz2
import gzip
import hashlib
import io
import itertools
import lzma
import struct
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.errors import SourceError
from orchestration.ingestion.origins import archives
from orchestration.ingestion.origins.archives import is_archive, unpack

TEXT = b"order,line\n1,1\n" * 50


def zstandard(content: bytes) -> bytes:
    return bytes(pa.compress(content, codec="zstd", asbytes=True))


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": zstandard,
}


def zipped(**entries: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return stream.getvalue()


def unpacked(folder: Path, name: str, content: bytes, only: set[str] | None = None) -> list[tuple[str, bytes]]:
    """Names and contents; nothing is ever written but at the paths that were given."""
    archive, numbers = folder / "packed", itertools.count()
    archive.write_bytes(content)
    (folder / "out").mkdir(exist_ok=True)
    found = list(unpack(archive, name, lambda: folder / "out" / str(next(numbers)), only))
    assert all(one.sha256 == hashlib.sha256(one.path.read_bytes()).hexdigest() for one in found)
    return [(one.name, one.path.read_bytes()) for one in found]


@pytest.mark.parametrize("ending", PACKERS)
@pytest.mark.parametrize("content", [b"", TEXT, bytes(range(256)) * 5000])
def test_a_packed_file_is_one_content_under_its_own_name(tmp_path: Path, ending: str, content: bytes) -> None:
    name = f"sales.csv{ending.upper()}"
    assert is_archive(name)
    assert unpacked(tmp_path, name, PACKERS[ending](content)) == [(name, content)]


@pytest.mark.parametrize("ending", PACKERS)
def test_a_packed_file_that_is_cut_off_or_damaged_is_named(tmp_path: Path, ending: str) -> None:
    packed = PACKERS[ending](bytes(range(256)) * 200)
    with pytest.raises(SourceError, match=r"day\.csv\.\w+: cannot be unpacked"):
        unpacked(tmp_path, f"day.csv{ending}", packed[:-3])
    with pytest.raises(SourceError, match=r"day\.csv\.\w+: cannot be unpacked"):
        unpacked(tmp_path, f"day.csv{ending}", b"order,line\n1,1\n")


def test_a_gz_with_a_wrong_checksum_is_refused(tmp_path: Path) -> None:
    packed = bytearray(gzip.compress(TEXT))
    packed[-8] ^= 1
    with pytest.raises(SourceError, match=r"a\.gz: cannot be unpacked: CRC check failed"):
        unpacked(tmp_path, "a.gz", bytes(packed))


def test_a_gz_of_several_members_is_one_content(tmp_path: Path) -> None:
    assert unpacked(tmp_path, "a.gz", gzip.compress(b"a\n") + gzip.compress(b"b\n")) == [("a.gz", b"a\nb\n")]


def test_a_zip_is_its_files_in_natural_order(tmp_path: Path) -> None:
    content = zipped(
        **{"b/10.csv": b"ten", "b/9.txt": b"nine", "a": b"a", "b/.x": b"", "__MACOSX/._a": b"", "c.tmp": b""}
    )
    assert unpacked(tmp_path, "s.zip", content) == [
        ("s.zip/a", b"a"),
        ("s.zip/b/9.txt", b"nine"),
        ("s.zip/b/10.csv", b"ten"),
    ]
    assert unpacked(tmp_path, "s.zip", content, {"s.zip/a"}) == [("s.zip/a", b"a")]


def test_a_workbook_is_no_archive() -> None:
    assert not any(is_archive(name) for name in ("a.xlsx", "a.ods", "a.snappy.parquet", "gz", "a.gz.csv"))


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "a/../../b", "..\\b", "C:\\b", "c:b", "a\nb"])
def test_a_name_that_leads_out_of_the_zip_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(SourceError, match="is a name that leads out of its archive, or cannot be shown"):
        unpacked(tmp_path, "s.zip", zipped(**{"a.csv": b"x", name: b"root"}))
    assert {path.name for path in tmp_path.iterdir()} <= {"packed", "out"}


def test_an_encrypted_zip_is_refused(tmp_path: Path) -> None:
    content = bytearray(zipped(**{"a.csv": TEXT}))
    content[content.index(b"PK\x01\x02") + 8] |= 1  # the flag in the directory, as every packer sets it
    with pytest.raises(SourceError, match=r"s\.zip/a\.csv: is encrypted"):
        unpacked(tmp_path, "s.zip", bytes(content))


def test_a_link_in_a_zip_is_refused(tmp_path: Path) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        link = zipfile.ZipInfo("a.csv")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(SourceError, match="is a link"):
        unpacked(tmp_path, "s.zip", stream.getvalue())


@pytest.mark.parametrize("inner", ["b.zip", "b.csv.gz", "b.7z"])
def test_an_archive_within_an_archive_is_refused(tmp_path: Path, inner: str) -> None:
    with pytest.raises(SourceError, match="archive within an archive"):
        unpacked(tmp_path, "s.zip", zipped(**{"a.csv": b"x", inner: zipped(x=b"y")}))


@pytest.mark.parametrize("name", ["a.tar.gz", "a.tgz", "a.tar", "a.7z", "a.rar", "a.csv.Z"])
def test_kinds_that_are_not_read_say_so(tmp_path: Path, name: str) -> None:
    with pytest.raises(SourceError, match="this kind of archive is not read"):
        unpacked(tmp_path, name, b"x")
    with pytest.raises(SourceError, match="archive within an archive"):
        unpacked(tmp_path, "a.gz.gz", b"x")


@pytest.mark.parametrize("ending", [*PACKERS, ".zip"])
def test_a_bomb_is_stopped_before_it_fills_the_disk(
    tmp_path: Path, ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "FREE_BYTES", 1000)
    bomb = bytes(3_000_000)
    packed = zipped(**{"a.csv": bomb}) if ending == ".zip" else PACKERS[ending](bomb)
    with pytest.raises(SourceError, match=r"a\.csv\.\w+: unpacks to more than [\d,]+ bytes from [\d,]+"):
        unpacked(tmp_path, f"a.csv{ending}", packed)
    written = sum(path.stat().st_size for path in (tmp_path / "out").iterdir())
    assert written <= 1000 + archives.MOST_RATIO * len(packed)


def test_many_entries_count_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in the bombs whose entries all stand for the same bytes: each by itself would pass."""
    monkeypatch.setattr(archives, "MOST_BYTES", 1000)
    with pytest.raises(SourceError, match="unpacks to more than 1,000 bytes"):
        unpacked(tmp_path, "s.zip", zipped(**{f"{i}.csv": bytes(400) for i in range(3)}))
    monkeypatch.setattr(archives, "MOST_ENTRIES", 2)
    with pytest.raises(SourceError, match="has 3 files, more than 2"):
        unpacked(tmp_path, "s.zip", zipped(**{f"{i}.csv": b"" for i in range(3)}))


@pytest.mark.parametrize("said", [1, 10_000_000])
def test_a_zip_that_lies_about_its_sizes_is_refused(tmp_path: Path, said: int) -> None:
    content = bytearray(zipped(**{"a.csv": TEXT}))
    directory = content.index(b"PK\x01\x02")
    content[directory + 24 : directory + 28] = struct.pack("<I", said)
    with pytest.raises(SourceError, match=r"s\.zip: cannot be unpacked"):
        unpacked(tmp_path, "s.zip", bytes(content))


def test_two_files_of_one_name_and_none_at_all(tmp_path: Path) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("a.csv", "x")
        archive.writestr("b.csv", "y")
    content = stream.getvalue().replace(b"b.csv", b"a.csv")
    with pytest.raises(SourceError, match="two of its files have one name"):
        unpacked(tmp_path, "s.zip", content)
    with pytest.raises(SourceError, match="there is no file in it"):
        unpacked(tmp_path, "s.zip", zipped(**{".hidden": b"x"}))


@settings(max_examples=80, deadline=None, database=None)
@given(
    content=st.binary(max_size=300)
    | st.builds(lambda at, byte: _damaged(at, byte), st.integers(0, 400), st.integers(1, 255)),
    ending=st.sampled_from([*PACKERS, ".zip"]),
)
def test_any_bytes_are_unpacked_or_refused(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, ending: str
) -> None:
    with suppress(SourceError):  # any other error fails the test
        unpacked(tmp_path_factory.getbasetemp(), f"x{ending}", content)


def _damaged(at: int, byte: int) -> bytes:
    content = bytearray(zipped(**{"a.csv": TEXT, "b.csv": TEXT[::-1]}))
    content[at % len(content)] ^= byte
    return bytes(content)
