"""What a night of many series costs: the first one with its backtest, the second one, and what memory is left behind.

Not here: how good the forecasts are (forecast_sets.py). One process and one thread throughout.
"""

import gc
import time
from dataclasses import dataclass

import numpy as np
import pandas as pd
import psutil

from benchmarks.machine import MB
from forecasting.engine import forecast_panel
from forecasting.nightly import forecast_night
from forecasting.state import ModelState

SEED = 20
FREQ, HORIZON, ORIGINS = "MS", 6, 12
CHANGED_SHARE = 0.01  # of the series have a new month in the second night
FITS_A_ROUND = 1000
LAST_MONTH = np.datetime64("2026-10")


@dataclass(frozen=True)
class Night:
    """CPU seconds of a backtest of 12 origins and the forecast that it calibrates; ``compile`` is paid once."""

    n_series: int
    compile_seconds: float
    seconds: float


@dataclass(frozen=True)
class SecondNight:
    """CPU seconds of a first night, and of one with a new month in 1 % of the series.

    The second one is given those series only (``changed``), or all of them to find that out by itself (``whole``).
    """

    n_series: int
    first_seconds: float
    changed_seconds: float
    whole_seconds: float


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


def full_night(panel: pd.DataFrame) -> Night:
    """Backtest and forecast all of it."""
    started = time.process_time()
    _forecast(_first(panel, 3))
    compiled = time.process_time()
    _forecast(panel)
    return Night(panel["unique_id"].nunique(), compiled - started, time.process_time() - compiled)


def second_night(panel: pd.DataFrame) -> SecondNight:
    """The night after, with the state that the first one left; forecasts of all series come of both."""
    grown = with_new_months(panel, CHANGED_SHARE)
    lengths = panel.groupby("unique_id").size()
    changed = grown[grown["unique_id"].map(grown.groupby("unique_id").size() > lengths)].reset_index(drop=True)
    tiny = _first(panel, 3)
    _forecast(_first(grown, 3), _forecast(tiny))
    clock = [time.process_time()]
    state = _forecast(panel)
    clock.append(time.process_time())
    _forecast(changed, state, only_changed=True)
    clock.append(time.process_time())
    _forecast(grown, state)
    clock.append(time.process_time())
    return SecondNight(len(lengths), *np.diff(clock).tolist())


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


def _forecast(panel: pd.DataFrame, state: ModelState | None = None, *, only_changed: bool = False) -> ModelState:
    """A night of 12 origins and the frame of its forecasts; the state it leaves."""
    night = forecast_night(panel, freq=FREQ, horizon=HORIZON, n_origins=ORIGINS, state=state, only_changed=only_changed)
    assert len(night.forecasts) == HORIZON * len(night.state.ids)
    return night.state


def _first(panel: pd.DataFrame, n_series: int) -> pd.DataFrame:
    return panel[panel["unique_id"].isin(panel["unique_id"].unique()[:n_series])]
