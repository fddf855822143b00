"""What must be true of the built bi tables, as data; and all suites together. A new rule is a new line below.

Not here: the rules of raw (suites_raw.py), how the rules are run (checks.py), or relations between models (dbt tests).
"""

from orchestration.expectations import FINITE, Rule, Suite, between, finite, one_of, present, unique
from orchestration.suites_raw import RAW_SUITES


def _bi(table: str, key: tuple[str, ...], *rules: Rule, min_rows: int = 0) -> Suite:
    return Suite("bi", table, key, (*present(*key), unique(*key), *rules), min_rows=min_rows)


MEASURES = ("gross_sales", "discounts", "returns", "charges", "adjustments", "units", "returned_units")
NET_REVENUE = (
    *finite("net_revenue", "cost", "costed_revenue", *MEASURES),
    Rule(
        "net_revenue is gross_sales − discounts − returns",
        ("net_revenue", "gross_sales", "discounts", "returns"),
        "abs(net_revenue - (gross_sales - discounts - returns)) > 0.01",
    ),
)
# A line in a currency without a rate has no amounts; everything above a line has some.
SALES_LINE = (
    *finite("net_revenue", *MEASURES, required=False),
    *finite("cost", "units", "returned_units"),
    NET_REVENUE[-1],
)
PERIOD = (
    *NET_REVENUE,
    *between(["lines", "orders", "active_customers", "new_customers", "returning_customers"], "0", FINITE),
    Rule(
        "active_customers are the new and the returning ones",
        ("active_customers", "new_customers", "returning_customers"),
        "active_customers <> new_customers + returning_customers",
    ),
)

FORECASTS = _bi(
    "forecasts",
    ("as_of_date", "series", "unique_id", "ds"),
    *finite("mean", "lo_80", "hi_80", "lo_95", "hi_95"),
    Rule(
        "the 80 % interval lies within the 95 % interval",
        ("lo_95", "lo_80", "hi_80", "hi_95"),
        # Bounds that are meant to be equal may differ in the last of a double's 15 digits.
        "greatest(lo_95 - lo_80, lo_80 - hi_80, hi_80 - hi_95) > 1e-9 * (1 + abs(mean))",
    ),
    Rule(
        "the mean lies within the 95 % interval",
        ("mean", "lo_95", "hi_95"),
        "greatest(lo_95 - mean, mean - hi_95) > 1e-9 * (1 + abs(mean))",
        "warning",
    ),
)

STOCK_RECOMMENDATIONS = _bi(
    "stock_recommendations",
    ("product_id",),
    one_of("status", "order now", "enough", "stock unknown"),
    *between(["lead_time_days"], "0", "3650"),
    *between(["service_level_pct"], "0", "100"),
    *between(["reorder_point_units", "lead_time_demand_units"], "0", FINITE),
    *finite("safety_stock_units"),
    *finite("on_hand_units", "on_order_units", required=False),
    *between(["order_qty_units"], "0", FINITE, required=False),
    Rule(
        "an order is for something",
        ("status", "order_qty_units"),
        "status = 'order now' and coalesce(order_qty_units, 0) <= 0",
        "warning",
    ),
)

KPI_SNAPSHOTS = _bi(
    "kpi_snapshots",
    ("as_of_date", "grain", "entity", "period", "kpi"),
    *finite("value", "previous_period", "previous_year", required=False),
    Rule("a period begins before it ends", ("period_start", "period_end"), "period_start > period_end"),
    min_rows=1,
)

TARGETS = _bi(
    "targets",
    ("kpi", "grain", "entity", "period", "period_start"),
    *finite("target"),
    *finite("actual", required=False),
    *between(["expected_pct"], "0", "100"),
    one_of("status", "not begun", "on pace", "behind", "reached", "missed", "unknown"),
    Rule("a period begins before it ends", ("period_start", "period_end"), "period_start > period_end"),
)

SUITES = (
    *RAW_SUITES,
    _bi("dim_date", ("date_key",), unique("date_day"), *present("date_day"), min_rows=1),
    _bi("dim_product", ("product_key",), unique("product_id"), *present("product_id", "product_name")),
    _bi("dim_customer", ("customer_key",), unique("customer_id"), *present("customer_id")),
    _bi("sales_lines", ("line_key",), *SALES_LINE, *present("order_date", "product_key", "customer_key")),
    _bi("sales_daily", ("order_date",), *PERIOD, min_rows=1),
    _bi("sales_monthly", ("month_start",), *PERIOD, min_rows=1),
    _bi("sales_daily_product", ("order_date", "product_key"), *NET_REVENUE),
    _bi("sales_monthly_product", ("month_start", "product_key"), *NET_REVENUE),
    _bi("sales_monthly_customer", ("month_start", "customer_key"), *NET_REVENUE),
    KPI_SNAPSHOTS,
    _bi("sales_by_period", ("period", "period_start", "grain", "entity"), *NET_REVENUE, min_rows=1),
    TARGETS,
    FORECASTS,
    STOCK_RECOMMENDATIONS,
)


def suites() -> dict[str, Suite]:
    """Every suite by its name, in the order in which the night meets the tables.

    >>> list(suites())[:2]
    ['raw.sales_lines', 'raw.promotions']
    """
    return {suite.name: suite for suite in SUITES}
