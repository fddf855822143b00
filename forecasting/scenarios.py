"""What if: a forecast under other prices, a promotion or a shock, by the effects that history has shown.

Not here: where the effects come from (regression.py), which scenarios there are (the business folder).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial

import numpy as np
import pandas as pd
from scipy.stats import norm

from forecasting.panel import require_columns
from forecasting.periods import Frequency

PRICE, PROMOTION = "price", "promotion"
PAID = "price_paid"  # follows the mix of customers as well as the price: used where no list price is known, and said so
SCENARIO_COLUMNS = ("scenario", "unique_id", "ds", "base", "mean")
_LEAST_SURE = 1.0  # standard errors that an effect must lie on its side of zero
_LARGEST_FACTOR = 20.0  # a cheaper price cannot be believed to sell more than this many times as much


@dataclass(frozen=True)
class Promotion:
    """A discount (share of the price, 0 to 1) from ``first`` to ``last``, both included."""

    first: date
    last: date
    discount_share: float


@dataclass(frozen=True)
class Shock:
    """Demand times 1 + ``change`` (≥ −1) from ``first`` to ``last``; then the change halves every half-life."""

    first: date
    last: date
    change: float
    half_life_days: float = 0.0


@dataclass(frozen=True)
class Scenario:
    """One what-if: any of a price change (share, > −1), a promotion and a shock.

    ``unique_ids`` None means every series.
    """

    name: str
    price_change: float = 0.0
    price_from: date | None = None
    promotion: Promotion | None = None
    shock: Shock | None = None
    unique_ids: frozenset[str] | None = None


@dataclass(frozen=True)
class _Effect:
    """One usable effect of one series, or why there is none."""

    value: float
    se: float
    note: str


def scenario_forecasts(
    forecasts: pd.DataFrame,
    effects: pd.DataFrame,
    scenarios: Sequence[Scenario],
    *,
    freq: str,
    levels: Sequence[float] = (80, 95),
) -> pd.DataFrame:
    """Every scenario's forecast with its intervals, beside the base.

    mean' = mean · F with F = (1 + p)^(ε·share) · exp(β·d·share) · shock, where ε is the price elasticity, β the
    effect of a discount share of 1, d the discount, ``share`` the part of the period's days concerned, and the
    shock the mean over the period's days of 1 + c·2^(−days since its end / half-life). The bounds are scaled by F
    and widened by what is not known of the effects: half' = F·√(half² + (z·mean·s)²), s the standard error of log F.

    An effect is the series' own shrunk one where its sign is the sensible one (a dearer product sells less, a promoted
    one more) by a standard error; else its group's by the same rule; else there is none: the base stands, and the
    note says why. A shock needs no effect.

    Args:
        forecasts: ``unique_id, ds, mean, lo-80, hi-80 …`` by ``levels``.
        effects: ``Votes.effects`` of the same series; regressors ``price`` (or
            ``price_paid``) and ``promotion`` are read.
        scenarios: what is asked.
        freq: of the forecasts.
        levels: of the intervals, in per cent.

    Returns:
        One row per scenario, series it concerns, and period: ``scenario, unique_id, ds, base, mean, lo-80 …, note``.

    >>> base = pd.DataFrame({"unique_id": ["A"], "ds": pd.to_datetime(["2024-01-01"]), "mean": 100.0, "lo-80": 90.0,
    ...                      "hi-80": 110.0})
    >>> known = pd.DataFrame({"unique_id": ["A"], "regressor": ["price"], "effect": [-2.0], "se": [0.0],
    ...                       "group_effect": [-2.0], "group_se": [0.1], "reason": [None]})
    >>> dearer = Scenario("dearer", price_change=0.25)
    >>> said = scenario_forecasts(base, known, [dearer], freq="W-MON", levels=[80])
    >>> said[["mean", "lo-80", "hi-80"]].round(2).to_numpy().tolist()
    [[64.0, 57.6, 70.4]]
    >>> said["note"].item()
    'price elasticity -2.00'
    """
    bounds = [(level, f"lo-{level:g}", f"hi-{level:g}") for level in sorted(levels)]
    require_columns(forecasts, ("unique_id", "ds", "mean", *(c for _, lo, hi in bounds for c in (lo, hi))), "forecasts")
    require_columns(
        effects, ("unique_id", "regressor", "effect", "se", "group_effect", "group_se", "reason"), "effects"
    )
    frequency = Frequency.parse(freq)
    price, promotion = (_usable(effects, name, sign) for name, sign in ((PRICE, -1.0), (PROMOTION, 1.0)))
    frames = []
    for scenario in scenarios:
        base = forecasts
        if scenario.unique_ids is not None:
            base = forecasts[forecasts["unique_id"].isin(scenario.unique_ids)]
        if len(base):
            frames.append(_under(scenario, base.reset_index(drop=True), (price, promotion), frequency, bounds))
    columns = [*SCENARIO_COLUMNS, *(c for _, lo, hi in bounds for c in (lo, hi)), "note"]
    return pd.concat(frames, ignore_index=True)[columns] if frames else pd.DataFrame(columns=columns)


def _under(
    scenario: Scenario,
    base: pd.DataFrame,
    effects: tuple[dict[str, _Effect], dict[str, _Effect]],
    frequency: Frequency,
    bounds: Sequence[tuple[float, str, str]],
) -> pd.DataFrame:
    starts, ends = _spans(base["ds"].to_numpy(dtype="datetime64[s]"), frequency)
    ids = base["unique_id"].astype("str")
    log_factor, variance = np.zeros(len(base)), np.zeros(len(base))
    notes = pd.Series([""] * len(base), dtype="object")
    for usable, doses in zip(effects, _doses(scenario, starts, ends), strict=True):
        if doses is None:
            continue
        missing = _Effect(
            0.0, 0.0, f"{PRICE if usable is effects[0] else PROMOTION} effect not estimable: not in the data"
        )
        known = [usable.get(i, missing) for i in ids]
        log_factor += doses * np.array([one.value for one in known])
        variance += np.square(doses * np.array([one.se for one in known]))
        notes = notes + np.where(notes == "", "", "; ") + np.array([one.note for one in known], dtype=object)
    factor = np.clip(np.exp(log_factor), 1 / _LARGEST_FACTOR, _LARGEST_FACTOR)
    factor = factor * (1.0 if scenario.shock is None else _shock(scenario.shock, starts, ends))
    mean = base["mean"].to_numpy(dtype="float64")
    out = pd.DataFrame(
        {"scenario": scenario.name, "unique_id": ids, "ds": base["ds"], "base": mean, "mean": mean * factor}
    )
    for level, lo, hi in bounds:
        unsure = float(norm.ppf(0.5 + level / 200)) * np.abs(mean) * np.sqrt(variance)
        below = factor * np.hypot(mean - base[lo].to_numpy(dtype="float64"), unsure)
        above = factor * np.hypot(base[hi].to_numpy(dtype="float64") - mean, unsure)
        lowest = np.where(base[lo].to_numpy(dtype="float64") >= 0, 0.0, -np.inf)
        out[lo] = np.maximum(mean * factor - below, lowest)
        out[hi] = mean * factor + above
    if scenario.shock is not None:
        told = f"demand {scenario.shock.change:+.0%} from {scenario.shock.first} to {scenario.shock.last}"
        notes = notes + np.where(notes == "", "", "; ") + told
    return out.assign(note=notes.where(notes != "", "nothing changes").astype("str"))


def _doses(scenario: Scenario, starts: np.ndarray, ends: np.ndarray) -> tuple[np.ndarray | None, np.ndarray | None]:
    """By how much the logarithm of the price, and the discount, change in each period; None where not asked."""
    price = promotion = None
    if scenario.price_change:
        if scenario.price_change <= -1:
            raise ValueError(f"scenario {scenario.name!r}: a price cannot fall by {-scenario.price_change:.0%}")
        first = np.datetime64(scenario.price_from, "D") if scenario.price_from else starts.min()
        price = np.log1p(scenario.price_change) * _share(starts, ends, first, ends.max())
    if scenario.promotion is not None:
        one = scenario.promotion
        last = np.datetime64(one.last, "D") + 1
        promotion = one.discount_share * _share(starts, ends, np.datetime64(one.first, "D"), last)
    return price, promotion


def _spans(ds: np.ndarray, frequency: Frequency) -> tuple[np.ndarray, np.ndarray]:
    """First day of each period, and first day after it."""
    periods = frequency.ordinals(ds)
    return frequency.labels(periods).astype("datetime64[D]"), frequency.labels(periods + 1).astype("datetime64[D]")


def _share(starts: np.ndarray, ends: np.ndarray, first: np.datetime64, after: np.datetime64) -> np.ndarray:
    """The part of each period's days that lies in [first, after)."""
    days = (np.minimum(ends, after) - np.maximum(starts, first)).astype("float64")
    return np.maximum(days, 0.0) / (ends - starts).astype("float64")


