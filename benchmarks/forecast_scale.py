"""What a night of many series costs: the first one with its backtest, the second one, and what memory is left behind.

Not here: how good the forecasts are (forecast_sets.py). One process and one thread throughout.
"""

import gc
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import psutil

from benchmarks.machine import MB
from forecasting.engine import forecast_panel
from forecasting.nightly import Night, forecast_night
from forecasting.weights import FEWEST_SERIES

SEED = 20
FREQ, HORIZON = "MS", 6
CHOICE: dict[str, Any] = {"freq": FREQ, "horizon": HORIZON, "n_origins": 12}
CHANGED_SHARE = 0.01  # of the series have a new month in the second night
FITS_A_ROUND = 1000
LAST_MONTH = np.datetime64("2026-10")


@dataclass(frozen=True)
class Nights:
    """CPU seconds of a first night with a backtest of 12 origins, and of a second one with a new month in 1 % of the
    series: given those alone (``second``), and given all (``second_whole``). ``compile`` is paid once.
    """

    n_series: int
    compile: float
    first: float
    second: float
    second_whole: float


@dataclass(frozen=True)
class Growth:
    """Resident memory of this process after a first round of fits, and after all of them."""

    fits: int
    before_mb: float
    after_mb: float


def monthly_demand(n_series: int) -> pd.DataFrame:
    """Invented monthly units like those of M5's item-stores: 12 to 60 months, a tenth of them empty, a mild season.

    Negative binomial counts round a log-normal level that drifts; a fifth of the items sell now and then.
    """
    rng = np.random.default_rng(SEED)
    lengths = rng.integers(12, 61, n_series)
    season = 1 + 0.25 * np.sin(2 * np.pi * np.arange(12) / 12 + 1)
    months = [LAST_MONTH - np.arange(n)[::-1] for n in lengths]
    units = []
    for number, known in enumerate(months):
        level = np.exp(rng.normal(3, 1) + np.cumsum(rng.normal(0, 0.08, len(known))))
        mean = level * season[known.astype(np.int64) % 12]
        y = rng.negative_binomial(3, 3 / (3 + mean)).astype("float64")
        units.append(y * (rng.random(len(y)) < 0.5) if number % 5 == 0 else y)
    ids = np.repeat([f"P{number:06}" for number in range(n_series)], lengths)
    ds = np.concatenate(months).astype("datetime64[s]")
    return pd.DataFrame({"unique_id": pd.Series(ids, dtype="str"), "ds": ds, "y": np.concatenate(units)})


def nights(panel: pd.DataFrame) -> Nights:
    """The first night with its backtest, and the second one twice: given what changed, and given everything."""
    tiny = _first(panel, FEWEST_SERIES)
    grown = with_new_months(panel, CHANGED_SHARE)
    changed = grown[grown["unique_id"].isin(_longer(grown, panel))]
    started = time.process_time()
    _forecast(tiny, state=_forecast(tiny).state)
    compiled = time.process_time()
    state = _forecast(panel).state
    ended = time.process_time()
    _forecast(changed, state=state, only_changed=True)
    part = time.process_time()
    _forecast(grown, state=state)
    whole = time.process_time()
    return Nights(
        panel["unique_id"].nunique(), compiled - started, ended - compiled, part - ended, whole - part
    )  # fmt: skip


def _forecast(panel: pd.DataFrame, **more: Any) -> Night:
    """A night, and the frame of all its forecasts."""
    night = forecast_night(panel, **CHOICE, **more)
    assert len(night.forecasts) == HORIZON * (night.relearned + night.filtered + night.unchanged)
    return night


def _longer(grown: pd.DataFrame, panel: pd.DataFrame) -> pd.Index:
    lengths = grown["unique_id"].value_counts()
    return lengths.index[lengths > panel["unique_id"].value_counts().reindex(lengths.index)]


def with_new_months(panel: pd.DataFrame, share: float) -> pd.DataFrame:
    """The panel with one month more for this share of its series, as much as the last one sold."""
    last = panel.groupby("unique_id", as_index=False).last()
    chosen = last.sample(n=max(round(share * len(last)), 1), random_state=SEED)
    following = chosen["ds"].to_numpy().astype("datetime64[M]") + 1
    grown = pd.concat([panel, chosen.assign(ds=following.astype("datetime64[s]"))], ignore_index=True)
    return grown.sort_values(["unique_id", "ds"], ignore_index=True)


def memory_growth(fits: int) -> Growth:
    """Resident memory of this process, over so many fits."""
    a_round = min(fits, FITS_A_ROUND)
    panel = monthly_demand(a_round)
    process = psutil.Process()
    seen = []
    for _ in range(1 + max(fits // a_round, 1)):
        forecast_panel(panel, freq=FREQ, horizon=HORIZON, n_jobs=1)
        gc.collect()
        seen.append(process.memory_info().rss / MB)
    return Growth(max(fits // a_round, 1) * a_round, seen[0], seen[-1])


def _first(panel: pd.DataFrame, n_series: int) -> pd.DataFrame:
    return panel[panel["unique_id"].isin(panel["unique_id"].unique()[:n_series])]
