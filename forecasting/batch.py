"""Series as one flat array, the plan they share, and the task of forecasting a chunk of them.

Not here: intervals (intervals.py), frames of forecasts (frames.py), the compiled models (kernel/).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from numbers import Real

import numpy as np
import pandas as pd

from forecasting.kernel import pool
from forecasting.panel import in_order, validate_panel
from forecasting.periods import Frequency

LONGEST_STATE = 24  # a season that models carry period by period; a longer one is an index of the year
_STEPS_PER_HORIZON = 4  # origins lie a quarter of a horizon apart: closer ones see nearly the same errors
_FEWEST_KNOWN = 2  # periods an origin must know; such short ones calibrate the intervals of new products


def at_least_one(number: object, what: str, unit: str = "") -> int:
    """The whole number that was given, also as 12.0 or by numpy. Raises ValueError for anything else, and below 1.

    >>> at_least_one(12.0, "horizon"), at_least_one(np.int64(3), "horizon")
    (12, 3)
    """
    is_whole = isinstance(number, Real) and not isinstance(number, bool) and float(number).is_integer()
    if not is_whole:
        raise ValueError(f"{what} must be a whole number, not {number!r}")
    if (whole := int(number)) < 1:  # type: ignore[call-overload]  # a Real, as was asked
        raise ValueError(f"{what} must be at least 1{unit}, not {whole}")
    return whole


@dataclass(frozen=True)
class Plan:
    """What every series of one run shares: frequency, horizon in periods, and its seasons in periods."""

    frequency: Frequency
    horizon: int
    season_lengths: tuple[int, ...]

    @classmethod
    def of(cls, freq: str, horizon: int, season_lengths: Sequence[int] | None) -> "Plan":
        """Checked plan. Raises ValueError for an unknown frequency, and a horizon or a season that is no number ≥ 1.

        >>> Plan.of("D", 0, None)
        Traceback (most recent call last):
        ValueError: horizon must be at least 1 period, not 0
        """
        frequency = Frequency.parse(freq)
        seasons = frequency.season_lengths if season_lengths is None else season_lengths
        if not isinstance(seasons, Iterable) or isinstance(seasons, str):
            raise ValueError(f"season lengths must be a list of whole numbers, not {seasons!r}")
        lengths = tuple(at_least_one(length, "season lengths", " period") for length in seasons) or (1,)
        return cls(frequency, at_least_one(horizon, "horizon", " period"), lengths)

    @property
    def naive_season(self) -> int:
        """The season length of the seasonal naive: the first one named."""
        return self.season_lengths[0]

    @property
    def short_season(self) -> int:
        """The season length that models carry period by period (≤ 24), or 1."""
        return next((m for m in self.season_lengths if 1 < m <= LONGEST_STATE), 1)

    @property
    def long_season(self) -> float:
        """The season length beyond that, or 0; a year has its fraction (52.18 weeks)."""
        length = next((m for m in self.season_lengths if m > LONGEST_STATE), None)
        if length is None:
            return 0.0
        return self.frequency.year if abs(length - self.frequency.year) < 1 else float(length)

    @property
    def origin_step(self) -> int:
        """Periods between two origins of a backtest."""
        return max(1, self.horizon // _STEPS_PER_HORIZON)

    @property
    def is_daily(self) -> bool:
        """Are the periods days? They alone have a day of the month."""
        return self.frequency.unit == "D"

    def seasons(self) -> np.ndarray:
        """What the kernel wants to know: both seasons, periods of a year and of a quarter, the horizon, 1 for days."""
        of = self.frequency
        numbers = [self.short_season, self.long_season, of.year, of.quarter, self.horizon, self.is_daily]
        return np.array(numbers, dtype="float64")

    def origins(self, lengths: np.ndarray, most: int) -> np.ndarray:
        """Points known at each origin of series of these lengths, shape (series, most): rising, zeros first.

        The last origin lies a horizon before the end, the others a quarter of a horizon apart before it. An
        origin knows two seasons and half of the series; where none does, the last one stands alone.

        >>> Plan.of("MS", 4, None).origins(np.array([40, 12, 5]), 2).tolist()
        [[35, 36], [0, 8], [0, 0]]
        """
        last = lengths[:, None] - self.horizon
        known = last - np.arange(most - 1, -1, -1) * self.origin_step
        floor = np.maximum(2 * self.short_season + 1, (lengths + 1) // 2)[:, None]
        stands = (known >= floor) | ((known == last) & (known >= _FEWEST_KNOWN))
        return np.where(stands, known, 0)


@dataclass(frozen=True)
class Batch:
    """Series i is ``values[offsets[i]:offsets[i + 1]]``, oldest first, and begins in period ``first[i]``."""

    ids: np.ndarray
    first: np.ndarray
    values: np.ndarray
    offsets: np.ndarray

    @classmethod
    def of(cls, panel: pd.DataFrame, freq: str) -> "Batch":
        """The series of a panel, by id. Raises PanelError as :func:`forecasting.panel.validate_panel`.

        >>> months = pd.to_datetime(["2024-02-01", "2024-01-01"])
        >>> Batch.of(pd.DataFrame({"unique_id": "A", "ds": months, "y": [2, 1]}), "MS").values.tolist()
        [1.0, 2.0]
        """
        series = in_order(panel, Frequency.parse(freq))
        if series is None:
            panel = validate_panel(panel, freq)
            if not panel.empty:
                return cls.of(panel, freq)
            nothing = np.zeros(0, dtype="int64")
            return cls(np.zeros(0, dtype=object), nothing, np.zeros(0), np.zeros(1, dtype="int64"))
        ids, starts, first = series
        values = np.array(panel["y"], dtype="float64")  # a copy: of a read-only view all would be compiled once more
        return cls(ids, first, values, np.r_[starts, len(panel)].astype("int64"))

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def lengths(self) -> np.ndarray:
        """Points of each series, shape (series,)."""
        return np.diff(self.offsets)

    def take(self, chosen: np.ndarray) -> "Batch":
        """The series of these indices, in this order."""
        lengths = self.lengths[chosen]
        offsets = np.r_[0, np.cumsum(lengths)].astype("int64")
        at = np.repeat(self.offsets[chosen] - offsets[:-1], lengths) + np.arange(offsets[-1])
        return Batch(self.ids[chosen], self.first[chosen], self.values[at], offsets)

    def after(self, known: np.ndarray, horizon: int) -> np.ndarray:
        """What came after each known[i, o] points, shape (series, origins, horizon); NaN where known is 0."""
        at = self.offsets[:-1, None, None] + known[:, :, None] + np.arange(horizon)
        is_known = (known > 0)[:, :, None]
        return np.where(is_known, self.values[np.where(is_known, at, 0)], np.nan)


@dataclass(frozen=True)
class Learned:
    """Parameters, shape (series, pool.size_of(…)), and the points they were learned on (0 = none yet)."""

    params: np.ndarray
    n_fit: np.ndarray

    @classmethod
    def nothing(cls, n_series: int, plan: Plan) -> "Learned":
        """Nothing learned yet."""
        return cls(
            np.zeros((n_series, pool.size_of(plan.long_season, plan.is_daily))), np.zeros(n_series, dtype="int64")
        )


@dataclass(frozen=True)
class Task:
    """A chunk of series to forecast after ``known`` points: plain arrays, so that it can go to another process."""

    values: np.ndarray
    offsets: np.ndarray
    first: np.ndarray
    seasons: np.ndarray
    weights: np.ndarray
    known: np.ndarray
    learned: Learned


@dataclass(frozen=True)
class Votes:
    """What came of a task: means (series, origins, horizon), classes and failed bits (series, origins)."""

    means: np.ndarray
    classes: np.ndarray
    failed: np.ndarray
    learned: Learned

    def take(self, chosen: np.ndarray) -> "Votes":
        """The series of these indices, in this order."""
        learned = Learned(self.learned.params[chosen], self.learned.n_fit[chosen])
        return Votes(self.means[chosen], self.classes[chosen], self.failed[chosen], learned)


def work(task: Task) -> Votes:
    """Do one task. It depends on nothing but the task, so it may be done again anywhere."""
    shape = (*task.known.shape, int(task.seasons[4]))
    means = np.full(shape, np.nan)
    classes, failed = np.zeros(shape[:2], dtype="int64"), np.zeros(shape[:2], dtype="int64")
    params, n_fit = task.learned.params.copy(), task.learned.n_fit.copy()
    # What came from another process may be read-only, and for such arrays all would be compiled once more.
    given = (task.values, task.offsets, task.first, task.seasons, task.weights, task.known)
    values, offsets, first, seasons, weights, known = (np.require(array, requirements=["C", "W"]) for array in given)
    pool.run(values, offsets, first, seasons, weights, known, n_fit, params, means, classes, failed)
    return Votes(means, classes, failed, Learned(params, n_fit))


def tasks(
    batch: Batch, plan: Plan, weights: np.ndarray, known: np.ndarray, learned: Learned, size: int
) -> Iterator[Task]:
    """The batch in chunks of at most ``size`` series."""
    for begin in range(0, len(batch), size):
        part = slice(begin, begin + size)
        offsets = batch.offsets[begin : begin + size + 1]
        yield Task(
            batch.values[offsets[0] : offsets[-1]],
            offsets - offsets[0],
            batch.first[part],
            plan.seasons(),
            weights,
            known[part],
            Learned(learned.params[part], learned.n_fit[part]),
        )


def joined(parts: Sequence[Votes], n_origins: int, plan: Plan) -> Votes:
    """The parts below each other, in their order; no part gives no series."""
    if not parts:
        nothing = np.zeros((0, n_origins), dtype="int64")
        return Votes(np.zeros((0, n_origins, plan.horizon)), nothing, nothing.copy(), Learned.nothing(0, plan))
    learned = Learned(
        np.concatenate([part.learned.params for part in parts]), np.concatenate([part.learned.n_fit for part in parts])
    )
    return Votes(
        np.concatenate([part.means for part in parts]),
        np.concatenate([part.classes for part in parts]),
        np.concatenate([part.failed for part in parts]),
        learned,
    )
