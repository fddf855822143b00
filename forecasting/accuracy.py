"""How good the forecasts were: error measures per series, from a backtest or from intervals and what came.

Not here: the backtest itself (engine.py).
"""

import pandas as pd

from forecasting.panel import require_columns

ACCURACY_COLUMNS = ("unique_id", "n_origins", "wape_pct", "mase", "bias_pct", "naive_wape_pct")


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


def _naive_scale(panel: pd.DataFrame, first_cutoff: pd.Series, season_length: int) -> pd.Series:
    """mean|y_t − y_(t−m)| of each series up to its first origin; NaN where there is none, or it is zero."""
    frame = panel.sort_values(["unique_id", "ds"], ignore_index=True)
    frame = frame[frame["ds"].to_numpy() <= first_cutoff.reindex(frame["unique_id"]).to_numpy()]
    by_id = frame.groupby("unique_id")["y"]
    seasonal = by_id.diff(season_length).abs().groupby(frame["unique_id"]).mean()
    naive = by_id.diff().abs().groupby(frame["unique_id"]).mean()
    scale = seasonal.where(by_id.size() > season_length, naive)
    return scale.where(scale > 0)
