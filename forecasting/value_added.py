"""What one forecast is worth beside a simpler one: points of error that it takes away (forecast value added).

Not here: the errors of a single forecast (accuracy.py), and which forecasts are compared (the night).
"""

from collections.abc import Sequence

import pandas as pd

from forecasting.panel import require_columns

VALUE_COLUMNS = ("n_forecasts", "actual_total", "baseline_wape_pct", "wape_pct", "value_added_pct",
                 "baseline_bias_pct", "bias_pct", "improved_share_pct")  # fmt: skip


def value_added(pairs: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """Forecast value added per group: the WAPE of the simpler forecast minus that of the other one, in points.

    FVA = 100 · (Σ|b − y| − Σ|ŷ − y|) / Σ|y| (Gilliland 2010, "The Business Forecasting Deal", ch. 4: every step of a
    forecasting process must beat the step before it). Positive: the step was worth its effort; negative: without it
    the forecast would have been better. ``improved_share_pct`` says in how many cases it came closer; a case in which
    both are equally far off counts half.

    Args:
        pairs: ``y, baseline, forecast`` and the columns of ``by``; rows that lack one of the three are left
            out, because only what both have said can be compared.
        by: columns to group by.

    Returns:
        ``by`` and :data:`VALUE_COLUMNS`, one row per group, sorted; percentages are NaN where Σ|y| is 0.

    >>> pairs = pd.DataFrame({"rep": "Zoë", "y": [10.0, 30.0], "baseline": [20.0, 30.0], "forecast": [12.0, 32.0]})
    >>> value_added(pairs, ["rep"])[["baseline_wape_pct", "wape_pct", "value_added_pct"]].to_dict("list")
    {'baseline_wape_pct': [25.0], 'wape_pct': [10.0], 'value_added_pct': [15.0]}
    >>> float(value_added(pairs, ["rep"])["improved_share_pct"].iloc[0])
    50.0
    """
    require_columns(pairs, ("y", "baseline", "forecast", *by), "pairs")
    both = pairs.dropna(subset=["y", "baseline", "forecast"])
    numbers = both[["y", "baseline", "forecast"]].astype("float64")
    worse, better = numbers["baseline"] - numbers["y"], numbers["forecast"] - numbers["y"]
    closer = (better.abs() < worse.abs()) + 0.5 * (better.abs() == worse.abs())
    sums = both[list(by)].assign(
        n_forecasts=1, actual_total=numbers["y"], size=numbers["y"].abs(), base_miss=worse.abs(), miss=better.abs(),
        base_error=worse, error=better, closer=closer,
    )  # fmt: skip
    table = sums.groupby(list(by), as_index=False, sort=True).sum()
    size = table["size"].where(table["size"] > 0)
    table = table.assign(
        baseline_wape_pct=100.0 * table["base_miss"] / size,
        wape_pct=100.0 * table["miss"] / size,
        value_added_pct=100.0 * (table["base_miss"] - table["miss"]) / size,
        baseline_bias_pct=100.0 * table["base_error"] / size,
        bias_pct=100.0 * table["error"] / size,
        improved_share_pct=100.0 * table["closer"] / table["n_forecasts"],
    )
    return table[[*by, *VALUE_COLUMNS]]
