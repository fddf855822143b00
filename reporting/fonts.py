"""Which font shows which text: a chain from Helvetica to whatever has the characters, else a visible mark.

Not here: sizes and colours (style.py), or layout. Text stays in one font where one covers all of it.
Right-to-left scripts need shaping that the PDF writer does not do: they are marked, not printed backwards.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from pathlib import Path

from reportlab.lib.fonts import addMapping
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.ttfonts import TTFError, TTFont

BODY = "Helvetica"
BOLD = "Helvetica-Bold"

# Embedded when found; (regular, bold). Liberation Sans and Arial have Helvetica's own widths: they mix best.
_FILES: tuple[tuple[str, str], ...] = (
    ("LiberationSans-Regular.ttf", "LiberationSans-Bold.ttf"),
    ("arial.ttf", "arialbd.ttf"),
    ("Arial.ttf", "Arial Bold.ttf"),
    ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf"),
    ("NotoSans-Regular.ttf", "NotoSans-Bold.ttf"),
    ("Arial Unicode.ttf", "Arial Unicode.ttf"),
    ("DroidSansFallbackFull.ttf", "DroidSansFallbackFull.ttf"),
    ("wqy-zenhei.ttc", "wqy-zenhei.ttc"),
)
_FOLDERS = (
    "/usr/share/fonts",
    "/usr/local/share/fonts",
    "/Library/Fonts",
    "/System/Library/Fonts",
    "C:/Windows/Fonts",
)

# Not embedded: every PDF reader brings its own face for them. The codec says what it must have at least.
_CID: tuple[tuple[str, str], ...] = (
    ("HeiseiKakuGo-W5", "shift_jis"),  # Japanese; also Greek and Cyrillic
    ("STSong-Light", "gb2312"),
    ("MSung-Light", "big5"),
    ("HYGothic-Medium", "euc_kr"),
)

# Characters that Helvetica lacks and that a plain one stands for without loss of meaning.
_PLAIN = {"\u2212": "–", "\u202f": "\xa0", "\u2009": "\xa0", "\u2007": "\xa0", "\u2011": "-", "\t": " "}
_INVISIBLE = re.compile("[\u200b-\u200d\u2060\ufeff\ufe00-\ufe0f]")  # joiners and selectors: nothing to show
_CONTROL_NAMES = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


@dataclass(frozen=True)
class Face:
    """One link of the chain: the registered names, and a test whether it has a character."""

    regular: str
    bold: str
    has: Callable[[str], bool]


def _in_codec(codec: str) -> Callable[[str], bool]:
    def has(character: str) -> bool:
        try:
            character.encode(codec)
        except UnicodeEncodeError:
            return False
        return True

    return has


def _in_glyphs(glyphs: set[int]) -> Callable[[str], bool]:
    return lambda character: ord(character) in glyphs


def _found_files() -> dict[str, Path]:
    wanted = {name for pair in _FILES for name in pair}
    found: dict[str, Path] = {}
    for folder in map(Path, _FOLDERS):
        for path in sorted(folder.rglob("*.tt[fc]")) if folder.is_dir() else ():
            if path.name in wanted:
                found.setdefault(path.name, path)
    return found


def _register(name: str, path: Path | str) -> TTFont:
    font = TTFont(name, str(path))
    pdfmetrics.registerFont(font)
    return font


def _file_faces() -> Iterable[Face]:
    found: dict[str, Path | str] = {**_found_files(), "Vera.ttf": "Vera.ttf", "VeraBd.ttf": "VeraBd.ttf"}
    for regular, bold in (*_FILES, ("Vera.ttf", "VeraBd.ttf")):
        if regular not in found:
            continue
        try:
            glyphs = set(_register(regular, found[regular]).face.charToGlyph)
            bold_name = bold if bold in found and bold != regular else regular
            if bold_name != regular:  # a bold face often has fewer characters: both must have it
                glyphs &= set(_register(bold_name, found[bold]).face.charToGlyph)
        except TTFError:
            continue  # PostScript outlines in a .ttf/.ttc: the PDF writer cannot embed those
        yield Face(regular, bold_name, _in_glyphs(glyphs))


@lru_cache(maxsize=1)
def chain() -> tuple[Face, ...]:
    """The faces in order of preference; found and registered at the first call."""
    faces = [Face(BODY, BOLD, _in_codec("cp1252")), *_file_faces()]
    for name, codec in _CID:
        pdfmetrics.registerFont(UnicodeCIDFont(name))
        faces.append(Face(name, name, _in_codec(codec)))
    for name in {n for face in faces[1:] for n in (face.regular, face.bold)}:
        addMapping(name, 0, 0, name)  # paragraphs look every font up by family, weight and slant
    return tuple(faces)


@lru_cache(maxsize=65_536)
def _face_of(character: str) -> Face | None:
    if unicodedata.category(character) in _CONTROL_NAMES or unicodedata.bidirectional(character) in {
        "R",
        "AL",
    }:
        return None
    return next((face for face in chain() if face.has(character)), None)


def unshown(text: str) -> list[str]:
    """The characters no font at hand can show, each once, in order of appearance.

    >>> unshown("a£ж"), unshown("a\\x07b")
    ([], ['\\x07'])
    """
    return [c for c in dict.fromkeys(_clean(text)) if c != "\n" and _face_of(c) is None]


def _clean(text: str) -> str:
    plain = "".join(_PLAIN.get(c, c) for c in unicodedata.normalize("NFC", text))
    return _INVISIBLE.sub("", plain.replace("\r\n", "\n"))


def _mark(characters: str) -> str:
    """What stands for characters that cannot be shown: their code points, the rest counted."""
    more = f" +{len(characters) - 1}" if len(characters) > 1 else ""
    return f"‹U+{ord(characters[0]):04X}{more}›"


def font_runs(text: str, *, is_bold: bool = False) -> list[tuple[str, str]]:
    """The text as (font name, part) pairs; the parts hold only characters their font has.

    One font for the whole text where one covers it, else one for each word, else one for each character.
    Consecutive characters that no font covers become one visible mark.

    >>> font_runs("Café & Co")
    [('Helvetica', 'Café & Co')]
    >>> font_runs("bell\\x07", is_bold=True)
    [('Helvetica-Bold', 'bell‹U+0007›')]
    """
    cleaned = _clean(text)
    runs: list[tuple[str, str]] = []
    for face, shown in _pieces(cleaned):
        font = face.bold if is_bold else face.regular
        if runs and runs[-1][0] == font:
            runs[-1] = (font, runs[-1][1] + shown)
        else:
            runs.append((font, shown))
    return runs


def _covering(text: str) -> Face | None:
    letters = set(text) - {"\n"}
    if any(_face_of(c) is None for c in letters):
        return None
    return next((face for face in chain() if all(map(face.has, letters))), None)


def _pieces(text: str) -> Iterable[tuple[Face, str]]:
    whole = _covering(text)
    if whole is not None:
        yield whole, text
        return
    for word in re.split(r"(\s+)", text):
        face = _covering(word)
        if face is not None:
            yield face, word
            continue
        for letter_face, group in groupby(word, key=_face_of):
            letters = "".join(group)
            yield (letter_face, letters) if letter_face else (chain()[0], _mark(letters))


def text_width(text: str, size_pt: float, *, is_bold: bool = False) -> float:
    """Width in points of the text on one line.

    >>> text_width("", 9.0)
    0.0
    """
    return float(sum(pdfmetrics.stringWidth(part, font, size_pt) for font, part in font_runs(text, is_bold=is_bold)))


def fit(text: str, width_pt: float, size_pt: float, *, is_bold: bool = False) -> str:
    """The text cut to the width with an ellipsis.

    >>> fit("A very long product name", 60.0, 9.0)
    'A very long…'
    """
    if len(text) <= 400 and text_width(text, size_pt, is_bold=is_bold) <= width_pt:
        return text
    low, high = 0, min(len(text), 400)
    while low < high:
        middle = (low + high + 1) // 2
        if text_width(text[:middle].rstrip() + "…", size_pt, is_bold=is_bold) <= width_pt:
            low = middle
        else:
            high = middle - 1
    return text[:low].rstrip() + "…"
