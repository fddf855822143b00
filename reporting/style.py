"""The look of every document: colours and sizes, in one place.

Not here: how a chart or a page is drawn (charts.py, pdf_parts.py), or how a number is worded (format.py).
"""

# The series colours are from Okabe & Ito's palette, told apart with any common colour vision. Good and bad
# always come with an arrow or a sign as well, because colour alone is not read by everybody.

# Colours as #RRGGBB: reportlab takes them as they are, openpyxl without the hash (see excel_hex).
INK = "#1B2733"  # text
MUTED = "#5F6B78"  # secondary text: 5.4 : 1 on white; WCAG AA asks 4.5 : 1 of small text
RULE = "#D5DBE1"  # table rules, gridlines
SURFACE = "#F4F6F8"  # cards, table stripes
PAPER = "#FFFFFF"
BRAND = "#12355B"  # cover band, headings
BRAND_SOFT = "#BFD2E6"  # text on the band
ACTUAL = "#0072B2"  # what happened (Okabe-Ito blue)
FORECAST = "#D55E00"  # what is expected (Okabe-Ito vermilion)
BAND_80 = "#F6C9A3"
BAND_95 = "#FBE5D3"
PARTIAL = "#8FC1E0"  # a month that is not over
GOOD = "#00735A"
BAD = "#B3400A"
GOOD_SOFT = "#DDF1EB"
BAD_SOFT = "#FBE3D8"

# Points (1/72 inch).
PAGE_MARGIN_PT = 42.0
TITLE_PT = 22.0
HEADING_PT = 13.0
BODY_PT = 9.0
TABLE_PT = 7.8
LABEL_PT = 7.0


def excel_hex(colour: str) -> str:
    """A colour as openpyxl wants it.

    >>> excel_hex("#0072B2")
    '0072B2'
    """
    return colour.lstrip("#")
