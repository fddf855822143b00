"""Which way thousands of series go, at once: trends.py's test on matrices of blocks of periods.

Not here: the test of a monthly KPI with its line of least squares (trends.py), or what comes next (engine.py).
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from forecasting.panel import validate_panel
from forecasting.periods import Frequency
from forecasting.trends import DOWN, FEWEST_MONTHS, UNCLEAR, UP, variance_growth

COLUMNS = ("unique_id", "direction", "p_value", "slope_pct")
LONGEST_BLOCKS = 39  # three years: an older turn says nothing of where a series goes now
_CHUNK = 512  # series at once: 39 blocks without a season have 741 pairs, so 3 MB of signs
_RHO_GRID = np.arange(0.0, 0.96, 0.05)  # the ratio of variances is smooth: between two of these a line is off by 0.3 %


@dataclass(frozen=True)
class _Blocks:
    """How periods are summed before they are judged: a year has ``season`` blocks of ``size`` periods."""

    size: int
    season: int
    per_year: float


# Four weeks, and not one: pairs grow with the square, and rare demand has few ties only in sums.
_OF = {
    "D": _Blocks(28, 13, 365.25 / 28),
    "W": _Blocks(4, 13, 365.25 / 28),
    "MS": _Blocks(1, 12, 12.0),
    "QS": _Blocks(1, 4, 4.0),
    "YS": _Blocks(1, 1, 1.0),
}


def direction_table(panel: pd.DataFrame, *, freq: str, alpha: float = 0.05) -> pd.DataFrame:
    """Whether each series rises or falls over its last three years, by the (seasonal) Mann–Kendall test.

    Days are summed to blocks of 28, weeks to blocks of 4, counted back from the series' end; months, quarters and years
    stay as they are; of blocks the last 39 count. Where a series has two years of them, a block is compared with
    the same one of other years only; the variance of S allows for the lag-one autocorrelation of the residuals around
    season and line, as in :func:`forecasting.trends.trend_table`, whose sources hold here.

    Args:
        panel: ``unique_id, ds, y``, gapless (see :func:`forecasting.panel.validate_panel`).
        freq: see :class:`forecasting.periods.Frequency`.
        alpha: significance level, between 0 and 1.

    Returns:
        One row per series, sorted: ``unique_id``; ``direction`` 'up' or 'down' where ``p_value`` < alpha, else 'no
        clear trend', missing with fewer than 8 blocks; ``slope_pct`` = 100 · Theil–Sen's slope per year / |mean of the
        blocks|, NaN where that mean is zero.

    Raises:
        PanelError: the panel broke its contract.

    >>> weeks = pd.date_range("2024-01-01", periods=32, freq="W-MON")
    >>> panel = pd.DataFrame({"unique_id": "A", "ds": weeks, "y": np.arange(32.0)})
    >>> direction_table(panel, freq="W-MON").round(5).to_dict("records")
    [{'unique_id': 'A', 'direction': 'up', 'p_value': 0.00084, 'slope_pct': 336.63594}]
    """
    frame = validate_panel(panel, freq)
    kind = _OF[Frequency.parse(freq).unit]
    ids, lengths = np.unique(frame["unique_id"].to_numpy(dtype=object), return_counts=True)
    ends = np.cumsum(lengths)
    p_value, slope_pct, sign = np.full(len(ids), np.nan), np.full(len(ids), np.nan), np.zeros(len(ids))
    n_blocks = np.minimum(lengths // kind.size, LONGEST_BLOCKS)
    y = frame["y"].to_numpy()
    for n in np.unique(n_blocks[n_blocks >= FEWEST_MONTHS]):
        alike = np.flatnonzero(n_blocks == n)
        for rows in np.split(alike, np.arange(_CHUNK, len(alike), _CHUNK)):
            index = ends[rows, None] - n * kind.size + np.arange(n * kind.size)
            sums, scale = _scaled(y[index].reshape(len(rows), n, kind.size))
            p_value[rows], slope, sign[rows] = _judge(sums, kind.season if n >= 2 * kind.season else 1)
            size = np.abs(sums.mean(axis=1))
            with np.errstate(divide="ignore", invalid="ignore"):
                slope_pct[rows] = np.where((size > 0) & (scale > 0), 100 * kind.per_year * slope / size, np.nan)
    words = np.where(p_value >= alpha, UNCLEAR, np.where(sign > 0, UP, DOWN)).astype(object)
    words[np.isnan(p_value)] = None
    return pd.DataFrame(
        {"unique_id": ids.astype("str"), "direction": words, "p_value": p_value, "slope_pct": slope_pct},
        columns=list(COLUMNS),
    )


def _scaled(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sums over the last axis, each series in units of its largest value: sums of the largest floats would overflow."""
    scale = np.abs(values).max(axis=(1, 2))
    safe = np.where(scale > 0, scale, 1.0)
    return (values / safe[:, None, None]).sum(axis=2), scale


def _judge(y: np.ndarray, season: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """p-value, Theil–Sen slope per block and sign of S of every row of y, shape series × blocks."""
    t = np.arange(y.shape[1])
    i, j = np.triu_indices(len(t), 1)
    compared = (j - i) % season == 0
    i, j = i[compared], j[compared]
    rise = y[:, j] - y[:, i]
    s = np.sign(rise).sum(axis=1)
    variance = sum(_variance(y[:, t % season == at]) for at in range(season))
    growth = np.array([variance_growth(t, season, rho) if rho else 1.0 for rho in _RHO_GRID])
    variance = variance * np.interp(_autocorrelation(y, season), _RHO_GRID, growth)
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.where(variance > 0, (s - np.sign(s)) / np.sqrt(variance), 0.0)
    return 2 * stats.norm.sf(np.abs(z)), np.median(rise / (j - i), axis=1), np.sign(s)


def _variance(y: np.ndarray) -> np.ndarray:
    """Var(S) of independent values with their ties, shape series, of y of shape series × blocks of one season.

    Σ t (t − 1) (2 t + 5) over groups of t ties, as a sum over values: each adds (t − 1) (2 t + 5).
    """
    n = y.shape[1]
    ties = (y[:, :, None] == y[:, None, :]).sum(axis=2)
    return np.asarray((n * (n - 1) * (2 * n + 5) - ((ties - 1) * (2 * ties + 5)).sum(axis=1)) / 18)


def _autocorrelation(y: np.ndarray, season: int) -> np.ndarray:
    """Lag-one autocorrelation of the residuals around one mean per season and a line, within 0 and 0.95."""
    n = y.shape[1]
    t = np.arange(n)
    design = np.column_stack([(t[:, None] % season == np.arange(season)).astype("float64"), t - t.mean()])
    basis, _ = np.linalg.qr(design)
    left = y - (y @ basis) @ basis.T
    total = (left**2).sum(axis=1)
    is_exact = total <= 1e-18 * np.maximum((y**2).sum(axis=1), 1e-300)
    products = (left[:, 1:] * left[:, :-1]).sum(axis=1)
    return np.clip(np.where(is_exact, 0.0, products / np.where(is_exact, 1.0, total)), 0.0, 0.95)
