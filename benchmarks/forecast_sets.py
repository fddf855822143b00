"""Series of which the future is known, forecasts of them, and how good those were by the M4 competition's measures.

Not here: what is promised of them (forecasts.py), other people's forecasts (forecast_peers.py).
"""

import importlib.util
import json
import time
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd

from forecasting.engine import forecast_panel
from orchestration.settings import PROJECT_ROOT

FOLDER = PROJECT_ROOT.parent / "shared" / "eval"  # beside a checkout; no part of the repository
COMPETITIONS = {"m1_yearly": "M1", "m3_yearly": "M3"}  # in the folder's neighbour data/m3, one file for all frequencies
SETS = (
    "m3_monthly",
    "m3_monthly_full",
    "m3_quarterly_full",
    "tourism_monthly",
    "nn5_daily",
    "m5_monthly",
    *COMPETITIONS,
)
LEVELS = (80, 95)
_MOST_DIFFERENT = 1e-9  # of a figure of ours from the published harness's: rounding


@dataclass(frozen=True)
class EvaluationSet:
    """``train`` and ``test`` are ``unique_id, ds, y``; ``m`` periods of the season that MASE and Naive2 go by."""

    name: str
    train: pd.DataFrame
    test: pd.DataFrame
    freq: str
    horizon: int
    m: int

    @property
    def n_series(self) -> int:
        """How many series there are."""
        return int(self.train["unique_id"].nunique())

    def only(self, ids: list[str]) -> "EvaluationSet":
        """The same set with these series alone."""
        train, test = (frame[frame["unique_id"].isin(ids)] for frame in (self.train, self.test))
        return EvaluationSet(self.name, train, test, self.freq, self.horizon, self.m)


@dataclass(frozen=True)
class Score:
    """How good the forecasts of a set were; coverages in per cent, OWA is 1 for Naive2, NaN where it cannot be said."""

    smape: float
    mase: float
    owa: float
    rmsse: float
    cov80: float
    cov95: float
    msis95: float
    missing: int


def load(folder: Path, name: str, most_series: int | None = None) -> EvaluationSet:
    """A set of the folder's ``data``, whole or its first series; the years of a competition from beside it."""
    whole = _years(folder, name) if name in COMPETITIONS else _whole(folder, name)
    return whole.only(list(whole.train["unique_id"].unique()[:most_series])) if most_series else whole


def is_there(folder: Path, name: str) -> bool:
    """Can the set be loaded? The competitions' files are no part of the folder itself."""
    return name not in COMPETITIONS or _values_file(folder, name).exists()


def _values_file(folder: Path, name: str) -> Path:
    return folder.parent / "data" / "m3" / f"{COMPETITIONS[name]}_values.parquet"


def _years(folder: Path, name: str) -> EvaluationSet:
    """The competition's yearly series, six years ahead. Each begins in 1900: which years they were changes nothing."""
    values_file = _values_file(folder, name)
    about = pd.read_csv(values_file.with_name(f"{COMPETITIONS[name]}_series.csv"))
    values = pd.read_parquet(values_file)
    values = values[values["st"].isin(about.loc[about["period"] == "YEARLY", "st"])]
    values = values.assign(ahead=values["part"].astype("str") != "train").sort_values(["st", "ahead", "t"])
    years = pd.to_datetime(values.groupby("st", observed=True).cumcount().add(1900).astype("str") + "-01-01")
    panel = pd.DataFrame({"unique_id": values["st"].astype("str"), "ds": years, "y": values["value"].astype("float64")})
    is_known = ~values["ahead"]
    return EvaluationSet(name, panel[is_known], panel[~is_known], "YS", 6, 1)


def _whole(folder: Path, name: str) -> EvaluationSet:
    about = json.loads((folder / "data" / "sets.json").read_text(encoding="utf-8"))[name]
    train, test = (
        pd.read_csv(folder / "data" / f"{name}_{part}.csv", parse_dates=["ds"]) for part in ("train", "test")
    )
    return EvaluationSet(name, train, test, about["freq"], about["h"], about["m"])


def forecast_set(one: EvaluationSet) -> tuple[pd.DataFrame, float]:
    """The engine's forecasts, intervals included, and the CPU seconds they took; one process."""
    started = time.process_time()
    forecast = forecast_panel(one.train, freq=one.freq, horizon=one.horizon, levels=LEVELS, n_jobs=1)
    return forecast, time.process_time() - started


def score(forecast: pd.DataFrame, one: EvaluationSet) -> Score:
    """The mean over series of each measure over the horizon, as in the M4 competition.

    A period without a forecast is scored as Naive2's and counted. Series that never moved have no MASE, no MSIS.

    Args:
        forecast: ``unique_id, ds, mean, lo-80, hi-80, lo-95, hi-95``.
        one: the set; series without a forecast are left out.
    """
    merged = one.test.merge(forecast.drop(columns="y", errors="ignore"), on=["unique_id", "ds"], how="left")
    asked = set(forecast["unique_id"])
    known = {name: part["y"].to_numpy("float64") for name, part in one.train.sort_values("ds").groupby("unique_id")}
    rows = [
        _scored(part, known[str(name)], one.m)
        for name, part in merged.sort_values(["unique_id", "ds"]).groupby("unique_id")
        if name in asked
    ]
    table = pd.DataFrame(rows)
    mean, comparable = table.mean(), table[table["mase"].notna()]
    owa = (mean["smape"] / mean["smape_n2"] + comparable["mase"].mean() / comparable["mase_n2"].mean()) / 2
    return Score(
        smape=mean["smape"], mase=mean["mase"], owa=float(owa), rmsse=mean["rmsse"], cov80=mean["cov80"],
        cov95=mean["cov95"], msis95=mean["msis95"], missing=int(table["missing"].sum()),
    )  # fmt: skip


