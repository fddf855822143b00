"""Whether a forecast has begun to be wrong in one direction: a CUSUM of its one-step errors in their expected size.

Not here: how large errors are (accuracy.py), and whom to tell (the night).
"""

import numpy as np
import pandas as pd

from forecasting.panel import require_columns

SLACK = 0.5  # k: half of the shift that is to be found, which is one expected error
LIMIT = 5.0  # h
MOST = 3.0  # of one error: one spike is the anomalies' business, and two in a row are not yet a drift
CEILING = LIMIT + 2.0  # of the sum, so that a forecast that has learned recovers after 5 good periods, not after 20
NORMAL_80, NORMAL_95 = 1.2815515655446004, 1.959963984540054  # half an interval in standard deviations
TRIGG_ALPHA = 0.2


def drift_table(errors: pd.DataFrame) -> pd.DataFrame:
    """Judge every series' one-step errors, in their order.

    An error is measured in what the forecast itself expected, from the backtest that its interval was calibrated by:
    z = (y − ŷ) / max((hi_80 − ŷ) / 1.2816, (hi_95 − ŷ) / 1.96), at most ±3, which is standard normal where the forecast
    is right about itself. (With the 80 % interval alone, demand of half a unit a period was in alarm 13 % of the time.)
    Then two one-sided sums (Page 1954, "Continuous inspection schemes", Biometrika 41, 100–115):

    S⁺_t = min(7, max(0, S⁺_(t−1) + z_t − ½)),  S⁻_t = min(7, max(0, S⁻_(t−1) − z_t − ½)),

    and a series drifts while the larger one is above 5. For independent normal errors the first false alarm then comes
    after 465 periods on average (Montgomery, Statistical Quality Control, table 9.3), an error of one expected size is
    found after 10, of two after 4. ``cusum`` is S⁺ − S⁻ at the end. ``tracking_signal`` is Trigg's (1964, "Monitoring a
    forecasting system", Operational Research Quarterly 15, 271–274) with α = 0.2: smoothed error over smoothed absolute
    error, −1 to 1; it needs no expectation, and is shown beside.

    Positive means that more came than was forecast. Where the interval has no width, an error is 3 or 0.

    Args:
        errors: ``unique_id, ds, y, mean, hi_80, hi_95``: the forecasts of one step ahead and what came.

    Returns:
        One row per series: ``unique_id, n_periods, cusum, tracking_signal`` (NaN if nothing was ever wrong)``,
        is_drifting, drift_direction`` ('too low' or 'too high', said of the forecast; None where it does not drift).

    >>> weeks = pd.date_range("2024-01-01", periods=3, freq="W-MON")
    >>> errors = pd.DataFrame({"unique_id": "A", "ds": weeks, "y": [20.0, 5.0, 24.0], "mean": 10.0, "hi_80": 12.0,
    ...                        "hi_95": 13.0})
    >>> drift_table(errors)[["cusum", "is_drifting", "drift_direction"]].to_dict("list")
    {'cusum': [2.5], 'is_drifting': [False], 'drift_direction': [None]}
    >>> drift_table(errors.assign(y=20.0))[["cusum", "is_drifting", "drift_direction"]].to_dict("list")
    {'cusum': [7.0], 'is_drifting': [True], 'drift_direction': ['too low']}
    """
    require_columns(errors, ("unique_id", "ds", "y", "mean", "hi_80", "hi_95"), "errors")
    ordered = errors.sort_values(["unique_id", "ds"], kind="stable", ignore_index=True)
    series, names = pd.factorize(ordered["unique_id"])
    place = ordered.groupby("unique_id").cumcount().to_numpy()
    z, error = (np.full((len(names), int(place.max(initial=-1)) + 1), np.nan) for _ in range(2))
    z[series, place] = standard_errors(ordered)
    error[series, place] = (ordered["y"] - ordered["mean"]).to_numpy(dtype="float64")
    up, down = cusum(z)
    is_drifting = np.maximum(up, down) > LIMIT
    direction = np.array(["too high", "too low", None], dtype=object)[np.where(is_drifting, up > down, 2)]
    return pd.DataFrame(
        {
            "unique_id": pd.Series(names, dtype="str"),
            "n_periods": np.isfinite(z).sum(axis=1),
            "cusum": up - down,
            "tracking_signal": trigg_signal(error),
            "is_drifting": is_drifting,
            "drift_direction": pd.Series(direction, dtype="object"),
        }
    )


def standard_errors(errors: pd.DataFrame) -> np.ndarray:
    """The errors y − ŷ in standard deviations that the intervals imply, within ±3; shape (rows,)."""
    error = (errors["y"] - errors["mean"]).to_numpy(dtype="float64")
    half_80, half_95 = ((errors[hi] - errors["mean"]).to_numpy(dtype="float64") for hi in ("hi_80", "hi_95"))
    expected = np.maximum(half_80 / NORMAL_80, half_95 / NORMAL_95)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        z = np.where(error == 0, 0.0, error / np.maximum(expected, 0.0))
    return np.clip(z, -MOST, MOST)


def cusum(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both sums of each row at its end, shape (rows,): S⁺ for more than forecast, S⁻ for less; NaN is no period.

    >>> up, down = cusum(np.array([[3, 3, np.nan], [-2, -2, 0]]))
    >>> up.tolist(), down.tolist()
    ([5.0, 0.0], [0.0, 2.5])
    """
    up, down = np.zeros(len(z)), np.zeros(len(z))
    for one in z.T:
        known = ~np.isnan(one)
        up = np.where(known, np.clip(up + one - SLACK, 0.0, CEILING), up)
        down = np.where(known, np.clip(down - one - SLACK, 0.0, CEILING), down)
    return up, down


def trigg_signal(error: np.ndarray) -> np.ndarray:
    """Trigg's tracking signal of each row at its end, E / M, smoothed from 0; NaN where no error was.

    >>> trigg_signal(np.array([[1, 1, 1], [1, -1, np.nan], [0, 0, 0]])).round(3).tolist()
    [1.0, -0.111, nan]
    """
    smoothed, size = np.zeros(len(error)), np.zeros(len(error))
    for one in error.T:
        known = ~np.isnan(one)
        smoothed = np.where(known, smoothed + TRIGG_ALPHA * (one - smoothed), smoothed)
        size = np.where(known, size + TRIGG_ALPHA * (np.abs(one) - size), size)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(size > 0, smoothed / size, np.nan)
