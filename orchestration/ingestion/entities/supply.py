"""Where goods come from and lie: suppliers, locations, stock levels and movements, purchase orders.

Not here: what the goods are (products.py).
"""

from orchestration.ingestion.entity import MONEY, UNITS, Column, Entity

SUPPLIERS = Entity(
    name="suppliers",
    grain="One row per supplier.",
    key=("supplier_id",),
    columns=(
        Column("supplier_id", "text", "The supplier's id.", required=True),
        Column("supplier_name", "text", "The supplier's name."),
        Column("country", "text", "The supplier's country."),
        Column("lead_time_days", "integer", "Days from order to receipt, as the supplier quotes them."),
        Column("min_order_amount", MONEY, "Least value of an order, in the business's currency."),
    ),
)

LOCATIONS = Entity(
    name="locations",
    grain="One row per place where goods lie or are sold.",
    key=("location_id",),
    columns=(
        Column("location_id", "text", "The place's id.", required=True),
        Column("location_name", "text", "The place's name."),
        Column("location_kind", "text", "What it is: warehouse, store, van, …"),
        Column("city", "text", "Its city."),
        Column("country", "text", "Its country."),
        Column("territory_id", "text", "The territory it lies in."),
    ),
)

INVENTORY_LEVELS = Entity(
    name="inventory_levels",
    grain="One row per snapshot date, product and location: the stock at the end of that day.",
    key=("snapshot_date", "product_id", "location_id"),
    columns=(
        Column("snapshot_date", "date", "The day of the count.", required=True),
        Column("product_id", "text", "The product.", required=True),
        Column("location_id", "text", "The location.", required=True, default="main"),
        Column("on_hand_units", UNITS, "Units on hand.", required=True),
        Column("on_order_units", UNITS, "Units ordered and not yet received.", required=True, default="0"),
    ),
)

INVENTORY_MOVEMENTS = Entity(
    name="inventory_movements",
    grain="One row per movement of one product into or out of one location.",
    key=("movement_id",),
    columns=(
        Column("movement_id", "text", "The movement's id.", required=True),
        Column("moved_on", "date", "The day it was booked.", required=True),
        Column("product_id", "text", "The product.", required=True),
        Column("location_id", "text", "The location.", required=True, default="main"),
        Column(
            "movement_kind",
            "text",
            "receipt, sale, return, transfer, adjustment or write_off.",
            required=True,
            allowed=("receipt", "sale", "return", "transfer", "adjustment", "write_off"),
        ),
        Column("qty_units", UNITS, "Units; positive into the location, negative out of it.", required=True),
        Column("unit_cost", MONEY, "Cost per unit, in the business's currency."),
        Column("document_id", "text", "The sales, purchase or transfer document behind it."),
    ),
)

PURCHASE_ORDERS = Entity(
    name="purchase_orders",
    grain="One row per line of a purchase order.",
    key=("purchase_order_id", "line_id"),
    columns=(
        Column("purchase_order_id", "text", "The purchase order's number.", required=True),
        Column("line_id", "text", "The line within it.", required=True),
        Column("supplier_id", "text", "The supplier."),
        Column("product_id", "text", "The product.", required=True),
        Column("location_id", "text", "Where it goes.", required=True, default="main"),
        Column("ordered_on", "date", "The day of the order.", required=True),
        Column("promised_on", "date", "The day the supplier promised."),
        Column("received_on", "date", "The day it came in full; empty while it is open."),
        Column("ordered_units", UNITS, "Units ordered.", required=True),
        Column("received_units", UNITS, "Units received so far.", required=True, default="0"),
        Column("rejected_units", UNITS, "Units received and sent back.", required=True, default="0"),
        Column("unit_cost", MONEY, "Cost per unit, in the business's currency."),
    ),
)

ENTITIES = (SUPPLIERS, LOCATIONS, INVENTORY_LEVELS, INVENTORY_MOVEMENTS, PURCHASE_ORDERS)
