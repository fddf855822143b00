"""Panels of series made by hand. Not here: the histories (awkward_series.py)."""

from collections.abc import Mapping

import numpy as np
import pandas as pd


def panel_of(series: Mapping[str, np.ndarray], freq: str = "W-MON", start: str = "2018-01-01") -> pd.DataFrame:
    """One row per value; every series begins on ``start``, which must be the first day of a period."""
    frames = [
        pd.DataFrame({"unique_id": name, "ds": pd.date_range(start, periods=len(y), freq=freq), "y": y})
        for name, y in series.items()
    ]
    return pd.concat(frames, ignore_index=True)
