"""Another model's vote beside the engine's: how much it counts, and the intervals of the combination.

Not here: where the vote comes from (totals.py).
"""

import re

import numpy as np
import pandas as pd

from forecasting.intervals import PooledScores, error_scores, noise_scale
from forecasting.panel import PanelError, require_columns, validate_panel
from forecasting.periods import Frequency
from forecasting.totals import Votes

# The engine's mean is of several models already: it counts as two of them. OWA on 60 monthly series of M3, with the
# engine at .752 and ARIMA at .815: at a weight of 1/3 .746, at 1/2 .753, and at 1/3 corrected by the backtest .743.
ENGINE_VOTES = 2.0
_WORST_RATIO = 2.0  # of two errors, as far as six origins can be believed
_WIDEST_HALF = 2.0  # of an interval, in ranges of the history, as in the engine
NAME = "arima"


def combine_votes(
    forecasts: pd.DataFrame,
    backtest: pd.DataFrame,
    votes: Votes,
    *,
    panel: pd.DataFrame,
    freq: str,
    season_length: int,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The engine's forecasts and backtest with ARIMA's vote in them, and intervals of what both missed.

    mean = (1 − w) · engine + w · ARIMA, with the odds w / (1 − w) = r² / 2, where r is the engine's mean absolute
    error over ARIMA's at the same past origins, kept between 1/2 and 2: w lies between 0.11 and 0.67. At each
    origin r is of the *other* origins, so that no error chooses the weight it is judged by.

    Only series of the class ``regular`` are combined. A series without a vote stays as it is, and its
    ``fallback_reason`` says why.

    Args:
        forecasts: of ``forecast_panel``, with intervals of any levels. backtest: of ``backtest_panel``.
        votes: of ``totals_votes``, for the same panel, horizon and backtest.
        panel: ``unique_id, ds, y``, the history behind all three.
        freq: of the panel. season_length: of the noise scale of the intervals, in periods; 1 for none.

    Returns:
        Both frames, with the same rows and columns; where ARIMA voted, ``model_used`` ends in ``+arima``.

    Raises:
        PanelError: a column is missing, or the frames are not of the same series and periods.
    """
    require_columns(
        forecasts, ("unique_id", "ds", "mean", "model_used", "demand_class", "fallback_reason"), "forecasts"
    )
    require_columns(backtest, ("unique_id", "cutoff", "ds", "y", "mean", "model_used"), "backtest")
    history = {str(name): one for name, one in validate_panel(panel, freq).groupby("unique_id")}
    ahead = _beside(forecasts, votes.forecasts, ["unique_id", "ds"])
    past = _beside(backtest, votes.backtests, ["unique_id", "cutoff", "ds"])
    is_regular = ahead["demand_class"] == "regular"
    voted = set(ahead.loc[is_regular & ahead[NAME].notna(), "unique_id"]) & set(
        past.loc[past[NAME].notna(), "unique_id"]
    )
    is_combined, was_combined = ahead["unique_id"].isin(voted), past["unique_id"].isin(voted) & past[NAME].notna()
    final, by_origin = _weights(past[was_combined])
    _mix(past, was_combined, past[["unique_id", "cutoff"]].apply(tuple, axis=1).map(by_origin))
    _mix(ahead, is_combined, ahead["unique_id"].map(final))
    if voted:
        ahead = _with_intervals(ahead, is_combined, past, history, Frequency.parse(freq), season_length)
    reasons = votes.outcomes.dropna(subset="reason").set_index("unique_id")["reason"].to_dict()
    ahead["fallback_reason"] = _reasons(ahead, is_regular & ~is_combined, reasons)
    return ahead[list(forecasts.columns)], past[list(backtest.columns)]


def _beside(frame: pd.DataFrame, votes: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """The frame with ARIMA's mean as one more column, missing where there is none."""
    missing = set(votes["unique_id"]) - set(frame["unique_id"])
    if missing:
        raise PanelError(f"series {min(missing)!r} has a vote, but no forecast to vote on")
    own = votes.rename(columns={"mean": NAME})[[*keys, NAME]]
    both = frame.merge(own, on=keys, how="left", validate="1:1")
    if both[NAME].notna().sum() != len(own):
        raise PanelError("the votes are of other periods than the forecasts")
    both.index = frame.index
    return both


def _weights(past: pd.DataFrame) -> tuple[dict[str, float], dict[tuple[str, pd.Timestamp], float]]:
    """ARIMA's weight per series from all of its origins, and per origin from the others."""
    misses = pd.DataFrame(
        {
            "unique_id": past["unique_id"],
            "cutoff": past["cutoff"],
            "engine": (past["y"] - past["mean"]).abs(),
            NAME: (past["y"] - past[NAME]).abs(),
        }
    )
    by_origin = misses.groupby(["unique_id", "cutoff"])[["engine", NAME]].mean()
    whole = by_origin.groupby("unique_id").sum()
    others = whole.reindex(by_origin.index, level="unique_id") - by_origin
    return _weight(whole).to_dict(), _weight(others).to_dict()


def _weight(misses: pd.DataFrame) -> pd.Series:
    """w = r² / (r² + 2) of each row's errors; of a single origin, which has no others, r is 1."""
    engine, own = misses["engine"].to_numpy(), misses[NAME].to_numpy()
    size = np.maximum(np.maximum(engine, own), np.finfo("float64").tiny)
    # r is bounded either way, so a model that never missed counts as one that missed a little
    ratio = (engine / size + 1e-9) / (own / size + 1e-9)
    square = np.clip(ratio, 1 / _WORST_RATIO, _WORST_RATIO) ** 2
    return pd.Series(square / (square + ENGINE_VOTES), index=misses.index)


def _mix(frame: pd.DataFrame, where: pd.Series, weight: pd.Series) -> None:
    """(1 − w) · mean + w · ARIMA, and who made it, in place."""
    w = weight[where].astype("float64")
    frame.loc[where, "mean"] = (1 - w) * frame.loc[where, "mean"] + w * frame.loc[where, NAME]
    frame.loc[where, "model_used"] = frame.loc[where, "model_used"] + f"+{NAME}"


def _with_intervals(
    ahead: pd.DataFrame, where: pd.Series, past: pd.DataFrame, history: dict[str, pd.DataFrame],
    frequency: Frequency, season_length: int,
) -> pd.DataFrame:  # fmt: skip
    """New bounds around the combined means, as wide as the pool of combined errors asks for."""
    origins = past[["unique_id", "cutoff"]].drop_duplicates()
    scales = [
        noise_scale(_until(history[str(name)], cutoff), season_length)
        for name, cutoff in zip(origins["unique_id"], origins["cutoff"], strict=True)
    ]
    horizon = int(ahead.groupby("unique_id").size().max())
    pooled = PooledScores(error_scores(past, origins.assign(scale=scales)), horizon)
    levels = sorted(float(name[3:]) for name in ahead.columns if re.fullmatch(r"lo-[\d.]+", name))
    ahead = ahead.copy()
    for name, one in ahead[where].groupby("unique_id"):
        y = history[str(name)]["y"].to_numpy()
        scale, group, mean = noise_scale(y, season_length), str(one["model_used"].iloc[0]), one["mean"].to_numpy()
        widest = _WIDEST_HALF * max(float(np.ptp(y)), float(np.abs(y).max()))
        half = np.zeros(len(one))
        for level in levels:
            half = np.minimum(np.maximum(half, pooled.half_widths(str(name), group, level) * scale), widest)
            ahead.loc[one.index, f"lo-{level:g}"] = np.maximum(mean - half, 0.0 if y.min() >= 0 else -np.inf)
            ahead.loc[one.index, f"hi-{level:g}"] = mean + half
    return ahead


def _until(one: pd.DataFrame, cutoff: pd.Timestamp) -> np.ndarray:
    known: np.ndarray = one.loc[one["ds"] <= cutoff, "y"].to_numpy()
    if not len(known):
        raise PanelError(f"series {one['unique_id'].iloc[0]!r}: the backtest's origin lies outside the panel's history")
    return known


def _reasons(ahead: pd.DataFrame, where: pd.Series, reasons: dict[str, str]) -> pd.Series:
    """The engine's reasons, with ARIMA's behind them."""
    own = ahead["unique_id"].map(reasons).where(where)
    engine = ahead["fallback_reason"]
    joined = engine.where(own.isna(), own.where(engine.isna(), engine.str.cat(own, sep="; ")))
    return joined.astype("str")
