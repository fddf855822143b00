"""The passes over a batch of series: weights learned, past origins forecast, intervals calibrated, the future forecast.

Not here: frames in and out (engine.py), what a night keeps of the night before (nightly.py).
"""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing import cpu_count
from numbers import Integral, Real

import numpy as np

from forecasting.batch import Batch, Learned, Plan, Task, Votes, joined, tasks, work
from forecasting.frames import silent_members
from forecasting.intervals import Calibration, calibrate
from forecasting.kernel.classes import CONSTANT, REGULAR, demand_class
from forecasting.kernel.noise import noise_scales
from forecasting.kernel.pool import REGULAR_ROW, collect_votes
from forecasting.weights import FEWEST_SERIES, Weights, default_weights, fold_of, learned_weights
from forecasting.yardsticks import months_of, yardsticks

DEFAULT_ORIGINS = 6
_CHUNK = 1000  # series per task: a fifth of a second of work
_SAMPLE, _SAMPLE_ORIGINS = 120, 3  # series and origins that the weights are learned on
WIDEST_HALF = 2.0  # of an interval, in ranges of the history

Progress = Callable[[int, int], None]
Map = Callable[[Callable[[Task], Votes], Sequence[Task]], Sequence[Votes]]


@dataclass(frozen=True)
class Backtest:
    """Points known at each origin, what was said there and what came; shapes (series, origins[, horizon])."""

    known: np.ndarray
    votes: Votes
    came: np.ndarray


def checked_levels(levels: Sequence[float]) -> list[float]:
    """The levels in rising order, each once, as floats: a kept model does not depend on how they were written.

    Raises ValueError for one that is no share of 100, or that the name of its column cannot tell from another.

    >>> checked_levels((95, 80, 80.0))
    [80.0, 95.0]
    """
    if not isinstance(levels, Iterable) or not all(isinstance(level, Real) for level in levels):
        raise ValueError(f"levels must be a list of numbers, not {levels!r}")
    rising = sorted({float(level) for level in levels})
    if not all(0 < level < 100 for level in rising):
        raise ValueError(f"levels must lie between 0 and 100 per cent: {list(levels)}")
    if not all(float(f"{level:g}") == level for level in rising):
        raise ValueError(f"levels can have six digits at most, as their columns' names have: {list(levels)}")
    return rising


def mapping(n_jobs: int | None, tell: Progress | None, in_all: int) -> Map:
    """How tasks are done: here, or in ``n_jobs`` threads, for the kernel lets go of the interpreter's lock.

    As elsewhere, a negative ``n_jobs`` asks for a thread per processor.
    """
    if n_jobs is not None and not isinstance(n_jobs, Integral):
        raise ValueError(f"n_jobs must be a whole number or None, not {n_jobs!r}")
    width = cpu_count() if n_jobs is not None and n_jobs < 0 else int(n_jobs or 1)
    done = 0

    def told(votes: Votes) -> Votes:
        nonlocal done
        done += len(votes.means)
        if tell:
            tell(done, in_all)
        return votes

    def mapped(function: Callable[[Task], Votes], chunks: Sequence[Task]) -> list[Votes]:
        if width <= 1:
            return [told(function(chunk)) for chunk in chunks]
        with ThreadPoolExecutor(width) as threads:
            return [told(votes) for votes in threads.map(function, chunks)]

    return mapped


def panel_weights(batch: Batch, plan: Plan) -> Weights:
    """The members' weights, learned on at most 120 regular series spread over the panel."""
    fixed = default_weights()
    weights = Weights(fixed, np.stack([fixed, fixed]))
    known = plan.origins(batch.lengths, DEFAULT_ORIGINS)
    complete = np.flatnonzero((known > 0).all(axis=1))
    if len(complete) < FEWEST_SERIES:
        return weights
    spread = complete[np.linspace(0, len(complete) - 1, min(len(complete), _SAMPLE)).astype(int)]
    year, quarter = round(plan.frequency.year), plan.frequency.quarter
    sample = batch.take(spread)
    kinds = [
        demand_class(sample.values[a:b], plan.short_season, year, quarter)
        for a, b in zip(sample.offsets[:-1], sample.offsets[1:], strict=True)
    ]
    sample = sample.take(np.flatnonzero(np.array(kinds) == REGULAR))
    if len(sample) < FEWEST_SERIES:
        return weights
    known = plan.origins(sample.lengths, DEFAULT_ORIGINS)
    known = np.ascontiguousarray(known[:, np.linspace(0, DEFAULT_ORIGINS - 1, _SAMPLE_ORIGINS).astype(int)])
    prior = fixed[REGULAR_ROW]
    votes = collect_votes(sample.values, sample.offsets, sample.first, plan.seasons(), prior > 0.0, known)
    scales = noise_scales(sample.values, sample.offsets, known, plan.short_season)[:, :, None]
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        came = (sample.after(known, plan.horizon) / scales).reshape(len(sample), -1)
        votes = (votes.transpose(1, 0, 2, 3) / scales).reshape(votes.shape[1], len(sample), -1)
    tells = np.isfinite(came).all(axis=1)  # a history of nothing but zeros, until then, has no noise to compare with
    now, then = learned_weights(votes[:, tells], came[tells], prior, fold_of(sample.ids[tells]))
    weights.now[REGULAR_ROW], weights.then[:, REGULAR_ROW] = now, then
    return weights


