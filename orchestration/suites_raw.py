"""What must be true of the rows in raw, beyond what the contract's types and keys hold already. As data.

Not here: how the rules are run (checks.py), the rules of bi (suites.py), or relations between tables (dbt tests).
"""

from orchestration.expectations import (
    FIRST_DAY,
    LAST_DAY,
    MOST_MONEY,
    MOST_PRICE,
    MOST_UNITS,
    Rule,
    Suite,
    between,
    finite,
    one_of,
    present,
)
from orchestration.ingestion.contract import ENTITIES

LINEAGE = ("_source", "_load_id", "_line")


def _raw(entity: str, *rules: Rule, min_rows: int = 0) -> Suite:
    # No rule on uniqueness: the raw tables' own constraint holds it already.
    return Suite("raw", entity, ENTITIES[entity].key, rules, LINEAGE, min_rows)


def _warning(name: str, columns: str, fails_when: str) -> Rule:
    """A rule that no night fails for; ``columns`` separated by spaces."""
    return Rule(name, tuple(columns.split()), fails_when, "warning")


SALES_LINES = _raw(
    "sales_lines",
    *present("order_id", "line_id", "product_id"),
    one_of("line_kind", "sale", "return", "charge", "adjustment"),
    *between(["qty_units"], f"-{MOST_UNITS}", MOST_UNITS),
    *between(["unit_price"], f"-{MOST_PRICE}", MOST_PRICE),
    *between(["discount_amount", "line_amount"], f"-{MOST_MONEY}", MOST_MONEY),
    *between(["order_date"], FIRST_DAY, LAST_DAY),
    Rule(
        "a return is not positive",
        ("line_kind", "qty_units", "line_amount"),
        "line_kind = 'return' and (qty_units > 0 or line_amount > 0)",
    ),
    Rule(
        "line_amount is qty_units × unit_price − discount_amount",
        ("line_amount", "qty_units", "unit_price", "discount_amount"),
        # A cent for two amounts rounded to cents, and half the price's last digit for each unit.
        "abs(line_amount - (qty_units * unit_price - discount_amount)) > 0.01 + 0.00005 * abs(qty_units)",
    ),
    Rule(
        "order_date is the day of ordered_at",
        ("order_date", "ordered_at"),
        # Within a day, because no time zone is more than a day from UTC.
        "cast(ordered_at at time zone 'UTC' as date) not between order_date - 1 and order_date + 1",
    ),
    Rule(
        "a sale is not negative",
        ("line_kind", "qty_units", "unit_price"),
        "line_kind = 'sale' and (qty_units < 0 or unit_price < 0)",
        "warning",
    ),
    Rule("order_date is not in the future", ("order_date",), "order_date > current_date + 1", "warning"),
    min_rows=1,
)

PRODUCTS = _raw(
    "products",
    *present("product_id", "product_name"),
    *between(["unit_cost", "list_price"], "0", MOST_PRICE, required=False),
    *between(["lead_time_days"], "0", "730", required=False),
    *between(["launched_on", "discontinued_on"], FIRST_DAY, "date '2100-01-01'", required=False),
    Rule(
        "a product is launched before it is discontinued",
        ("launched_on", "discontinued_on"),
        "discontinued_on < launched_on",
    ),
    Rule(
        "a product is not listed below its cost",
        ("list_price", "unit_cost"),
        "list_price < unit_cost and list_price > 0",
        "warning",
    ),
)

CUSTOMERS = _raw(
    "customers",
    *present("customer_id"),
    *between(["created_on"], "date '1900-01-01'", LAST_DAY, required=False),
)

INVENTORY_LEVELS = _raw(
    "inventory_levels",
    *present("product_id", "location_id"),
    *between(["snapshot_date"], FIRST_DAY, LAST_DAY),
    *between(["on_hand_units"], f"-{MOST_MONEY}", MOST_MONEY),
    *between(["on_order_units"], "0", MOST_MONEY),
    Rule("stock on hand is not negative", ("on_hand_units",), "on_hand_units < 0", "warning"),
)

# Of the entities beside the sales only what would poison a sum is critical: a night does not fail for the rest of it.
PERIOD_BEGINS = _warning(
    "period_start is the first day of its period",
    "period period_start",
    "period in ('month', 'quarter', 'year') and period_start <> cast(date_trunc(period, period_start) as date)",
)

PROMOTIONS = _raw(
    "promotions",
    *finite("cost_amount", required=False),
    *between(["discount_pct"], "0", "100", required=False, severity="warning"),
    _warning("a promotion does not end before it starts", "starts_on ends_on", "ends_on < starts_on"),
)

OPPORTUNITIES = _raw(
    "opportunities",
    *finite("amount", required=False),
    *between(["probability_pct"], "0", "100", required=False, severity="warning"),
    _warning("an opportunity is not closed before it is opened", "created_on closed_on", "closed_on < created_on"),
    _warning(
        "an opportunity has a closing day where it is won or lost, and only there",
        "status closed_on",
        "(status = 'open') <> (closed_on is null)",
    ),
)

TOUCHPOINTS = _raw(
    "touchpoints",
    *finite("cost_amount", required=False),
    _warning("a contact is with somebody", "customer_id lead_id", "customer_id is null and lead_id is null"),
    _warning("touched_at is not in the future", "touched_at", "touched_at > now() + interval '1 day'"),
)

