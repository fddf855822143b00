"""How good forecasts were: error measures of a backtest, or of forecasts that came due.

Not here: the backtest itself (engine.py), one forecast beside another (value_added.py), drift (drift.py).
"""

import numpy as np
import pandas as pd

from forecasting.panel import require_columns

ACCURACY_COLUMNS = ("unique_id", "n_origins", "wape_pct", "mase", "bias_pct", "naive_wape_pct")
SUMS = ("n_forecasts", "n_nonzero", "size", "error", "miss", "ape_pct", "naive_miss", "in_80", "in_95", "interval_95",
        "closer", "naive_error", "n_scaled", "scaled_miss", "scaled_square")  # fmt: skip
MEASURES = ("n_forecasts", "actual_total", "mape_pct", "wape_pct", "naive_wape_pct", "value_added_pct",
            "improved_share_pct", "bias_pct", "naive_bias_pct", "mase", "rmsse", "coverage_80_pct",
            "coverage_95_pct", "interval_score_95_pct")  # fmt: skip


def accuracy_table(backtest: pd.DataFrame, panel: pd.DataFrame, season_length: int) -> pd.DataFrame:
    """Error measures of every series of the panel over all origins and steps of its backtest.

    With e = ŷ − y over all origins and steps of a series:

    - ``wape_pct`` = 100 · Σ|e| / Σ|y|, ``naive_wape_pct`` the same for the seasonal naive (Kolassa & Schütz
      2007, "Advantages of the MAD/mean ratio over the MAPE", Foresight 6, 40–43);
    - ``bias_pct`` = 100 · Σe / Σ|y|: positive means forecast too high;
    - ``mase`` = mean|e| / mean|y_t − y_(t−m)|, the denominator over the history known at the first origin,
      with m = season_length where that history is longer than m, else 1 (Hyndman & Koehler 2006, "Another
      look at measures of forecast accuracy", IJF 22(4), 679–688). Below 1: better than the naive was in its
      own past.

    Args:
        backtest: ``unique_id, cutoff, ds, y, mean, naive`` as from ``backtest_panel``.
        panel: ``unique_id, ds, y``, the history behind it.
        season_length: m, in periods.

    Returns:
        One row per series of the panel: ``unique_id, n_origins, wape_pct, mase, bias_pct, naive_wape_pct``;
        NaN where the denominator is zero or the series has no origin.

    >>> days = pd.date_range("2024-01-01", periods=4)
    >>> panel = pd.DataFrame({"unique_id": "A", "ds": days, "y": [1.0, 3, 5, 8]})
    >>> backtest = pd.DataFrame({"unique_id": ["A"], "cutoff": days[2], "ds": days[3],
    ...                          "y": 8.0, "mean": 7.0, "naive": 5.0})
    >>> accuracy_table(backtest, panel, 1).iloc[0].to_dict()
    {'unique_id': 'A', 'n_origins': 1, 'wape_pct': 12.5, 'mase': 0.5, 'bias_pct': -12.5, 'naive_wape_pct':
    37.5}
    """
    require_columns(backtest, ("unique_id", "cutoff", "ds", "y", "mean", "naive"), "backtest")
    require_columns(panel, ("unique_id", "ds", "y"), "panel")
    if season_length < 1:
        raise ValueError(f"season_length must be at least 1 period, not {season_length}")
    errors = pd.DataFrame(
        {
            "unique_id": backtest["unique_id"],
            "cutoff": backtest["cutoff"],
            "size": backtest["y"].abs(),
            "error": backtest["mean"] - backtest["y"],
            "miss": (backtest["mean"] - backtest["y"]).abs(),
            "naive_miss": (backtest["naive"] - backtest["y"]).abs(),
        }
    )
    grouped = errors.groupby("unique_id")
    totals = grouped[["size", "error", "miss", "naive_miss"]].sum()
    size = totals["size"].where(totals["size"] > 0)
    table = pd.DataFrame(
        {
            "n_origins": grouped["cutoff"].nunique(),
            "wape_pct": 100.0 * totals["miss"] / size,
            "mase": grouped["miss"].mean() / _naive_scale(panel, grouped["cutoff"].min(), season_length),
            "bias_pct": 100.0 * totals["error"] / size,
            "naive_wape_pct": 100.0 * totals["naive_miss"] / size,
        }
    )
    everyone = pd.Index(sorted(panel["unique_id"].unique()), name="unique_id", dtype="str")
    table = table.reindex(everyone).reset_index()
    table["n_origins"] = table["n_origins"].fillna(0).astype("int64")
    return table[list(ACCURACY_COLUMNS)]