def run_backtest(batch: Batch, plan: Plan, weights: Weights, n_origins: int, mapped: Map) -> Backtest:
    """Forecast every series at its past origins, with weights that were not learned on it."""
    known = plan.origins(batch.lengths, n_origins)
    came = batch.after(known, plan.horizon)
    if not weights.is_moved:
        chunks = list(tasks(batch, plan, weights.now, known, Learned.nothing(len(batch), plan), _CHUNK))
        votes = joined(mapped(work, chunks), n_origins, plan)
        votes.failed[:] |= silent_members(weights.now, votes.classes)
        return Backtest(known, votes, came)
    folds = [np.flatnonzero(fold_of(batch.ids) == fold) for fold in (0, 1)]
    chunks = [
        task
        for mine, own in zip(folds, weights.then, strict=True)
        for task in tasks(batch.take(mine), plan, own, known[mine], Learned.nothing(len(mine), plan), _CHUNK)
    ]
    votes = joined(mapped(work, chunks), n_origins, plan).take(np.argsort(np.concatenate(folds)))
    for mine, own in zip(folds, weights.then, strict=True):
        votes.failed[mine] |= silent_members(own, votes.classes[mine])
    return Backtest(known, votes, came)


def run_forecast(batch: Batch, plan: Plan, weights: Weights, learned: Learned, mapped: Map) -> Votes:
    """Forecast every series after its last point; those that have learned are only filtered forward."""
    known = np.ascontiguousarray(batch.lengths[:, None])
    return joined(mapped(work, list(tasks(batch, plan, weights.now, known, learned, _CHUNK))), 1, plan)


def calibrated(
    batch: Batch, plan: Plan, backtest: Backtest, calibration: Calibration | None = None
) -> tuple[Calibration, np.ndarray]:
    """The calibration (this backtest's, if none is given), and each series' own errors in it, shape (series, 2)."""
    scales = yardsticks(batch, plan, months_of(backtest.votes.learned.params, plan), backtest.known)
    apart = -(-plan.horizon // plan.origin_step)
    with np.errstate(over="ignore", invalid="ignore"):
        errors = backtest.votes.means - backtest.came
    return calibrate(errors, scales, backtest.votes.classes, apart, calibration)


def half_widths(  # noqa: PLR0913 - the last is of daily series alone
    batch: Batch,
    plan: Plan,
    groups: np.ndarray,
    calibration: Calibration,
    factors: np.ndarray,
    levels: Sequence[float],
    months: np.ndarray,
) -> dict[float, np.ndarray]:
    """Half widths of the intervals in the unit of the series, by level, each shape (series, horizon).

    ``months`` are what each series' forecast knows of the days of a month, see :func:`yardsticks`.
    """
    scales = yardsticks(batch, plan, months, batch.lengths[:, None])[:, 0]
    scales = np.where((groups == CONSTANT)[:, None], 0.0, scales)
    if not len(batch):
        return {level: np.zeros((0, plan.horizon)) for level in levels}
    starts = batch.offsets[:-1]
    with np.errstate(over="ignore"):
        low, high = np.minimum.reduceat(batch.values, starts), np.maximum.reduceat(batch.values, starts)
        # Scores of a nearly silent scale can be a thousand times too wide; nothing is further off than the
        # history is wide.
        widest = WIDEST_HALF * np.maximum(high - low, np.maximum(np.abs(low), np.abs(high)))[:, None]
        halves: dict[float, np.ndarray] = {}
        before = np.zeros((len(batch), plan.horizon))
        for level in levels:
            half = calibration.half_widths(groups, factors, level) * scales
            before = halves[level] = np.minimum(np.maximum(half, before), widest)
    return halves
