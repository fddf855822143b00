"""What the business knows about each product and week besides its sales: prices and promotions, past and planned.

Not here: what a regressor must be (forecasting/regressors.py), what is learned from them (forecasting/regression.py).
"""

from datetime import date

import numpy as np
import pandas as pd

from forecasting.periods import Frequency
from forecasting.regressors import Regressors
from orchestration.warehouse import Connection, read_frame

# What is read of the marts.
TABLES = (
    "marts.agg_sales_daily_product", "marts.dim_product", "marts.dim_product_price", "marts.product_promotions",
)  # fmt: skip
# Of days, for the period means to weigh what held for how long. A product's price is what its list says; where no list
# is kept, what was paid per unit before promotions, which follows the mix of customers as well as the price.
LIST_PRICES = """
    select product_id, valid_from, valid_to, list_price::double precision as price
    from marts.dim_product_price where valid_from <= %(until)s and list_price > 0 order by product_id, valid_from"""
PAID_PRICES = """
    select product_id, order_date, (sum(gross_sales) / sum(units))::double precision as price
    from marts.agg_sales_daily_product
    where order_date <= %(as_of)s and units > 0 and gross_sales > 0
    group by product_id, order_date order by product_id, order_date"""
# Of each product, whether the promotion is for it, its category or all; terms of trade lift no period above another.
PROMOTIONS = """
    select product_id, starts_on, ends_on, coalesce(discount_pct, 0)::double precision / 100 as discount
    from marts.product_promotions where not is_standing and starts_on <= %(until)s"""
CATEGORIES = "select product_id, category from marts.dim_product where product_key <> -1 and not is_charge_code"


def product_regressors(
    connection: Connection, history: pd.DataFrame, *, freq: str, horizon: int, as_of: date
) -> Regressors:
    """Price and promotion of every product of ``history`` and period of it and of the horizon.

    ``price`` is the mean of the days' list prices, in the business's currency; the newest one known holds on. Where
    no list prices are kept at all, it is ``price_paid``, the mean price paid, which nobody plans. ``promotion`` is
    the mean over the days of the share of the price that a promotion takes off; 0 without one. Each is a column only
    where the business has it.

    Args:
        connection: to the warehouse.
        history: ``unique_id`` (product id), ``ds``, ``y``, gapless, all ending with the same period.
        freq, horizon: of the forecast.
        as_of: the last day known.
    """
    groups = read_frame(connection, CATEGORIES).set_index("product_id")["category"].to_dict()
    if history.empty:
        return Regressors(groups=groups)
    frequency = Frequency.parse(freq)
    ds = history["ds"].to_numpy(dtype="datetime64[s]")
    first, last = (int(o) for o in frequency.ordinals(np.array([ds.min(), ds.max()])))
    edges = frequency.labels(np.arange(first, last + horizon + 2)).astype("datetime64[D]")
    ids = pd.Index(sorted(history["unique_id"].unique()))
    window = {"as_of": as_of, "until": edges[-1].astype(object)}
    columns: dict[str, np.ndarray] = {}
    listed = _listed(read_frame(connection, LIST_PRICES, window), ids, edges)
    paid = None if listed is not None else _paid(read_frame(connection, PAID_PRICES, window), ids, edges)
    columns |= {} if listed is None else {"price": listed}
    columns |= {} if paid is None else {"price_paid": paid}
    promotions = read_frame(connection, PROMOTIONS, window)
    if len(promotions):
        columns["promotion"] = _promoted(promotions, ids, edges)
    if not columns:
        return Regressors(groups=groups)
    frame = pd.DataFrame({"unique_id": np.repeat(ids.to_numpy(), len(edges) - 1), "ds": np.tile(edges[:-1], len(ids))})
    frame = frame.assign(**{name: grid.ravel() for name, grid in columns.items()})
    frame = frame.astype({"unique_id": "str", "ds": "datetime64[s]"})
    return Regressors(frame, groups=groups, unplanned=frozenset({"price_paid"}))


def _listed(spans: pd.DataFrame, ids: pd.Index, edges: np.ndarray) -> np.ndarray | None:
    """Mean list price by product and period; the price of a gap is the one before it, of the beginning the first."""
    if spans.empty:
        return None
    total, days = np.zeros((len(ids), len(edges) - 1)), np.zeros((len(ids), len(edges) - 1))
    first = spans["valid_from"].to_numpy(dtype="datetime64[D]")
    # the last list holds until another one is known
    after = np.minimum(spans["valid_to"].to_numpy(dtype="datetime64[D]"), edges[-1]) + 1
    rows = ids.get_indexer(spans["product_id"])
    for row, begin, end, price in zip(rows, first, after, spans["price"].to_numpy(), strict=True):
        if row >= 0:
            share = _days_within(edges, begin, end)
            total[row] += share * price
            days[row] += share
    return _filled(np.where(days > 0, total / np.maximum(days, 1), np.nan))


def _paid(paid: pd.DataFrame, ids: pd.Index, edges: np.ndarray) -> np.ndarray | None:
    if paid.empty:
        return None
    period = np.searchsorted(edges, paid["order_date"].to_numpy(dtype="datetime64[D]"), side="right") - 1
    row = ids.get_indexer(paid["product_id"])
    inside = (row >= 0) & (period >= 0) & (period < len(edges) - 1)
    total, days = np.zeros((len(ids), len(edges) - 1)), np.zeros((len(ids), len(edges) - 1))
    np.add.at(total, (row[inside], period[inside]), paid["price"].to_numpy()[inside])
    np.add.at(days, (row[inside], period[inside]), 1.0)
    return _filled(np.where(days > 0, total / np.maximum(days, 1), np.nan))


def _promoted(promotions: pd.DataFrame, ids: pd.Index, edges: np.ndarray) -> np.ndarray:
    """Mean discount share by product and period; of several at once the deepest counts, about."""
    grid = np.zeros((len(ids), len(edges) - 1))
    length = np.diff(edges).astype("float64")
    known = promotions.assign(row=ids.get_indexer(promotions["product_id"])).query("row >= 0")
    # one of the whole shop is one of every product: they are gone through by their days, not one by one
    for (begin, end, discount), same in known.groupby(["starts_on", "ends_on", "discount"]):
        share = _days_within(edges, np.datetime64(begin, "D"), np.datetime64(end, "D") + 1) / length
        rows = same["row"].to_numpy()
        grid[rows] = np.maximum(grid[rows], discount * share)
    return grid


def _days_within(edges: np.ndarray, first: np.datetime64, after: np.datetime64) -> np.ndarray:
    days = (np.minimum(edges[1:], after) - np.maximum(edges[:-1], first)).astype("float64")
    kept: np.ndarray = np.maximum(days, 0.0)
    return kept


def _filled(grid: np.ndarray) -> np.ndarray:
    filled: np.ndarray = pd.DataFrame(grid.T).ffill().bfill().to_numpy().T
    return filled
