"""When to order and how much: reorder points from the forecast and from its own past lead-time errors.

Not here: costs, order-quantity economics, or where the inventory figures come from.
"""

import math

import numpy as np
import pandas as pd
from scipy.stats import norm

from forecasting.panel import PanelError, require_columns

DAYS_PER_WEEK = 7
REVIEW_DAYS = 7
COLUMNS = (
    "product_id",
    "on_hand_units",
    "on_order_units",
    "lead_time_days",
    "service_level_pct",
    "lead_time_demand_units",
    "safety_stock_units",
    "reorder_point_units",
    "order_qty_units",
    "status",
    "reason",
)
_OWN_ERRORS = 60  # windows from which a product's own 95 % quantile is steadier than the scaled one of all products
_PRIOR_WINDOWS = 2.0  # how many origins the typical product counts for beside a product's own


def reorder_points(
    forecast: pd.DataFrame,
    backtest: pd.DataFrame,
    inventory: pd.DataFrame,
    *,
    service_level_pct: float = 95.0,
    default_lead_time_days: int = 14,
) -> pd.DataFrame:
    """Reorder point, safety stock and order quantity of every product that is forecast or in stock.

    With L = lead time / 7 weeks, weekly forecasts ŷ_1, ŷ_2, … and S(x, L) the sum of the first L weeks of x,
    the last one in proportion when L is not whole (beyond the horizon, the horizon's sum in proportion):

    - lead-time demand = S(ŷ, L);
    - safety stock = max(0, q_p), the p-quantile of S(y − ŷ, L) over the rolling origins: with 60 or more
      origins the product's own, else that of all products' errors, each divided by √L times the product's
      root mean square weekly error (over its *other* origins, shrunk towards the typical product), times the
      same of this product;
    - reorder point = lead-time demand + safety stock;
    - position = on hand + on order. Where it is at or below the reorder point, order up to the reorder point
      plus the forecast of the 7 days after the lead time (until the next order), in whole units; else
      nothing.

    Source: Saoud, Kourentzes & Boylan (2022), "Approximations for the lead time variance", Omega 110, 102614.
    The textbook σ·√L gave 88–92 % service where 95 % was asked; quantiles of lead-time errors gave 94–96 %.

    Args:
        forecast: weekly ``unique_id, ds, mean`` (units), as from ``forecast_panel``; unique_id is the
            product.
        backtest: weekly ``unique_id, cutoff, ds, y, mean``, as from ``backtest_panel``; may be empty, then
            safety stock is z_p·√(lead-time demand), the Poisson approximation, and the reason says so.
        inventory: ``product_id, on_hand_units, on_order_units, lead_time_days``, one row per product; a
            missing stock figure gives the status ``stock unknown``, a missing lead time the default.
        service_level_pct: wanted share of lead times without a stock-out, above 0 and below 100.
        default_lead_time_days: for products without one, ≥ 0.

    Returns:
        One row per product, by product_id, with the columns of ``COLUMNS``; ``status`` is ``order now``,
        ``enough`` or ``stock unknown`` (then ``order_qty_units`` is NaN), ``reason`` a sentence.

    Raises:
        PanelError: a column is missing, a product occurs twice, a lead time is negative or not whole, a
            figure is infinite.
        ValueError: service level or default lead time out of range.

    >>> weeks = pd.date_range("2024-01-01", periods=3, freq="W-MON")
    >>> forecast = pd.DataFrame({"unique_id": "A", "ds": weeks, "mean": [10.0, 10, 10]})
    >>> stock = pd.DataFrame({"product_id": ["A"], "on_hand_units": [12.0], "on_order_units": [0.0],
    ...                       "lead_time_days": [14]})
    >>> none = pd.DataFrame({"unique_id": [], "cutoff": [], "ds": [], "y": [], "mean": []})
    >>> row = reorder_points(forecast, none, stock).iloc[0]
    >>> row["lead_time_demand_units":"reason"].astype(str).str[:4].tolist()
    ['20.0', '7.35', '27.3', '26.0', 'orde', '12 u']
    """
    _check(forecast, backtest, inventory, service_level_pct, default_lead_time_days)
    weekly = _weekly_means(forecast)
    errors = _LeadTimeErrors(backtest)
    table = _products(weekly, inventory, default_lead_time_days)
    rows = []
    for row in table.itertuples(index=False):
        means = weekly.get(row.product_id, np.zeros(1))
        lead_weeks = row.lead_time_days / DAYS_PER_WEEK
        demand = window_sum(means, lead_weeks)
        review = window_sum(means, lead_weeks + REVIEW_DAYS / DAYS_PER_WEEK) - demand
        safety, basis = errors.quantile(row.product_id, lead_weeks, service_level_pct, means)
        if row.product_id not in weekly:
            basis = "no forecast"
        rows.append(_decide(row, max(demand, 0.0), safety, max(review, 0.0), basis))
    decided = pd.DataFrame(rows, columns=list(COLUMNS[5:]))
    result = pd.concat([table, decided], axis=1)
    result["service_level_pct"] = float(service_level_pct)
    return result[list(COLUMNS)]


