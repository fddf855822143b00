"""What was sold and how it came about: sales lines, promotions, opportunities, touchpoints, funnel events.

Not here: the documents about money (finance.py) and plans (planning.py).
"""

from orchestration.ingestion.entity import MONEY, PERCENT, UNITS, Column, Entity

SALES_LINES = Entity(
    name="sales_lines",
    grain="One row per line of a sales document: a sale, a return, a charge or an adjustment.",
    key=("order_id", "line_id"),
    is_required=True,
    day_column="order_date",
    columns=(
        Column("order_id", "text", "The sales document's number.", required=True),
        Column("line_id", "text", "The line within the document; unique together with order_id.", required=True),
        Column("ordered_at", "timestamptz", "When the line was booked.", required=True),
        Column("order_date", "date", "The day of ordered_at in the business's time zone.", required=True),
        Column(
            "line_kind",
            "text",
            "sale, return, charge (postage, fees) or adjustment (bad debt, write-off).",
            required=True,
            allowed=("sale", "return", "charge", "adjustment"),
        ),
        Column("product_id", "text", "The product, or the code of the charge.", required=True),
        Column("product_name", "text", "The product's name as the line states it."),
        Column("customer_id", "text", "The customer; empty where the sale was anonymous."),
        Column("country", "text", "The country the line was sold to."),
        Column("channel", "text", "The sales channel."),
        Column("territory_id", "text", "The territory it was sold in."),
        Column("rep_id", "text", "The rep who sold it."),
        Column("location_id", "text", "The place it was sold at or shipped from."),
        Column("promotion_id", "text", "The promotion it was sold under."),
        Column(
            "currency",
            "text",
            "The currency of the line's amounts, as in USD; empty for the business's own. Converted at its day's rate.",
        ),
        Column("due_on", "date", "The day the customer wants it."),
        Column("shipped_on", "date", "The day it left; empty while it has not."),
        Column("qty_units", UNITS, "Units; negative on a return.", required=True),
        Column("unit_price", MONEY, "Price per unit before discount, in the line's currency.", required=True),
        Column(
            "discount_amount",
            MONEY,
            "Discount on the whole line, with the sign of the line.",
            required=True,
            default="0",
        ),
        Column(
            "line_amount",
            MONEY,
            "qty_units × unit_price − discount_amount; negative on a return.",
            required=True,
        ),
    ),
)

PROMOTIONS = Entity(
    name="promotions",
    grain="One row per promotion and product or category it is for.",
    key=("promotion_id", "product_id", "category"),
    columns=(
        Column("promotion_id", "text", "The promotion's id.", required=True),
        Column("promotion_name", "text", "The promotion's name."),
        Column("starts_on", "date", "First day.", required=True),
        Column("ends_on", "date", "Last day.", required=True),
        Column("discount_pct", PERCENT, "Price cut in percent of the list price."),
        Column("product_id", "text", "The product; empty where it is for a category or for everything."),
        Column("category", "text", "The category; empty where it is for a product or for everything."),
        Column("channel", "text", "The sales channel; empty where it is for all."),
        Column("cost_amount", MONEY, "What the promotion cost, in the business's currency."),
    ),
)

OPPORTUNITIES = Entity(
    name="opportunities",
    grain="One row per opportunity, as it stands now.",
    key=("opportunity_id",),
    columns=(
        Column("opportunity_id", "text", "The opportunity's id.", required=True),
        Column("opportunity_name", "text", "What it is about."),
        Column("customer_id", "text", "The customer; empty for one who is none yet."),
        Column("rep_id", "text", "The rep who works on it."),
        Column("territory_id", "text", "The territory."),
        Column("category", "text", "The product category it is about."),
        Column("stage", "text", "The stage it has reached, as the business names it.", required=True),
        Column("status", "text", "open, won or lost.", required=True, default="open", allowed=("open", "won", "lost")),
        Column("amount", MONEY, "Expected revenue, in the business's currency."),
        Column("probability_pct", PERCENT, "Probability of winning it, in percent."),
        Column("created_on", "date", "The day it was opened.", required=True),
        Column("expected_close_on", "date", "The day it is expected to be decided."),
        Column("closed_on", "date", "The day it was won or lost; empty while it is open."),
        Column("order_id", "text", "The sales document it became."),
        Column("lost_reason", "text", "Why it was lost."),
    ),
)

TOUCHPOINTS = Entity(
    name="touchpoints",
    grain="One row per contact with a customer or a lead.",
    key=("touchpoint_id",),
    columns=(
        Column("touchpoint_id", "text", "The contact's id.", required=True),
        Column("touched_at", "timestamptz", "When it happened.", required=True),
        Column("customer_id", "text", "The customer; empty for a lead."),
        Column("lead_id", "text", "The lead or visitor, where it is no customer yet."),
        Column("channel", "text", "How: mail, call, visit, advertisement, …", required=True),
        Column("campaign", "text", "The campaign it belongs to."),
        Column("rep_id", "text", "The rep, where there was one."),
        Column("opportunity_id", "text", "The opportunity it was about."),
        Column("order_id", "text", "The sales document it led to, where that is known."),
        Column("cost_amount", MONEY, "What it cost, in the business's currency."),
    ),
)

FUNNEL_EVENTS = Entity(
    name="funnel_events",
    grain="One row per step that a visitor, lead or customer took.",
    key=("event_id",),
    columns=(
        Column("event_id", "text", "The event's id.", required=True),
        Column("occurred_at", "timestamptz", "When it happened.", required=True),
        Column("visitor_id", "text", "Who took the step, across steps.", required=True),
        Column("stage", "text", "The step: visit, basket, quote, order, …", required=True),
        Column("customer_id", "text", "The customer, once known."),
        Column("channel", "text", "The channel it came through."),
        Column("campaign", "text", "The campaign it came from."),
        Column("product_id", "text", "The product, where the step is about one."),
        Column("order_id", "text", "The sales document, once there is one."),
        Column("amount", MONEY, "The value at stake, in the business's currency."),
    ),
)

ENTITIES = (SALES_LINES, PROMOTIONS, OPPORTUNITIES, TOUCHPOINTS, FUNNEL_EVENTS)
