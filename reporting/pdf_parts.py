"""The building blocks of a PDF page: escaped text, headings with bookmarks, tables, cards, page furniture.

Not here: which sections a report has (pdf_sections.py), or the charts in it (charts.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from xml.sax.saxutils import escape

from reportlab.graphics.shapes import Drawing
from reportlab.lib.colors import HexColor
from reportlab.lib.enums import TA_RIGHT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, Paragraph, Table

from reporting import style
from reporting.fonts import BODY, fit, font_runs, text_width
from reporting.format import Change
from reporting.shapes import arrow, put, rectangle, text

PAGE_WIDTH_PT, PAGE_HEIGHT_PT = A4
CONTENT_WIDTH_PT = PAGE_WIDTH_PT - 2 * style.PAGE_MARGIN_PT
CARDS_IN_A_ROW = 4
CARD_HEIGHT_PT = 41.0  # and for each line of changes
CHANGE_PT = 10.5
GUTTER_PT = 8.0
LONGEST_CELL = 160  # characters; a longer name is cut with an ellipsis, the workbook has all of it


@lru_cache(maxsize=32)
def paragraph_style(name: str) -> ParagraphStyle:
    """The style of running text: 'body', 'note', 'cell', 'number' or 'head' and 'head_right' of a table."""
    size, colour, leading = {
        "body": (style.BODY_PT, style.INK, 13.0),
        "note": (style.TABLE_PT, style.MUTED, 10.6),
    }.get(name, (style.TABLE_PT, style.MUTED if name.startswith("head") else style.INK, 9.8))
    alignment = TA_RIGHT if name in {"number", "head_right"} else 0
    return ParagraphStyle(
        name, fontName=BODY, fontSize=size, leading=leading, textColor=HexColor(colour), alignment=alignment
    )


def markup(content: str, *, is_bold: bool = False) -> str:
    """Text as a Paragraph takes it: escaped, each part in a font that has its characters.

    >>> markup("R&D <b>")
    '<font name="Helvetica">R&amp;D &lt;b&gt;</font>'
    """
    runs = font_runs(content, is_bold=is_bold)
    return "".join(f'<font name="{font}">{escape(part)}</font>' for font, part in runs).replace("\n", "<br/>")


def paragraph(content: object, style_name: str = "body", *, is_bold: bool = False) -> Paragraph:
    """A paragraph of plain text; nothing in it is markup."""
    return Paragraph(markup(str(content), is_bold=is_bold), paragraph_style(style_name))


def cell(content: object) -> str:
    """The text of a table cell, cut where it would fill the page; missing is empty.

    >>> cell(None), len(cell("x" * 40_000))
    ('', 160)
    """
    if content is None or content != content:
        return ""
    shown = str(content)
    return shown if len(shown) <= LONGEST_CELL else shown[: LONGEST_CELL - 1] + "…"


class Heading(Flowable):
    """A section's heading on a rule, with an entry in the PDF's outline."""

    def __init__(self, title: str, *, key: str, note: str = "") -> None:
        super().__init__()
        self.title, self.key, self.note = title, key, note
        self.width, self.height = CONTENT_WIDTH_PT, 28.0
        self.keepWithNext = 1

    def wrap(self, available_width: float, available_height: float) -> tuple[float, float]:
        """The room it takes, in points."""
        return self.width, self.height

    def draw(self) -> None:
        """Draw it, and bookmark where it stands."""
        self.canv.bookmarkPage(self.key, fit="XYZ", top=self.canv.absolutePosition(0, 0)[1] + self.height)
        self.canv.addOutlineEntry(self.title, self.key, level=0)
        drawing = Drawing(self.width, self.height)
        put(drawing, text((0, 7.5), self.title, size_pt=style.HEADING_PT, colour=style.BRAND, is_bold=True))
        room = self.width - text_width(self.title, style.HEADING_PT, is_bold=True) - 16
        note = fit(self.note, room, style.TABLE_PT)
        put(drawing, text((self.width, 7.5), note, size_pt=style.TABLE_PT, anchor="end"))
        drawing.add(rectangle(0, 1.5, self.width, 0.8, style.BRAND))
        drawing.drawOn(self.canv, 0, 0)


@dataclass(frozen=True)
class Column:
    """A table's column: its heading, its share of the width, and whether it holds numbers."""

    title: str
    share: float
    is_number: bool = True


