"""How much another model's vote counts beside the engine's, learned from what both said at past origins.

Not here: the votes (totals.py, regression.py, profiles.py), what is made of the weights (votes.py).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from forecasting.effects import random_effects
from forecasting.panel import require_columns

WEIGHTS = (0.25, 0.5, 0.75, 1.0)
_NAMES = [f"w{weight:g}" for weight in WEIGHTS]
_SURE = 1.2816  # the 90 % quantile of the normal: one chance in ten that a vote which does not help is kept
_LEAST_GAIN = 0.02  # of the engine's error; a smaller gain is not worth another model in the explanation
_FEWEST_ORIGINS = 2
_FEWEST_SERIES = 4  # in a group with a word of its own; smaller ones are judged as part of all series
_PRIOR_SPREAD = 0.10  # of the gain between series, where too few series show it
GATE_COLUMNS = ("unique_id", "group", "n_origins", "engine_error", "vote_error", "gain_pct", "weight", "reason")
# The engine's mean is of six models already. OWA of the engine, ARIMA and both, on 60 monthly series of M3 .724, .815
# and .723, on 20 of tourism .841, .853 and .835; with the engine counted as two .725 and .834, without a look at the
# errors (a third for ARIMA) .730 and .833. 95 % intervals covered .975 and .933 before, .972 and .940 after.
_ENGINE_VOTES = 4.0
_WORST_RATIO = 2.0  # of two errors, as far as six origins can be believed


@dataclass(frozen=True)
class Weights:
    """Between 0 (the engine alone) and 1 (the vote alone), missing where there is none.

    ``final`` by unique_id; ``past`` by unique_id and cutoff, learned without that origin: no error chooses the
    weight it is judged by.
    """

    final: pd.Series
    past: pd.Series

    def of(self, ids: Iterable[str]) -> "Weights":
        """Those of these series."""
        wanted = set(ids)
        own, then = self.final.index.isin(wanted), self.past.index.get_level_values("unique_id").isin(wanted)
        return Weights(self.final[own], self.past[then])


def error_weights(backtest: pd.DataFrame, votes: pd.DataFrame) -> Weights:
    """Every vote counts, by how the series' own errors compare: for a few series that are looked at one by one.

    The odds w / (1 − w) are r² / 4, where r is the engine's mean absolute error over the vote's at the same past
    origins, kept between 1/2 and 2: w lies between 0.06 and 0.5. Of a single origin, which has no others, r is 1.

    Args:
        backtest: ``unique_id, cutoff, ds, y, mean`` of the engine.
        votes: ``unique_id, cutoff, ds, mean``.

    >>> days = pd.date_range("2024-01-01", periods=3)
    >>> past = pd.DataFrame({"unique_id": "A", "cutoff": days[:2], "ds": days[1:], "y": 10.0, "mean": 6.0})
    >>> error_weights(past, past.assign(mean=[8.0, 6.0])).final.round(3).tolist()
    [0.308]
    """
    errors = _errors_by_origin(backtest, votes).set_index(["unique_id", "cutoff"])[["engine", "w1"]]
    whole = errors.groupby("unique_id").sum()
    others = whole.reindex(errors.index, level="unique_id") - errors
    return Weights(_by_ratio(whole), _by_ratio(others))


def _by_ratio(errors: pd.DataFrame) -> pd.Series:
    """w = r² / (r² + 4) of each row's errors."""
    engine, own = errors["engine"].to_numpy(), errors["w1"].to_numpy()
    size = np.maximum(np.maximum(engine, own), np.finfo("float64").tiny)
    # r is bounded either way, so a model that never missed counts as one that missed a little
    ratio = (engine / size + 1e-9) / (own / size + 1e-9)
    square = np.clip(ratio, 1 / _WORST_RATIO, _WORST_RATIO) ** 2
    return pd.Series(square / (square + _ENGINE_VOTES), index=errors.index)


def gate_weights(backtest: pd.DataFrame, votes: pd.DataFrame, *, groups: Mapping[str, str]) -> Weights:
    """The weights of :func:`gate_votes`; at a past origin those that the panel's other origins would have given."""
    errors = _errors_by_origin(backtest, votes)
    from_last = errors.groupby("unique_id").cumcount(ascending=False)
    past = pd.Series(0.0, index=pd.MultiIndex.from_frame(errors[["unique_id", "cutoff"]]))
    for k in from_last.unique():
        own = errors["unique_id"].map(_judged(errors[from_last != k], groups).series["weight"])
        past = past.where((from_last != k).to_numpy(), own.fillna(0.0).to_numpy())
    return Weights(_judged(errors, groups).series["weight"], past)


