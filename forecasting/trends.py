"""Whether a monthly series rises or falls, how steeply, and whether chance would have done the same.

Not here: which series are judged (the stage), days out of the ordinary (anomalies.py), what comes next (engine.py).
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import statsmodels.api as sm
from scipy import stats

from forecasting.panel import PanelError, require_columns

COLUMNS = (
    "unique_id", "first_month", "last_month", "n_months", "season_is_removed", "slope", "slope_pct", "slope_ols",
    "p_slope_ols", "has_robust_errors", "autocorrelation", "mann_kendall_s", "tau", "z", "p_value", "direction",
    "reason",
)  # fmt: skip
MONTHS = 12
FEWEST_MONTHS = 8  # below, even a series that rises every month is hardly told from chance by the normal distribution
LONGEST_MONTHS = 60  # the variance under autocorrelation compares pairs of pairs: 60 months are 3 million
UP, DOWN, UNCLEAR = "up", "down", "no clear trend"
_NEARLY_ONE = 0.95


@dataclass(frozen=True)
class Kendall:
    """A Mann–Kendall test: ``s`` is a count of pairs, ``tau`` and ``z`` have no unit, ``p_value`` is two-sided."""

    s: int
    tau: float
    z: float
    p_value: float


def trend_table(panel: pd.DataFrame, *, alpha: float = 0.05) -> pd.DataFrame:
    """One row per series: its slope per month, and whether it is a trend.

    With 24 known months or more, the season is taken out by comparing every month with the same month of other
    years only: the seasonal Kendall test, its slope, and month means beside the line of least squares. Taking an
    estimated seasonal index off first and then comparing all months calls 20 % of trendless two-year series a trend
    instead of 5 %: of every month's two values the index has used up one. With fewer months nothing is taken out, and
    a season may look like a trend: ``season_is_removed`` says which.

    ``direction`` is 'up' or 'down' where the Mann–Kendall ``p_value`` is below ``alpha``, else 'no clear trend'; its
    variance grows with positive autocorrelation of the residuals, see :func:`mann_kendall`.

    Args:
        panel: ``unique_id`` (text), ``ds`` (datetime, first of a month), ``y`` (number in the series' unit, NaN where
            unknown); one row per series and month, in any order. Only whole months belong in it.
        alpha: significance level, between 0 and 1.

    Returns:
        ``COLUMNS``, sorted by ``unique_id``: slopes in units of y per month (``slope`` is Theil–Sen's, ``slope_ols``
        that of least squares), ``slope_pct`` = 100 · slope / |median of y|. Fewer than 8 known months: no numbers,
        no direction, and ``reason`` says so.

    Raises:
        PanelError: a column is missing, a series has a month twice, more than 60 months, an infinite value, or a day
            that is not the first of a month.
        ValueError: alpha is not between 0 and 1.

    >>> months = pd.date_range("2024-01-01", periods=10, freq="MS")
    >>> panel = pd.DataFrame({"unique_id": "revenue", "ds": months, "y": [3.0, 5, 4, 6, 8, 7, 9, 11, 10, 12]})
    >>> trend_table(panel)[["slope", "mann_kendall_s", "direction", "season_is_removed"]].to_numpy().tolist()
    [[1.0, 39, 'up', False]]
    """
    if not 0 < alpha < 1:
        raise ValueError(f"alpha {alpha} must lie between 0 and 1")
    frame = _checked(panel)
    rows = [_judged(str(name), one, alpha) for name, one in frame.groupby("unique_id", sort=True)]
    return _typed(pd.DataFrame(rows, columns=list(COLUMNS)))


def mann_kendall(y: np.ndarray, t: np.ndarray, *, season_length: int = 1, rho: float = 0.0) -> Kendall:
    """Mann–Kendall test of a trend, or the seasonal Kendall test where ``season_length`` is above 1.

    - S = Σ sign(y_j − y_i) over the pairs i < j with t_j − t_i a multiple of ``season_length``;
    - Var(S) = Σ_seasons [n(n−1)(2n+5) − Σ_ties u(u−1)(2u+5)] / 18, times V(ρ) / V(0);
    - z = (S − sign S) / √Var(S); tau = S / √(pairs · untied pairs), Kendall's tau-b.

    V(ρ) = Σ over pairs of pairs (2/π) · arcsin of the correlation of y_j − y_i with y_l − y_k in a Gaussian process
    with autocorrelation ρ^|lag|: Var(S) there, without ties, exact at any length; V(0) is the formula above. Hamed &
    Rao (1998) approximate it for long series, and know no seasons.

    Sources: Mann (1945); Hirsch, Slack & Smith (1982), *Water Resources Research* 18(1), for seasons; Hamed (2009),
    *Journal of Hydrology* 365, for V(ρ).

    Args:
        y: finite values, shape n, in their unit. t: whole periods, shape n, strictly rising.
        season_length: periods of a season; 1 compares all with all.
        rho: lag-one autocorrelation that the variance allows for, 0 ≤ rho < 1.

    >>> mann_kendall(np.array([1.0, 2, 3, 4]), np.arange(4)).s
    6
    """
    i, j = _pairs(t, season_length)
    signs = np.sign(y[j] - y[i])
    s, untied = int(signs.sum()), int(np.count_nonzero(signs))
    variance = sum(_variance(y[t % season_length == season]) for season in np.unique(t % season_length))
    if untied == 0 or variance <= 0:
        return Kendall(s, float("nan"), 0.0, 1.0)
    if rho > 0:
        variance *= variance_growth(t, season_length, rho)
    z = (s - np.sign(s)) / np.sqrt(variance)
    return Kendall(s, s / float(np.sqrt(len(i) * untied)), float(z), float(2 * stats.norm.sf(abs(z))))


def variance_growth(t: np.ndarray, season_length: int, rho: float) -> float:
    """V(ρ) / V(0) of :func:`mann_kendall` at periods t of shape n; it knows no values.

    >>> round(variance_growth(np.arange(10), 1, 0.5), 2)
    1.99
    """
    i, j = _pairs(t, season_length)
    return _spread(t, i, j, rho) / _spread(t, i, j, 0.0)


def theil_sen(y: np.ndarray, t: np.ndarray, *, season_length: int = 1) -> float:
    """Median of (y_j − y_i) / (t_j − t_i) over the pairs of :func:`mann_kendall`, in units of y per period.

    Source: Sen (1968), *Journal of the American Statistical Association* 63; with seasons, Hirsch et al. (1982).

    >>> theil_sen(np.array([1.0, 2, 90, 4]), np.arange(4))
    1.0
    """
    i, j = _pairs(t, season_length)
    return float(np.median((y[j] - y[i]) / (t[j] - t[i])))


@dataclass(frozen=True)
class Line:
    """A fitted line: slope in units per period, its two-sided p-value, the residuals' lag-one autocorrelation."""

    slope: float
    p_value: float
    has_robust_errors: bool
    autocorrelation: float


