"""Whether another model's vote is worth having, series by series, and the combination where it is.

Not here: the votes (regression.py, profiles.py), the engine's own forecast (engine.py).
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from forecasting.effects import random_effects
from forecasting.panel import require_columns

WEIGHTS = (0.25, 0.5, 0.75, 1.0)
_SURE = 1.2816  # the 90 % quantile of the normal: one chance in ten that a vote which does not help is kept
_LEAST_GAIN = 0.02  # of the engine's error; a smaller gain is not worth another model in the explanation
_FEWEST_ORIGINS = 2
_FEWEST_SERIES = 4  # in a group with a word of its own; smaller ones are judged as part of all series
_PRIOR_SPREAD = 0.10  # of the gain between series, where too few series show it
GATE_COLUMNS = ("unique_id", "group", "n_origins", "engine_error", "vote_error", "gain_pct", "weight", "reason")


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
        {
            "n_origins": series.size(),
            "engine_error": series["engine"].mean(),
            "vote_error": series["w1"].mean(),
        }
    ).reindex(everyone)
    table["n_origins"] = table["n_origins"].fillna(0).astype("int64")
    table["group"] = [groups.get(i, "") for i in everyone]
    judged = (table["n_origins"] >= _FEWEST_ORIGINS) & (table["engine_error"] > 0)
    table["gain_pct"], table["weight"] = np.nan, 0.0
    if judged.any():
        _judge(table, errors[errors["unique_id"].isin(table.index[judged])])
    table["reason"] = np.select(
        [table["n_origins"] < _FEWEST_ORIGINS, ~judged, table["weight"] > 0],
        [f"fewer than {_FEWEST_ORIGINS} past origins to compare", "the engine made no error", "the vote helped before"],
        default="past origins do not show that it helps",
    )
    return table.reset_index()[list(GATE_COLUMNS)]


def combine_with(
    forecasts: pd.DataFrame, backtest: pd.DataFrame, votes: pd.DataFrame, past_votes: pd.DataFrame, gate: pd.DataFrame,
    *, name: str = "regression",
) -> tuple[pd.DataFrame, pd.DataFrame]:  # fmt: skip
    """The engine's forecasts and backtest with the votes that the gate keeps.

    mean' = (1 − w)·mean + w·vote; each bound keeps its distance from the mean less a quarter of the gain (a gate picks
    winners: with half of it 95 % intervals on Dominick's weekly sales covered 91 %), and stays at or above 0 where
    the engine's did. Pass the combined backtest to ``forecast_panel`` to calibrate anew instead.

    Args:
        forecasts: as from ``forecast_panel``.
        backtest: as from ``backtest_panel``.
        votes: ``unique_id, ds, mean``; past_votes: ``unique_id, cutoff, ds, mean``.
        gate: as from :func:`gate_votes`.
        name: what ``model_used`` calls it.

    Returns:
        Both frames with the same rows and columns, ``mean``, bounds and ``model_used`` changed where a vote is kept
        and there is one.
    """
    weights = gate.set_index("unique_id")["weight"]
    gains = gate.set_index("unique_id")["gain_pct"].clip(lower=0.0).fillna(0.0) / 100.0
    return (
        _combined(forecasts, votes, ["unique_id", "ds"], weights, gains, name),
        _combined(backtest, past_votes, ["unique_id", "cutoff", "ds"], weights, gains, name),
    )


def _errors_by_origin(backtest: pd.DataFrame, votes: pd.DataFrame) -> pd.DataFrame:
    """``unique_id, cutoff, reach, engine, w0.25 … w1``: each common origin's mean absolute errors, and its length."""
    key = ["unique_id", "cutoff", "ds"]
    both = backtest[[*key, "y", "mean"]].merge(votes[[*key, "mean"]], on=key, suffixes=("", "_vote"), validate="1:1")
    frame = both[["unique_id", "cutoff"]].assign(
        reach=both.groupby(["unique_id", "cutoff"])["ds"].transform("max") - both["cutoff"],
        engine=(both["y"] - both["mean"]).abs(),
    )
    for weight in WEIGHTS:
        mixed = (1 - weight) * both["mean"] + weight * both["mean_vote"]
        frame[f"w{weight:g}"] = (both["y"] - mixed).abs()
    return frame.groupby(["unique_id", "cutoff"], as_index=False).mean()


def _judge(table: pd.DataFrame, errors: pd.DataFrame) -> None:
    """Fill gain and weight of the series in ``errors``."""
    size = errors.groupby("unique_id")["engine"].transform("mean")
    names = [f"w{weight:g}" for weight in WEIGHTS]
    gains = errors[["unique_id"]].assign(**{n: (errors["engine"] - errors[n]) / size for n in names})
    series = gains.groupby("unique_id")[names]
    mean, count = series.mean(), series.size()
    spare = gains[names] - mean.loc[gains["unique_id"]].to_numpy()
    within = np.square(spare).groupby(gains["unique_id"]).sum()
    origins = errors.groupby("unique_id").agg(first=("cutoff", "min"), last=("cutoff", "max"), reach=("reach", "mean"))
    effective = (1.0 + (origins["last"] - origins["first"]) / origins["reach"]).clip(upper=count.astype("float64"))
    group = table.loc[mean.index, "group"]
    large = group.map(group.value_counts()) >= _FEWEST_SERIES
    for _, members in mean.groupby(group.where(large, "")).groups.items():
        freedom = float((count.loc[members] - 1).sum())
        noise = within.loc[members].sum() / max(freedom, 1.0)
        best: tuple[float, float, np.ndarray] | None = None
        for weight, name in zip(WEIGHTS, names, strict=True):
            variance = np.maximum(noise[name] / effective.loc[members].to_numpy(), 1e-8)
            bound, shrunk, sure = _shrunk(mean.loc[members, name].to_numpy(), variance)
            if best is None or bound > best[0]:
                best = bound, weight, np.stack([shrunk, sure])
        assert best is not None  # there is a weight
        table.loc[members, "gain_pct"] = 100.0 * best[2][0]
        table.loc[members, "weight"] = np.where(best[2][1] > 0, best[1], 0.0)


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


def _combined(
    frame: pd.DataFrame, votes: pd.DataFrame, key: list[str], weights: pd.Series, gains: pd.Series, name: str
) -> pd.DataFrame:
    merged = frame[key].merge(votes[[*key, "mean"]], on=key, how="left", validate="1:1")
    weight = frame["unique_id"].map(weights).fillna(0.0).to_numpy()
    vote = merged["mean"].to_numpy(dtype="float64")
    weight = np.where(np.isfinite(vote), weight, 0.0)
    old = frame["mean"].to_numpy(dtype="float64")
    new = np.where(weight > 0, (1 - weight) * old + weight * np.where(weight > 0, vote, 0.0), old)
    narrower = 1.0 - 0.25 * np.where(weight > 0, frame["unique_id"].map(gains).fillna(0.0).to_numpy(), 0.0)
    out = frame.assign(mean=new)
    for column in [c for c in frame.columns if c.startswith(("lo-", "hi-"))]:
        bound = frame[column].to_numpy(dtype="float64")
        moved = new + narrower * (bound - old)
        out[column] = np.where(weight > 0, np.where(bound >= 0, np.maximum(moved, 0.0), moved), bound)
    if "model_used" in frame:
        out["model_used"] = np.where(weight > 0, frame["model_used"].astype("str") + f"+{name}", frame["model_used"])
        out["model_used"] = out["model_used"].astype("str")
    return out
