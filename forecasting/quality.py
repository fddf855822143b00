"""What a forecaster asks of a series and of its errors: how strong its parts are, is it stationary, is a pattern left?

Not here: how large the errors are (accuracy.py), the decomposition itself (decomposition.py).
"""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from forecasting.decomposition import FEWEST_PERIODS, LONGEST_STATE, decompose
from forecasting.panel import require_columns

# A report of 60 series asks 180 questions of errors: at 5 % nine answers would be wrong, at 1 % two.
ALPHA = 0.01
FEWEST_ERRORS = 30  # the distributions of these tests are those of large samples
FEWEST_FOR_UNIT_ROOTS = 24
_PARTS = ("observed", "trend", "seasonal", "remainder")
DECOMPOSITION_COLUMNS = ("unique_id", "ds", *_PARTS)


@dataclass(frozen=True)
class Stationarity:
    """Tests of a series without its seasons; p-values None where there are too few periods, or a test is undefined.

    ``p_adf``: of the augmented Dickey–Fuller test, whose null is a unit root; ``p_kpss``: of KPSS, whose null is a
    constant level, known only between 0.01 and 0.1 and given as the nearer end outside. ``n_diffs`` by KPSS,
    ``n_seasonal_diffs`` by OCSB: differences that would make it stationary. ``stationarity`` is 'stationary' (a root is
    refused, the level is not), 'not stationary' (the reverse), 'moving level' (both are: a trend without a unit root)
    or 'too little to tell' (neither).
    """

    p_adf: float | None = None
    p_kpss: float | None = None
    n_diffs: int | None = None
    n_seasonal_diffs: int | None = None
    stationarity: str | None = None


@dataclass(frozen=True)
class Residuals:
    """Tests of consecutive one-step errors e = y − ŷ; None where there are fewer than 30, or a test is undefined.

    ``mean_error`` in the series' unit; ``p_mean_error``: t-test of zero with Newey & West's errors;
    ``p_ljung_box`` over ``ljung_box_lags``; ``correlated_lag``: the lag of the largest |``autocorrelation``|;
    ``p_jarque_bera``: normality; ``p_breusch_pagan``: whether their spread moves with the forecast.
    """

    n_errors: int
    mean_error: float | None = None
    p_mean_error: float | None = None
    ljung_box_lags: int | None = None
    p_ljung_box: float | None = None
    correlated_lag: int | None = None
    autocorrelation: float | None = None
    p_jarque_bera: float | None = None
    p_breusch_pagan: float | None = None


def quality_tables(
    panel: pd.DataFrame, errors: pd.DataFrame, *, season_lengths: Sequence[int]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """One row per series of what it is like and what its forecast leaves, and its decomposition per period.

    Args:
        panel: ``unique_id, ds, y``, finite and gapless.
        errors: ``unique_id, ds, y, mean``: consecutive one-step forecasts, as of ``backtest_panel(horizon=1)``.
        season_lengths: looked for, in periods, the shortest first.

    Returns:
        quality: ``unique_id, n_periods, season_length, trend_strength, season_strength, long_season_length,
        long_season_strength``, the fields of :class:`Stationarity` and :class:`Residuals`, ``is_sound`` (neither bias
        nor correlation found; missing where untested), ``verdict`` (a sentence); decompositions: ``unique_id, ds,
        observed, trend, seasonal, remainder``. Series shorter than 8 periods are not decomposed.

    Raises:
        PanelError: a column is missing.

    >>> days = pd.date_range("2024-01-01", periods=4)
    >>> panel = pd.DataFrame({"unique_id": "A", "ds": days, "y": 1.0})
    >>> quality, parts = quality_tables(panel, panel.assign(mean=1.0).iloc[:0], season_lengths=(7,))
    >>> quality["verdict"].tolist(), len(parts)
    (['not judged: 0 one-step errors, 30 are needed; too short for a decomposition'], 0)
    """
    require_columns(panel, ("unique_id", "ds", "y"), "panel")
    require_columns(errors, ("unique_id", "ds", "y", "mean"), "errors")
    missed = {str(name): one.sort_values("ds") for name, one in errors.groupby("unique_id")}
    rows, parts = [], []
    for name, one in panel.sort_values(["unique_id", "ds"]).groupby("unique_id", sort=True):
        own = missed.get(str(name), errors.iloc[:0])
        row, part = _one(one["y"].to_numpy(dtype="float64"), own, tuple(season_lengths))
        rows.append({"unique_id": str(name), **row})
        if part is not None:
            parts.append(pd.DataFrame({"unique_id": str(name), "ds": one["ds"].to_numpy(), **part}))
    quality = pd.DataFrame(rows, columns=list(QUALITY_COLUMNS)).astype(_KINDS)
    return quality, pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(DECOMPOSITION_COLUMNS))


