"""Who sells, and where: sales reps, territories, and which rep had which territory when.

Not here: what they are asked to sell (planning.py).
"""

from orchestration.ingestion.entity import PERCENT, Column, Entity

SALES_REPS = Entity(
    name="sales_reps",
    grain="One row per sales rep.",
    key=("rep_id",),
    revalues_sales=True,
    tracked=("territory_id",),
    columns=(
        Column("rep_id", "text", "The rep's id.", required=True),
        Column("rep_name", "text", "The rep's name."),
        Column("email", "text", "The rep's address."),
        Column("territory_id", "text", "The territory the rep has."),
        Column("manager_id", "text", "The rep's manager: a rep too."),
        Column("hired_on", "date", "First day."),
        Column("left_on", "date", "Last day; empty while the rep is there."),
        Column("commission_pct", PERCENT, "Commission in percent of revenue."),
        Column("valid_from", "date", "Day from which the row holds; the day it was first seen if not given."),
    ),
)

TERRITORIES = Entity(
    name="territories",
    grain="One row per territory.",
    key=("territory_id",),
    columns=(
        Column("territory_id", "text", "The territory's id.", required=True),
        Column("territory_name", "text", "The territory's name."),
        Column("region", "text", "The group of territories it belongs to."),
        Column("country", "text", "Its country."),
        Column("manager_id", "text", "The rep who leads it."),
    ),
)

REP_TERRITORIES = Entity(
    name="rep_territories",
    grain="One row per rep, territory and day from which the rep has it.",
    key=("rep_id", "territory_id", "valid_from"),
    revalues_sales=True,
    columns=(
        Column("rep_id", "text", "The rep.", required=True),
        Column("territory_id", "text", "The territory.", required=True),
        Column("valid_from", "date", "First day on which the rep has it.", required=True),
        Column("valid_to", "date", "Last day; empty while the rep has it."),
    ),
)

ENTITIES = (SALES_REPS, TERRITORIES, REP_TERRITORIES)