def _shock(shock: Shock, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """The mean of the shock's daily factors over each period."""
    if shock.change < -1:
        raise ValueError(f"demand cannot fall by {-shock.change:.0%}")
    first, last = np.datetime64(shock.first, "D"), np.datetime64(shock.last, "D")
    days = np.arange(starts.min(), ends.max())
    since = (days - last).astype("float64")
    decay = 0.5 ** (np.maximum(since, 0.0) / shock.half_life_days) if shock.half_life_days > 0 else since <= 0
    daily = 1.0 + shock.change * np.where(days < first, 0.0, decay)
    total = np.r_[0.0, np.cumsum(daily)]
    at, until = (starts - days[0]).astype(np.int64), (ends - days[0]).astype(np.int64)
    mean: np.ndarray = (total[until] - total[at]) / (until - at)
    return mean


def _usable(effects: pd.DataFrame, regressor: str, sign: float) -> dict[str, _Effect]:
    """The effect of ``regressor`` to be used for each series, which must have the sign ``sign``."""
    names = [PAID, PRICE] if regressor == PRICE else [regressor]
    usable: dict[str, _Effect] = {}
    known = effects[effects["regressor"].isin(names)]
    for row in known.sort_values("regressor", ascending=False, kind="stable").itertuples(index=False):
        said = partial(_in_words, row.regressor)
        own = _sensible(row.effect, row.se, sign)
        group = _sensible(row.group_effect, row.group_se, sign)
        reason = None if pd.isna(row.reason) else str(row.reason)
        if own:
            one = _Effect(float(row.effect), float(row.se), said(row.effect))
        elif group:
            why = f"its own {reason}" if reason else "its own has the wrong sign or is too unsure"
            one = _Effect(
                float(row.group_effect), float(row.group_se), f"{said(row.group_effect)} of its category ({why})"
            )
        else:
            why = f"it {reason}" if reason else "the history shows none of the expected sign"
            one = _Effect(0.0, 0.0, f"{regressor} effect not estimable: {why}")
        usable[str(row.unique_id)] = one
    return usable


def _in_words(regressor: str, effect: float) -> str:
    """An effect as a planner reads it.

    >>> _in_words("promotion", 2.0)
    'promotion effect 2.00 (10 % off: demand +22 %)'
    """
    if regressor in (PRICE, PAID):
        return f"{'price elasticity' if regressor == PRICE else 'elasticity to the price paid'} {effect:.2f}"
    with np.errstate(over="ignore"):
        return f"promotion effect {effect:.2f} (10 % off: demand {100 * np.expm1(0.1 * effect):+.0f} %)"


def _sensible(effect: float, se: float, sign: float) -> bool:
    return bool(np.isfinite(effect) and np.isfinite(se) and sign * effect > _LEAST_SURE * se)
