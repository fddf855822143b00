"""Forecasts of short series, with what their category knows: its season, how a launch goes on, how large products are.

Not here: series that have two seasons of their own (engine.py), whether the vote counts (gate.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from forecasting.kernel.classes import MIN_POINTS
from forecasting.panel import validate_panel
from forecasting.periods import Frequency

PROFILE, LAUNCH, MEAN = "category profile", "category launch", "own level"
_SHORT_SEASONS = 2  # with as many seasons of its own a series needs none of another
_MOST_YEARS = 3  # of each donor: older seasons are another business's
_FEWEST_DONORS = 3
_HALF_LIFE_SHARE = 1 / 12  # of a year: what is older counts half for the level
_SEASON_BOUNDS = (0.2, 5.0)
_LAUNCH_SHARE = 0.5  # of a year that a launch is followed for
_MOST_SHRUNK = 20.0  # own periods that the category's size may at most count for
_KERNEL = {"MS": (1.0,), "W": (1.0, 2.0, 3.0, 2.0, 1.0), "D": tuple(np.bartlett(23)[1:-1])}


@dataclass(frozen=True)
class _Known:
    """What a category knows at an origin: season factors by place, launch factors by age, its products' size."""

    season: np.ndarray  # year long
    weekday: np.ndarray  # 7 long, 1 but for daily series
    launch: np.ndarray  # by age, about 1; the last one holds for every later age
    size: float  # what its middle product sells per period
    shrink: float  # how many own periods the size counts for