FUNNEL_EVENTS = _raw(
    "funnel_events",
    *finite("amount", required=False),
    _warning("occurred_at is not in the future", "occurred_at", "occurred_at > now() + interval '1 day'"),
)

PRODUCT_COSTS = _raw(
    "product_costs",
    *finite("unit_cost"),
    *between(["unit_cost"], "0", MOST_PRICE, severity="warning"),
    _warning("a cost does not end before it begins", "valid_from valid_to", "valid_to < valid_from"),
)

PRODUCT_PRICES = _raw(
    "product_prices",
    *finite("list_price"),
    *between(["list_price"], "0", MOST_PRICE, severity="warning"),
    _warning("a price does not end before it begins", "valid_from valid_to", "valid_to < valid_from"),
)

SUPPLIERS = _raw(
    "suppliers",
    *finite("min_order_amount", required=False),
    *between(["lead_time_days"], "0", "730", required=False, severity="warning"),
)

INVENTORY_MOVEMENTS = _raw(
    "inventory_movements",
    *finite("qty_units"),
    *finite("unit_cost", required=False),
    _warning(
        "a receipt goes in, a sale and a write-off go out",
        "movement_kind qty_units",
        "(movement_kind = 'receipt' and qty_units < 0) or (movement_kind in ('sale', 'write_off') and qty_units > 0)",
    ),
    _warning("moved_on is not in the future", "moved_on", "moved_on > current_date + 1"),
)

PURCHASE_ORDERS = _raw(
    "purchase_orders",
    *finite("ordered_units", "received_units", "rejected_units"),
    *finite("unit_cost", required=False),
    _warning("an order is for something", "ordered_units", "ordered_units <= 0"),
    _warning(
        "no more is rejected than was received",
        "received_units rejected_units",
        "rejected_units > received_units or rejected_units < 0",
    ),
    _warning("nothing is received before it is ordered", "ordered_on received_on", "received_on < ordered_on"),
    _warning("nothing is promised for before it is ordered", "ordered_on promised_on", "promised_on < ordered_on"),
)

SALES_REPS = _raw(
    "sales_reps",
    *between(["commission_pct"], "0", "100", required=False, severity="warning"),
    _warning("a rep does not leave before the first day", "hired_on left_on", "left_on < hired_on"),
)

REP_TERRITORIES = _raw(
    "rep_territories",
    _warning("a territory is not given up before it is taken", "valid_from valid_to", "valid_to < valid_from"),
)

TARGETS = _raw(
    "targets",
    *finite("target_value"),
    _warning("a target is not negative", "target_value", "target_value < 0"),
    PERIOD_BEGINS,
)

FORECAST_CYCLES = _raw(
    "forecast_cycles",
    PERIOD_BEGINS,
    _warning(
        "a round is not due before it opens",
        "opens_on due_at",
        # a day of grace, because due_at is a moment in UTC and opens_on a day somewhere
        "due_at < cast(opens_on as timestamp) at time zone 'UTC' - interval '1 day'",
    ),
)

FORECAST_SUBMISSIONS = _raw(
    "forecast_submissions",
    *finite("forecast_amount", "forecast_units", required=False),
    _warning(
        "a submission says how much",
        "forecast_amount forecast_units",
        "forecast_amount is null and forecast_units is null",
    ),
    _warning("submitted_at is not in the future", "submitted_at", "submitted_at > now() + interval '1 day'"),
)

FORECAST_OVERRIDES = _raw(
    "forecast_overrides",
    *finite("override_value"),
    _warning("an override is not negative", "override_value", "override_value < 0"),
    _warning(
        "an override says of which one it is",
        "level member",
        "(level = 'company') <> (member is null)",
    ),
    _warning("made_on is not in the future", "made_on", "made_on > current_date + 1"),
)

INVOICES = _raw(
    "invoices",
    *finite("net_amount", "tax_amount"),
    _warning("an invoice is not due before it is written", "invoiced_on due_on", "due_on < invoiced_on"),
    _warning("tax has the sign of the amount", "net_amount tax_amount", "sign(net_amount) * sign(tax_amount) < 0"),
)

PAYMENTS = _raw(
    "payments",
    *finite("amount"),
    _warning("paid_on is not in the future", "paid_on", "paid_on > current_date + 1"),
)

EXPENSES = _raw("expenses", *finite("amount"))

EXCHANGE_RATES = _raw(
    "exchange_rates",
    *finite("rate"),
    # critical: what is converted by it would be nothing, or divided by nothing
    Rule("a rate is above zero", ("rate",), "rate <= 0"),
    _warning(
        "a currency is worth itself", "from_currency to_currency rate", "from_currency = to_currency and rate <> 1"
    ),
)

# An entity with nothing to say beyond its contract has no suite: locations and territories.
RAW_SUITES = (
    SALES_LINES,
    PROMOTIONS,
    OPPORTUNITIES,
    TOUCHPOINTS,
    FUNNEL_EVENTS,
    PRODUCTS,
    PRODUCT_COSTS,
    PRODUCT_PRICES,
    CUSTOMERS,
    SUPPLIERS,
    INVENTORY_LEVELS,
    INVENTORY_MOVEMENTS,
    PURCHASE_ORDERS,
    SALES_REPS,
    REP_TERRITORIES,
    TARGETS,
    FORECAST_CYCLES,
    FORECAST_SUBMISSIONS,
    FORECAST_OVERRIDES,
    INVOICES,
    PAYMENTS,
    EXPENSES,
    EXCHANGE_RATES,
)
