"""Who buys: customers.

Not here: who sells to them (people.py).
"""

from orchestration.ingestion.entity import Column, Entity

CUSTOMERS = Entity(
    name="customers",
    grain="One row per customer.",
    key=("customer_id",),
    columns=(
        Column("customer_id", "text", "The customer's id.", required=True),
        Column("customer_name", "text", "The customer's name."),
        Column("segment", "text", "The segment it is reported under."),
        Column("country", "text", "The customer's country."),
        Column("city", "text", "The customer's city."),
        Column("region", "text", "The customer's region or state."),
        Column("territory_id", "text", "The territory the customer belongs to."),
        Column("rep_id", "text", "The rep who looks after the customer."),
        Column("created_on", "date", "The day the customer was created."),
    ),
)

ENTITIES = (CUSTOMERS,)