def window_sum(weekly: np.ndarray, weeks: float) -> float:
    """Sum of the first ``weeks`` values, the last in proportion; beyond the end the whole sum in proportion.

    >>> window_sum(np.array([10.0, 20.0]), 1.5), window_sum(np.array([10.0, 20.0]), 4.0)
    (20.0, 60.0)
    """
    horizon = len(weekly)
    if weeks >= horizon:
        return float(weekly.sum() * weeks / horizon)
    whole = int(weeks)
    return float(weekly[:whole].sum() + (weeks - whole) * weekly[whole])


class _LeadTimeErrors:
    """The backtest's errors y − ŷ as one row per origin, and quantiles of their sums over a lead time."""

    def __init__(self, backtest: pd.DataFrame) -> None:
        frame = backtest.sort_values(["unique_id", "cutoff", "ds"], ignore_index=True)
        frame = frame.assign(error=frame["y"] - frame["mean"], size=frame["mean"].abs())
        self._rows = frame.groupby(["unique_id", "cutoff"], sort=True)["error"].agg(lambda e: e.to_numpy())
        self._ids = self._rows.index.get_level_values("unique_id").to_numpy() if len(frame) else np.empty(0, dtype=str)
        squares = np.array([float(np.square(e).mean()) for e in self._rows])
        own = pd.DataFrame({"unique_id": self._ids, "square": squares})
        own["level"] = own["unique_id"].map(frame.groupby("unique_id")["size"].mean()) if len(own) else 0.0
        totals = own.groupby("unique_id").agg(sum=("square", "sum"), n=("square", "size"), level=("level", "first"))
        # The typical product: its squared error per squared weekly demand, to lend to those with few origins.
        relative = totals["sum"] / totals["n"] / totals["level"].where(totals["level"] > 0) ** 2
        self._typical = float(relative.median()) if relative.notna().any() else float("nan")
        prior = self._typical * totals["level"] ** 2
        totals["prior"] = prior.where(np.isfinite(prior) & (prior > 0), totals["sum"] / totals["n"])
        joined = own.join(totals, on="unique_id", rsuffix="_all")
        others = joined["sum"] - joined["square"] + _PRIOR_WINDOWS * joined["prior"]
        self._scale_without = np.sqrt((others / (joined["n"] - 1 + _PRIOR_WINDOWS)).to_numpy(dtype="float64"))
        whole = (totals["sum"] + _PRIOR_WINDOWS * totals["prior"]) / (totals["n"] + _PRIOR_WINDOWS)
        self._scale = np.sqrt(whole).to_dict()
        self._windows: dict[float, np.ndarray] = {}

    def quantile(self, product_id: str, weeks: float, level_pct: float, means: np.ndarray) -> tuple[float, str]:
        """Safety stock in units for a lead time of ``weeks``, ≥ 0, and in words where it came from."""
        if weeks == 0:
            return 0.0, "no lead time"
        sums = self._sums(weeks)
        own = sums[self._ids == product_id] if len(sums) else sums
        if len(own) >= _OWN_ERRORS:
            return max(0.0, upper_quantile(own, level_pct)), f"its own {len(own)} past lead times"
        scale = self._scale.get(product_id, math.sqrt(self._typical) * abs(float(means.mean())))
        usable = self._scale_without > 0
        if not usable.any() or not math.isfinite(scale):
            poisson = float(norm.ppf(level_pct / 100)) * math.sqrt(max(window_sum(means, weeks), 0.0))
            return max(0.0, poisson), "the Poisson approximation, as nothing was judged yet"
        scores = sums[usable] / self._scale_without[usable]  # √L would cancel
        safety = max(0.0, upper_quantile(scores, level_pct)) * scale
        return safety, f"{len(scores)} past lead times of all products"

    def _sums(self, weeks: float) -> np.ndarray:
        if weeks not in self._windows:
            self._windows[weeks] = np.array([window_sum(errors, weeks) for errors in self._rows])
        return self._windows[weeks]


