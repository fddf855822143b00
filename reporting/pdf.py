"""The sales summary as a PDF: the file, its page templates and its properties.

Not here: what the sections say (pdf_sections.py), or building blocks (pdf_parts.py).
"""

import io
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace

from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import BaseDocTemplate, Frame, PageTemplate

from reporting import style
from reporting.files import write_atomically
from reporting.format import long_date, stamp
from reporting.pdf_parts import CONTENT_WIDTH_PT, PAGE_HEIGHT_PT, draw_cover, draw_footer, draw_running_header
from reporting.pdf_sections import story
from reporting.sales_summary import SalesSummary

TITLE = "Sales summary"


def write_pdf(summary: SalesSummary, path: Path) -> None:
    """Write the summary as an A4 PDF at path, atomically; equal content gives equal bytes on one machine.

    Raises:
        OSError: the folder cannot be written.
    """
    write_atomically(path, render_pdf(summary))


def render_pdf(summary: SalesSummary, *, is_compressed: bool = True) -> bytes:
    """The PDF's bytes. Laid out twice: the first time only to learn the y of "Page x of y".

    >>> from datetime import UTC, date
    >>> day, moment = date(2026, 2, 28), datetime(2026, 3, 1, 4, tzinfo=UTC)
    >>> summary = SalesSummary(business="Café", currency="EUR", as_of_date=day, published_at=moment)
    >>> render_pdf(summary)[:5]
    b'%PDF-'
    """
    first = _Report(summary, page_count=0, is_compressed=is_compressed)
    first.build(story(summary))
    second = _Report(summary, page_count=first.page, is_compressed=is_compressed)
    second.build(story(summary))
    return second.buffer.getvalue()


class _Report(BaseDocTemplate):
    """The page templates: a cover band on the first page, a running header on the others."""

    def __init__(self, summary: SalesSummary, *, page_count: int, is_compressed: bool) -> None:
        self.buffer = io.BytesIO()
        self.summary, self.page_count = summary, page_count
        title = f"{TITLE} · {summary.business} · {long_date(summary.as_of_date)}"
        super().__init__(
            self.buffer, pagesize=A4, invariant=1, pageCompression=int(is_compressed), lang="en", title=title,
            author=summary.business, creator="Daybreak",
            subject=f"{TITLE} as of {summary.as_of_date:%Y-%m-%d}",
        )  # fmt: skip
        margin, no_padding = style.PAGE_MARGIN_PT, {"leftPadding": 0, "rightPadding": 0, "topPadding": 0}
        first = Frame(margin, 46, CONTENT_WIDTH_PT, PAGE_HEIGHT_PT - 46 - 114, bottomPadding=0, **no_padding)
        later = Frame(margin, 46, CONTENT_WIDTH_PT, PAGE_HEIGHT_PT - 46 - 44, bottomPadding=0, **no_padding)
        self.addPageTemplates(PageTemplate("first", first, onPage=self._first_page))
        self.addPageTemplates(PageTemplate("later", later, onPage=self._later_page))

    def beforeDocument(self) -> None:  # noqa: N802 - the name is the base class's
        """Date the file by its publication, not by the clock, and open it with its outline shown."""
        self.canv._doc._timeStamp = _pdf_time(self.summary.published_at)
        self.canv.setViewerPreference("DisplayDocTitle", "true")
        self.canv.showOutline()

    def _first_page(self, canvas: Canvas, _: BaseDocTemplate) -> None:
        summary = self.summary
        facts = [
            f"Figures up to {long_date(summary.as_of_date)}",
            f"Published {stamp(summary.published_at)}",
            f"All amounts in {summary.currency.upper()}",
        ]
        draw_cover(canvas, summary.business, TITLE, facts)
        self._footer(canvas)

    def _later_page(self, canvas: Canvas, _: BaseDocTemplate) -> None:
        as_of = f"Figures up to {long_date(self.summary.as_of_date)}"
        draw_running_header(canvas, f"{TITLE} · {self.summary.business}", as_of)
        self._footer(canvas)

    def _footer(self, canvas: Canvas) -> None:
        published = f"Published {stamp(self.summary.published_at)} by Daybreak"
        draw_footer(canvas, published, f"Page {canvas.getPageNumber()} of {self.page_count}")


def _pdf_time(moment: datetime) -> SimpleNamespace:
    """The moment in the shape of reportlab's TimeStamp."""
    offset = moment.utcoffset()
    minutes = int(offset.total_seconds() // 60) if offset else 0
    hours = int(minutes / 60)
    return SimpleNamespace(
        t=moment.timestamp(), lt=moment.timetuple(), YMDhms=tuple(moment.timetuple())[:6], dhh=hours,
        dmm=abs(minutes) % 60, tzname=moment.tzname(),
    )  # fmt: skip
