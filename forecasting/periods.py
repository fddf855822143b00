"""Days, weeks, months, quarters and years as whole numbers, so that a gap is a difference of two.

Not here: frames (panel.py) or seasons of the business (kernel/yearly.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

WEEKDAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
NAMES = "D, W-MON … W-SUN, MS, QS[-FEB, -MAR], YS[-FEB … -DEC]"
EPOCH_WEEKDAY = 3  # 1970-01-01, day 0 of numpy's calendar, was a Thursday

# Periods in a quarter: the silence after which a product counts as dead, unless it always sold more rarely.
_QUARTER = {"D": 91, "W": 13, "MS": 3, "QS": 1, "YS": 1}
_SEASONS: dict[str, tuple[int, ...]] = {"D": (7, 365), "W": (52,), "MS": (12,), "QS": (4,), "YS": (1,)}
_YEAR = {"D": 365.25, "W": 365.25 / 7, "MS": 12.0, "QS": 4.0, "YS": 1.0}
_LENGTH = {"MS": 1, "QS": 3, "YS": 12}  # in months


@dataclass(frozen=True)
class Frequency:
    """A period length, labelled by its first day: ``D``, ``W-MON`` … ``W-SUN``, ``MS``, ``QS`` or ``YS``.

    Quarters and years are the calendar's unless another month follows: ``QS-FEB`` are those that begin in February,
    May, August and November, ``YS-APR`` the years that begin in April, as pandas names them.

    >>> weekly = Frequency.parse("W-MON")
    >>> weekly.ordinals(np.array(["2024-02-26", "2024-03-04"], dtype="datetime64[s]")).tolist()
    [2826, 2827]
    >>> weekly.labels(np.array([2827])).astype(str).tolist()
    ['2024-03-04T00:00:00']
    >>> fiscal = Frequency.parse("YS-APR")
    >>> fiscal.ordinals(np.array(["2024-03-31", "2024-04-01", "2025-03-31"], dtype="datetime64[s]")).tolist()
    [53, 54, 54]
    """

    unit: str
    weekday: int = 0
    month: int = 0  # of the year, 0 to 11, in which the first quarter or the year begins

    @classmethod
    def parse(cls, freq: str) -> "Frequency":
        """The frequency of that name. Raises ValueError for any other name.

        >>> Frequency.parse("H")
        Traceback (most recent call last):
        ValueError: frequency 'H' is not one of D, W-MON … W-SUN, MS, QS[-FEB, -MAR], YS[-FEB … -DEC]
        """
        name = freq if isinstance(freq, str) else ""  # an offset of pandas is equal to its name, and is none
        unit, _, begins = name.partition("-")
        if name in ("D", "MS", "QS", "YS"):
            return cls(name)
        if unit == "W" and begins in WEEKDAYS:
            return cls("W", weekday=WEEKDAYS.index(begins))
        if unit in ("QS", "YS") and begins in MONTHS:
            # quarters that begin in April are those that begin in January
            return cls(unit, month=MONTHS.index(begins) % _LENGTH[unit])
        raise ValueError(f"frequency {freq!r} is not one of {NAMES}")

    @property
    def year(self) -> float:
        """Periods in a year."""
        return _YEAR[self.unit]

    @property
    def quarter(self) -> int:
        """Periods in a quarter, at least one."""
        return _QUARTER[self.unit]

    @property
    def season_lengths(self) -> tuple[int, ...]:
        """The seasons looked for unless the caller names others; the first is the seasonal naive's."""
        return _SEASONS[self.unit]

    def starts_period(self, ds: np.ndarray) -> np.ndarray:
        """Which of the datetimes (shape n) are the first moment of a period, as booleans of shape n."""
        return np.asarray(self.labels(self.ordinals(ds)).astype(ds.dtype) == ds)

    def ordinals(self, ds: np.ndarray) -> np.ndarray:
        """The number of the period that each datetime falls in, int64 of shape n."""
        if self.unit in _LENGTH:
            return (ds.astype("datetime64[M]").astype(np.int64) - self.month) // _LENGTH[self.unit]
        days = ds.astype("datetime64[D]").astype(np.int64)
        return days if self.unit == "D" else (days + EPOCH_WEEKDAY - self.weekday) // 7

    def labels(self, ordinals: Sequence[int] | np.ndarray) -> np.ndarray:
        """The first day of each period, ``datetime64[s]`` of shape n: the inverse of :meth:`ordinals`."""
        numbers = np.asarray(ordinals, dtype=np.int64)
        if self.unit in _LENGTH:
            months = numbers * _LENGTH[self.unit] + self.month
            return months.astype("datetime64[M]").astype("datetime64[s]")
        days = numbers if self.unit == "D" else numbers * 7 - EPOCH_WEEKDAY + self.weekday
        return days.astype("datetime64[D]").astype("datetime64[s]")