def differences(forecast: pd.DataFrame, one: EvaluationSet, ours: Score, folder: Path) -> list[str]:
    """Figures of ours that the folder's ``evaluate.py`` does not confirm; empty when all agree, or it is not there."""
    if not (folder / "evaluate.py").exists():
        return []
    frame = forecast.drop(columns=["model_used", "demand_class", "fallback_reason"], errors="ignore")
    theirs = _harness(folder).evaluate(frame, one.train.copy(), one.test.copy(), one.m).iloc[0]
    pairs = {
        "sMAPE": (ours.smape, theirs["sMAPE"]), "MASE": (ours.mase, theirs["MASE"]), "OWA": (ours.owa, theirs["OWA"]),
        "RMSSE": (ours.rmsse, theirs["RMSSE"]), "coverage of 80 %": (ours.cov80, 100 * theirs["cov80"]),
        "coverage of 95 %": (ours.cov95, 100 * theirs["cov95"]), "MSIS of 95 %": (ours.msis95, theirs["msis95"]),
    }  # fmt: skip
    return [
        f"{one.name}: {name} is {mine} here, {other} there"
        for name, (mine, other) in pairs.items()
        if not np.isclose(mine, other, rtol=_MOST_DIFFERENT, equal_nan=True)
    ]


def _harness(folder: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("evaluate", folder / "evaluate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _scored(part: pd.DataFrame, x: np.ndarray, m: int) -> dict[str, float]:
    """The measures of one series with history x, over its horizon."""
    y, mean = part["y"].to_numpy("float64"), part["mean"].to_numpy("float64")
    naive = naive2(x, len(y), m)
    missing = ~np.isfinite(mean)
    mean = np.where(missing, naive, mean)
    lag = m if len(x) > m else 1
    scale = _positive(float(np.abs(x[lag:] - x[:-lag]).mean())) if len(x) > 1 else np.nan
    square = _positive(float(np.square(np.diff(x)).mean())) if len(x) > 1 else np.nan
    row = {
        "missing": float(missing.sum()),
        "smape": _smape(y, mean),
        "smape_n2": _smape(y, naive),
        "mase": float(np.abs(y - mean).mean()) / scale,
        "mase_n2": float(np.abs(y - naive).mean()) / scale,
        "rmsse": float(np.sqrt(np.square(y - mean).mean() / square)),
    }
    for level in LEVELS:
        lo, hi = (part[f"{side}-{level}"].to_numpy("float64") for side in ("lo", "hi"))
        outside = np.maximum(lo - y, 0) + np.maximum(y - hi, 0)
        row[f"cov{level}"] = 100 * float(((y >= lo) & (y <= hi)).mean())
        row[f"msis{level}"] = float((hi - lo + 200 / (100 - level) * outside).mean()) / scale
    return row


def _positive(value: float) -> float:
    return value if value > 0 else np.nan


def _smape(y: np.ndarray, mean: np.ndarray) -> float:
    size = np.abs(y) + np.abs(mean)
    return float(200 * np.where(size == 0, 0, np.abs(y - mean) / np.where(size == 0, 1, size)).mean())


def naive2(x: np.ndarray, horizon: int, m: int) -> np.ndarray:
    """The M4 competition's yardstick: the last value, deseasonalised and seasonalised where x is seasonal.

    Source: Makridakis, Spiliotis & Assimakopoulos (2020), "The M4 Competition", IJF 36(1), 54–74; its R code.

    >>> naive2(np.tile([1.0, 3.0, 5.0, 3.0], 6), 4, 4).round(6).tolist()
    [1.0, 3.0, 5.0, 3.0]
    """
    figure = _figure(x, m) if _is_seasonal(x, m) else None
    if figure is None or not (np.isfinite(figure).all() and (figure != 0).all()):
        return np.full(horizon, x[-1])
    return x[-1] / figure[(len(x) - 1) % m] * figure[(len(x) + np.arange(horizon)) % m]


def _is_seasonal(x: np.ndarray, m: int) -> bool:
    n = len(x)
    if m <= 1 or n < 3 * m or m > int(10 * np.log10(n)):  # R's acf() stops there
        return False
    centred = x - x.mean()
    total = float(centred @ centred)
    if total == 0:
        return False
    r = np.array([float(centred[k:] @ centred[:-k]) for k in range(1, m + 1)]) / total
    limit = 1.645 / np.sqrt(n) * np.sqrt(1 + 2 * float(np.square(r[:-1]).sum()))
    return bool(abs(r[-1]) > limit)


def _figure(x: np.ndarray, m: int) -> np.ndarray:
    """R's decompose(type = "multiplicative"): the mean ratio to a centred moving average, by position."""
    weights = np.r_[0.5, np.ones(m - 1), 0.5] / m if m % 2 == 0 else np.ones(m) / m
    half = len(weights) // 2
    trend = np.full(len(x), np.nan)
    trend[half : len(x) - half] = np.convolve(x, weights, "valid")
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = x / trend
    ratio[~np.isfinite(ratio)] = np.nan
    figure = np.array([np.nanmean(ratio[k::m]) for k in range(m)])
    return np.asarray(figure / figure.mean())
