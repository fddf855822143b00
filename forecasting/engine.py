"""Forecast and backtest a whole panel: the one door to the forecasting engine.

Not here: models (models.py), the choice per series (series.py), the width of intervals (intervals.py).
"""

import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from forecasting.intervals import PooledScores, error_scores, noise_scale
from forecasting.models import seasonal_naive
from forecasting.panel import PanelError, require_columns, validate_panel
from forecasting.series import Memory, Outcome, Plan, forecast_series

DEFAULT_MODELS = ("ets", "theta")
WIDEST_HALF = 2.0  # of an interval, in ranges of the history
DEFAULT_ORIGINS = 6
BACKTEST_COLUMNS = ("unique_id", "cutoff", "ds", "y", "mean", "naive", "model_used")
_FEWEST_KNOWN = 2  # periods an origin must know; such short ones calibrate the intervals of new products
_CHUNK = 25  # series per task: about a second of work, so that progress moves and processes stay busy

Progress = Callable[[int, int], None]
T = TypeVar("T")


@dataclass(frozen=True)
class _Series:
    unique_id: str
    first: int  # ordinal of the first period
    y: np.ndarray


def forecast_panel(  # noqa: PLR0913 - the one door: a keyword for each choice reads better than an options object
    panel: pd.DataFrame,
    *,
    freq: str,
    horizon: int,
    season_lengths: Sequence[int] | None = None,
    levels: Sequence[float] = (80, 95),
    n_jobs: int | None = None,
    models: Sequence[str] = DEFAULT_MODELS,
    backtest: pd.DataFrame | None = None,
    on_progress: Progress | None = None,
) -> pd.DataFrame:
    """Forecast every series of a panel, with prediction intervals. Deterministic; the input is left as it is.

    Args:
        panel: ``unique_id, ds, y``, gapless (see :func:`forecasting.panel.complete_calendar`).
        freq: ``D``, ``W-MON`` … ``W-SUN`` (ds = first day of the week) or ``MS``.
        horizon: periods to forecast, ≥ 1.
        season_lengths: in periods, the seasonal naive's first; default (7, 365), (52,) or (12,) by frequency.
        levels: of the intervals, in per cent, above 0 and below 100.
        n_jobs: processes; None or 1 works in this one.
        models: those that vote on regular series, of ``seasonal_naive, ets, theta, arima``; ``arima`` costs
            seconds per series and is meant for totals.
        backtest: the result of :func:`backtest_panel` for the same panel and choices, to calibrate the
            intervals; computed here when absent.
        on_progress: called with (series done, series in all).

    Returns:
        Exactly ``horizon`` rows per series: ``unique_id, ds, mean, lo-80, hi-80, lo-95, hi-95`` (by
        ``levels``), ``model_used, demand_class, fallback_reason`` (None where every model voted). All numbers
        are finite, lo ≤ mean ≤ hi, a higher level contains a lower one, and nothing is negative where the
        history never was.

    Raises:
        PanelError: the panel broke its contract (see :func:`forecasting.panel.validate_panel`).
        ValueError: an unknown frequency or model, a horizon below 1, a level outside (0, 100).

    >>> weeks = pd.date_range("2024-01-01", periods=9, freq="W-MON")
    >>> panel = pd.DataFrame({"unique_id": "A", "ds": weeks, "y": 5.0})
    >>> forecast_panel(panel, freq="W-MON", horizon=1)[["ds", "mean", "lo-95", "model_used"]].to_dict("list")
    {'ds': [Timestamp('2024-03-04 00:00:00')], 'mean': [5.0], 'lo-95': [5.0], 'model_used': ['constant']}
    """
    plan = Plan.of(freq, horizon, season_lengths, models)
    if not all(0 < level < 100 for level in levels):
        raise ValueError(f"levels must lie between 0 and 100 per cent: {list(levels)}")
    series = _split(validate_panel(panel, freq), plan)
    if backtest is None:
        backtest = _backtest(series, plan, DEFAULT_ORIGINS, n_jobs, None)
    require_columns(backtest, BACKTEST_COLUMNS, "backtest")
    pooled = PooledScores(error_scores(backtest, _origin_scales(backtest, series, plan)), horizon)
    outcomes = _each(partial(_forecast_one, plan=plan), series, n_jobs, on_progress)
    frames = [_forecast_frame(s, o, pooled, sorted(levels), plan) for s, o in zip(series, outcomes, strict=True)]
    return _concat(frames, _forecast_columns(levels))