def least_squares(y: np.ndarray, t: np.ndarray, *, season_length: int = 1) -> Line:
    """y_t = season(t) + b·t + e_t by ordinary least squares, one mean per position in the season.

    The t-test of b uses Newey & West's (1987) standard errors with ⌊4 (n/100)^(2/9)⌋ lags and their small-sample factor
    where the residuals are autocorrelated (r₁ > 1.645/√n), the classical ones elsewhere; n minus the number of
    coefficients are its degrees of freedom. Its p-value is NaN where the fit is exact.

    >>> line = least_squares(np.array([1.0, 3, 2, 4]), np.arange(4))
    >>> round(line.slope, 3), line.has_robust_errors
    (0.8, False)
    """
    n = len(y)
    season = (np.unique(t % season_length)[:, None] == t % season_length).T.astype("float64")
    design = np.column_stack([season, t - t.mean()])
    fit = sm.OLS(y, design).fit()
    left = fit.resid
    total = float(left @ left)
    if total <= 1e-18 * max(float(y @ y), 1e-300) or n <= design.shape[1]:
        return Line(float(fit.params[-1]), float("nan"), False, 0.0)
    neighbours = np.diff(t) == 1
    autocorrelation = float((left[1:] * left[:-1])[neighbours].sum() / total)
    is_autocorrelated = autocorrelation > 1.645 / np.sqrt(n)
    if is_autocorrelated:
        lags = int(4 * (n / 100) ** (2 / 9))
        fit = fit.get_robustcov_results("HAC", maxlags=lags, use_correction=True, use_t=True)
    return Line(float(fit.params[-1]), float(fit.pvalues[-1]), bool(is_autocorrelated), autocorrelation)