def coverage_table(forecast: pd.DataFrame, actuals: pd.DataFrame, level: float) -> pd.DataFrame:
    """Share of what came that lay inside the interval of ``level`` per cent, bounds included.

    coverage_pct = 100 · mean(lo ≤ y ≤ hi), per series, over the periods that both frames have.

    Args:
        forecast: ``unique_id, ds, lo-<level>, hi-<level>`` as from ``forecast_panel``.
        actuals: ``unique_id, ds, y``.
        level: of the interval, in per cent.

    Returns:
        ``unique_id, n_periods, coverage_pct``, one row per series with a common period.

    >>> days = pd.date_range("2024-01-01", periods=2)
    >>> forecast = pd.DataFrame({"unique_id": "A", "ds": days, "lo-80": 1.0, "hi-80": 3.0})
    >>> actuals = pd.DataFrame({"unique_id": "A", "ds": days, "y": [3.0, 4.0]})
    >>> coverage_table(forecast, actuals, 80).to_dict("list")
    {'unique_id': ['A'], 'n_periods': [2], 'coverage_pct': [50.0]}
    """
    lo, hi = f"lo-{level:g}", f"hi-{level:g}"
    require_columns(forecast, ("unique_id", "ds", lo, hi), "forecast")
    require_columns(actuals, ("unique_id", "ds", "y"), "actuals")
    both = forecast[["unique_id", "ds", lo, hi]].merge(
        actuals[["unique_id", "ds", "y"]], on=["unique_id", "ds"], validate="1:1"
    )
    inside = both.assign(inside=100.0 * both["y"].between(both[lo], both[hi]))
    grouped = inside.groupby("unique_id", as_index=False)["inside"]
    return grouped.agg(["size", "mean"]).rename(columns={"size": "n_periods", "mean": "coverage_pct"})


def error_terms(outcomes: pd.DataFrame) -> pd.DataFrame:
    """What each forecast that came due adds to the sums that every measure of :func:`error_measures` is made of.

    Sums can be added up over groups and in parts, measures cannot.

    Args:
        outcomes: one row per forecast that came due: ``y, mean, naive, lo_80, hi_80, lo_95, hi_95, scale,
            square_scale``; ``scale`` is the mean |y_t − y_(t−m)| of the series' past, ``square_scale`` the mean
            square of the same; NaN or 0 where there is none.

    Returns:
        :data:`SUMS` as float64, on the index of ``outcomes``.
    """
    columns = ("y", "mean", "naive", "lo_80", "hi_80", "lo_95", "hi_95", "scale", "square_scale")
    require_columns(outcomes, columns, "outcomes")
    y, mean, naive, lo_80, hi_80, lo_95, hi_95, scale, square = outcomes[list(columns)].to_numpy(dtype="float64").T
    error, naive_error = mean - y, naive - y
    miss, naive_miss, size = np.abs(error), np.abs(naive_error), np.abs(y)
    is_scaled = (scale > 0) & (square > 0)
    outside = np.maximum(lo_95 - y, 0.0) + np.maximum(y - hi_95, 0.0)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        terms = {
            "n_forecasts": np.ones(len(y)),
            "n_nonzero": y != 0,
            "size": size,
            "error": error,
            "miss": miss,
            "ape_pct": np.where(y != 0, 100.0 * miss / size, 0.0),
            "naive_miss": naive_miss,
            "in_80": (lo_80 <= y) & (y <= hi_80),
            "in_95": (lo_95 <= y) & (y <= hi_95),
            "interval_95": hi_95 - lo_95 + 40.0 * outside,
            "closer": (miss < naive_miss) + 0.5 * (miss == naive_miss),
            "naive_error": naive_error,
            "n_scaled": is_scaled,
            "scaled_miss": np.where(is_scaled, miss / scale, 0.0),
            "scaled_square": np.where(is_scaled, error**2 / square, 0.0),
        }
    return pd.DataFrame(terms, index=outcomes.index).astype("float64")[list(SUMS)]


