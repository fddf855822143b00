"""Daily, weekly and monthly periods as whole numbers, so that a gap is a difference of two.

Not here: frames (panel.py) or seasons of the business (seasonality.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

WEEKDAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
EPOCH_WEEKDAY = 3  # 1970-01-01, day 0 of numpy's calendar, was a Thursday

# Periods in a quarter: the silence after which a product counts as dead, unless it always sold more rarely.
_QUARTER = {"D": 91, "W": 13, "MS": 3}
_SEASONS: dict[str, tuple[int, ...]] = {"D": (7, 365), "W": (52,), "MS": (12,)}
_YEAR = {"D": 365.25, "W": 365.25 / 7, "MS": 12.0}


@dataclass(frozen=True)
class Frequency:
    """A period length: ``D``, ``W-MON`` … ``W-SUN`` (labelled by its first day, that weekday) or ``MS``.

    >>> weekly = Frequency.parse("W-MON")
    >>> weekly.ordinals(np.array(["2024-02-26", "2024-03-04"], dtype="datetime64[s]")).tolist()
    [2826, 2827]
    >>> weekly.labels(np.array([2827])).astype(str).tolist()
    ['2024-03-04T00:00:00']
    """

    unit: str
    weekday: int = 0

    @classmethod
    def parse(cls, freq: str) -> "Frequency":
        """The frequency of that name. Raises ValueError for any other name.

        >>> Frequency.parse("H")
        Traceback (most recent call last):
        ValueError: frequency 'H' is not one of D, W-MON … W-SUN, MS
        """
        if freq in ("D", "MS"):
            return cls(freq)
        if freq.startswith("W-") and freq[2:] in WEEKDAYS:
            return cls("W", WEEKDAYS.index(freq[2:]))
        raise ValueError(f"frequency {freq!r} is not one of D, W-MON … W-SUN, MS")

    @property
    def year(self) -> float:
        """Periods in a year."""
        return _YEAR[self.unit]

    @property
    def quarter(self) -> int:
        """Periods in a quarter."""
        return _QUARTER[self.unit]

    @property
    def season_lengths(self) -> tuple[int, ...]:
        """The seasons looked for unless the caller names others; the first is the seasonal naive's."""
        return _SEASONS[self.unit]

    def starts_period(self, ds: np.ndarray) -> np.ndarray:
        """Which of the datetimes (shape n) are the first moment of a period, as booleans of shape n."""
        days = ds.astype("datetime64[D]")
        midnight = days == ds
        if self.unit == "W":
            return midnight & ((days.astype(np.int64) + EPOCH_WEEKDAY) % 7 == self.weekday)
        if self.unit == "MS":
            return midnight & (days == days.astype("datetime64[M]").astype("datetime64[D]"))
        return midnight

    def ordinals(self, ds: np.ndarray) -> np.ndarray:
        """The number of the period that each datetime falls in, int64 of shape n."""
        if self.unit == "MS":
            return ds.astype("datetime64[M]").astype(np.int64)
        days = ds.astype("datetime64[D]").astype(np.int64)
        return days if self.unit == "D" else (days + EPOCH_WEEKDAY - self.weekday) // 7

    def labels(self, ordinals: Sequence[int] | np.ndarray) -> np.ndarray:
        """The first day of each period, ``datetime64[s]`` of shape n: the inverse of :meth:`ordinals`."""
        numbers = np.asarray(ordinals, dtype=np.int64)
        if self.unit == "MS":
            return numbers.astype("datetime64[M]").astype("datetime64[s]")
        days = numbers if self.unit == "D" else numbers * 7 - EPOCH_WEEKDAY + self.weekday
        return days.astype("datetime64[D]").astype("datetime64[s]")