def table(columns: Sequence[Column], rows: Sequence[Sequence[object]], *, bold_rows: Sequence[int] = ()) -> Table:
    """A table over the full width: heading repeated on every page, fine rules, numbers right-aligned.

    Args:
        columns: as many as every row has cells.
        rows: texts, already formatted, or drawings.
        bold_rows: positions of rows to stress.
    """
    total = sum(c.share for c in columns)
    widths = [c.share / total * CONTENT_WIDTH_PT for c in columns]
    head = [paragraph(c.title, "head_right" if c.is_number else "head") for c in columns]
    body = [
        [_shown(v, c, w - 6, is_bold=k in bold_rows) for c, v, w in zip(columns, row, widths, strict=True)]
        for k, row in enumerate(rows)
    ]
    result = Table([head, *body], colWidths=widths, repeatRows=1)
    result.setStyle(
        [
            ("VALIGN", (0, 0), (-1, 0), "BOTTOM"),
            ("VALIGN", (0, 1), (-1, -1), "TOP"),
            ("LINEBELOW", (0, 0), (-1, 0), 0.8, HexColor(style.MUTED)),
            ("LINEBELOW", (0, 1), (-1, -1), 0.4, HexColor(style.RULE)),
            ("TOPPADDING", (0, 0), (-1, -1), 2.6),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 3.0),
            ("LEFTPADDING", (0, 0), (-1, -1), 3),
            ("RIGHTPADDING", (0, 0), (-1, -1), 3),
            # Text that follows a right-aligned number would touch it.
            *(
                ("LEFTPADDING", (k, 0), (k, -1), 14)
                for k in range(1, len(columns))
                if columns[k - 1].is_number and not columns[k].is_number
            ),
        ]
    )
    return result


def _shown(content: object, column: Column, room_pt: float, *, is_bold: bool) -> Flowable:
    if isinstance(content, Drawing):
        return content
    if not column.is_number:
        return paragraph(cell(content), "cell", is_bold=is_bold)
    # A number on two lines reads as two numbers: it is set smaller until it fits on one.
    digits = cell(content)
    width = text_width(digits, style.TABLE_PT, is_bold=is_bold)
    size = style.TABLE_PT * min(1.0, 0.99 * room_pt / width) if width else style.TABLE_PT
    look = paragraph_style("number").clone("number", fontSize=size)
    return Paragraph(markup(digits, is_bold=is_bold), look)


@dataclass(frozen=True)
class Card:
    """One KPI: its name, its value as text, and its changes with what they are against."""

    label: str
    value: str
    changes: tuple[tuple[Change, str], ...]


