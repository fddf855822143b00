"""What is sold: products, and the history of their costs and prices.

Not here: where they are stored and bought (supply.py).
"""

from orchestration.ingestion.entity import MONEY, UNITS, Column, Entity

PRODUCTS = Entity(
    name="products",
    grain="One row per product.",
    key=("product_id",),
    revalues_sales=True,
    tracked=("unit_cost", "list_price"),
    columns=(
        Column("product_id", "text", "The product's id.", required=True),
        Column("product_name", "text", "The product's name.", required=True),
        Column("category", "text", "The category it is reported under."),
        Column("subcategory", "text", "The subcategory within it."),
        Column("brand", "text", "The brand."),
        Column("supplier_id", "text", "The supplier it is bought from."),
        Column("unit_cost", MONEY, "Cost per unit, in the business's currency."),
        Column("list_price", MONEY, "List price per unit, in the business's currency."),
        Column("lead_time_days", "integer", "Days from order to receipt."),
        Column("min_order_units", UNITS, "Least units of a purchase order."),
        Column("launched_on", "date", "First day on sale."),
        Column("discontinued_on", "date", "Last day on sale; empty while it is sold."),
        Column("valid_from", "date", "Day from which the row holds; the day it was first seen if not given."),
    ),
)

PRODUCT_COSTS = Entity(
    name="product_costs",
    grain="One row per product and day from which a cost holds.",
    key=("product_id", "valid_from"),
    revalues_sales=True,
    columns=(
        Column("product_id", "text", "The product.", required=True),
        Column("valid_from", "date", "First day on which the cost holds.", required=True),
        Column("valid_to", "date", "Last day; empty until the next cost begins."),
        Column("unit_cost", MONEY, "Cost per unit, in the business's currency.", required=True),
    ),
)

PRODUCT_PRICES = Entity(
    name="product_prices",
    grain="One row per product and day from which a list price holds.",
    key=("product_id", "valid_from"),
    columns=(
        Column("product_id", "text", "The product.", required=True),
        Column("valid_from", "date", "First day on which the price holds.", required=True),
        Column("valid_to", "date", "Last day; empty until the next price begins."),
        Column("list_price", MONEY, "List price per unit, in the business's currency.", required=True),
    ),
)

ENTITIES = (PRODUCTS, PRODUCT_COSTS, PRODUCT_PRICES)