def backtest_panel(  # noqa: PLR0913 - as forecast_panel
    panel: pd.DataFrame,
    *,
    freq: str,
    horizon: int,
    season_lengths: Sequence[int] | None = None,
    n_origins: int = DEFAULT_ORIGINS,
    models: Sequence[str] = DEFAULT_MODELS,
    n_jobs: int | None = None,
    on_progress: Progress | None = None,
) -> pd.DataFrame:
    """Forecast from up to ``n_origins`` past origins, and put what came beside it.

    The last origin lies ``horizon`` periods before the end, the others every max(1, horizon // 4) periods
    before it, as long as 2 periods are known. Parameters are learned at a series' first origin and only
    filtered forward at the later ones, so no origin sees its future (and learning again at each would not
    have forecast better, only slower).

    Args:
        panel, freq, horizon, season_lengths, models, n_jobs, on_progress: as for :func:`forecast_panel`.
        n_origins: at most this many per series, ≥ 1; a short series has fewer, or none.

    Returns:
        ``unique_id, cutoff`` (ds of the last period known), ``ds, y, mean, naive`` (the seasonal naive, or
        the last value before a season is known), ``model_used``: ``horizon`` rows per series and origin.

    Raises:
        PanelError, ValueError: as :func:`forecast_panel`.

    >>> months = pd.date_range("2024-01-01", periods=4, freq="MS")
    >>> panel = pd.DataFrame({"unique_id": "A", "ds": months, "y": 5.0})
    >>> backtest_panel(panel, freq="MS", horizon=1)[["cutoff", "ds", "mean"]].astype(str).to_numpy().tolist()
    [['2024-02-01', '2024-03-01', '5.0'], ['2024-03-01', '2024-04-01', '5.0']]
    """
    plan = Plan.of(freq, horizon, season_lengths, models)
    if n_origins < 1:
        raise ValueError(f"n_origins must be at least 1, not {n_origins}")
    return _backtest(_split(validate_panel(panel, freq), plan), plan, n_origins, n_jobs, on_progress)


def _split(frame: pd.DataFrame, plan: Plan) -> list[_Series]:
    """The validated panel as one array per series."""
    if frame.empty:
        return []
    ids = frame["unique_id"].to_numpy()
    starts = np.r_[0, np.flatnonzero(ids[1:] != ids[:-1]) + 1]
    first = plan.frequency.ordinals(frame["ds"].to_numpy()[starts])
    values = np.split(frame["y"].to_numpy(), starts[1:])
    return [_Series(str(ids[i]), int(p), y.copy()) for i, p, y in zip(starts, first, values, strict=True)]


def _each(work: Callable[[_Series], T], series: list[_Series], n_jobs: int | None, tell: Progress | None) -> list[T]:
    """Apply ``work`` to every series, in order, here or in fresh processes that share no state with it.

    One BLAS thread each: on systems this small the others only spin (18 s of CPU for 150 series, not 5).
    """
    chunks = [series[i : i + _CHUNK] for i in range(0, len(series), _CHUNK)]
    results: list[T] = []
    if n_jobs is None or n_jobs <= 1 or len(chunks) < 2:
        with threadpool_limits(1):
            for one in series:
                results.append(work(one))
                if tell:
                    tell(len(results), len(series))
        return results
    # Forking would copy the threads and locks of the host process.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(n_jobs, len(chunks)), mp_context=context) as pool:
        for done in pool.map(partial(_chunk, work), chunks):
            results.extend(done)
            if tell:
                tell(len(results), len(series))
    return results


def _chunk(work: Callable[[_Series], T], chunk: list[_Series]) -> list[T]:
    with threadpool_limits(1):
        return [work(one) for one in chunk]


def _forecast_one(one: _Series, *, plan: Plan) -> Outcome:
    return forecast_series(one.y, plan, Memory())


def _backtest(
    series: list[_Series], plan: Plan, n_origins: int, n_jobs: int | None, tell: Progress | None
) -> pd.DataFrame:
    frames = _each(partial(_backtest_one, plan=plan, n_origins=n_origins), series, n_jobs, tell)
    return _concat([frame for frame in frames if frame is not None], BACKTEST_COLUMNS)


