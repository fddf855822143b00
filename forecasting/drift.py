"""Whether a forecast has begun to be wrong in one direction: a CUSUM of its one-step errors in their expected size.

Not here: how large errors are (accuracy.py), and whom to tell (the night).
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from forecasting.panel import require_columns

SLACK = 0.5  # k: half of the shift that is to be found, which is one expected error
LIMIT = 5.0  # h
MOST = 3.0  # of one error: one spike is the anomalies' business, and two in a row are not yet a drift
CEILING = LIMIT + 2.0  # of the sum, so that a forecast that has learned recovers after 5 good periods, not after 20
NORMAL_80 = 1.2815515655446004  # the standard normal's 90 % point: half an 80 % interval in standard deviations
TRIGG_ALPHA = 0.2
TABLE = ("unique_id", "n_periods", "cusum", "tracking_signal", "is_drifting", "drift_direction")


def drift_table(errors: pd.DataFrame) -> pd.DataFrame:
    """Judge every series' one-step errors, in their order.

    An error is measured in what the forecast itself expected, from the backtest that its interval was calibrated by:
    z = (y − ŷ) / ((hi_80 − ŷ) / 1.2816), at most ±3, which is standard normal where the forecast is right about itself.
    Then two one-sided sums (Page 1954, "Continuous inspection schemes", Biometrika 41, 100–115):

    S⁺_t = min(7, max(0, S⁺_(t−1) + z_t − ½)),  S⁻_t = min(7, max(0, S⁻_(t−1) − z_t − ½)),

    and a series drifts while the larger one is above 5. For independent normal errors the first false alarm then comes
    after 465 periods on average (Montgomery, Statistical Quality Control, table 9.3), an error of one expected size is
    found after 10, of two after 4. ``cusum`` is S⁺ − S⁻ at the end. ``tracking_signal`` is Trigg's (1964, "Monitoring a
    forecasting system", Operational Research Quarterly 15, 271–274) with α = 0.2: smoothed error over smoothed absolute
    error, −1 to 1; it needs no expectation, and is shown beside.

    Positive means that more came than was forecast. Where the interval has no width, an error is 3 or 0.

    Args:
        errors: ``unique_id, ds, y, mean, hi_80``: the forecasts of one step ahead and what came.

    Returns:
        One row per series: ``unique_id, n_periods, cusum, tracking_signal`` (NaN if nothing was ever wrong)``,
        is_drifting, drift_direction`` ('too low' or 'too high', said of the forecast; None where it does not drift).

    >>> weeks = pd.date_range("2024-01-01", periods=3, freq="W-MON")
    >>> errors = pd.DataFrame({"unique_id": "A", "ds": weeks, "y": [20.0, 5.0, 24.0], "mean": 10.0, "hi_80": 12.0})
    >>> drift_table(errors)[["cusum", "is_drifting", "drift_direction"]].to_dict("list")
    {'cusum': [2.5], 'is_drifting': [False], 'drift_direction': [None]}
    >>> drift_table(errors.assign(y=20.0))[["cusum", "is_drifting", "drift_direction"]].to_dict("list")
    {'cusum': [7.0], 'is_drifting': [True], 'drift_direction': ['too low']}
    """
    require_columns(errors, ("unique_id", "ds", "y", "mean", "hi_80"), "errors")
    ordered = errors.sort_values(["unique_id", "ds"], kind="stable")
    found = [
        _judge(str(unique_id), standard_errors(group), (group["y"] - group["mean"]).to_numpy(dtype="float64"))
        for unique_id, group in ordered.groupby("unique_id", sort=True)
    ]
    kinds = {"unique_id": "str", "n_periods": "int64", "cusum": "float64", "tracking_signal": "float64",
             "is_drifting": "bool", "drift_direction": "object"}  # fmt: skip
    return pd.DataFrame(found, columns=list(TABLE)).astype(kinds)


def standard_errors(errors: pd.DataFrame) -> np.ndarray:
    """The errors y − ŷ in standard deviations that the 80 % interval implies, within ±3; shape (rows,)."""
    error = (errors["y"] - errors["mean"]).to_numpy(dtype="float64")
    expected = (errors["hi_80"] - errors["mean"]).to_numpy(dtype="float64") / NORMAL_80
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        z = np.where(error == 0, 0.0, error / np.maximum(expected, 0.0))
    return np.clip(z, -MOST, MOST)


def cusum(z: Sequence[float] | np.ndarray) -> tuple[float, float]:
    """Both sums at the end of a sequence of standard errors: S⁺ for more than forecast, S⁻ for less.

    >>> cusum([3, 3]), cusum([-2, -2, 0]), cusum([])
    ((5.0, 0.0), (0.0, 2.5), (0.0, 0.0))
    """
    up = down = 0.0
    for one in z:
        up = min(CEILING, max(0.0, up + float(one) - SLACK))
        down = min(CEILING, max(0.0, down - float(one) - SLACK))
    return up, down


def trigg_signal(error: Sequence[float] | np.ndarray) -> float:
    """Trigg's tracking signal at the end: E_t / M_t, both exponentially smoothed from 0; NaN where no error was.

    >>> round(trigg_signal([1, 1, 1]), 3), trigg_signal([]), round(trigg_signal([1, -1]), 3)
    (1.0, nan, -0.111)
    """
    smoothed = size = 0.0
    for one in error:
        smoothed += TRIGG_ALPHA * (float(one) - smoothed)
        size += TRIGG_ALPHA * (abs(float(one)) - size)
    return smoothed / size if size > 0 else float("nan")


def _judge(unique_id: str, z: np.ndarray, error: np.ndarray) -> tuple[str, int, float, float, bool, str | None]:
    up, down = cusum(z)
    is_drifting = max(up, down) > LIMIT
    direction = ("too low" if up > down else "too high") if is_drifting else None
    return unique_id, len(z), up - down, trigg_signal(error), is_drifting, direction
