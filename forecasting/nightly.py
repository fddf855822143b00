"""A panel forecast night after night: only what is new costs anything.

Not here: the passes over the series (passes.py), how the state becomes rows (state.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from forecasting.batch import Batch, Learned, Plan, Votes
from forecasting.frames import backtest_frame, bounds, values_frame
from forecasting.intervals import Calibration, series_factors
from forecasting.kernel.classes import CLASSES
from forecasting.kernel.fingerprint import fingerprints
from forecasting.passes import (
    DEFAULT_ORIGINS,
    Backtest,
    Map,
    calibrated,
    checked_levels,
    half_widths,
    mapping,
    panel_weights,
    run_backtest,
    run_forecast,
)
from forecasting.stand_ins import completed
from forecasting.state import ModelState, Succession, located
from forecasting.weights import Weights
from forecasting.yardsticks import months_of

# Below it a refit is worth its cost: series of 44 points lost 8 % with frozen parameters, of 50 and more nothing.
_SHORT_HISTORY = 50
# Mean error of the new periods, in half widths of the widest interval, from which a series is learned anew: what
# happens to one series in some hundreds by chance.
_DRIFT = 1.5
_ROUNDING = 1e-9  # of the largest value: a series without noise has no interval, and has not drifted for its digits


@dataclass(frozen=True)
class Night:
    """What a night leaves.

    ``batch`` and ``plan`` are the panel that it saw, ``models`` what it changed in the state of the night before; the
    rest says how many series were learned anew, only filtered forward, or had nothing new. State and frames are made
    when they are asked for: to 30,000 series with twelve origins the backtest's has two million rows.
    """

    batch: Batch
    plan: Plan
    levels: Sequence[float]
    models: Succession
    relearned: int
    filtered: int
    unchanged: int

    @property
    def state(self) -> ModelState:
        """For the next night."""
        return self.models.state

    @cached_property
    def forecasts(self) -> pd.DataFrame:
        """As from :func:`forecasting.engine.forecast_panel`, of all series of the state."""
        ids, begins, values, labels = (self.models.column(name) for name in ("ids", "next_period", "values", "labels"))
        return values_frame(ids, begins, values, labels, self.plan, self.levels)

    @cached_property
    def backtest(self) -> pd.DataFrame:
        """As from :func:`forecasting.engine.backtest_panel`, of the panel's series, from the night each was learned."""
        past = _past(self.state, located(self.state.ids, self.batch.ids))
        return backtest_frame(self.batch, self.plan, past.known, past.votes)


def forecast_night(  # noqa: PLR0913 - as forecast_panel
    panel: pd.DataFrame,
    *,
    freq: str,
    horizon: int,
    season_lengths: Sequence[int] | None = None,
    levels: Sequence[float] = (80, 95),
    state: ModelState | None = None,
    only_changed: bool = False,
    n_origins: int = DEFAULT_ORIGINS,
    mapped: Map | None = None,
) -> Night:
    """Forecast a panel, learning anew only what asks for it.

    A series whose history is the one that the state has seen keeps its forecast. One with further periods is
    filtered forward with the parameters it has, unless it is short (< 50 periods) or its new periods lay 1.5
    half widths of the widest interval off on average. One that is new, or whose past was revised, is learned.
    When the panel has moved on by a quarter, everything is learned and calibrated anew.

    Args:
        panel, freq, horizon, season_lengths, levels: as for :func:`forecasting.engine.forecast_panel`.
        state: of the night before; None, or one of another version or of other choices, begins anew.
        only_changed: the panel holds only series that may have changed; the state carries the others on.
        n_origins: of the backtest that calibrates the intervals.
        mapped: how chunks are done; None does them here.

    >>> months = pd.date_range("2020-01-01", periods=61, freq="MS")
    >>> panel = pd.DataFrame({"unique_id": "A", "ds": months, "y": [50.0 + i % 12 + i * i % 7 for i in range(61)]})
    >>> first = forecast_night(panel[:60], freq="MS", horizon=2)
    >>> second = forecast_night(panel, freq="MS", horizon=2, state=first.state)
    >>> first.relearned, second.relearned, second.filtered
    (1, 0, 1)
    """
    plan = Plan.of(freq, horizon, season_lengths)
    rising = checked_levels(levels)
    batch = Batch.of(panel, freq)
    mapped = mapped or mapping(None, None, 0)
    key = ModelState.key_of(freq, horizon, plan.season_lengths, rising, n_origins)
    if state is None or state.key != key:
        return _first_night(batch, plan, rising, n_origins, mapped, key)
    if len(batch) and not 0 <= _end(batch) - state.learned_at < plan.frequency.quarter:
        return _first_night(batch, plan, rising, n_origins, mapped, key)
    return _next_night(batch, plan, rising, state, n_origins, mapped, only_changed)


def _first_night(batch: Batch, plan: Plan, levels: list[float], n_origins: int, mapped: Map, key: str) -> Night:
    weights = panel_weights(batch, plan)
    backtest = run_backtest(batch, plan, weights, n_origins, mapped)
    calibration, own = calibrated(batch, plan, backtest)
    shared = _Shared(plan, levels, weights, calibration, mapped, key, _end(batch))
    state = _forecast(batch, shared, backtest, own, Learned.nothing(len(batch), plan))
    return Night(batch, plan, levels, Succession.of(state), len(batch), 0, 0)


