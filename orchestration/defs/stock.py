"""stock.*: what to order, from the forecast's own errors over the lead time.

Not here: the arithmetic (forecasting/stock/reorder.py).
"""

import dagster as dg

from forecasting.stock.reorder import reorder_points
from orchestration.defs.resources import NightResource
from orchestration.forecasts.families import PRODUCTS
from orchestration.metadata import preview
from orchestration.night import Counts
from orchestration.warehouse import read_frame, replace_as_of, writing

FORECAST = """
    -- what planners override counts for what is ordered, too
    select unique_id, ds, coalesce(o.mean, f.mean) as mean
    from forecast.forecasts f left join forecast.overridden o using (as_of_date, series, unique_id, ds)
    where as_of_date = %(as_of)s and series = %(series)s order by unique_id, ds"""
BACKTEST = """
    select unique_id, cutoff, ds, y, mean, naive, model_used from forecast.backtests
    where as_of_date = %(as_of)s and series = %(series)s"""
INVENTORY = """
    with latest as (
        -- each location's newest count of a product: not every place counts on the same day
        select product_id, sum(on_hand_units)::double precision as on_hand_units,
               sum(on_order_units)::double precision as on_order_units
        from (
            select distinct on (product_id, location_id) product_id, on_hand_units, on_order_units
            from staging.stg_inventory_levels where snapshot_date <= %(as_of)s
            order by product_id, location_id, snapshot_date desc) as newest
        group by product_id)
    select p.product_id, l.on_hand_units, l.on_order_units, p.lead_time_days::double precision as lead_time_days
    from marts.dim_product p left join latest l using (product_id)
    where p.product_key <> -1 and not p.is_charge_code
      and (l.product_id is not null or p.first_sale_date is not null)
      and (p.discontinued_on is null or p.discontinued_on > %(as_of)s)"""


@dg.asset(
    key=["stock", "recommendations"],
    deps=[
        ["forecast", "forecasts"],
        ["forecast", "backtests"],
        ["forecast", "overridden"],
        ["marts", "dim_product"],
        ["staging", "stg_inventory_levels"],
    ],
    group_name="stock",
    kinds={"python", "postgres"},
    description="Per product: reorder point from the forecast's own lead-time errors, and what to order now.",
)
def recommendations(night: NightResource) -> dg.MaterializeResult:
    """Decide for every product that has a forecast, and replace what was said at this as-of date."""
    tonight = night.get()
    profile = tonight.business.profile
    parameters = {"as_of": tonight.as_of_date, "series": PRODUCTS.series}
    with tonight.stage("stock") as record:
        forecast, backtest, inventory = (
            read_frame(tonight.connection, query, parameters) for query in (FORECAST, BACKTEST, INVENTORY)
        )
        # what is no longer sold, or is no product, is not ordered
        sold = set(inventory["product_id"])
        decided = reorder_points(
            forecast[forecast["unique_id"].isin(sold)],
            backtest[backtest["unique_id"].isin(sold)],
            inventory,
            service_level_pct=profile.service_level_pct,
            default_lead_time_days=profile.default_lead_time_days,
        )
        with writing(tonight.connection):
            written = replace_as_of(tonight.connection, "stock.recommendations", tonight.as_of_date, decided)
        record.counts = Counts(read=len(forecast) + len(inventory), written=written)
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": written,
            "order now": int((decided["status"] == "order now").sum()),
            "preview": preview(
                tonight.connection,
                "select product_id, on_hand_units, reorder_point_units, order_qty_units, status, reason "
                "from stock.recommendations where as_of_date = %(as_of)s "
                "order by order_qty_units desc nulls last limit 10",
                parameters,
            ),
        }
    )