def upper_quantile(values: np.ndarray, level_pct: float) -> float:
    """The ⌈(n+1)·p⌉-th smallest of n values, the largest where that is beyond the end.

    >>> upper_quantile(np.array([-12.0, -5, 0, 3, 4, 6, 9, 15, 31]), 80.0)
    15.0
    """
    rank = min(len(values), max(1, math.ceil(round((len(values) + 1) * level_pct / 100, 9))))
    return float(np.partition(values, rank - 1)[rank - 1])


def _weekly_means(forecast: pd.DataFrame) -> dict[str, np.ndarray]:
    ordered = forecast.sort_values(["unique_id", "ds"])
    return {str(name): means.to_numpy(dtype="float64") for name, means in ordered.groupby("unique_id")["mean"]}


def _products(weekly: dict[str, np.ndarray], inventory: pd.DataFrame, default_lead_time_days: int) -> pd.DataFrame:
    """One row per product that is forecast or in stock, with its stock figures and lead time."""
    columns = ["on_hand_units", "on_order_units", "lead_time_days"]
    known = inventory.set_index("product_id")[columns].astype("float64")
    everyone = pd.Index(sorted({*weekly, *known.index}), name="product_id", dtype="str")
    table = known.reindex(everyone).reset_index()
    table["lead_time_days"] = table["lead_time_days"].fillna(default_lead_time_days).astype("int64")
    return table


def _decide(
    row: tuple[str, float, float, int], demand: float, safety: float, review: float, basis: str
) -> tuple[object, ...]:
    """Lead-time demand, safety stock, reorder point, order quantity, status and reason of one product."""
    _, on_hand, on_order, lead_days = row
    reorder_point = demand + safety
    rule = f"reorder point of {_units(reorder_point)} for {lead_days} days (safety stock from {basis})"
    position = on_hand + on_order
    if math.isnan(position):
        missing = "on hand" if math.isnan(on_hand) else "on order"
        return (
            demand,
            safety,
            reorder_point,
            math.nan,
            "stock unknown",
            f"Units {missing} are not known; {rule}.",
        )
    there = f"{_units(on_hand)} units on hand and {_units(on_order)} on order"
    wanted = math.ceil(round(reorder_point + review - position, 9))  # 12.000000000000002 is not 13 units
    if position <= reorder_point and wanted > 0:
        reason = f"{there} are at or below the {rule}: order {wanted:,} units."
        return demand, safety, reorder_point, float(wanted), "order now", reason
    reason = f"{there} cover the {rule}."
    return demand, safety, reorder_point, 0.0, "enough", reason


def _units(value: float) -> str:
    """With one decimal where it has one.

    >>> _units(1400.0), _units(38.26)
    ('1,400', '38.3')
    """
    return f"{value:,.1f}".removesuffix(".0")


def _check(
    forecast: pd.DataFrame,
    backtest: pd.DataFrame,
    inventory: pd.DataFrame,
    service_level_pct: float,
    default_days: int,
) -> None:
    require_columns(forecast, ("unique_id", "ds", "mean"), "forecast")
    require_columns(backtest, ("unique_id", "cutoff", "ds", "y", "mean"), "backtest")
    require_columns(inventory, ("product_id", "on_hand_units", "on_order_units", "lead_time_days"), "inventory")
    if not 0 < service_level_pct < 100:
        raise ValueError(f"service_level_pct must lie between 0 and 100: {service_level_pct}")
    if default_days < 0:
        raise ValueError(f"default_lead_time_days must not be negative: {default_days}")
    for name, frame, column in (
        ("forecast", forecast, "mean"),
        ("backtest", backtest, "mean"),
        ("backtest", backtest, "y"),
    ):
        if not np.isfinite(frame[column].to_numpy(dtype="float64")).all():
            raise PanelError(f"{name}: {column} is not a finite number")
    twice = inventory.loc[inventory["product_id"].duplicated(), "product_id"]
    if len(twice):
        raise PanelError(f"inventory: product {twice.iloc[0]!r} occurs twice")
    days = inventory["lead_time_days"].astype("float64")
    for why, bad in (
        (
            "lead_time_days must be a whole number of days, at least 0",
            (days < 0) | (days.notna() & (days % 1 != 0)),
        ),
        ("on_hand_units is infinite", np.isinf(inventory["on_hand_units"].astype("float64"))),
        ("on_order_units is infinite", np.isinf(inventory["on_order_units"].astype("float64"))),
    ):
        if bad.any():
            raise PanelError(f"inventory: product {inventory.loc[bad, 'product_id'].iloc[0]!r}: {why}")
