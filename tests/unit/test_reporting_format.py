"""Numbers as text, atomic files, axes and fonts."""

import math
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reporting import files, fonts
from reporting.axes import date_ticks, nice_ticks
from reporting.files import write_atomically
from reporting.fonts import chain, fit, font_runs, text_width, unshown
from reporting.format import MINUS, change, compact, count, money, number, pct, quantity, short_date

FINITE = st.floats(allow_nan=False, allow_infinity=False)


@pytest.mark.parametrize("missing", [None, math.nan, math.inf, -math.inf, pd.NA, pd.NaT, Decimal("NaN"), np.nan])
def test_missing_and_not_finite_are_a_dash(missing: object) -> None:
    assert number(missing) is None
    assert [money(missing, "EUR"), count(missing), pct(missing), compact(missing)] == ["–"] * 4


def test_text_is_never_guessed_to_be_a_number() -> None:
    with pytest.raises(TypeError, match="not the text"):
        number("12")


@given(FINITE)
def test_compact_has_at_most_three_significant_digits(value: float) -> None:
    shown = compact(value)
    mantissa = shown.split("e")[0]
    assert len("".join(c for c in mantissa if c.isdigit()).strip("0")) <= 3
    assert len(shown) <= 10


@given(st.decimals(min_value=-(10**12), max_value=10**12, places=2))
def test_money_reads_back(value: Decimal) -> None:
    shown = money(value, "GBP").replace("£", "").replace(",", "").replace(MINUS, "-")
    assert Decimal(shown) == value


def test_negative_zero_is_zero() -> None:
    assert (count(-0.0), money(-0.001, "EUR"), pct(-0.01)) == ("0", "€0.00", "0.0%")


@pytest.mark.parametrize(
    ("value", "before", "unit", "is_up_good", "text", "is_good"),
    [
        (90, 100, "money", True, "−10.0%", False),
        (90, 100, "money", False, "−10.0%", True),
        (90, 100, "money", None, "−10.0%", None),
        (100, 100.01, "money", True, "0.0%", None),
        (-50, -100, "money", True, "+50.0%", True),
        (5, 0, "money", True, "–", None),
        (0.5, 0, "pct", False, "+0.5 pp", False),
        (math.nan, 1, "count", True, "–", None),
        (5_000, 1, "count", True, "+499,900%", True),
        (1e308, 1e-300, "count", True, "–", None),
    ],
)
def test_change(
    value: float, before: float, unit: str, is_up_good: bool | None, text: str, is_good: bool | None
) -> None:
    result = change(value, before, unit=unit, is_up_good=is_up_good)
    assert (result.text, result.is_good) == (text, is_good)


def test_an_unknown_unit_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown unit 'kg'"):
        quantity(1, "kg", "EUR")


def test_dates() -> None:
    assert (short_date(date(2024, 2, 29)), short_date(None), short_date(pd.NaT)) == ("29 Feb 2024", "–", "–")


@given(FINITE, FINITE, st.integers(3, 12))
def test_ticks_cover_the_values_and_zero_evenly(a: float, b: float, at_most: int) -> None:
    ticks = nice_ticks(a, b, at_most=at_most)
    low, high = min(a, b, 0.0), max(a, b, 0.0)
    slack = 1e-6 * max(abs(low), abs(high), 1e-300)
    assert ticks[0] <= low + slack
    assert ticks[-1] >= high - slack
    assert 0.0 in ticks
    assert 2 <= len(ticks) <= max(at_most, 3)
    assert all(map(math.isfinite, ticks))
    assert ticks == sorted(set(ticks))


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_ticks_refuse_what_is_not_finite(bad: float) -> None:
    with pytest.raises(ValueError, match="no ticks"):
        nice_ticks(0, bad)


@given(st.dates(date(1990, 1, 1), date(2090, 1, 1)), st.integers(0, 20_000), st.integers(3, 12))
def test_date_ticks_are_few_ordered_and_within(first: date, days: int, at_most: int) -> None:
    last = first + timedelta(days=days)
    ticks = [day for day, _ in date_ticks(first, last, at_most=at_most)]
    assert len(ticks) <= at_most + 1
    assert ticks == sorted(ticks)
    assert all(first <= t <= last for t in ticks)


@pytest.mark.parametrize("text", ["€ £ ü", "Łódź", "жёлтый", "漢字かな", "Café & <b>", "Ωμέγα", "₹ 1 ₴"])
def test_every_character_has_a_font_that_has_it(text: str) -> None:
    has = {name: face.has for face in chain() for name in (face.regular, face.bold)}
    for is_bold in (False, True):
        runs = font_runs(text, is_bold=is_bold)
        assert "".join(part for _, part in runs) == text
        assert all(has[font](c) for font, part in runs for c in part)
    assert unshown(text) == []


@pytest.mark.parametrize("text", ["tab\tle", "bell\x07", "\ud800", "\U000f0000", "שלום", "مرحبا"])
def test_what_no_font_shows_is_marked(text: str) -> None:
    shown = "".join(part for _, part in font_runs(text))
    bad = unshown(text)
    assert all(c not in shown for c in bad)
    assert ("‹U+" in shown) == bool(bad)
    assert bool(bad) == ("\t" not in text)


@given(st.text(max_size=60))
def test_runs_never_fail_and_never_hold_a_control_character(text: str) -> None:
    shown = "".join(part for _, part in font_runs(text))
    assert not any(ord(c) < 32 and c != "\n" for c in shown)
    text_width(text.replace("\n", " "), 8.0)


@given(
    st.text(alphabet=st.characters(codec="cp1252", exclude_categories=["Cc"]), max_size=200),
    st.floats(20, 300),
)
def test_fit_fits(text: str, width_pt: float) -> None:
    shown = fit(text, width_pt, 8.0)
    assert text_width(shown, 8.0) <= width_pt
    assert shown == text or shown.endswith("…")


def test_a_crash_midway_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "edition.pdf"
    write_atomically(target, b"old")

    def crash(_: int) -> None:
        raise OSError("disk gone")

    monkeypatch.setattr(files.os, "fsync", crash)
    with pytest.raises(OSError, match="disk gone"):
        write_atomically(target, b"new")
    assert target.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["edition.pdf"]


def test_the_file_is_readable_for_others(tmp_path: Path) -> None:
    write_atomically(tmp_path / "a" / "b.xlsx", b"x")
    assert (tmp_path / "a" / "b.xlsx").stat().st_mode & 0o777 == 0o644


def test_a_machine_without_fonts_still_shows_or_marks_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fonts, "_FOLDERS", ())
    caches = (fonts.chain, fonts._face_of)
    for cache in caches:
        cache.cache_clear()
    try:
        assert font_runs("Ł") == [("Vera.ttf", "Ł")]
        assert font_runs("жёлтый") == [("HeiseiKakuGo-W5", "жёлтый")]
        assert font_runs("한국어") == [("HYGothic-Medium", "한국어")]
        assert font_runs("ő") == [("Helvetica", "‹U+0151›")]
        assert unshown("Erdő") == ["ő"]
    finally:
        monkeypatch.undo()
        for cache in caches:
            cache.cache_clear()