def error_measures(sums: pd.DataFrame) -> pd.DataFrame:
    """How good forecasts were that came due, from their sums of errors; one row per row of ``sums``.

    With e = ŷ − y over the forecasts of a row:

    - ``actual_total`` = Σ|y|, which the percentages below are of.
    - ``mape_pct`` = 100 · mean(|e| / |y|) over those with y ≠ 0 only: at 0 it is not defined, so it says nothing about
      forecasts of demand that did not come. Where demand is intermittent, read WAPE.
    - ``wape_pct``, ``naive_wape_pct``, ``bias_pct``: as :func:`accuracy_table` has them.
    - ``value_added_pct`` = naive_wape_pct − wape_pct: points of WAPE that the forecast is better than seasonal naive;
      ``improved_share_pct``: in how many cases it was closer, equally far counting half.
    - ``mase`` = mean(|e| / scale), ``rmsse`` = √mean(e² / square_scale), each by its own series' scale (Hyndman &
      Koehler 2006; Makridakis et al. 2022, "M5 accuracy competition", IJF 38(4)).
    - ``coverage_80_pct``, ``coverage_95_pct``: what came inside the interval, bounds included.
    - ``interval_score_95_pct`` = 100 · Σ(hi − lo + 2/α · (distance outside)) / Σ|y| with α = 0.05 (Gneiting & Raftery
      2007, JASA 102, eq. 43): narrow is good, a miss costs forty times its distance. It is the pinball loss of both
      bounds times 2/α.

    Args:
        sums: sums of :func:`error_terms`, with any columns beside.

    Returns:
        The other columns of ``sums`` and :data:`MEASURES`; NaN where a denominator is 0.

    >>> outcomes = pd.DataFrame({"unique_id": "A", "y": [8.0, 0.0], "mean": [6.0, 2.0], "naive": [4.0, 0.0],
    ...     "lo_80": 5.0, "hi_80": 7.0, "lo_95": 0.0, "hi_95": 8.0, "scale": 4.0, "square_scale": 16.0})
    >>> found = error_measures(error_terms(outcomes).groupby(outcomes["unique_id"]).sum()).iloc[0]
    >>> [float(found[name]) for name in ("mape_pct", "wape_pct", "value_added_pct", "bias_pct", "mase", "rmsse")]
    [25.0, 50.0, 0.0, 0.0, 0.5, 0.5]
    >>> [float(found[name]) for name in ("coverage_80_pct", "coverage_95_pct", "interval_score_95_pct")]
    [0.0, 100.0, 200.0]
    """
    require_columns(sums, SUMS, "sums")
    numbers = sums[list(SUMS)].astype("float64")
    n, size = numbers["n_forecasts"], numbers["size"].where(numbers["size"] > 0)
    n_scaled = numbers["n_scaled"].where(numbers["n_scaled"] > 0)
    wape, naive_wape = 100.0 * numbers["miss"] / size, 100.0 * numbers["naive_miss"] / size
    return sums.drop(columns=list(SUMS)).assign(
        n_forecasts=sums["n_forecasts"].astype("int64"),
        actual_total=numbers["size"],
        mape_pct=numbers["ape_pct"] / numbers["n_nonzero"].where(numbers["n_nonzero"] > 0),
        wape_pct=wape,
        naive_wape_pct=naive_wape,
        value_added_pct=naive_wape - wape,
        bias_pct=100.0 * numbers["error"] / size,
        naive_bias_pct=100.0 * numbers["naive_error"] / size,
        improved_share_pct=100.0 * numbers["closer"] / n,
        mase=numbers["scaled_miss"] / n_scaled,
        rmsse=(numbers["scaled_square"] / n_scaled) ** 0.5,
        coverage_80_pct=100.0 * numbers["in_80"] / n,
        coverage_95_pct=100.0 * numbers["in_95"] / n,
        interval_score_95_pct=100.0 * numbers["interval_95"] / size,
    )


def _naive_scale(panel: pd.DataFrame, first_cutoff: pd.Series, season_length: int) -> pd.Series:
    """mean|y_t − y_(t−m)| of each series up to its first origin; NaN where there is none, or it is zero."""
    frame = panel.sort_values(["unique_id", "ds"], ignore_index=True)
    frame = frame[frame["ds"].to_numpy() <= first_cutoff.reindex(frame["unique_id"]).to_numpy()]
    by_id = frame.groupby("unique_id")["y"]
    seasonal = by_id.diff(season_length).abs().groupby(frame["unique_id"]).mean()
    naive = by_id.diff().abs().groupby(frame["unique_id"]).mean()
    scale = seasonal.where(by_id.size() > season_length, naive)
    return scale.where(scale > 0)
