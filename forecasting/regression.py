"""Regression for many series at once: trend, season, holidays, prices and promotions; its votes and its effects.

Not here: the regressors' contract (regressors.py), the least squares (fitting.py), whether a vote counts (gate.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from forecasting.effects import FIRST_SPREAD, own_estimates, pool_by_group
from forecasting.fitting import Design, best_smoothing, effects_over_time, fit, level_path
from forecasting.kernel.classes import MIN_POINTS
from forecasting.panel import validate_panel
from forecasting.periods import Frequency
from forecasting.regressors import Regressors, column_values, is_price, usable
from forecasting.votes import Votes

_CELLS = 3_000_000  # periods of one batch
_YEAR_HARMONICS, _WEEK_HARMONICS = 6, 3
_SEASON_SPREAD = 0.4  # of the first harmonic before anything is seen; the k-th has a k-th of it
_OFF = 1e-4  # the spread of a column that is not to be used
_TREND_SPREAD = 1.0
_YEARS_FOR_SEASON = 1.5
_NOTHING = 1e-6  # of a series' size: the level of what has long ceased to sell decays, and is never zero
_LEVEL_YEARS = 1.5  # shortest wave of the level in the fit: a faster one would be taken for a season
EFFECT_COLUMNS = (
    "unique_id", "group", "regressor", "effect", "se", "own_effect", "own_se", "group_effect", "group_se", "reason",
)  # fmt: skip


@dataclass(frozen=True)
class RegressionVotes(Votes):
    """What the regression says, and why.

    ``effects``: one row per series and regressor: ``unique_id, group, regressor``, ``effect`` and ``se`` (shrunk; of a
    price its elasticity, of any other column the change of log demand per unit of it), ``own_effect`` and ``own_se``
    (of the series alone), ``group_effect`` and ``group_se`` (the mean of its group, and how far a series of it lies
    from that), ``reason`` (None, or why there is nothing to learn; the numbers are then NaN, but for the group's).
    """

    effects: pd.DataFrame


@dataclass(frozen=True)
class _Batch:
    """Series side by side that end with the same period; ``known`` is false before a series begins."""

    ids: list[str]
    last: int  # ordinal of the last period
    y: np.ndarray  # S × T, in multiples of ``scale``
    scale: np.ndarray
    known: np.ndarray
    design: Design
    spread: np.ndarray  # S × J, prior standard deviation of the shared columns
    is_log: np.ndarray
    given_up: pd.DataFrame
    names: list[str]
    unplanned: list[int]  # regressors by number that past origins do not know ahead


@dataclass(frozen=True)
class _Learned:
    coefficients: np.ndarray
    variances: np.ndarray
    alpha: np.ndarray
    is_fitted: np.ndarray
    own: tuple[np.ndarray, np.ndarray]  # estimates and variances S × R, before pooling
    pooled: list[dict[str, tuple[float, float]]]  # by regressor and group: mean and standard error


def regression_votes(
    panel: pd.DataFrame,
    regressors: Regressors,
    *,
    freq: str,
    horizon: int,
    origins: pd.DataFrame | None = None,
) -> RegressionVotes:
    """Forecast every series by a regression on what drives it. Deterministic.

    Where the history is never negative, E y_t = l_t · exp(season_t + x_t·β), fitted by quasi-likelihood with
    variance ∝ mean^1.5 (zeros are allowed, and a forecast scales with its series); elsewhere y_t = l_t + season_t +
    x_t·β by least squares. Coefficients are shrunk: those of the season towards none, those of regressors towards
    the mean of their group, by how much the group's series agree. In the fit the level is a trend and slow cosines,
    so that no drift is taken for an effect; ahead it is the exponentially smoothed level of what the effects leave,
    with the smoothing that would have been best one step ahead.

    For past origins coefficients and smoothing are learned at a series' first origin and only filtered forward.

    Sources: Wedderburn (1974), "Quasi-likelihood functions, generalized linear models, and the Gauss-Newton
    method", Biometrika 61(3), 439–447; Hyndman & Athanasopoulos (2021), *Forecasting: Principles and Practice*, §7.

    Args:
        panel: ``unique_id, ds, y``, gapless.
        regressors: what is known about past and future periods.
        freq, horizon: as for ``forecast_panel``.
        origins: ``unique_id, cutoff`` of the past origins to vote at, as a backtest has them; None for none.

    Raises:
        PanelError: panel or regressors broke their contract.
        ValueError: an unknown frequency, a horizon below 1.

    >>> weeks = pd.date_range("2024-01-01", periods=42, freq="W-MON")
    >>> promoted = np.tile([0.0, 0.0, 1.0], 14)
    >>> panel = pd.DataFrame({"unique_id": "A", "ds": weeks[:40], "y": 10.0 + 20.0 * promoted[:40]})
    >>> known = pd.DataFrame({"unique_id": "A", "ds": weeks, "promotion": promoted})
    >>> votes = regression_votes(panel, Regressors(known), freq="W-MON", horizon=2)
    >>> votes.forecasts["mean"].round(1).tolist()
    [10.0, 30.0]
    """
    frequency = Frequency.parse(freq)
    if horizon < 1:
        raise ValueError(f"horizon must be at least 1 period, not {horizon}")
    frame = validate_panel(panel, freq)
    batches, silent = _batches(frame, regressors, frequency, horizon)
    groups = [[regressors.groups.get(i, "") for i in batch.ids] for batch in batches]
    cuts = [_origin_places(batch, origins, frequency, horizon) for batch in batches]
    past: list[pd.DataFrame] = []
    if any(c.shape[1] for c in cuts):
        until = [np.where(c >= 0, c, np.iinfo(np.int64).max).min(axis=1, initial=np.iinfo(np.int64).max) for c in cuts]
        masks = [b.known & (np.arange(b.y.shape[1]) <= u[:, None]) & (u < b.y.shape[1])[:, None]
                 for b, u in zip(batches, until, strict=True)]  # fmt: skip
        for batch, learned, places in zip(batches, _learn(batches, masks, groups), cuts, strict=True):
            past += _past_votes(batch, learned, places, frequency, horizon)
    final = _learn(batches, [batch.known for batch in batches], groups)
    ahead = [_ahead(b, one, frequency, horizon) for b, one in zip(batches, final, strict=True)]
    effects = [_effects(*three) for three in zip(batches, final, groups, strict=True)]
    return RegressionVotes(
        _stack(ahead, ("unique_id", "ds", "mean")),
        _stack(past, ("unique_id", "cutoff", "ds", "mean")),
        silent,
        _stack(effects, EFFECT_COLUMNS),
    )


def _batches(
    frame: pd.DataFrame, regressors: Regressors, frequency: Frequency, horizon: int
) -> tuple[list[_Batch], pd.DataFrame]:
    """The panel side by side, in batches that end together; and who is too short or silent to be explained."""
    ids, starts = np.unique(frame["unique_id"].to_numpy(dtype=object), return_index=True)
    ends = np.r_[starts[1:], len(frame)][: len(starts)]
    y = frame["y"].to_numpy()
    last = frequency.ordinals(frame["ds"].to_numpy()[ends - 1]) if len(ids) else np.zeros(0, dtype=np.int64)
    short = ends - starts < MIN_POINTS
    empty = np.array([not y[a:b].any() for a, b in zip(starts, ends, strict=True)], dtype=bool)
    reason = np.select([short, empty], [f"fewer than {MIN_POINTS} periods", "no demand"], default="")
    silent = pd.DataFrame({"unique_id": ids.astype(str), "reason": reason})[reason != ""].reset_index(drop=True)
    batches: list[_Batch] = []
    for end in np.unique(last[reason == ""]):
        chosen = np.flatnonzero((last == end) & (reason == ""))
        longest = int((ends - starts)[chosen].max())
        size = max(1, _CELLS // (longest + horizon))
        for at in range(0, len(chosen), size):
            rows = chosen[at : at + size]
            series = {str(ids[i]): y[starts[i] : ends[i]] for i in rows}
            batches.append(_batch(series, int(end), regressors, frequency, horizon))
    return batches, silent


def _batch(
    series: Mapping[str, np.ndarray], last: int, regressors: Regressors, frequency: Frequency, horizon: int
) -> _Batch:
    ids = list(series)
    n_history = max(map(len, series.values()))
    y = np.zeros((len(ids), n_history))
    known = np.zeros(y.shape, dtype=bool)
    scale = np.zeros(len(ids))
    for row, values in enumerate(series.values()):
        largest = np.abs(values).max()  # a mean of values near the float maximum would overflow
        scale[row] = np.abs(values / largest).mean() * largest
        y[row, n_history - len(values) :] = values / scale[row]
        known[row, n_history - len(values) :] = True
    periods = last - n_history + 1 + np.arange(n_history + horizon)
    columns = column_values(regressors, ids, np.broadcast_to(periods, (len(ids), len(periods))), frequency)
    own, given_up = usable(columns, known, ids)
    shared, n_level, years = _shared_columns(periods, n_history, frequency)
    spread = np.tile(np.r_[np.inf, _TREND_SPREAD, _level_spreads(n_level - 2), years[0]], (len(ids), 1))
    too_short = known.sum(axis=1)[:, None] < years[1][None, :]
    spread[:, n_level:] = np.where(too_short, _OFF, spread[:, n_level:])
    is_log = np.array([v.min() >= 0 for v in series.values()])
    unplanned = [r for r, name in enumerate(columns) if name in regressors.unplanned]
    design = Design(shared, own, n_level)
    return _Batch(ids, last, y, scale, known, design, spread, is_log, given_up, list(columns), unplanned)


def _level_spreads(n: int) -> np.ndarray:
    return _TREND_SPREAD / (1.0 + np.arange(n))


def _shared_columns(
    periods: np.ndarray, n_history: int, frequency: Frequency
) -> tuple[np.ndarray, int, tuple[np.ndarray, np.ndarray]]:
    """Level and season: the columns, how many are level, and the season's spreads and fewest periods of history."""
    t = np.arange(len(periods), dtype="float64")
    inside = np.minimum(t, n_history - 1) / max(n_history - 1, 1)
    waves = int(np.clip(2 * n_history / (_LEVEL_YEARS * frequency.year), 2, 12))
    level = [np.ones(len(t)), inside - 0.5] + [np.cos(np.pi * k * inside) for k in range(1, waves + 1)]
    season, spreads, needed = [], [], []
    year = 2 * np.pi * _place_in_year(periods, frequency)
    seasons = [(year, _YEAR_HARMONICS, _YEARS_FOR_SEASON * frequency.year)]
    if frequency.unit == "D":
        seasons.append((2 * np.pi * periods / 7.0, _WEEK_HARMONICS, 14.0))
    for angle, harmonics, least in seasons:
        for k in range(1, harmonics + 1):
            season += [np.cos(k * angle), np.sin(k * angle)]
            spreads += [_SEASON_SPREAD / (k if least > 14 else 1.0)] * 2
            needed += [least] * 2
    return np.column_stack(level + season), len(level), (np.array(spreads), np.array(needed))


def _place_in_year(periods: np.ndarray, frequency: Frequency) -> np.ndarray:
    """Where in its year the middle of each period lies, 0 to 1; the same for the same month or date of every year."""
    if frequency.unit == "MS":
        place: np.ndarray = (periods % 12) / 12.0
        return place
    days = frequency.labels(periods).astype("datetime64[D]") + (3 if frequency.unit == "W" else 0)
    years = days.astype("datetime64[Y]")
    length = ((years + 1).astype("datetime64[D]") - years.astype("datetime64[D]")).astype("float64")
    return (days - years.astype("datetime64[D]")).astype("float64") / length


def _learn(batches: list[_Batch], masks: list[np.ndarray], groups: list[list[str]]) -> list[_Learned]:
    """Fit every series alone, pool the effects over all batches, and fit again with what the group knows."""
    alone, own = [], []
    for batch, mask in zip(batches, masks, strict=True):
        centre, spread = _prior(batch, None)
        first = fit(batch.y, mask, batch.design, centre=centre, spread=spread, is_log=batch.is_log)
        j = batch.design.shared.shape[1]
        estimates, variances = own_estimates(first.coefficients[:, j:], first.variances[:, j:], FIRST_SPREAD)
        used = (np.abs(batch.design.own[:, : mask.shape[1]]) * mask[:, :, None]).max(axis=1) > 0
        variances = np.where(used & np.isfinite(estimates) & first.is_fitted[:, None], variances, np.inf)
        alone.append(first)
        own.append((estimates, variances))
    names = batches[0].names if batches else []
    everyone = [group for batch_groups in groups for group in batch_groups]
    pooled = [
        pool_by_group(np.concatenate([e[:, r] for e, _ in own]), np.concatenate([v[:, r] for _, v in own]), everyone)
        for r in range(len(names))
    ]
    learned, begin = [], 0
    for batch, mask, mine in zip(batches, masks, own, strict=True):
        part = slice(begin, begin + len(batch.ids))
        begin = part.stop
        priors = [(c[part], s[part]) for c, s, _ in pooled]
        centre, spread = _prior(batch, priors)
        found = fit(batch.y, mask, batch.design, centre=centre, spread=spread, is_log=batch.is_log)
        effects = effects_over_time(batch.design, found.coefficients, mask, batch.is_log)
        alpha = best_smoothing(batch.y, mask, effects, batch.is_log)
        means = [
            {name: (one.mean, float(np.hypot(one.se, one.spread))) for name, one in by_group.items()}
            for _, _, by_group in pooled
        ]
        learned.append(_Learned(found.coefficients, found.variances, alpha, found.is_fitted, mine, means))
    return learned


def _prior(batch: _Batch, pooled: list[tuple[np.ndarray, np.ndarray]] | None) -> tuple[np.ndarray, np.ndarray]:
    s, r = len(batch.ids), len(batch.names)
    centre = np.zeros((s, batch.spread.shape[1] + r))
    spread = np.concatenate([batch.spread, np.full((s, r), FIRST_SPREAD)], axis=1)
    for k, (mean, width) in enumerate(pooled or []):
        # a price that seems to drive demand up is driven by it: nothing to lend to other series
        centre[:, batch.spread.shape[1] + k] = np.minimum(mean, 0.0) if is_price(batch.names[k]) else mean
        spread[:, batch.spread.shape[1] + k] = width
    return centre, spread


def _ahead(batch: _Batch, learned: _Learned, frequency: Frequency, horizon: int) -> pd.DataFrame:
    place = np.where(learned.is_fitted, batch.y.shape[1] - 1, -1)
    frame = _votes_at(batch, learned, batch.known, place, frequency, horizon)
    return frame.drop(columns="cutoff")


def _past_votes(
    batch: _Batch, learned: _Learned, places: np.ndarray, frequency: Frequency, horizon: int
) -> list[pd.DataFrame]:
    usable_places = np.where(learned.is_fitted[:, None], places, -1)
    until = np.where(places >= 0, places, np.iinfo(np.int64).max).min(axis=1, initial=np.iinfo(np.int64).max)
    mask = batch.known & (np.arange(batch.y.shape[1]) <= until[:, None])
    return [_votes_at(batch, learned, mask, usable_places[:, k], frequency, horizon) for k in range(places.shape[1])]


def _votes_at(
    batch: _Batch, learned: _Learned, mask: np.ndarray, place: np.ndarray, frequency: Frequency, horizon: int
) -> pd.DataFrame:
    """Votes of the series whose ``place`` (last column known) is not negative."""
    effects = effects_over_time(batch.design, learned.coefficients, mask, batch.is_log)
    levels = level_path(batch.y, batch.known, effects, batch.is_log, learned.alpha)
    rows = np.flatnonzero(place >= 0)
    level = levels[rows, place[rows]][:, None]
    steps = place[rows][:, None] + 1 + np.arange(horizon)
    ahead = np.take_along_axis(effects[rows], steps, axis=1)
    is_log = batch.is_log[rows][:, None]
    unknown = _unplanned(batch, learned, rows, place, steps)
    ahead = np.where(is_log, ahead * np.exp(np.where(is_log, unknown, 0.0)), ahead + unknown)
    limit = float(np.finfo("float64").max)
    with np.errstate(over="ignore"):
        said = np.where(is_log, level * ahead, level + ahead)
        mean = np.clip(np.where(np.abs(said) < _NOTHING, 0.0, said) * batch.scale[rows][:, None], -limit, limit)
    first = batch.last - batch.y.shape[1] + 1
    return pd.DataFrame(
        {
            "unique_id": np.repeat(np.asarray(batch.ids, dtype=object)[rows], horizon).astype("str"),
            "cutoff": np.repeat(frequency.labels(first + place[rows]), horizon),
            "ds": frequency.labels((first + steps).ravel()),
            "mean": mean.ravel(),
        }
    )


def _unplanned(batch: _Batch, learned: _Learned, rows: np.ndarray, place: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """What the linear predictor of the steps ahead owes to changes that nobody could plan, with the sign turned."""
    owed = np.zeros(steps.shape)
    for r in batch.unplanned:
        column = batch.design.own[rows, :, r]
        last = np.take_along_axis(column, place[rows][:, None], axis=1)
        later = np.take_along_axis(column, steps, axis=1)
        owed += learned.coefficients[rows, batch.design.shared.shape[1] + r, None] * (last - later)
    return owed


def _origin_places(batch: _Batch, origins: pd.DataFrame | None, frequency: Frequency, horizon: int) -> np.ndarray:
    """The last known column of each origin, S × origins, −1 where a series has none."""
    if origins is None or origins.empty:
        return np.zeros((len(batch.ids), 0), dtype=np.int64)
    mine = origins.loc[origins["unique_id"].isin(set(batch.ids)), ["unique_id", "cutoff"]].drop_duplicates()
    first = batch.last - batch.y.shape[1] + 1
    place = frequency.ordinals(mine["cutoff"].to_numpy(dtype="datetime64[s]")) - first
    row = pd.Index(batch.ids).get_indexer(mine["unique_id"])
    begun = batch.known.argmax(axis=1)[row]
    fits = (place - begun + 1 >= MIN_POINTS) & (place + horizon < batch.y.shape[1] + horizon)
    mine = pd.DataFrame({"row": row[fits], "place": place[fits]}).sort_values(["row", "place"])
    rank = mine.groupby("row").cumcount().to_numpy()
    places = np.full((len(batch.ids), int(rank.max()) + 1 if len(rank) else 0), -1, dtype=np.int64)
    places[mine["row"].to_numpy(), rank] = mine["place"].to_numpy()
    return places


def _effects(batch: _Batch, learned: _Learned, groups: list[str]) -> pd.DataFrame:
    """One row per series and regressor, in that order."""
    j = batch.design.shared.shape[1]
    own, own_variance = learned.own
    why = batch.given_up.set_index(["unique_id", "regressor"])["reason"] if len(batch.given_up) else None
    frames = []
    for r, name in enumerate(batch.names):
        reasons = [None if why is None else why.get((i, name)) for i in batch.ids]
        tells = np.array([reason is None for reason in reasons])
        mean = np.array([learned.pooled[r][group][0] for group in groups])
        se = np.array([learned.pooled[r][group][1] for group in groups])
        frames.append(
            pd.DataFrame(
                {
                    "unique_id": batch.ids,
                    "group": groups,
                    "regressor": name,
                    "effect": np.where(tells, learned.coefficients[:, j + r], np.nan),
                    "se": np.where(tells, np.sqrt(learned.variances[:, j + r]), np.nan),
                    "own_effect": np.where(tells, own[:, r], np.nan),
                    "own_se": np.where(tells, np.sqrt(own_variance[:, r]), np.nan),
                    "group_effect": np.where(np.isfinite(se), mean, np.nan),
                    "group_se": np.where(np.isfinite(se), se, np.nan),
                    "reason": pd.Series(reasons, dtype="str"),
                }
            )
        )
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=list(EFFECT_COLUMNS))


def _stack(frames: list[pd.DataFrame], columns: tuple[str, ...]) -> pd.DataFrame:
    some = [frame for frame in frames if len(frame)]
    return pd.concat(some, ignore_index=True)[list(columns)] if some else pd.DataFrame(columns=list(columns))
