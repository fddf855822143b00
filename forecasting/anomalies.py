"""Which days of a KPI were out of the ordinary, judged by the days before them and never by themselves.

Not here: why (attribution), or who is told (alerts).
"""

import numpy as np
import pandas as pd
from numpy.lib.stride_tricks import sliding_window_view

from forecasting.panel import PanelError, require_columns

COLUMNS = ("kpi", "day", "value", "expected", "lo", "hi", "score", "direction")
MAD_TO_SD = 0.6745  # Φ⁻¹(0.75): the median absolute deviation of a normal variable is 0.6745 standard deviations
FEWEST_LIVELY_DAYS = 0.5  # share of a KPI's days that are not zero
_FEWEST_VALUES = 4  # same weekdays behind an expectation
_FEWEST_RESIDUALS = 6  # and residuals behind its spread: judging starts in the eleventh week
_SCALE_FLOOR = 0.01  # of the KPI's usual size: a constant KPI that moves by less than 5 % is not news
_SCORE_LIMIT = 999.0  # where a KPI never moved, any change is infinitely unlikely; a number can be stored


def kpi_anomalies(
    daily: pd.DataFrame,
    *,
    season_length: int = 7,
    threshold: float = 3.5,
    window_seasons: int = 8,
    scale_seasons: int = 26,
) -> pd.DataFrame:
    """The days outside a robust seasonal band, each judged only by days before it.

    For the k-th value x_k of one weekday (position in the season):

    - base_k = median(x_(k−1) … x_(k−8)), residual r_k = x_k − base_k;
    - expected_k = base_k + median(r_(k−1) … r_(k−26)), which follows a trend that the base lags behind;
    - MAD_k = median |r − median r| of the same residuals, at least 1 % of the KPI's usual size;
    - score_k = 0.6745 · (x_k − expected_k) / MAD_k, the modified z-score; an anomaly has |score| > 3.5;
    - lo, hi = expected ∓ 3.5 · MAD_k / 0.6745; lo is not below 0 where no value ever was.

    A KPI that moves now and then but is zero on most days has no usual day: none of its days is judged.

    A weekday on which the business is closed has the expectation 0 and is not reported for being 0. A day
    without a row or with NaN (no value) is neither judged nor part of a baseline.

    Source: Iglewicz & Hoaglin (1993), *How to Detect and Handle Outliers*, ASQC Quality Press, vol. 16.

    Args:
        daily: ``kpi`` (text), ``day`` (datetime or date), ``value`` (number or NaN); one row per KPI and day,
            in any order, gaps allowed.
        season_length: in days.
        threshold: of |score|.
        window_seasons: seasons behind the expectation.
        scale_seasons: seasons behind the spread.

    Returns:
        ``kpi, day, value, expected, lo, hi, score, direction`` ('high' or 'low'), sorted by KPI and day; all
        finite.

    Raises:
        PanelError: a column is missing, a KPI has a day twice, a value is infinite.
        ValueError: a length below 1, a window below 4 or a threshold not above 0.

    >>> days = pd.date_range("2024-01-01", periods=98)
    >>> daily = pd.DataFrame({"kpi": "revenue", "day": days, "value": 100.0})
    >>> daily.loc[95, "value"] = 40.0
    >>> kpi_anomalies(daily)[["day", "value", "expected", "direction"]].astype(str).to_numpy().tolist()
    [['2024-04-05', '40.0', '100.0', 'low']]
    """
    require_columns(daily, ("kpi", "day", "value"), "daily")
    if season_length < 1 or not threshold > 0:
        raise ValueError(f"season_length {season_length} must be at least 1, threshold {threshold} above 0")
    if window_seasons < _FEWEST_VALUES or scale_seasons < _FEWEST_RESIDUALS:
        raise ValueError(f"windows must span at least {_FEWEST_VALUES} and {_FEWEST_RESIDUALS} seasons")
    known = _known_days(daily)
    found = []
    for _, one in known.groupby("kpi", sort=True):
        if _is_sparse(one["value"]):
            continue
        judged = _judge(one, season_length, window_seasons, scale_seasons)
        reach = threshold * judged["mad"] / MAD_TO_SD
        judged["lo"], judged["hi"] = judged["expected"] - reach, judged["expected"] + reach
        if (one["value"] >= 0).all():  # orders are never fewer than none
            judged["lo"] = judged["lo"].clip(lower=0.0)
        found.append(judged[judged["score"].abs() > threshold])
    if not found:
        return _empty()
    result = pd.concat(found, ignore_index=True)
    result["direction"] = np.where(result["score"] > 0, "high", "low")
    result["direction"] = result["direction"].astype("str")
    return result[list(COLUMNS)]