def stationarity(y: np.ndarray, season_length: int, adjusted: np.ndarray | None = None) -> Stationarity:
    """Whether a series keeps its level, and how often to difference it.

    Source: Dickey & Fuller (1979); Kwiatkowski et al. (1992); Osborn et al. (1988), as in FPP3 §9.1.

    Args:
        y: shape n, for the seasonal differences. season_length: in periods, 1 for none.
        adjusted: y without its seasons, shape n, for the other tests; y itself when absent.

    >>> stationarity(np.cumsum(np.random.default_rng(1).normal(size=200)), 1).stationarity
    'not stationary'
    """
    level = y if adjusted is None else adjusted
    size = float(np.abs(y).max()) if len(y) else 0.0
    if len(y) < FEWEST_FOR_UNIT_ROOTS or size == 0 or np.ptp(level / size) <= 1e-9:
        return Stationarity()
    from pmdarima.arima import ndiffs, nsdiffs  # no fit among them: their memory is the arrays' own
    from statsmodels.tsa.stattools import adfuller, kpss

    level, x = level / size, y / size
    p_adf = _number(lambda: adfuller(level, regression="c", autolag="AIC", result_object=False)[1])
    p_kpss = _number(lambda: kpss(level, regression="c", nlags="auto", result_object=False)[1])
    n_diffs = _number(lambda: ndiffs(level, test="kpss"))
    is_seasonal = 2 <= season_length <= LONGEST_STATE and len(y) > 2 * season_length + 5
    n_seasonal = _number(lambda: nsdiffs(x, m=season_length, max_D=1, test="ocsb")) if is_seasonal else None
    return Stationarity(
        p_adf, p_kpss, None if n_diffs is None else int(n_diffs), None if n_seasonal is None else int(n_seasonal),
        _stationary_words(p_adf, p_kpss),
    )  # fmt: skip