def cards(contents: Sequence[Card]) -> Drawing:
    """KPI cards, four in a row, as high as the one with the most changes."""
    rows = -(-len(contents) // CARDS_IN_A_ROW)
    height = CARD_HEIGHT_PT + CHANGE_PT * max(len(card.changes) for card in contents)
    drawing = Drawing(CONTENT_WIDTH_PT, rows * (height + GUTTER_PT))
    width = (CONTENT_WIDTH_PT - GUTTER_PT * (CARDS_IN_A_ROW - 1)) / CARDS_IN_A_ROW
    for k, card in enumerate(contents):
        x = (k % CARDS_IN_A_ROW) * (width + GUTTER_PT)
        top = drawing.height - (k // CARDS_IN_A_ROW) * (height + GUTTER_PT) - GUTTER_PT / 2
        drawing.add(rectangle(x, top - height, width, height, style.SURFACE, radius_pt=3))
        _draw_card(drawing, card, x, top, width)
    return drawing


def _draw_card(drawing: Drawing, card: Card, x: float, top: float, width: float) -> None:
    inner = width - 18
    put(drawing, text((x + 9, top - 14), fit(card.label, inner, 7.6), size_pt=7.6))
    size = 15.0
    while text_width(card.value, size, is_bold=True) > inner and size > 7:
        size -= 0.5
    value = fit(card.value, inner, size, is_bold=True)
    put(drawing, text((x + 9, top - 32), value, size_pt=size, colour=style.INK, is_bold=True))
    for line, (change, against) in enumerate(card.changes):
        baseline = top - 45 - line * CHANGE_PT
        _draw_change(drawing, change, against, x + 9, baseline)


def _draw_change(drawing: Drawing, change: Change, against: str, x: float, baseline: float) -> None:
    colour = {True: style.GOOD, False: style.BAD, None: style.MUTED}[change.is_good]
    if change.size is not None and abs(change.size) >= 0.05:
        drawing.add(arrow(x, baseline + 0.4, 4.6, is_up=change.size > 0, colour=colour))
    put(drawing, text((x + 7.5, baseline), change.text, size_pt=7.2, colour=colour, is_bold=True))
    after = x + 10.5 + text_width(change.text, 7.2, is_bold=True)
    put(drawing, text((after, baseline), against, size_pt=6.8))


def draw_cover(canvas: Canvas, title: str, subtitle: str, facts: Sequence[str]) -> None:
    """The band at the top of the first page: what this is, whose it is, and how fresh."""
    height = 104.0
    drawing = Drawing(PAGE_WIDTH_PT, height)
    drawing.add(rectangle(0, 0, PAGE_WIDTH_PT, height, style.BRAND))
    drawing.add(rectangle(0, 0, PAGE_WIDTH_PT, 3, style.FORECAST))
    left, right = style.PAGE_MARGIN_PT, PAGE_WIDTH_PT - style.PAGE_MARGIN_PT
    facts_width = max((text_width(f, 8.5) for f in facts), default=0.0)
    put(drawing, text((left, 66), subtitle, size_pt=10, colour=style.BRAND_SOFT))
    room = right - left - facts_width - 24
    size = style.TITLE_PT
    while text_width(title[:400], size, is_bold=True) > room and size > 14:
        size -= 1
    shown = fit(title, room, size, is_bold=True)
    put(drawing, text((left, 36), shown, size_pt=size, colour=style.PAPER, is_bold=True))
    for k, fact in enumerate(facts):
        at = 36 + 14 * (len(facts) - 1 - k)
        put(drawing, text((right, at), fact, size_pt=8.5, anchor="end", colour=style.PAPER))
    drawing.drawOn(canvas, 0, PAGE_HEIGHT_PT - height)


def draw_running_header(canvas: Canvas, left_text: str, right_text: str) -> None:
    """The line at the top of every page but the first."""
    y = PAGE_HEIGHT_PT - 30
    drawing = Drawing(PAGE_WIDTH_PT, 20)
    left, right = style.PAGE_MARGIN_PT, PAGE_WIDTH_PT - style.PAGE_MARGIN_PT
    room = right - left - text_width(right_text, 7.6) - 20
    put(
        drawing,
        text((left, 6), fit(left_text, room, 7.6, is_bold=True), size_pt=7.6, colour=style.BRAND, is_bold=True),
    )
    put(drawing, text((right, 6), right_text, size_pt=7.6, anchor="end"))
    drawing.add(rectangle(left, 0, right - left, 0.5, style.RULE))
    drawing.drawOn(canvas, 0, y)


def draw_footer(canvas: Canvas, left_text: str, page_text: str) -> None:
    """The line at the bottom of every page."""
    drawing = Drawing(PAGE_WIDTH_PT, 20)
    left, right = style.PAGE_MARGIN_PT, PAGE_WIDTH_PT - style.PAGE_MARGIN_PT
    put(drawing, text((left, 4), fit(left_text, right - left - 80, 7.2), size_pt=7.2))
    put(drawing, text((right, 4), page_text, size_pt=7.2, anchor="end"))
    drawing.drawOn(canvas, 0, 20)