def _next_night(  # noqa: PLR0913
    batch: Batch,
    plan: Plan,
    levels: list[float],
    state: ModelState,
    n_origins: int,
    mapped: Map,
    only_changed: bool,
) -> Night:
    shared = _Shared(plan, levels, state.weights, state.calibration, mapped, state.key, state.learned_at)
    at = located(state.ids, batch.ids)
    kept, filtered = _sorted_out(batch, state, at)
    fresh, ahead = batch.take(np.flatnonzero(~kept & ~filtered)), at[filtered]
    backtest = run_backtest(fresh, plan, state.weights, n_origins, mapped)
    _, own = calibrated(fresh, plan, backtest, state.calibration)
    learned = _forecast(fresh, shared, backtest, own, Learned.nothing(len(fresh), plan))
    knows = Learned(state.params[ahead], state.n_fit[ahead])
    past = _past(state, ahead)
    moved = _forecast(batch.take(np.flatnonzero(filtered)), shared, past, state.own[ahead], knows)
    stays = np.ones(len(state.ids), dtype=bool) if only_changed else np.isin(np.arange(len(state.ids)), at[kept])
    stays[at[(at >= 0) & ~kept]] = False
    changed = Succession(learned, np.arange(len(fresh)), moved).state
    models = Succession(state, np.flatnonzero(stays), changed)
    return Night(batch, plan, levels, models, len(fresh), int(filtered.sum()), int(stays.sum()))


def _past(state: ModelState, chosen: np.ndarray) -> Backtest:
    """The backtest that a state holds of these series; what came is the panel's to say."""
    learned = Learned(state.params[chosen], state.n_fit[chosen])
    votes = Votes(state.past[chosen], state.kinds[chosen], state.lost[chosen], learned)
    return Backtest(state.origins[chosen], votes, np.zeros(0))


@dataclass(frozen=True)
class _Shared:
    plan: Plan
    levels: list[float]
    weights: Weights
    calibration: Calibration
    mapped: Map
    key: str
    learned_at: int


def _end(batch: Batch) -> int:
    return int((batch.first + batch.lengths).max()) if len(batch) else 0


def _sorted_out(batch: Batch, state: ModelState, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which series have nothing new, and which need only be filtered forward; booleans of shape (series,)."""
    lengths = batch.lengths
    seen = np.where(at >= 0, state.n_periods[at], 0) if len(state.ids) else np.zeros(len(batch), dtype="int64")
    begins = np.where(at >= 0, state.next_period[at], 0) - seen if len(state.ids) else seen
    same = (at >= 0) & (lengths >= seen) & (begins == batch.first)
    marks = fingerprints(batch.values.view(np.uint64), batch.offsets, np.where(same, seen, 0))
    same &= marks == (state.fingerprints[at] if len(state.ids) else 0)
    kept = same & (lengths == seen)
    filtered = same & ~kept & (lengths >= _SHORT_HISTORY)
    ahead = np.flatnonzero(filtered)
    filtered[ahead] = ~_drifted(batch, ahead, seen[ahead], state.values[at[ahead]])
    return kept, filtered


def _drifted(batch: Batch, chosen: np.ndarray, seen: np.ndarray, said: np.ndarray) -> np.ndarray:
    """Which of these series' new periods lie far outside what was said of them; ``seen`` points of each were known.

    ``said`` has the shape (series, columns, horizon): mean, lo, hi, …, the widest last. Without an interval nobody can
    tell, and the series are learned anew.
    """
    if said.shape[1] < 3:
        return np.ones(len(chosen), dtype=bool)
    steps = np.arange(said.shape[2])
    came_at = (batch.offsets[chosen] + seen)[:, None] + steps
    has_come = came_at < batch.offsets[chosen + 1][:, None]
    came = np.where(has_come, batch.values[np.where(has_come, came_at, 0)], 0.0)
    with np.errstate(over="ignore", invalid="ignore"):
        rounding = _ROUNDING * np.maximum(np.maximum(np.abs(said[:, 0]).max(axis=1), np.abs(came).max(axis=1)), 1e-290)
        half = np.maximum((said[:, -1] - said[:, -2]) / 2.0, rounding[:, None])
        off = np.where(has_come, np.abs(came - said[:, 0]) / half, 0.0)
        drifted: np.ndarray = ~(off.sum(axis=1) / has_come.sum(axis=1) <= _DRIFT)
    return drifted


def _forecast(batch: Batch, shared: _Shared, past: Backtest, own: np.ndarray, learned: Learned) -> ModelState:
    """Forecast the batch after its last point, learning what has not learned yet; the state it leaves."""
    plan = shared.plan
    votes = run_forecast(batch, plan, shared.weights, learned, shared.mapped)
    made = completed(batch, plan, votes, shared.weights.now)
    months, kinds = months_of(votes.learned.params, plan), votes.classes[:, -1]
    halves = half_widths(batch, plan, kinds, shared.calibration, series_factors(own), shared.levels, months)
    values = [made.mean]
    for low, high in bounds(batch, made.mean, halves).values():
        values += [low, high]
    labels = np.column_stack([made.model_used, np.array(CLASSES, dtype=object)[made.classes], made.reasons])
    return ModelState(
        key=shared.key,
        learned_at=shared.learned_at,
        weights=shared.weights,
        calibration=shared.calibration,
        ids=batch.ids,
        n_periods=batch.lengths,
        next_period=batch.first + batch.lengths,
        fingerprints=fingerprints(batch.values.view(np.uint64), batch.offsets, batch.lengths),
        n_fit=votes.learned.n_fit,
        params=votes.learned.params,
        own=own,
        values=np.stack(values, axis=1),
        labels=labels.reshape(len(batch), 3),
        past=past.votes.means,
        origins=past.known,
        kinds=past.votes.classes,
        lost=past.votes.failed,
    )