def residual_tests(actual: np.ndarray, forecast: np.ndarray, season_length: int) -> Residuals:
    """Whether consecutive one-step errors are chance: no mean, no memory, one spread, a normal shape.

    Ljung–Box over min(2 m, n/5) lags, 10 without a season (FPP3 §5.4). Sources: Ljung & Box (1978), Newey & West
    (1987), Jarque & Bera (1987), Breusch & Pagan (1979) as studentised by Koenker (1981).

    Args:
        actual, forecast: shape n, oldest first, in the series' unit. season_length: in periods, 1 for none.

    >>> wave = np.sin(2 * np.pi * np.arange(70) / 7)
    >>> residual_tests(wave, np.zeros(70), 7).correlated_lag
    7
    """
    n = len(actual)
    errors = actual - forecast
    size = float(np.abs(errors).max()) if n else 0.0
    if n < FEWEST_ERRORS or not np.isfinite(size):
        return Residuals(n)
    if np.ptp(errors) <= 1e-9 * max(size, float(np.abs(actual).max())):
        return Residuals(n, mean_error=float(errors[0]))
    import statsmodels.api as sm
    from statsmodels.stats.diagnostic import acorr_ljungbox, het_breuschpagan
    from statsmodels.tsa.stattools import acf

    e = errors / size
    lags = int(max(1, min(2 * season_length if season_length > 1 else 10, n // 5)))
    newey = {"maxlags": int(4 * (n / 100) ** (2 / 9)), "use_correction": True}
    correlations = acf(e, nlags=lags)[1:]
    strongest = _strongest(correlations, season_length)
    design = sm.add_constant(forecast / (float(np.abs(forecast).max()) or 1.0), has_constant="add")
    moves = np.ptp(design[:, 1]) > 1e-9
    return Residuals(
        n_errors=n,
        mean_error=float(e.mean() * size),
        p_mean_error=_number(lambda: sm.OLS(e, np.ones(n)).fit(cov_type="HAC", cov_kwds=newey, use_t=True).pvalues[0]),
        ljung_box_lags=lags,
        p_ljung_box=_number(lambda: acorr_ljungbox(e, lags=[lags])["lb_pvalue"].iloc[0]),
        correlated_lag=strongest,
        autocorrelation=float(correlations[strongest - 1]),
        p_jarque_bera=_number(lambda: sm.stats.jarque_bera(e)[1]),
        p_breusch_pagan=_number(lambda: het_breuschpagan(e, design)[1]) if moves else None,
    )


def verdict(found: Residuals, season_length: int, typical: float) -> tuple[bool | None, str]:
    """Whether the errors are sound (None: not judged), and a sentence that says what was found.

    Args:
        found: of :func:`residual_tests`. season_length: in periods, 1 for none.
        typical: mean |y| of the same periods, in the series' unit, to say a bias in per cent of.

    >>> verdict(Residuals(60, 8.0, 0.001, 10, 0.2, 3, 0.1, 0.5, 0.5), 7, 100.0)
    (False, 'forecasts are 8.0 % too low on average')
    """
    if found.mean_error is None:
        return None, f"not judged: {found.n_errors} one-step errors, {FEWEST_ERRORS} are needed"
    if found.ljung_box_lags is None:
        is_exact = found.mean_error == 0
        return is_exact, "every forecast was exact" if is_exact else "every forecast missed by the same amount"
    faults = []
    if found.p_mean_error is not None and found.p_mean_error < ALPHA:
        side = "low" if found.mean_error > 0 else "high"
        share = f"{100 * abs(found.mean_error) / typical:.1f} % " if typical else ""
        faults.append(f"forecasts are {share}too {side} on average")
    if found.p_ljung_box is not None and found.p_ljung_box < ALPHA:
        faults.append(_correlation_words(found.correlated_lag or 1, found.autocorrelation or 0.0, season_length))
    remarks = []
    if found.p_breusch_pagan is not None and found.p_breusch_pagan < ALPHA:
        remarks.append("the spread of the errors moves with the forecast")
    if found.p_jarque_bera is not None and found.p_jarque_bera < ALPHA:
        remarks.append("the errors are not normally distributed, so only intervals made of past errors hold")
    said = faults or ["errors look like chance"]
    return not faults, "; ".join([*said, *remarks])


def _one(
    y: np.ndarray, errors: pd.DataFrame, season_lengths: tuple[int, ...]
) -> tuple[dict[str, object], dict[str, np.ndarray] | None]:
    """The row of one series without its name, and its parts by column, or None where it is too short."""
    short = next((m for m in season_lengths if 2 <= m <= LONGEST_STATE), None)
    long = next((m for m in season_lengths if m > LONGEST_STATE), None)
    base = short or long or 1
    actual, forecast = errors["y"].to_numpy(dtype="float64"), errors["mean"].to_numpy(dtype="float64")
    residuals = residual_tests(actual, forecast, base)
    is_sound, said = verdict(residuals, base, float(np.abs(actual).mean()) if len(actual) else 0.0)
    row: dict[str, object] = {"n_periods": len(y), "season_length": short, "long_season_length": long}
    if len(y) < FEWEST_PERIODS:
        said = f"{said}; too short for a decomposition"
        return {**row, **asdict(Stationarity()), **asdict(residuals), "is_sound": is_sound, "verdict": said}, None
    parts = decompose(y, [m for m in (short, long) if m])
    row |= {
        "trend_strength": parts.trend_strength,
        "season_strength": parts.season_strength(short or 0),
        "long_season_strength": parts.season_strength(long or 0),
    }
    tests = stationarity(y, short or 1, y - parts.seasonal)
    row |= {**asdict(tests), **asdict(residuals), "is_sound": is_sound, "verdict": said}
    return row, dict(zip(_PARTS, (y, parts.trend, parts.seasonal, parts.remainder), strict=True))


def _strongest(correlations: np.ndarray, season_length: int) -> int:
    """The lag of the largest |r|; the season's own where it is nearly as large, for its neighbours only echo it."""
    strongest = int(np.argmax(np.abs(correlations))) + 1
    if 1 < season_length <= len(correlations):
        at_season = abs(float(correlations[season_length - 1]))
        if at_season >= 0.9 * abs(float(correlations[strongest - 1])):
            return season_length
    return strongest


def _correlation_words(lag: int, r: float, season_length: int) -> str:
    where = f"errors are still correlated at lag {lag} (r = {r:.2f})"
    if season_length > 1 and lag % season_length == 0:
        return f"{where}: a season of {season_length} periods is {'missing' if r > 0 else 'overdone'}"
    if lag == 1:
        return f"{where}: the forecast follows changes too {'slowly' if r > 0 else 'quickly'}"
    return f"{where}: a pattern is left in them"


def _stationary_words(p_adf: float | None, p_kpss: float | None) -> str | None:
    if p_adf is None or p_kpss is None:
        return None
    has_no_root, keeps_level = p_adf < 0.05, p_kpss > 0.05
    if has_no_root and keeps_level:
        return "stationary"
    if not has_no_root and not keeps_level:
        return "not stationary"
    return "moving level" if has_no_root else "too little to tell"


def _number(test: Callable[[], object]) -> float | None:
    """The finite number that a test gives; None where it is undefined for this series."""
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")  # KPSS warns of every p-value outside its table
            value = float(test())  # type: ignore[arg-type]
    except (ValueError, ZeroDivisionError, np.linalg.LinAlgError, IndexError):
        return None
    return value if np.isfinite(value) else None


QUALITY_COLUMNS = (
    "unique_id", "n_periods", "season_length", "trend_strength", "season_strength", "long_season_length",
    "long_season_strength", *Stationarity.__dataclass_fields__, *Residuals.__dataclass_fields__, "is_sound", "verdict",
)  # fmt: skip
_KINDS = {
    **{name: "float64" for name in QUALITY_COLUMNS if name not in ("unique_id", "stationarity", "verdict")},
    **{
        name: "Int64"
        for name in QUALITY_COLUMNS
        if name.startswith("n_") or name.endswith(("_length", "_lags", "_lag"))
    },
    "is_sound": "boolean",
}
