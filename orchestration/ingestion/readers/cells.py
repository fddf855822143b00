"""A typed cell as text, as every reader of a typed format writes it.

Not here: the formats (workbook.py, parquet.py, …), and texts as values (values.py).
"""

from datetime import date, datetime, time
from decimal import Decimal

# By width: the significant digits that a float keeps of a decimal, more being noise of the binary form; and up to where
# it keeps every whole number, some of which have a digit more.
FLOATS = {16: (4, 2**11), 32: (7, 2**24), 64: (15, 2**53)}
# With its sign: a double goes up to e+308; 1e999999999 would be a gigabyte of zeros.
LONGEST_EXPONENT = 4


class Number(str):
    """A number as a file of typed texts (JSON, SQL) writes it: it goes through no float."""

    __slots__ = ()


def cell_text(value: object, decimal: str = ".", float_bits: int = 64) -> str:
    """A typed cell as text: ISO dates, whole numbers without ``.0``, never an exponent; texts as they are.

    Args:
        value: the cell.
        decimal: the decimal mark to write numbers with: the one their column is read with.
        float_bits: 16, 32 or 64: the width of the floats in the file.

    >>> cell_text(7.0), cell_text(0.1 + 0.2), cell_text(1e-05), cell_text(4e15), cell_text(True), cell_text(None)
    ('7', '0.3', '0.00001', '4000000000000000', 'true', '')
    >>> cell_text(12.345, ","), cell_text("12.345", ","), cell_text(19.989999771118164, float_bits=32)
    ('12,345', '12.345', '19.99')
    """
    if value is None:
        return ""
    if isinstance(value, Number):
        return number_text(value, decimal)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        digits, largest_whole = FLOATS[float_bits]
        if value.is_integer() and abs(value) <= largest_whole:
            return str(int(value))
        return format(Decimal(format(value, f".{digits}g")), "f").replace(".", decimal)
    if isinstance(value, Decimal):
        return format(value, "f").replace(".", decimal)
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, date | time):
        return value.isoformat()
    return str(value)


def number_text(written: str, decimal: str = ".") -> str:
    """A Number, exactly, without an exponent.

    Args:
        written: the number's text: digits, a point, an exponent.
        decimal: the decimal mark to write it with: the one its column is read with.

    >>> number_text("19.90", ","), number_text("-1e-5"), number_text("1.5E3"), number_text("1e999999")
    ('19,90', '-0.00001', '1500', '1e999999')
    """
    if "e" in written or "E" in written:
        exponent = written.lower().partition("e")[2]
        written = format(Decimal(written), "f") if len(exponent) <= LONGEST_EXPONENT else written
    return str(written) if decimal == "." else written.replace(".", decimal)
