"""Numbers, dates and changes as text for people, the same in every document.

Not here: Excel number formats (excel_cells.py), or colours (style.py). Missing or not finite is an en dash.
"""

import math
from dataclasses import dataclass
from datetime import date, datetime

MISSING = "–"
MINUS = "\u2212"
THIN_SPACE = "\u202f"

CURRENCY_SYMBOLS = {
    "EUR": "€", "GBP": "£", "USD": "$", "JPY": "¥", "CNY": "CN¥", "INR": "₹", "KRW": "₩", "BRL": "R$",
    "AUD": "A$", "CAD": "CA$", "NZD": "NZ$", "ILS": "₪", "UAH": "₴", "VND": "₫", "TRY": "₺", "NGN": "₦",
    "PHP": "₱", "MXN": "MX$",
}  # fmt: skip
# ISO 4217 minor units that are not two.
CURRENCY_DECIMALS = {
    "JPY": 0,
    "KRW": 0,
    "VND": 0,
    "CLP": 0,
    "ISK": 0,
    "XAF": 0,
    "BHD": 3,
    "KWD": 3,
    "TND": 3,
    "JOD": 3,
}


def number(value: object) -> float | None:
    """The value as a finite float, or None for None, NaN, NaT, NA and infinity.

    Raises:
        TypeError, ValueError: the value is no number at all. Nothing is guessed from text.

    >>> number(float("inf")) is None, number(3)
    (True, 3.0)
    """
    if value is None or type(value).__name__ in {"NAType", "NaTType"}:
        return None
    if isinstance(value, str | bytes):
        raise TypeError(f"a number was expected, not the text {value!r:.60}")
    result = float(value)  # type: ignore[arg-type]
    return result if math.isfinite(result) else None


def count(value: object, *, decimals: int = 0, thousands: str = ",") -> str:
    """A quantity with thousands separators; the sign is a real minus, and there is no negative zero.

    >>> count(1234567), count(-0.4), count(-1234.5, decimals=1), count(None)
    ('1,234,567', '0', '−1,234.5', '–')
    >>> count(1234567, thousands=THIN_SPACE).split(THIN_SPACE)
    ['1', '234', '567']
    """
    finite = number(value)
    if finite is None:
        return MISSING
    digits = f"{abs(finite):,.{decimals}f}".replace(",", thousands)
    is_zero = not digits.strip("0.," + thousands)
    return digits if finite >= 0 or is_zero else MINUS + digits


def currency_decimals(currency: str) -> int:
    """Decimals of the currency's minor unit (ISO 4217).

    >>> currency_decimals("JPY"), currency_decimals("EUR")
    (0, 2)
    """
    return CURRENCY_DECIMALS.get(currency.upper(), 2)


def currency_prefix(currency: str) -> str:
    """What stands before an amount: the symbol, or the code and a no-break space.

    >>> currency_prefix("gbp"), currency_prefix("PLN")
    ('£', 'PLN\xa0')
    """
    code = currency.upper()
    return CURRENCY_SYMBOLS.get(code, f"{code}\xa0")


def money(value: object, currency: str, *, decimals: int | None = None, thousands: str = ",") -> str:
    """An amount in the currency; decimals default to the currency's own.

    >>> money(-1234.5, "GBP"), money(1234.5, "PLN", decimals=0), money(float("nan"), "EUR")
    ('−£1,234.50', 'PLN\xa01,234', '–')
    """
    places = currency_decimals(currency) if decimals is None else decimals
    digits = count(value, decimals=places, thousands=thousands)
    if digits == MISSING:
        return MISSING
    sign = MINUS if digits.startswith(MINUS) else ""
    return f"{sign}{currency_prefix(currency)}{digits.removeprefix(MINUS)}"


def pct(value: object, *, decimals: int = 1) -> str:
    """A percentage that is already in percent: 3.2 is 3.2 %.

    >>> pct(3.21), pct(-0.04), pct(None)
    ('3.2%', '0.0%', '–')
    """
    digits = count(value, decimals=decimals)
    return MISSING if digits == MISSING else f"{digits}%"


