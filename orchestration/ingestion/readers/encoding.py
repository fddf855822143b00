"""Bytes as characters: the codec of a file, what of it cannot be decoded, and files that are no such text at all.

Not here: delimiters, quotes and row ends (delimited.py).
"""

import codecs
import io
from pathlib import Path

from orchestration.errors import SourceError

LOOKED_AT_BYTES = 1 << 16
KEEP_BYTES = "daybreak.keep_bytes"
UTF_16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
BYTE_ORDER_MARK = "\ufeff"

# What is found in place of an export, by how it begins; tags in small letters.
SIGNATURES = {
    b"PK\x03\x04": "a workbook (.xlsx) or another zip archive",
    b"\xd0\xcf\x11\xe0": "an old workbook (.xls)",
    b"\x1f\x8b": "a gzip archive",
    b"PAR1\x15": "a Parquet file",
    b"%PDF-": "a PDF",
    b"SQLite format 3\0": "an SQLite database",
    b"<!doctype html": "a web page, of a login or an error perhaps",
    b"<html": "a web page, of a login or an error perhaps",
}


def open_text(path: Path, encoding: str, *, is_strict: bool = False) -> io.TextIOWrapper:
    """The file as text, its line ends as they are and without the byte order mark at its beginning.

    A byte that is not of the encoding becomes the lone surrogate U+DC00 + byte, so that its line can be shown and told
    apart; with ``is_strict`` reading it raises UnicodeDecodeError.
    """
    if encoding != "utf-16":
        codec = "utf-8-sig" if encoding == "utf-8" else encoding
        return path.open(encoding=codec, errors="strict" if is_strict else "surrogateescape", newline="")
    # surrogateescape knows no bytes below 0x80, of which half of UTF-16 is made
    codecs.register_error(KEEP_BYTES, _kept_bytes)
    codec = _utf_16_codec(_head(path, LOOKED_AT_BYTES))
    return path.open(encoding=codec, errors="strict" if is_strict else KEEP_BYTES, newline="")


def refuse_other_files(path: Path, encoding: str) -> None:
    """Raise SourceError if the file is plainly no text of that encoding, and say what it looks like."""
    head = _head(path, LOOKED_AT_BYTES)
    begins = head.removeprefix(codecs.BOM_UTF8).lstrip()
    begins = begins.lower() if begins.startswith(b"<") else begins
    kind = next((what for mark, what in SIGNATURES.items() if begins.startswith(mark)), None)
    if kind is not None:
        raise SourceError(f"{path}: this is no delimited text but looks like {kind}", remedy="see to format and files")
    if head.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        raise SourceError(f"{path}: this looks like UTF-32, which is not read", remedy="export as UTF-8")
    if encoding == "utf-16":
        if head and not head.startswith(UTF_16_MARKS) and b"\0" not in head:
            raise SourceError(f"{path}: this does not look like UTF-16", remedy="set csv.encoding: utf-8, or cp1252")
    elif head.startswith(UTF_16_MARKS) or _every_other_byte_is_nul(head):
        raise SourceError(f"{path}: this looks like UTF-16, not {encoding}", remedy="set csv.encoding: utf-16")
    elif encoding != "utf-8" and _is_utf_8(head):
        # read as anything else every umlaut in it would be two other letters, in silence
        raise SourceError(f"{path}: this looks like UTF-8, not {encoding}", remedy="set csv.encoding: utf-8")


def _head(path: Path, n_bytes: int) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(n_bytes)
    except OSError as error:
        raise SourceError(f"{path}: cannot be read: {error.strerror}", remedy="see to its permissions") from None


def _utf_16_codec(head: bytes) -> str:
    """Python's name for it: by the mark, or by the half of the characters that is zero; else as Windows has it."""
    if head.startswith(UTF_16_MARKS):
        return "utf-16"
    return "utf-16-be" if head[::2].count(0) > head[1::2].count(0) else "utf-16-le"


def _is_utf_8(head: bytes) -> bool:
    """Whether that is UTF-8 and could not as well be ASCII."""
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)  # its last character may be cut
    except UnicodeDecodeError:
        return False
    return not head.isascii()


def _every_other_byte_is_nul(head: bytes) -> bool:
    even, odd = head[::2].count(0), head[1::2].count(0)
    return len(head) > 7 and max(even, odd) > 0.2 * len(head) and min(even, odd) < 0.02 * len(head)


def _kept_bytes(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "".join(chr(0xDC00 + byte) for byte in error.object[error.start : error.end]), error.end