def _is_sparse(value: pd.Series) -> bool:
    """Zero on most days, yet not for ever: the first movement of a KPI that never moved is worth a look."""
    n_lively = int((value != 0).sum())
    return _FEWEST_VALUES <= n_lively < FEWEST_LIVELY_DAYS * len(value)


def _known_days(daily: pd.DataFrame) -> pd.DataFrame:
    """The days with a value, sorted; refuses what cannot be judged."""
    frame = pd.DataFrame(
        {
            "kpi": daily["kpi"].astype("str"),
            "day": pd.to_datetime(daily["day"]),
            "value": daily["value"].astype("float64"),
        }
    )
    for why, bad in (
        ("occurs twice", frame.duplicated(["kpi", "day"])),
        ("has no kpi or no day", frame["kpi"].isna() | frame["day"].isna()),
        ("has an infinite value", np.isinf(frame["value"])),
        ("has a time of day", frame["day"] != frame["day"].dt.normalize()),
    ):
        if bad.any():
            row = frame[bad].iloc[0]
            raise PanelError(f"daily: kpi {row['kpi']!r}, day {row['day']}: {why}")
    return frame[frame["value"].notna()].sort_values(["kpi", "day"], ignore_index=True)


def _judge(one: pd.DataFrame, season_length: int, window: int, scale_window: int) -> pd.DataFrame:
    """Expectation, spread and score of every day of one KPI that has enough days before it."""
    number = (one["day"] - one["day"].iloc[0]).dt.days.to_numpy()
    season, position = number // season_length, number % season_length
    grid = np.full((season_length, int(season.max()) + 1), np.nan)  # one row per weekday, one column per week
    grid[position, season] = one["value"].to_numpy()
    base = trailing_median(grid, window, _FEWEST_VALUES)
    residual = grid - base
    centre = trailing_median(residual, scale_window, _FEWEST_RESIDUALS)
    expected = base + centre
    mad = _trailing_mad(residual, scale_window, _FEWEST_RESIDUALS)
    usual = _usual_size(grid, window)
    mad = np.maximum(mad, _SCALE_FLOOR * usual)
    with np.errstate(divide="ignore", invalid="ignore"):
        score = np.where(grid == expected, 0.0, MAD_TO_SD * (grid - expected) / mad)
    judged = one.assign(expected=expected[position, season], mad=mad[position, season], score=score[position, season])
    judged = judged[judged["expected"].notna() & judged["mad"].notna()]
    return judged.assign(score=judged["score"].clip(-_SCORE_LIMIT, _SCORE_LIMIT))


def trailing_median(grid: np.ndarray, window: int, fewest: int) -> np.ndarray:
    """Median of the ``window`` columns *before* each column, NaN skipped; NaN for fewer than ``fewest``.

    >>> trailing_median(np.array([[1.0, 2.0, 3.0, 99.0]]), 3, 1).tolist()
    [[nan, 1.0, 1.5, 2.0]]
    """
    return _median(_before(grid, window), fewest)


def _before(grid: np.ndarray, window: int) -> np.ndarray:
    """Shape (rows, columns, window): what stands before each column, never the column itself."""
    padded = np.concatenate([np.full((len(grid), window), np.nan), grid], axis=1)
    return sliding_window_view(padded, window, axis=1)[:, :-1]


def _median(windows: np.ndarray, fewest: int) -> np.ndarray:
    """nanmedian over the last axis, by sorting: NaN goes last, and numpy's own is a hundred times slower."""
    known = np.isfinite(windows).sum(axis=-1)
    ordered = np.sort(windows, axis=-1)
    low, high = np.maximum(known - 1, 0) // 2, known // 2
    high = np.minimum(high, windows.shape[-1] - 1)
    middle = (
        np.take_along_axis(ordered, low[..., None], -1) / 2 + np.take_along_axis(ordered, high[..., None], -1) / 2
    )[..., 0]
    return np.where(known >= fewest, middle, np.nan)


def _trailing_mad(residual: np.ndarray, window: int, fewest: int) -> np.ndarray:
    windows = _before(residual, window)
    centre = _median(windows, fewest)
    return _median(np.abs(windows - centre[..., None]), fewest)


def _usual_size(grid: np.ndarray, window: int) -> np.ndarray:
    """Median |value| of the open weekdays before each week, one for all weekdays: a closed Sunday's floor."""
    sizes = np.abs(np.where(grid == 0, np.nan, grid))
    together = np.concatenate(list(_before(sizes, window)), axis=-1)
    return np.nan_to_num(_median(together, 1))[None, :]


def _empty() -> pd.DataFrame:
    kinds = {"kpi": "str", "day": "datetime64[us]", "direction": "str"}
    return pd.DataFrame({c: pd.Series(dtype=kinds.get(c, "float64")) for c in COLUMNS})
