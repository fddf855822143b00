"""The PDF and its charts: read back from the file's own text streams, and by pdftotext where there is one."""

import math
import os
import re
import shutil
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from xml.etree import ElementTree

import pandas as pd
import pytest

from reporting.charts import bar, chart_svg, monthly_chart, revenue_chart
from reporting.fonts import fit
from reporting.pdf import render_pdf, write_pdf
from reporting.pdf_parts import markup
from reporting.sales_summary import COLUMNS, SalesSummary
from tests.unit.test_reporting_summary import AS_OF, PUBLISHED, believable, empty

needs_pdftotext = pytest.mark.skipif(shutil.which("pdftotext") is None, reason="pdftotext is not installed")


def _streams(content: bytes) -> str:
    """Every literal string shown on the pages, from the uncompressed content streams."""
    shown = re.findall(rb"\(((?:[^()\\]|\\.)*)\) Tj", content)
    plain = (re.sub(rb"\\([0-7]{3})", lambda m: bytes([int(m[1], 8)]), s) for s in shown)
    return " ".join(re.sub(rb"\\([()\\])", rb"\1", s).decode("cp1252", errors="replace") for s in plain)


def _pages(content: bytes) -> int:
    return len(re.findall(rb"/Type /Page\b(?!s)", content))


def _text(summary: SalesSummary, folder: Path) -> str:
    write_pdf(summary, folder / "report.pdf")
    run = subprocess.run(["pdftotext", "-layout", folder / "report.pdf", "-"], capture_output=True, check=True)
    return run.stdout.decode()


def test_structure_properties_and_page_numbers() -> None:
    content = render_pdf(believable(), is_compressed=False)
    pages = _pages(content)
    shown = _streams(content)
    assert pages >= 3
    for k in range(1, pages + 1):
        assert f"Page {k} of {pages}" in shown
    assert b"/Lang (en)" in content
    assert b"/CreationDate (D:20260318034210+00'00')" in content
    assert b"/Subject (Sales summary as of 2026-03-17)" in content
    assert content.count(b"/Title (") >= 9  # the document and its outline
    for heading in ("Month to date", "Year to date", "Top products", "Stock to order now", "Data quality"):
        assert heading in shown
        assert f"/Title ({heading})".encode() in content


def test_the_publications_own_offset() -> None:
    moment = datetime(2026, 3, 18, 3, 42, 10, tzinfo=timezone(-timedelta(hours=3, minutes=30)))
    assert b"/CreationDate (D:20260318034210-03'30')" in render_pdf(empty(published_at=moment))


def test_figures_are_those_of_the_frames() -> None:
    shown = _streams(render_pdf(believable(), is_compressed=False))
    for figure in ("£84,213", "+4.1%", "–2.1%", "+0.5 pp", "Feb 2026", "11 Mar 2026", "2,542"):
        assert figure in shown
    assert "11 source rows could not be used" in shown


def test_empty_sections_say_why_and_draw_nothing() -> None:
    summary = empty()
    content = render_pdf(summary, is_compressed=False)
    shown = re.sub(r"\s+", " ", _streams(content))
    for section in COLUMNS:
        if section != "forecast":  # its section is that of the daily figures, whose reason stands there
            assert summary.reason(section) in shown
    assert "interval" not in shown
    assert _pages(content) == 1


def test_a_missing_forecast_is_said_below_the_chart() -> None:
    summary = empty(daily=believable().daily)
    assert summary.reason("forecast") in _streams(render_pdf(summary, is_compressed=False))


@needs_pdftotext
def test_text_of_many_scripts_and_markup_is_shown_as_it_is(tmp_path: Path) -> None:
    shown = _text(believable(), tmp_path)
    for name in (
        "Morgenröte Home & Garden",
        "Łódź",
        "Кружка",
        "湯呑み茶碗",
        "Beeswax candles <12>",
        "Юлия",
        "山田商店",
    ):
        assert name in shown


@needs_pdftotext
def test_hostile_text_is_only_text(tmp_path: Path) -> None:
    hostile = '<b>x</b> & <img src="/etc/passwd"/> <a href="javascript:1">y</a> </para> &lt;'
    summary = believable()
    products = summary.products.head(3).assign(product_name=[hostile, "bell\x07 שלום", "n" * 40_000])
    shown = re.sub(r"\s+", " ", _text(empty(business="<i>A & B</i>", products=products), tmp_path))
    assert "<i>A & B</i>" in shown
    assert "<b>x</b>" in shown
    assert '<img src="/etc/passwd"/>'.replace(" ", "") in shown.replace(" ", "")
    assert "‹U+0007" in shown
    assert "could not be shown" in shown


def test_markup_is_escaped() -> None:
    assert markup("<b>&") == '<font name="Helvetica">&lt;b&gt;&amp;</font>'


def test_one_row_everywhere_and_missing_values() -> None:
    whole = believable()
    sections = {name: getattr(whole, name).head(1) for name in COLUMNS}
    render_pdf(empty(**sections))
    numeric = {
        "value",
        "previous_period",
        "previous_year",
        "net_revenue",
        "orders",
        "units",
        "mean",
        "lo_80",
        "rows_read",
    }
    blanked = {
        name: frame.assign(**{c: [math.nan] for c in frame.columns if c in numeric}) for name, frame in sections.items()
    }
    assert "nan" not in _streams(render_pdf(empty(**blanked), is_compressed=False)).lower().replace("unan", "")


