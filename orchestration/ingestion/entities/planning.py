"""What is meant to be sold: targets, forecast cycles, what the reps submitted in them, and what planners know better.

Not here: Daybreak's own forecasts, which no source brings.
"""

from orchestration.ingestion.entity import MONEY, UNITS, Column, Entity

PERIODS = ("day", "week", "month", "quarter", "year")
FISCAL_PERIODS = ("fiscal_quarter", "fiscal_year")  # of business.yaml's fiscal_year_start_month

TARGETS = Entity(
    name="targets",
    grain="One row per measure, period, and territory, rep or category it is set for.",
    key=("measure", "period", "period_start", "territory_id", "rep_id", "category"),
    columns=(
        Column(
            "measure",
            "text",
            "What is to be reached: revenue, units, gross_profit or new_customers.",
            required=True,
            default="revenue",
            allowed=("revenue", "units", "gross_profit", "new_customers"),
        ),
        Column("period", "text", "day, week, month, quarter or year.", required=True, default="month", allowed=PERIODS),
        Column("period_start", "date", "The first day of the period.", required=True),
        Column("territory_id", "text", "The territory; empty where it is for all."),
        Column("rep_id", "text", "The rep; empty where it is for all."),
        Column("category", "text", "The product category; empty where it is for all."),
        Column("target_value", MONEY, "What is to be reached: money in the business's currency.", required=True),
    ),
)

FORECAST_CYCLES = Entity(
    name="forecast_cycles",
    grain="One row per round in which the reps forecast their sales.",
    key=("cycle_id",),
    columns=(
        Column("cycle_id", "text", "The round's id.", required=True),
        Column("cycle_name", "text", "The round's name."),
        Column("opens_on", "date", "First day on which a forecast can be submitted."),
        Column("due_at", "timestamptz", "When submissions are due.", required=True),
        Column("period", "text", "day, week, month, quarter or year.", required=True, default="month", allowed=PERIODS),
        Column("period_start", "date", "The first day of the period that is forecast.", required=True),
    ),
)

FORECAST_SUBMISSIONS = Entity(
    name="forecast_submissions",
    grain="One row per forecast that a rep submitted; a later one for the same thing supersedes an earlier one.",
    key=("submission_id",),
    columns=(
        Column("submission_id", "text", "The submission's id.", required=True),
        Column("cycle_id", "text", "The round it was made in.", required=True),
        Column("rep_id", "text", "The rep.", required=True),
        Column("territory_id", "text", "The territory it is for."),
        Column("category", "text", "The product category it is for; empty where it is for all."),
        Column("product_id", "text", "The product it is for; empty where it is for all."),
        Column("submitted_at", "timestamptz", "When it was submitted.", required=True),
        Column("forecast_amount", MONEY, "Revenue expected, in the business's currency."),
        Column("forecast_units", UNITS, "Units expected."),
        Column("note", "text", "What the rep says about it."),
    ),
)

FORECAST_OVERRIDES = Entity(
    name="forecast_overrides",
    grain="One row per forecast that a planner overrides and day on which the planner did; the newest day's counts.",
    key=("level", "member", "measure", "period", "period_start", "made_on"),
    columns=(
        Column(
            "level",
            "text",
            "What is forecast: product, category, territory, location or company.",
            required=True,
            default="product",
            allowed=("product", "category", "territory", "location", "company"),
        ),
        Column("member", "text", "A product's, territory's or location's id, or a category; empty for company."),
        Column(
            "measure",
            "text",
            "units, revenue or orders.",
            required=True,
            default="units",
            allowed=("units", "revenue", "orders"),
        ),
        Column(
            "period",
            "text",
            "day, week, month, quarter, year, fiscal_quarter or fiscal_year.",
            required=True,
            default="week",
            allowed=(*PERIODS, *FISCAL_PERIODS),
        ),
        Column("period_start", "date", "The first day of the period, or any day of it.", required=True),
        Column(
            "override_value",
            UNITS,
            "What the planner expects: units, orders, or money in the business's currency.",
            required=True,
        ),
        Column("planner", "text", "Who overrides.", required=True),
        Column("reason", "text", "Why the planner knows better.", required=True),
        Column(
            "made_on",
            "date",
            "The day on which it was made; forecasts of that day and later ones use it.",
            required=True,
        ),
    ),
)

ENTITIES = (TARGETS, FORECAST_CYCLES, FORECAST_SUBMISSIONS, FORECAST_OVERRIDES)