def group_weights(
    backtest: pd.DataFrame, votes: pd.DataFrame, *, groups: Mapping[str, str], ids: Iterable[str]
) -> Weights:
    """The weight that a group's other series give to series without past origins of their own: ``ids``.

    A group's word needs four series, and a gain above 2 % and above 1.28 of its standard errors; a smaller group
    follows all of them. At past origins the word is that of the other half of the series.
    """
    errors = _errors_by_origin(backtest, votes)
    codes, _ = pd.factorize(errors["unique_id"])
    past = np.zeros(len(errors))
    for half in (0, 1):
        mine = codes % 2 == half
        past[mine] = _words(errors[~mine], groups, errors.loc[mine, "unique_id"])
    names = pd.Index(sorted(set(ids)), name="unique_id", dtype="str")
    return Weights(
        pd.Series(_words(errors, groups, names), index=names),
        pd.Series(past, index=pd.MultiIndex.from_frame(errors[["unique_id", "cutoff"]])),
    )


def _words(errors: pd.DataFrame, groups: Mapping[str, str], ids: Iterable[str]) -> list[float]:
    """The weight that each series' group gives it, or all series together."""
    own, everyone = _judged(errors, groups).groups, _judged(errors, {}).groups.get("", 0.0)
    return [own.get(groups.get(i, ""), everyone) for i in ids]


def gate_votes(backtest: pd.DataFrame, votes: pd.DataFrame, *, groups: Mapping[str, str]) -> pd.DataFrame:
    """How much weight a vote deserves beside the engine, from what both said at the same past origins.

    For each weight w of ¼, ½, ¾, 1 the gain of series i is the mean over its origins of (E_i − E_i(w)) / Ē_i, where E
    is the mean absolute error of the engine over the horizon, E(w) that of (1 − w)·engine + w·vote, and Ē_i the
    engine's mean over the origins. Origins closer to each other than a horizon share periods, so they count for 1 +
    (last − first) / horizon origins. Gains are pooled within the group (DerSimonian & Laird); the weight is the one
    whose group has the largest gain less 1.28 standard errors. A series' own gain is then shrunk towards its group's
    by their variances, and the vote is kept where the shrunk gain is above 2 % and 1.28 of its standard deviations
    above zero: of votes that do not help one in ten would be kept, by the evidence of the group more than of its own.

    Args:
        backtest: ``unique_id, cutoff, ds, y, mean`` of the engine.
        votes: ``unique_id, cutoff, ds, mean``.
        groups: the group of each series; series without one form a group together.

    Returns:
        One row per series of the backtest: ``unique_id, group, n_origins``, ``engine_error`` and ``vote_error`` (mean
        absolute, in the series' unit, over common origins), ``gain_pct`` (shrunk, of the engine's error), ``weight``
        of the vote (0 where it is not kept) and ``reason``.

    >>> weeks = pd.date_range("2024-01-01", periods=9, freq="W-MON")
    >>> past = pd.DataFrame({"unique_id": "A", "cutoff": weeks[:8], "ds": weeks[1:], "y": 10.0, "mean": 6.0})
    >>> gate = gate_votes(past, past.assign(mean=10.0), groups={})
    >>> gate[["n_origins", "weight"]].to_dict("list")
    {'n_origins': [8], 'weight': [1.0]}
    """
    require_columns(backtest, ("unique_id", "cutoff", "ds", "y", "mean"), "backtest")
    require_columns(votes, ("unique_id", "cutoff", "ds", "mean"), "votes")
    everyone = pd.Index(sorted(backtest["unique_id"].unique()), name="unique_id", dtype="str")
    errors = _errors_by_origin(backtest, votes)
    series = errors.groupby("unique_id")
    table = pd.DataFrame(
        {"n_origins": series.size(), "engine_error": series["engine"].mean(), "vote_error": series["w1"].mean()}
    ).reindex(everyone)
    table["n_origins"] = table["n_origins"].fillna(0).astype("int64")
    table["group"] = [groups.get(i, "") for i in everyone]
    judged = (table["n_origins"] >= _FEWEST_ORIGINS) & (table["engine_error"] > 0)
    table = table.join(_judged(errors, groups).series)
    table["weight"] = table["weight"].fillna(0.0)
    table["reason"] = np.select(
        [table["n_origins"] < _FEWEST_ORIGINS, ~judged, table["weight"] > 0],
        [f"fewer than {_FEWEST_ORIGINS} past origins to compare", "the engine made no error", "the vote helped before"],
        default="past origins do not show that it helps",
    )
    return table.reset_index()[list(GATE_COLUMNS)]