def test_ten_thousand_products_stay_a_few_pages() -> None:
    content = render_pdf(believable(products=10_000))
    assert _pages(content) <= 6


def test_a_number_is_never_broken_over_two_lines() -> None:
    monthly = believable().monthly.assign(net_revenue=-1_234_567_890_123.0, charges=9e15)
    shown = _streams(render_pdf(empty(monthly=monthly, currency="PLN"), is_compressed=False))
    assert len(re.findall(r"–PLN\s1,234,567,890,123 ", shown)) == 13
    assert shown.count("9,000,000,000,000,000") == 13


def test_negative_and_huge_values() -> None:
    days = [AS_OF - timedelta(days=k) for k in range(3)]
    daily = pd.DataFrame({"day": days, "net_revenue": [-5.0, 1e300, math.inf], "orders": 1})
    products = believable().products.head(2).assign(net_revenue=[-1e6, -2e6])
    assert render_pdf(empty(daily=daily, products=products)).startswith(b"%PDF")


def test_decimals_and_timestamps_of_a_database_driver() -> None:
    whole = believable()
    daily = whole.daily.assign(
        day=pd.to_datetime(whole.daily["day"]),
        net_revenue=[Decimal(str(v)) for v in whole.daily["net_revenue"]],
    )
    monthly = whole.monthly.assign(month=pd.to_datetime(whole.monthly["month"]))
    shown = (_streams(render_pdf(empty(daily=d, monthly=m), is_compressed=False)) for d, m in
             ((daily, monthly), (whole.daily, whole.monthly)))  # fmt: skip
    assert len(set(shown)) == 1


def test_same_bytes_from_another_process_and_time_zone() -> None:
    script = (
        "import hashlib; from tests.unit.test_reporting_summary import believable;"
        "from reporting.pdf import render_pdf; from reporting.excel import render_workbook;"
        "print(hashlib.sha256(render_pdf(believable()) + render_workbook(believable())).hexdigest())"
    )
    digests = set()
    for seed, zone in (("1", "UTC"), ("2", "Asia/Tokyo")):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "TZ": zone}
        run = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, check=True)
        digests.add(run.stdout)
    assert len(digests) == 1


def test_same_content_same_bytes(tmp_path: Path) -> None:
    write_pdf(believable(), tmp_path / "a.pdf")
    write_pdf(believable(), tmp_path / "b.pdf")
    assert (tmp_path / "a.pdf").read_bytes() == (tmp_path / "b.pdf").read_bytes()


def _svg_texts(svg: str) -> list[str]:
    return [e.text or "" for e in ElementTree.fromstring(svg).iter() if e.tag.endswith("text")]


def test_revenue_chart_as_svg() -> None:
    summary = believable()
    drawing = revenue_chart(summary.daily, summary.forecast, currency="GBP")
    svg = chart_svg(drawing)
    texts = [t.strip() for t in _svg_texts(svg)]
    assert {"Net revenue per day", "Forecast", "80% interval", "95% interval"} <= set(texts)
    assert any(t.startswith("£") and t.endswith("k") for t in texts)
    assert "sans-serif" in svg


GAPS = (([1, 2, 3, 4, 5], 1, 0), ([1, 2, math.nan, 4, 5], 2, 0), ([1, math.nan, 3, 4, 5], 1, 1))


def test_a_gap_breaks_the_line() -> None:
    days = [AS_OF + timedelta(days=k) for k in range(5)]
    none = pd.DataFrame(columns=list(COLUMNS["forecast"]))
    for values, lines, dots in GAPS:
        drawing = revenue_chart(pd.DataFrame({"day": days, "net_revenue": values}), none, currency="EUR")
        kinds = [type(shape).__name__ for shape in drawing.contents]
        assert (kinds.count("PolyLine"), kinds.count("Circle")) == (lines, dots)


def test_nothing_to_draw_is_no_chart() -> None:
    none = empty()
    assert revenue_chart(none.daily, none.forecast, currency="EUR") is None
    assert monthly_chart(none.monthly, currency="EUR", as_of_date=AS_OF) is None
    unknown = pd.DataFrame({"day": [AS_OF], "net_revenue": [math.nan]})
    assert revenue_chart(unknown, none.forecast, currency="EUR") is None


@pytest.mark.parametrize(("as_of", "is_open"), [(date(2024, 2, 29), False), (date(2024, 2, 28), True)])
def test_a_month_is_open_until_its_last_day(as_of: date, is_open: bool) -> None:
    monthly = pd.DataFrame({"month": [date(2024, 1, 1), date(2024, 2, 1)], "net_revenue": [10.0, 5.0]})
    svg = chart_svg(monthly_chart(monthly, currency="EUR", as_of_date=as_of))
    assert ("Month to date" in svg) == is_open


def test_everything_stays_inside_the_drawing() -> None:
    summary = believable()
    charts = [
        revenue_chart(summary.daily, summary.forecast, currency="PLN"),
        monthly_chart(summary.monthly, currency="PLN", as_of_date=AS_OF),
        bar(math.nan, 10),
        bar(-20, 10),
    ]
    for drawing in charts:
        left, bottom, right, top = drawing.getBounds()
        assert left >= -1
        assert bottom >= -1
        assert right <= drawing.width + 1
        assert top <= drawing.height + 1


def test_a_cut_name_ends_visibly() -> None:
    assert fit("n" * 40_000, 80, 8).endswith("…")
    assert PUBLISHED.tzinfo is UTC
