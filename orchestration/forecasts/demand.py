"""What the forecasts learn from, read from marts: demand by product and day, orders by day, and what is planned ahead.

Not here: what becomes of a day that cannot be taken at its word (forecasting/history.py).
"""

from collections.abc import Mapping
from datetime import date

import pandas as pd

from orchestration.warehouse import Connection, read_frame, replace_as_of

# What is read of the marts every night.
TABLES = ("marts.demand_daily_product", "marts.agg_sales_daily")
DEMAND = """
    select
        product_id as unique_id, order_date as ds, demand_units::double precision as y,
        returned_units::double precision as returned_units, average_price::double precision as average_price,
        discount_pct::double precision as discount_pct, on_promotion, promotion_pct::double precision as promotion_pct,
        out_of_stock
    from marts.demand_daily_product
    where order_date <= %(as_of)s
        and (%(since)s::date is null or order_date >= %(since)s)
        and product_id in (select product_id from marts.agg_sales_daily_product where sale_lines > 0)"""
ORDERS = """
    select order_date as ds, orders
    from marts.agg_sales_daily
    where order_date <= %(as_of)s and orders > 0"""
# A day of a product stands here if a promotion runs on it, or if its price begins later: all else tells nothing.
PLANS = """
    with days as (
        select day::date as day
        from generate_series(%(as_of)s::date + 1, %(as_of)s::date + %(days)s::integer, interval '1 day') as day
    ),
    promoted as (
        select product_id, day, max(discount_pct) as promotion_pct, true as is_promoted
        from marts.product_promotions
        inner join days on day between starts_on and ends_on
        where not is_standing
        group by 1, 2
    ),
    repriced as (
        select product_id, day, true as is_repriced
        from marts.dim_product_price
        inner join days on day between valid_from and valid_to
        where valid_from > %(as_of)s
    )
    select
        product_id as unique_id, day as ds, coalesce(is_promoted, false) as on_promotion,
        promotion_pct::double precision as promotion_pct, list_price::double precision as list_price
    from promoted
    full join repriced using (product_id, day)
    left join marts.dim_product_price as prices using (product_id)
    where (day between valid_from and valid_to) is not false
    order by product_id, day"""
_FLAGS = ("on_promotion", "out_of_stock")
_FIGURES = ("y", "returned_units", "average_price", "discount_pct", "promotion_pct", "list_price", "orders")


def read_demand(connection: Connection, as_of: date, *, since: date | None = None) -> pd.DataFrame:
    """Demand by product and day up to ``as_of``, for :func:`forecasting.history.prepare_history`.

    Returns:
        One row per product and day on which something was sold, came back, or nothing was in stock:
        ``unique_id, ds, y`` (units sold, returns apart), ``returned_units``, ``average_price`` (per unit after
        discounts, the business's currency), ``discount_pct`` (of the undiscounted amount), ``on_promotion`` and
        ``out_of_stock`` (missing where the business has no such source), ``promotion_pct``. Products that were never
        sold are not in it.
    """
    return _typed(read_frame(connection, DEMAND, {"as_of": as_of, "since": since}))


def read_orders(connection: Connection, as_of: date) -> pd.DataFrame:
    """``ds, orders`` of the whole business: one row per day with an order, up to ``as_of``."""
    return _typed(read_frame(connection, ORDERS, {"as_of": as_of}))


def read_plans(connection: Connection, as_of: date, *, days: int = 365) -> pd.DataFrame:
    """What the business plans for the days after ``as_of``: promotions, and prices that begin later.

    Returns:
        One row per product and day on which a promotion runs or a later list price holds: ``unique_id, ds,
        on_promotion, promotion_pct, list_price`` (missing where unknown). Without such sources it is empty.
    """
    return _typed(read_frame(connection, PLANS, {"as_of": as_of, "days": days}))


def replace_history_notes(connection: Connection, as_of: date, notes: Mapping[str, pd.DataFrame]) -> int:
    """Replace what ``forecast.history_notes`` says at this date, by each series family's ``Prepared.notes``.

    Those of earlier dates go: each night tells of the whole history. To be called inside ``writing``.
    Returns the number of rows written.
    """
    connection.execute("delete from forecast.history_notes where as_of_date < %s", [as_of])
    told = [frame.assign(series=series) for series, frame in notes.items() if len(frame)]
    columns = ["series", "unique_id", "ds", "kind", "observed", "used"]
    frame = pd.concat(told, ignore_index=True)[columns] if told else pd.DataFrame(columns=columns)
    return replace_as_of(connection, "forecast.history_notes", as_of, frame)


def _typed(frame: pd.DataFrame) -> pd.DataFrame:
    kinds = dict.fromkeys(_FLAGS, "boolean") | dict.fromkeys(_FIGURES, "float64") | {"unique_id": "str"}
    typed = frame.astype({name: kind for name, kind in kinds.items() if name in frame.columns})
    return typed.assign(ds=pd.to_datetime(typed["ds"]).astype("datetime64[s]"))
