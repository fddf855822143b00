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

SHARES = ("on_time_pct", "fill_rate_pct")
OPERATIONS = (
    _bi(
        "stock_position",
        ("product_id",),
        Rule("a mover class is one of three", ("mover_class",), "mover_class not in ('fast', 'slow', 'non-moving')"),
        *finite("on_hand_units", "stock_value", "turnover_times", required=False),
        *between(["stockout_rate_pct"], "0", "100", required=False),
        *between(["average_daily_units", "observed_days", "lead_time_lines"], "0", FINITE),
        *between(["days_since_last_sale", "lead_time_mean_days", "lead_time_sd_days"], "0", FINITE, required=False),
    ),
    _bi(
        "stock_daily",
        ("snapshot_date", "location_id"),
        *finite("on_hand_units"),
        *finite("stock_value", "dead_value", "slow_value", required=False),
        Rule(
            "no more are out of stock than were counted",
            ("counts", "out_of_stock_counts"),
            "out_of_stock_counts > counts",
        ),
    ),
    _bi(
        "supplier_performance",
        ("supplier_key", "span"),
        one_of("span", "last 365 days", "all time"),
        *between(SHARES, "0", "100", required=False),
        *finite("lead_time_mean_days", "lead_time_sd_days", "rejected_pct", "price_change_pct", required=False),
    ),
    _bi(
        "delivery_performance",
        ("month_start", "location_key"),
        *between(SHARES, "0", "100", required=False),
        *finite("backlog_units"),
        Rule(
            "due lines are on time, late or open",
            ("due_lines", "on_time_lines", "late_lines", "open_lines"),
            "due_lines <> on_time_lines + late_lines + open_lines",
        ),
    ),
)

CUSTOMERS = (
    _bi(
        "customer_profile",
        ("customer_key",),
        unique("customer_id"),
        *between(["recency_score", "frequency_score", "monetary_score"], "1", "5", required=False),
        *between(["recency_days", "purchase_interval_days"], "0", FINITE, required=False),
        *finite("net_revenue", "revenue_365_days"),
        one_of("churn_status", "active", "lapsing", "churned", "(no purchase)"),
        Rule(
            "there is an expected revenue or a reason",
            ("expected_revenue_12m", "expected_reason"),
            "(expected_revenue_12m is null) = (expected_reason is null)",
        ),
    ),
    _bi(
        "customer_cohorts",
        ("cohort_month", "month_start"),
        *between(["retention_pct"], "0", "100"),
        *finite("net_revenue"),
    ),
    _bi("customer_months", ("month_start",), *between(["active_customers", "lost_customers"], "0", FINITE)),
)

PRODUCTS = (
    _bi(
        "product_profile",
        ("product_key",),
        *finite("units", "net_revenue"),
        Rule("abc_class is A, B or C", ("abc_class",), "abc_class not in ('A', 'B', 'C')"),
    ),
    _bi(
        "product_pairs",
        ("product_key", "partner_key"),
        *between(["support_pct", "confidence_pct", "reverse_confidence_pct"], "0", "100"),
        *between(["p_value"], "0", "1", required=False),
    ),
    _bi(
        "price_volume_mix",
        ("period", "basis", "grain", "entity"),
        *finite("price_effect", "volume_effect", "mix_effect", "new_effect", "lost_effect", required=False),
        Rule(
            "price, volume, mix, new and lost products are the change of sales",
            ("sales_change", "price_effect", "volume_effect", "mix_effect", "new_effect", "lost_effect"),
            "abs(sales_change - price_effect - volume_effect - mix_effect - new_effect - lost_effect) > 0.01",
        ),
    ),
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
    *CUSTOMERS,
    *PRODUCTS,
    KPI_SNAPSHOTS,
    _bi("sales_by_period", ("period", "period_start", "grain", "entity"), *NET_REVENUE, min_rows=1),
    TARGETS,
    FORECASTS,
    STOCK_RECOMMENDATIONS,
    *OPERATIONS,
)


def suites() -> dict[str, Suite]:
    """Every suite by its name, in the order in which the night meets the tables.

    >>> list(suites())[:2]
    ['raw.sales_lines', 'raw.promotions']
    """
    return {suite.name: suite for suite in SUITES}