def _errors_by_origin(backtest: pd.DataFrame, votes: pd.DataFrame) -> pd.DataFrame:
    """``unique_id, cutoff, reach, engine, w0.25 … w1``: each common origin's mean absolute errors, and its length."""
    key = ["unique_id", "cutoff", "ds"]
    both = backtest[[*key, "y", "mean"]].merge(votes[[*key, "mean"]], on=key, suffixes=("", "_vote"), validate="1:1")
    frame = both[["unique_id", "cutoff"]].assign(
        reach=both.groupby(["unique_id", "cutoff"])["ds"].transform("max") - both["cutoff"],
        engine=(both["y"] - both["mean"]).abs(),
    )
    for weight, name in zip(WEIGHTS, _NAMES, strict=True):
        mixed = (1 - weight) * both["mean"] + weight * both["mean_vote"]
        frame[name] = (both["y"] - mixed).abs()
    return frame.groupby(["unique_id", "cutoff"], as_index=False).mean()


@dataclass(frozen=True)
class _Word:
    """``gain_pct, weight`` by unique_id of the series that could be judged; each group's weight, 0 for none."""

    series: pd.DataFrame
    groups: dict[str, float]


def _judged(errors: pd.DataFrame, groups: Mapping[str, str]) -> _Word:
    """What origins' errors say of every series that has two of them, and of every group of at least four series."""
    by_series = errors.groupby("unique_id")
    told = (by_series.size() >= _FEWEST_ORIGINS) & (by_series["engine"].mean() > 0)
    errors = errors[errors["unique_id"].isin(told.index[told])]
    table = pd.DataFrame({"gain_pct": np.nan, "weight": 0.0}, index=told.index[told])
    if errors.empty:
        return _Word(table, {})
    size = errors.groupby("unique_id")["engine"].transform("mean")
    gains = errors[["unique_id"]].assign(**{n: (errors["engine"] - errors[n]) / size for n in _NAMES})
    series = gains.groupby("unique_id")[_NAMES]
    mean, count = series.mean(), series.size()
    spare = gains[_NAMES] - mean.loc[gains["unique_id"]].to_numpy()
    within = np.square(spare).groupby(gains["unique_id"]).sum()
    origins = errors.groupby("unique_id").agg(first=("cutoff", "min"), last=("cutoff", "max"), reach=("reach", "mean"))
    effective = (1.0 + (origins["last"] - origins["first"]) / origins["reach"]).clip(upper=count.astype("float64"))
    group = pd.Series([groups.get(i, "") for i in mean.index], index=mean.index)
    large = group.map(group.value_counts()) >= _FEWEST_SERIES
    words: dict[str, float] = {}
    for name, members in mean.groupby(group.where(large, "")).groups.items():
        noise = within.loc[members].sum() / max(float((count.loc[members] - 1).sum()), 1.0)
        variances = np.maximum(noise.to_numpy() / effective.loc[members].to_numpy()[:, None], 1e-8)
        shrunk, weights, words[str(name)] = _best(mean.loc[members, _NAMES].to_numpy(), variances)
        table.loc[members, "gain_pct"], table.loc[members, "weight"] = 100.0 * shrunk, weights
    return _Word(table, words)


def _best(gains: np.ndarray, variances: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Of the weight with the largest bound: shrunk gains and kept weights of the series, and the group's weight.

    ``gains`` and ``variances`` have the shape (series, weights).
    """
    found = [_shrunk(gains[:, k], variances[:, k]) for k in range(len(WEIGHTS))]
    k = int(np.argmax([bound for bound, _, _ in found]))
    bound, shrunk, sure = found[k]
    is_worth = len(gains) >= _FEWEST_SERIES and bound > 0 and float(shrunk.mean()) > _LEAST_GAIN
    return shrunk, WEIGHTS[k] * sure, WEIGHTS[k] if is_worth else 0.0


def _shrunk(gains: np.ndarray, variances: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """The group's lower bound, and of each series the shrunk gain and whether it is sure (1 or 0)."""
    if len(gains) >= _FEWEST_SERIES:
        pooled = random_effects(gains, variances)
        centre, se, spread = pooled.mean, pooled.se, pooled.spread
    else:
        centre, se, spread = 0.0, 0.0, _PRIOR_SPREAD
    prior = max(spread**2 + se**2, 1e-8)
    shrunk = (gains / variances + centre / prior) / (1.0 / variances + 1.0 / prior)
    deviation = 1.0 / np.sqrt(1.0 / variances + 1.0 / prior)
    bound = centre - _SURE * se if len(gains) >= _FEWEST_SERIES else float((shrunk - _SURE * deviation).mean())
    return bound, shrunk, ((shrunk > _LEAST_GAIN) & (shrunk - _SURE * deviation > 0)).astype("float64")