def _backtest_one(one: _Series, *, plan: Plan, n_origins: int) -> pd.DataFrame | None:
    last, step = len(one.y) - plan.horizon, max(1, plan.horizon // 4)
    known = [k for k in range(last, last - n_origins * step, -step) if k >= _FEWEST_KNOWN][::-1]
    memory = Memory()
    rows = [_origin(one, k, plan, memory) for k in known]
    return pd.concat(rows, ignore_index=True) if rows else None


def _origin(one: _Series, known: int, plan: Plan, memory: Memory) -> pd.DataFrame:
    past = one.y[:known]
    outcome = forecast_series(past, plan, memory)
    labels = plan.frequency.labels(one.first + known - 1 + np.arange(plan.horizon + 1))
    return pd.DataFrame(
        {
            "unique_id": one.unique_id,
            "cutoff": labels[0],
            "ds": labels[1:],
            "y": one.y[known : known + plan.horizon],
            "mean": outcome.mean,
            "naive": seasonal_naive(past, plan.naive_season, plan.horizon),
            "model_used": outcome.model_used,
        }
    )


def _origin_scales(backtest: pd.DataFrame, series: list[_Series], plan: Plan) -> pd.DataFrame:
    """The noise scale of each series at each origin of the backtest, from what was known then."""
    by_id = {one.unique_id: one for one in series}
    origins = backtest.loc[backtest["unique_id"].isin(by_id), ["unique_id", "cutoff"]].drop_duplicates()
    ends = plan.frequency.ordinals(origins["cutoff"].to_numpy(dtype="datetime64[s]")) + 1
    scales = []
    for unique_id, end in zip(origins["unique_id"], ends, strict=True):
        one = by_id[unique_id]
        known = int(end) - one.first
        if not 1 <= known < len(one.y):
            raise PanelError(f"series {unique_id!r}: the backtest's origin lies outside the panel's history")
        scales.append(noise_scale(one.y[:known], plan.short_season))
    return origins.assign(scale=np.asarray(scales, dtype="float64"))


def _forecast_frame(
    one: _Series, outcome: Outcome, pooled: PooledScores, levels: Sequence[float], plan: Plan
) -> pd.DataFrame:
    mean, floor = outcome.mean, 0.0 if one.y.min() >= 0 else -np.inf
    scale = 0.0 if outcome.model_used == "constant" else noise_scale(one.y, plan.short_season)
    largest = np.finfo("float64").max
    # Scores of a nearly silent scale can be a thousand times too wide; nothing is further off than the history is wide.
    widest = WIDEST_HALF * max(float(np.ptp(one.y)), float(np.abs(one.y).max()))
    columns: dict[str, object] = {
        "unique_id": one.unique_id,
        "ds": plan.frequency.labels(one.first + len(one.y) + np.arange(plan.horizon)),
        "mean": mean,
    }
    half = np.zeros(plan.horizon)
    for level in levels:
        with np.errstate(over="ignore"):
            half = np.maximum(half, pooled.half_widths(one.unique_id, outcome.model_used, level) * scale)
            half = np.minimum(half, widest)
            columns[f"lo-{level:g}"] = np.clip(mean - half, max(floor, -largest), largest)
            columns[f"hi-{level:g}"] = np.clip(mean + half, -largest, largest)
    columns["model_used"] = outcome.model_used
    columns["demand_class"] = outcome.demand_class
    columns["fallback_reason"] = outcome.fallback_reason
    return pd.DataFrame(columns)


def _forecast_columns(levels: Sequence[float]) -> tuple[str, ...]:
    bounds = [f"{side}-{level:g}" for level in sorted(levels) for side in ("lo", "hi")]
    return ("unique_id", "ds", "mean", *bounds, "model_used", "demand_class", "fallback_reason")


def _concat(frames: list[pd.DataFrame], columns: Sequence[str]) -> pd.DataFrame:
    """The frames below each other, with the types of a frame that has rows even when there are none."""
    text, days = {"unique_id", "model_used", "demand_class", "fallback_reason"}, {"ds", "cutoff"}
    if not frames:
        kinds = {c: "str" if c in text else "datetime64[s]" if c in days else "float64" for c in columns}
        return pd.DataFrame({c: pd.Series(dtype=kind) for c, kind in kinds.items()})
    whole = pd.concat(frames, ignore_index=True)
    if "fallback_reason" in whole:
        whole["fallback_reason"] = whole["fallback_reason"].astype("str")
    return whole[list(columns)]
