"""A small hierarchy of products, forecasts for it, and backtests with errors where a test wants them.

Not here: what reconciliation makes of them (tests/unit/test_forecasting_hierarchy.py).
"""

import numpy as np
import pandas as pd
from hypothesis import strategies as st

from forecasting.tree import Tree

seeds = st.integers(0, 2**32 - 1)


def tree_of(parents: np.ndarray) -> Tree:
    return Tree.of([f"n{i}" for i in range(len(parents))], parents)


LINKS = pd.DataFrame(
    {
        "unique_id": ["Käse", "Wein", "Brot", "Essen", "Trinken"],
        "parent_id": ["Essen", "Trinken", "Essen", "all", "all"],
    }
)
LEVEL = {"all": "company", "Essen": "category", "Trinken": "category"}


def frame(means: dict[str, float], half: float = 2.0, horizon: int = 3) -> pd.DataFrame:
    weeks = pd.date_range("2024-01-01", periods=horizon, freq="W-MON").astype("datetime64[s]")
    result = pd.DataFrame(
        [(name, week, mean) for name, mean in means.items() for week in weeks], columns=["unique_id", "ds", "mean"]
    )
    for level, wide in (("80", half), ("95", 2 * half)):
        result[f"lo-{level}"] = (result["mean"] - wide).clip(lower=0.0)
        result[f"hi-{level}"] = result["mean"] + wide
    level_of = result["unique_id"].map(LEVEL).fillna("product")
    return result.assign(level=level_of, model_used="ets", fallback_reason=None)


BASE = {"all": 100.0, "Essen": 60.0, "Trinken": 50.0, "Käse": 20.0, "Brot": 30.0, "Wein": 40.0}


def backtest_of(base_error: float, sums: pd.DataFrame, origins: int = 6, horizon: int = 3) -> pd.DataFrame:
    """Truth coherent and steady; the base forecasts of products miss it by turns, those of totals never."""
    series = sums.drop_duplicates("unique_id")[["unique_id", "level", "mean"]].rename(columns={"mean": "y"})
    sold = series[series["level"] == "product"].set_index("unique_id")["y"]
    if len(sold):
        food = ["Käse", "Brot"]
        totals = {"all": sold.sum(), "Essen": sold[food].sum(), "Trinken": sold.drop(food).sum()}
        series["y"] = series["unique_id"].map(totals).fillna(series["y"])
    at = pd.DataFrame(
        [(number, step) for number in range(origins) for step in range(1, horizon + 1)], columns=["number", "step"]
    )
    every = series.merge(at, how="cross")
    cutoff = pd.Timestamp("2023-01-02") + pd.to_timedelta(7 * every["number"], unit="D")
    miss = np.where(every["level"] == "product", base_error * (-1.0) ** (every["number"] + every["step"]), 0.0)
    every = every.assign(
        cutoff=cutoff, ds=cutoff + pd.to_timedelta(7 * every["step"], unit="D"), mean=every["y"] + miss
    )
    return every[["unique_id", "level", "cutoff", "ds", "y", "mean"]]