def _judged(name: str, one: pd.DataFrame, alpha: float) -> tuple[object, ...]:
    """The row of one series; its months are sorted, and y is known in all of them."""
    y, t = one["y"].to_numpy(), one["month"].to_numpy()
    months = (one["ds"].min(), one["ds"].max(), len(y))
    if len(y) < FEWEST_MONTHS:
        unknown = [None] * 10
        return (name, *months, False, *unknown, None, f"fewer than {FEWEST_MONTHS} months with a value")
    is_long = len(y) >= 2 * MONTHS
    season = MONTHS if is_long else 1
    line = least_squares(y, t, season_length=season)
    rho = float(np.clip(line.autocorrelation, 0.0, _NEARLY_ONE))
    test = mann_kendall(y, t, season_length=season, rho=rho)
    slope = theil_sen(y, t, season_length=season)
    size = abs(float(np.median(y)))
    direction = UNCLEAR if test.p_value >= alpha else UP if test.s > 0 else DOWN
    return (
        name, *months, is_long, slope, 100 * slope / size if size else None, line.slope, line.p_value,
        line.has_robust_errors, line.autocorrelation, test.s, test.tau, test.z, test.p_value, direction, None,
    )  # fmt: skip


def _pairs(t: np.ndarray, season_length: int) -> tuple[np.ndarray, np.ndarray]:
    """Positions i < j of the pairs that are compared, both of shape pairs."""
    i, j = np.triu_indices(len(t), 1)
    compared = (t[j] - t[i]) % season_length == 0
    return i[compared], j[compared]


def _variance(y: np.ndarray) -> float:
    """Var(S) of one season's independent values, with its ties."""
    ties = np.unique(y, return_counts=True)[1]
    n = len(y)
    return float(n * (n - 1) * (2 * n + 5) - (ties * (ties - 1) * (2 * ties + 5)).sum()) / 18


def _spread(t: np.ndarray, i: np.ndarray, j: np.ndarray, rho: float) -> float:
    """V(ρ): the variance of S of a Gaussian process with autocorrelation ρ^|lag|, without ties."""
    r = np.power(rho, np.abs(t[:, None] - t[None, :]), dtype="float64")  # 0⁰ = 1
    covariance = r[np.ix_(j, j)] - r[np.ix_(j, i)] - r[np.ix_(i, j)] + r[np.ix_(i, i)]
    deviation = np.sqrt(2 - 2 * r[i, j])
    return float((2 / np.pi) * np.arcsin(np.clip(covariance / np.outer(deviation, deviation), -1, 1)).sum())


def _checked(panel: pd.DataFrame) -> pd.DataFrame:
    """The months with a value, sorted, with their number since year 0; refuses what cannot be judged."""
    require_columns(panel, ("unique_id", "ds", "y"), "panel")
    frame = pd.DataFrame(
        {
            "unique_id": panel["unique_id"].astype("str"),
            "ds": pd.to_datetime(panel["ds"]),
            "y": panel["y"].astype("float64"),
        }
    )
    frame["month"] = frame["ds"].dt.year * MONTHS + frame["ds"].dt.month
    lasts = frame.groupby("unique_id")["month"].transform(np.ptp) if len(frame) else frame["month"]
    for why, bad in (
        ("occurs twice", frame.duplicated(["unique_id", "ds"])),
        ("is not the first day of a month", frame["ds"] != frame["ds"].dt.to_period("M").dt.start_time),
        ("has an infinite value", np.isinf(frame["y"])),
        (f"is one of more than {LONGEST_MONTHS} months", lasts >= LONGEST_MONTHS),
    ):
        if bad.any():
            row = frame[bad].iloc[0]
            raise PanelError(f"series {row['unique_id']!r}: {row['ds']:%Y-%m-%d} {why}")
    return frame[frame["y"].notna()].sort_values(["unique_id", "ds"], ignore_index=True)


def _typed(table: pd.DataFrame) -> pd.DataFrame:
    """Numbers as numbers also where every series is too short; counts as whole ones."""
    numbers = ("slope", "slope_pct", "slope_ols", "p_slope_ols", "autocorrelation", "tau", "z", "p_value")
    kinds = dict.fromkeys(numbers, "float64") | {"n_months": "int64", "mann_kendall_s": "Int64"}
    return table.astype({**kinds, "has_robust_errors": "boolean"})
