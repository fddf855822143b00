"""Other people's forecasters on the same series in the same run: what they cost, what they missed.

Not here: ours (forecast_sets.py), what is promised (forecasts.py). They run interleaved with ours, in random order:
on a machine that others use too, what comes first and what comes last would be measured at different speeds.
"""

import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.forecast_sets import LEVELS, EvaluationSet, Score, forecast_set, score

SEED = 7
PASSES = 2  # of ours over the whole set
Forecasts = dict[str, np.ndarray]
Peer = Callable[[np.ndarray, int, int], Forecasts]
ARIMA, PMDARIMA, SMOOTHERS, ENSEMBLE = "AutoARIMA", "pmdarima", ("AutoETS", "AutoCES", "DynOptTheta"), "ensemble"


@dataclass(frozen=True)
class Compared:
    """A peer beside ours on the series that it forecast; CPU in milliseconds a series, ours spread over its batch."""

    name: str
    n_series: int
    cpu_ms: float
    our_cpu_ms: float
    theirs: Score
    ours: Score

    @property
    def ratio(self) -> float:
        """How many times as much CPU as ours."""
        return self.cpu_ms / self.our_cpu_ms


def compare(one: EvaluationSet, n_statsforecast: int, n_pmdarima: int) -> list[Compared]:
    """AutoARIMA, pmdarima and statsforecast's ensemble (ETS + CES + DOT + ARIMA) on a random few series of the set."""
    ids = [str(name) for name in one.train["unique_id"].unique()]
    drawn = [ids[i] for i in np.random.default_rng(SEED).permutation(len(ids))]
    sample = dict.fromkeys((ARIMA, *SMOOTHERS), drawn[:n_statsforecast]) | {PMDARIMA: drawn[:n_pmdarima]}
    peers = _peers()
    known = {str(name): part["y"].to_numpy("float64") for name, part in one.train.groupby("unique_id")}
    _warm([peers[name] for name, chosen in sample.items() if chosen])
    cost: dict[str, float] = dict.fromkeys(peers, 0.0)
    made: dict[tuple[str, str], Forecasts] = {}
    ours: list[tuple[pd.DataFrame, float]] = []
    jobs = [(name, series) for name, chosen in sample.items() for series in chosen] + [("", "")] * PASSES
    for index in np.random.default_rng(SEED).permutation(len(jobs)):
        name, series = jobs[index]
        if not name:
            ours.append(forecast_set(one))
            continue
        started = time.process_time()
        made[name, series] = _asked(peers[name], known[series], one)
        cost[name] += time.process_time() - started
    our_ms = 1000 * sum(seconds for _, seconds in ours) / PASSES / len(ids)
    results = []
    for name, members in ((ARIMA, [ARIMA]), (PMDARIMA, [PMDARIMA]), (ENSEMBLE, [*SMOOTHERS, ARIMA])):
        chosen = sample[members[0]]
        if not chosen:
            continue
        part = one.only(chosen)
        theirs = _frame({series: [made[member, series] for member in members] for series in chosen}, part)
        mine = ours[0][0].loc[ours[0][0]["unique_id"].isin(chosen)]
        cpu_ms = 1000 * sum(cost[member] for member in members) / len(chosen)
        results.append(Compared(name, len(chosen), cpu_ms, our_ms, score(theirs, part), score(mine, part)))
    return results


def _peers() -> dict[str, Peer]:
    from statsforecast import models  # a second and 290 MB: only who compares pays for it

    smoothers = (models.AutoETS, models.AutoCES, models.DynamicOptimizedTheta)
    classes = dict(zip((ARIMA, *SMOOTHERS), (models.AutoARIMA, *smoothers), strict=True))

    def of(kind: Callable[..., Any]) -> Peer:
        return lambda y, m, horizon: kind(season_length=m).forecast(y.copy(), horizon, level=list(LEVELS))

    return {name: of(kind) for name, kind in classes.items()} | {PMDARIMA: _pmdarima}


def _pmdarima(y: np.ndarray, m: int, horizon: int) -> Forecasts:
    import pmdarima

    fitted = pmdarima.auto_arima(y, m=m, seasonal=m > 1, suppress_warnings=True, error_action="ignore")
    result: Forecasts = {}
    for level in LEVELS:
        result["mean"], bounds = fitted.predict(horizon, return_conf_int=True, alpha=1 - level / 100)
        result[f"lo-{level}"], result[f"hi-{level}"] = bounds[:, 0], bounds[:, 1]
    return result


def _asked(peer: Peer, y: np.ndarray, one: EvaluationSet) -> Forecasts:
    """Its forecasts; a series that it fails at has none, and is scored as Naive2."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            return peer(y, one.m, one.horizon)
        except Exception:  # it is not ours to mend
            columns = ("mean", *(f"{side}-{level}" for level in LEVELS for side in ("lo", "hi")))
            return {column: np.full(one.horizon, np.nan) for column in columns}


def _warm(peers: list[Peer]) -> None:
    """Imported and compiled (31 s for CES) before anything is timed."""
    y = 10 + np.random.default_rng(SEED).random(36)
    blank = pd.DataFrame({"unique_id": [], "ds": [], "y": []})
    for peer in peers:
        _asked(peer, y, EvaluationSet("warm", blank, blank, "MS", 2, 4))


def _frame(made: dict[str, list[Forecasts]], one: EvaluationSet) -> pd.DataFrame:
    """The mean of the members' forecasts and bounds, beside the periods they are for."""
    periods = {str(name): part["ds"].to_numpy() for name, part in one.test.sort_values("ds").groupby("unique_id")}
    columns = ("mean", *(f"{side}-{level}" for level in LEVELS for side in ("lo", "hi")))
    frames = [
        pd.DataFrame(
            {"unique_id": name, "ds": periods[name]}
            | {column: np.mean([np.asarray(member[column]) for member in members], axis=0) for column in columns}
        )
        for name, members in made.items()
    ]
    return pd.concat(frames, ignore_index=True)