def compact(value: object, *, prefix: str = "") -> str:
    """Three significant digits at most with k, M, bn or tn: for axis labels and cards.

    >>> compact(1_234_567, prefix="£"), compact(999_950), compact(-12_000), compact(0), compact(0.25)
    ('£1.23M', '1M', '−12k', '0', '0.25')
    """
    finite = number(value)
    if finite is None:
        return MISSING
    size = float(f"{abs(finite):.3g}")
    if size >= 1e15 or 0 < size < 1e-3:  # no word for it that everybody reads the same way
        return f"{MINUS if finite < 0 else ''}{prefix}{size:.3g}"
    scale, suffix = next(
        ((s, x) for s, x in ((1e12, "tn"), (1e9, "bn"), (1e6, "M"), (1e3, "k")) if size >= s), (1.0, "")
    )
    scaled = size / scale
    digits = f"{scaled:,.0f}" if scaled >= 100 else f"{scaled:.3g}"
    sign = MINUS if finite < 0 and size else ""
    return f"{sign}{prefix}{digits}{suffix}"


def long_date(value: date) -> str:
    """A date for a heading, with no doubt about which number is the month, whatever the machine's locale.

    >>> long_date(date(2024, 2, 29))
    '29 February 2024'
    """
    return f"{value.day} {MONTHS[value.month - 1]} {value.year}"


def short_date(value: date | None) -> str:
    """A date for a table.

    >>> short_date(date(2024, 2, 29)), short_date(None)
    ('29 Feb 2024', '–')
    """
    if value is None or value != value:  # NaT is not itself
        return MISSING
    return f"{value.day} {MONTHS[value.month - 1][:3]} {value.year}"


def month_name(value: date) -> str:
    """A month for a table.

    >>> month_name(date(2024, 2, 1))
    'Feb 2024'
    """
    return f"{MONTHS[value.month - 1][:3]} {value.year}"


def stamp(value: datetime) -> str:
    """A moment with its offset from UTC.

    >>> from datetime import UTC
    >>> stamp(datetime(2026, 3, 1, 4, 5, tzinfo=UTC))
    '1 Mar 2026 04:05 UTC'
    """
    zone = value.tzname() or ""
    return f"{short_date(value.date())} {value:%H:%M} {zone}".rstrip()


MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip


def quantity(value: object, unit: str, currency: str) -> str:
    """A KPI's value in its unit: 'money', 'count', 'units', 'pct', 'days' or 'times'.

    Raises:
        ValueError: an unknown unit.

    >>> quantity(1234.5, "money", "EUR"), quantity(3.21, "pct", "EUR"), quantity(8, "units", "EUR")
    ('€1,234.50', '3.2%', '8')
    >>> quantity(41.27, "days", "EUR"), quantity(4.2, "times", "EUR")
    ('41.3', '4.20')
    """
    if unit == "money":
        finite = number(value)
        return money(finite, currency, decimals=0 if abs(finite or 0) >= 10_000 else None)
    if unit == "pct":
        return pct(value)
    if unit in {"count", "units"}:
        return count(value)
    if unit in {"days", "times"}:
        return count(value, decimals=1 if unit == "days" else 2)
    raise ValueError(f"unknown unit {unit!r}: expected money, count, units, pct, days or times")


@dataclass(frozen=True)
class Change:
    """How a value moved: the size (None when it cannot be said), as text, and whether that is good news."""

    size: float | None
    text: str
    is_good: bool | None


def change(value: object, before: object, *, unit: str, is_up_good: bool | None = True) -> Change:
    """The change of a KPI: (value − before) ÷ |before| × 100 %; for unit 'pct' value − before in points.

    It cannot be said where either is missing or before is zero. What rounds to 0.0 is neither good nor bad.

    >>> change(110, 100, unit="money")
    Change(size=10.0, text='+10.0%', is_good=True)
    >>> change(4.5, 3.0, unit="pct", is_up_good=False)
    Change(size=1.5, text='+1.5 pp', is_good=False)
    >>> change(5, 0, unit="count").text
    '–'
    """
    now, then = number(value), number(before)
    if now is None or then is None or (unit != "pct" and then == 0):
        return Change(None, MISSING, None)
    size = number(now - then if unit == "pct" else (now - then) / abs(then) * 100)
    if size is None:
        return Change(None, MISSING, None)
    digits = count(size, decimals=1 if abs(size) < 1000 else 0)
    suffix = " pp" if unit == "pct" else "%"
    is_flat = abs(size) < 0.05  # rounds to 0.0
    text = digits + suffix if is_flat or digits.startswith(MINUS) else f"+{digits}{suffix}"
    is_good = None if is_flat or is_up_good is None else (size > 0) == is_up_good
    return Change(size, text, is_good)
