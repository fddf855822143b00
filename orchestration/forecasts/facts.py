"""What forecasts read of the marts: daily facts by level and measure, and what is known of products.

Not here: periods and histories (histories.py).
"""

from datetime import date

import pandas as pd

from orchestration.forecasts.families import Level, Measure
from orchestration.warehouse import Connection, read_frame

COLUMN_OF: dict[Measure, str] = {"units": "units", "revenue": "net_revenue", "orders": "orders"}
# What was sold at no place, or nobody says where, is one series: forecast, and judged, under this name.
NO_LOCATION = "(no location)"
LOCATION = f"coalesce(location_id, '{NO_LOCATION}')"
# A level's table, the name of its series in it, and the rows that are no demand of one.
TABLE_OF: dict[Level, tuple[str, str, str]] = {
    # a product that is only charged or returned has no demand to forecast
    "product": ("marts.agg_sales_daily_product", "product_id", "sale_lines > 0"),
    "category": ("marts.agg_sales_daily_category", "category", "category <> '(charges)'"),
    "territory": ("marts.agg_sales_daily_slice", "territory_id", "true"),
    # no mart has days by place: the lines are read, which only a business that asks for it pays
    "location": ("marts.fct_sales_lines", LOCATION, "true"),
    "company": ("marts.mv_sales_daily_summary", "'company'", "true"),
}
# The revenue of a product counts its returns, on whatever day they came.
PRODUCT_REVENUE_ROWS = "(sale_lines > 0 or return_lines > 0)"
TABLES = tuple(sorted({table for table, _, _ in TABLE_OF.values()}))

PRODUCTS = """
    select product_id, product_name, category, discontinued_on, first_sale_date, last_sale_date
    from marts.dim_product where first_sale_date <= %(as_of)s order by product_id"""
NAMES: dict[Level, str] = {
    "product": """
        select product_id as unique_id, product_name as name from marts.dim_product
        where first_sale_date <= %(as_of)s""",
    "category": """
        select distinct category, category from marts.dim_product
        where first_sale_date <= %(as_of)s and category <> '(charges)'""",
    "territory": "select territory_id as unique_id, territory_name as name from marts.dim_territory",
    "location": "select location_id as unique_id, location_name as name from marts.dim_location",
    "company": "select 'company' as unique_id, 'company' as name",
}


def daily_facts(
    connection: Connection, level: Level, measure: Measure, as_of: date, *, only: str | None = None
) -> pd.DataFrame:
    """``unique_id, ds, y`` per series and day with facts, up to ``as_of``; of one series only if ``only`` names it.

    In order of both, so that what is added up of them does not depend on how the database read them.
    ``y`` is in units, in the business's currency, or a count of orders.
    """
    table, name, rows = TABLE_OF[level]
    if level == "product" and measure == "revenue":
        rows = PRODUCT_REVENUE_ROWS
    frame = read_frame(
        connection,
        f"""
        select {name} as unique_id, order_date as ds, coalesce(sum({COLUMN_OF[measure]}), 0)::double precision as y
        from {table}
        where order_date <= %(as_of)s and {rows} and (%(only)s::text is null or {name} = %(only)s)
        group by 1, 2 order by 1, 2""",
        {"as_of": as_of, "only": only},
    )
    return frame.assign(
        unique_id=frame["unique_id"].astype("str"),
        ds=pd.to_datetime(frame["ds"]).astype("datetime64[s]"),
        y=frame["y"].astype("float64"),
    )


def known_products(connection: Connection, as_of: date) -> pd.DataFrame:
    """One row per product that was ever sold: ``product_id``, its name, category, and the days of its life."""
    return read_frame(connection, PRODUCTS, {"as_of": as_of})


def names_of(connection: Connection, level: Level, as_of: date) -> pd.DataFrame:
    """``unique_id, name`` of everything of a level that can be forecast."""
    frame = read_frame(connection, NAMES[level], {"as_of": as_of})
    return frame.set_axis(["unique_id", "name"], axis=1)