def profile_votes(
    panel: pd.DataFrame,
    groups: Mapping[str, str],
    *,
    freq: str,
    horizon: int,
    origins: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Forecast the series with less than two years of history by what their category has shown.

    With s the season of the category, c its launch curve (for series of fewer than 8 periods, else 1) and a the age:
    ŷ_(n+h) = l · s_(n+h) · c_(a+h), where l = (Σ_t ω_t y_t + ȳ + κ·L) / (Σ_t ω_t s_t c_t + 1 + κ) is its own level.
    Weights ω halve every month; L is the size of the category's middle product, and counts for κ periods, the
    variance within products over that between them (Bühlmann's credibility); κ is 0 from the eighth period on.

    Season and launch curve are means over the category's older series, each shrunk towards flat by the share
    of its variation that is not the error of that mean: series that do not agree teach nothing. A category of
    fewer than three such series uses those of all.

    Source: Bühlmann (1967), "Experience rating and credibility", ASTIN Bulletin 4(3), 199–207.

    Args:
        panel: ``unique_id, ds, y``, gapless: the short series and those to learn from.
        groups: the category of each series; series without one form one together.
        freq, horizon: as for ``forecast_panel``.
        origins: ``unique_id, cutoff`` to forecast from, with what was known then; None for the end of each series.

    Returns:
        ``unique_id, cutoff, ds, mean, model_used``, ``horizon`` rows per origin of a series that is short there.

    Raises:
        PanelError: the panel broke its contract.
        ValueError: an unknown frequency, a horizon below 1.

    >>> months = pd.date_range("2022-01-01", periods=36, freq="MS")
    >>> season = np.tile([1.0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 4], 3)
    >>> old = [pd.DataFrame({"unique_id": i, "ds": months, "y": 10 * season}) for i in "ABC"]
    >>> new = pd.DataFrame({"unique_id": "N", "ds": months[-14:-2], "y": 3 * season[-14:-2]})
    >>> votes = profile_votes(pd.concat([*old, new]), {}, freq="MS", horizon=2)
    >>> votes["mean"].round(6).tolist(), votes["model_used"].tolist()
    ([6.0, 12.0], ['category profile', 'category profile'])
    """
    frequency = Frequency.parse(freq)
    if horizon < 1:
        raise ValueError(f"horizon must be at least 1 period, not {horizon}")
    frame = validate_panel(panel, freq)
    if frame.empty:
        return _nothing()
    ids, row = np.unique(frame["unique_id"].to_numpy(dtype=object), return_inverse=True)
    period = frequency.ordinals(frame["ds"].to_numpy())
    first = int(period.min())
    y = np.full((len(ids), int(period.max()) - first + 1), np.nan)
    y[row, period - first] = frame["y"].to_numpy()
    begins = np.isfinite(y).argmax(axis=1)
    ends = y.shape[1] - 1 - np.isfinite(y)[:, ::-1].argmax(axis=1)
    where = _origins(ids, ends, origins, first, frequency)
    names = np.array([groups.get(str(i), "") for i in ids], dtype=object)
    votes = []
    for cut in np.unique(where["place"]):
        chosen = where.loc[where["place"] == cut, "row"].to_numpy()
        age = cut - begins[chosen] + 1
        is_short = (age >= 1) & (cut <= ends[chosen]) & (age < _SHORT_SEASONS * frequency.year)
        if is_short.any():
            votes.append(_vote(y[:, : cut + 1], chosen[is_short], names, first, frequency, horizon).assign(cut=cut))
    if not votes:
        return _nothing()
    whole = pd.concat(votes, ignore_index=True)
    whole["unique_id"] = ids[whole["row"].to_numpy()]
    whole["unique_id"] = whole["unique_id"].astype("str")
    whole["cutoff"] = frequency.labels(first + whole["cut"].to_numpy())
    whole["ds"] = frequency.labels(first + whole["cut"].to_numpy() + whole["step"].to_numpy())
    return whole.sort_values(["unique_id", "cutoff", "ds"], ignore_index=True)[list(_nothing().columns)]


def _nothing() -> pd.DataFrame:
    kinds = {
        "unique_id": "str",
        "cutoff": "datetime64[s]",
        "ds": "datetime64[s]",
        "mean": "float64",
        "model_used": "str",
    }
    return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in kinds.items()})


def _origins(
    ids: np.ndarray, ends: np.ndarray, origins: pd.DataFrame | None, first: int, frequency: Frequency
) -> pd.DataFrame:
    """``row, place``: which series is forecast after which column."""
    if origins is None:
        return pd.DataFrame({"row": np.arange(len(ids)), "place": ends})
    asked = origins[["unique_id", "cutoff"]].drop_duplicates()
    row = pd.Index(ids).get_indexer(asked["unique_id"])
    place = frequency.ordinals(asked["cutoff"].to_numpy(dtype="datetime64[s]")) - first
    return pd.DataFrame({"row": row, "place": place})[(row >= 0) & (place >= 0)]


def _vote(
    y: np.ndarray, rows: np.ndarray, names: np.ndarray, first: int, frequency: Frequency, horizon: int
) -> pd.DataFrame:
    """Forecasts of ``rows`` from the last column of ``y`` on; all that is learned lies in ``y``."""
    size = np.nanmax(np.abs(y)) or 1.0  # sums of values near the float maximum would overflow
    y = y / size
    everyone = _know(y, first, frequency, None)
    frames = []
    for name in dict.fromkeys(names[rows]):
        mine = rows[names[rows] == name]
        known = _know(y[names == name], first, frequency, everyone)
        frames.append(_members(y[mine], known, first, frequency, horizon).assign(row=np.repeat(mine, horizon)))
    whole = pd.concat(frames, ignore_index=True)
    return whole.assign(mean=np.clip(whole["mean"] * size, -np.finfo("float64").max, np.finfo("float64").max))


def _members(y: np.ndarray, known: _Known, first: int, frequency: Frequency, horizon: int) -> pd.DataFrame:
    n_history = y.shape[1]
    t = np.arange(n_history + horizon)
    factor = np.broadcast_to(_season_at(known, first + t, frequency), (len(y), len(t)))
    is_known = np.isfinite(y)
    count = is_known.sum(axis=1)
    age = t[None, :] - is_known.argmax(axis=1)[:, None]
    is_new = count < MIN_POINTS
    curve = known.launch[np.clip(age, 0, len(known.launch) - 1)]
    factor = factor * np.where(is_new[:, None], curve, 1.0)
    plain = np.nanmin(y, axis=1) < 0  # a factor means nothing for what may be negative
    factor = np.where(plain[:, None], 1.0, factor)
    weight = is_known * 0.5 ** ((n_history - 1 - t[:n_history]) / (_HALF_LIFE_SHARE * frequency.year))
    shrink = np.where(is_new & ~plain, known.shrink, 0.0)
    # its plain mean counts for one period: a month that hardly sells anyway is no measure of a product
    above = (weight * np.nan_to_num(y)).sum(axis=1) + shrink * known.size + np.nansum(y, axis=1) / count
    below = (weight * factor[:, :n_history]).sum(axis=1) + shrink + 1.0
    mean = (above / np.maximum(below, 1e-12))[:, None] * factor[:, n_history:]
    used = np.where(plain, MEAN, np.where(is_new, LAUNCH, PROFILE))
    return pd.DataFrame(
        {
            "step": np.tile(np.arange(1, horizon + 1), len(y)),
            "mean": mean.ravel(),
            "model_used": pd.Series(np.repeat(used, horizon), dtype="str"),
        }
    )


def _know(y: np.ndarray, first: int, frequency: Frequency, everyone: _Known | None) -> _Known:
    """What the series of shape S × T (NaN before a series begins) teach; ``everyone`` where they are too few."""
    usable = np.nan_to_num(np.nanmin(np.where(np.isfinite(y), y, np.inf), axis=1), posinf=-1.0) >= 0
    y = y[usable & (np.nansum(y, axis=1) > 0)]
    season = _season(y, first, frequency)
    flat = np.ones(round(frequency.year))
    if season is None:
        season = everyone.season if everyone else flat
    weekday = _weekday(y, first) if frequency.unit == "D" and len(y) >= _FEWEST_DONORS else None
    if weekday is None:
        weekday = everyone.weekday if everyone else np.ones(7)
    seasonal = _Known(season, weekday, np.ones(1), 0.0, 0.0)
    flattened = y / _season_at(seasonal, first + np.arange(y.shape[1]), frequency)
    launch = _launch(flattened, frequency)
    if launch is None:
        launch = everyone.launch if everyone else np.ones(1)
    if len(y) < _FEWEST_DONORS and everyone:
        return _Known(season, weekday, launch, everyone.size, everyone.shrink)
    return _Known(season, weekday, launch, *_size(flattened))


def _season_at(known: _Known, periods: np.ndarray, frequency: Frequency) -> np.ndarray:
    factor: np.ndarray = known.season[_place(periods, frequency)]
    return factor * known.weekday[periods % 7] if frequency.unit == "D" else factor


def _place(periods: np.ndarray, frequency: Frequency) -> np.ndarray:
    """The place in the year, 0 … 11, 51 or 364; a leap day shares its place with the day before."""
    year = round(frequency.year)
    if frequency.unit == "MS":
        return periods % 12
    days = frequency.labels(periods).astype("datetime64[D]") + (3 if frequency.unit == "W" else 0)
    since = (days - days.astype("datetime64[Y]").astype("datetime64[D]")).astype(np.int64)
    return np.minimum(since // (7 if frequency.unit == "W" else 1), year - 1)


def _season(y: np.ndarray, first: int, frequency: Frequency) -> np.ndarray | None:
    """Season factors by place of the year, from series that are alive and known for two years; None for too few.

    Ratios to the centred average of a year: a mean of the calendar year would take growth, and the end of a product,
    for a season (on AdventureWorks that made errors of 330 % out of 45 %).
    """
    year = round(frequency.year)
    recent = y[:, max(0, y.shape[1] - (_MOST_YEARS + 1) * year) :]
    lives = np.nansum(recent[:, -frequency.quarter :], axis=1) > 0
    donors = recent[lives & (np.isfinite(recent).sum(axis=1) >= 2 * year)]
    if len(donors) < _FEWEST_DONORS:
        return None
    windows = np.lib.stride_tricks.sliding_window_view(donors, year, axis=1).mean(axis=2)
    trend = (windows[:, 1:] + windows[:, :-1]) / 2 if year % 2 == 0 else windows
    middle = donors[:, year // 2 : year // 2 + trend.shape[1]]
    ratio = np.where(trend > 0, middle / np.where(trend > 0, trend, 1.0), np.nan)
    places = _place(first + y.shape[1] - recent.shape[1] + year // 2 + np.arange(ratio.shape[1]), frequency)
    told = np.isfinite(ratio)
    total, count = np.zeros((len(donors), year)), np.zeros((len(donors), year))
    for t, place in enumerate(places):
        total[:, place] += np.where(told[:, t], ratio[:, t], 0.0)
        count[:, place] += told[:, t]
    ratios = np.where(count > 0, total / np.maximum(count, 1), 1.0)
    kernel = np.asarray(_KERNEL[frequency.unit])
    ratios = _smooth(ratios, kernel / kernel.sum())
    season = _shrunk_mean(ratios, np.sqrt(np.nanmean(donors, axis=1)))
    return np.clip(season / season.mean(), *_SEASON_BOUNDS)


def _smooth(ratios: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Each row around its circle, by the kernel."""
    half = len(kernel) // 2
    shifted = [weight * np.roll(ratios, k - half, axis=1) for k, weight in enumerate(kernel)]
    total: np.ndarray = np.sum(shifted, axis=0)
    return total


def _shrunk_mean(ratios: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """The weighted mean of the rows, towards 1 by the share of its variation that is its own error.

    >>> _shrunk_mean(np.array([[0.5, 1.5], [0.5, 1.5]]), np.ones(2)).tolist()
    [0.5, 1.5]
    >>> _shrunk_mean(np.array([[0.5, 1.5], [1.5, 0.5]]), np.ones(2)).tolist()
    [1.0, 1.0]
    """
    share = weight[:, None] / weight.sum()
    mean = (share * ratios).sum(axis=0)
    error = float((np.square(share) * np.square(ratios - mean)).sum(axis=0).mean()) * len(ratios) / (len(ratios) - 1)
    varies = float(np.square(mean - 1).mean())
    believed = max(0.0, 1.0 - error / varies) if varies > 0 else 0.0
    kept: np.ndarray = np.maximum(1.0 + believed * (mean - 1.0), 0.05)
    return kept


def _weekday(y: np.ndarray, first: int) -> np.ndarray:
    """Factors by ordinal modulo 7, from the last whole weeks."""
    weeks = y.shape[1] // 7
    if weeks < 4:
        return np.ones(7)
    recent = y[:, y.shape[1] - 7 * min(weeks, 26) :]
    place = (first + y.shape[1] - recent.shape[1] + np.arange(7)) % 7
    sums = np.nansum(recent.reshape(len(y), -1, 7), axis=1)
    told = sums.sum(axis=1) > 0
    if told.sum() < _FEWEST_DONORS:
        return np.ones(7)
    ratios = np.empty((int(told.sum()), 7))
    ratios[:, place] = sums[told] / sums[told].mean(axis=1)[:, None]
    return _shrunk_mean(ratios, np.sqrt(sums[told].sum(axis=1)))


def _launch(y: np.ndarray, frequency: Frequency) -> np.ndarray | None:
    """Launch factors by age, from series that began inside the panel and have been followed for half a year."""
    length = max(MIN_POINTS, round(_LAUNCH_SHARE * frequency.year))
    begins = np.isfinite(y).argmax(axis=1)
    inside = (begins > 0) & (np.isfinite(y).sum(axis=1) >= length)
    if inside.sum() < _FEWEST_DONORS:
        return None
    ages = np.take_along_axis(y[inside], begins[inside][:, None] + np.arange(length), axis=1)
    ages = ages[ages.sum(axis=1) > 0]
    if len(ages) < _FEWEST_DONORS:
        return None
    # its root: half of a launch curve was as good as none or better on all three sets that were tried, all of it not
    return np.sqrt(_shrunk_mean(ages / ages.mean(axis=1)[:, None], np.sqrt(ages.sum(axis=1))))


def _size(y: np.ndarray) -> tuple[float, float]:
    """Median over the series of their mean demand, and the variance within them over that between them."""
    count = np.isfinite(y).sum(axis=1)
    donors = y[count >= MIN_POINTS]
    if len(donors) < _FEWEST_DONORS:
        return 0.0, 0.0
    means = np.nanmean(donors, axis=1)
    within = float(np.nanvar(donors, axis=1).mean())
    between = float(means.var(ddof=1)) - within / float(np.mean(count[count >= MIN_POINTS]))
    return float(np.median(means)), _MOST_SHRUNK if between <= 0 else min(within / between, _MOST_SHRUNK)
