"""What must be true of raw and of the built bi tables, as data. A new rule is a new line below.

Not here: how the rules are run (checks.py), or relations between models (dbt tests).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from orchestration.ingestion.contract import ENTITIES

Severity = Literal["critical", "warning"]
LINEAGE = ("_source", "_load_id", "_line")
FIRST_DAY = "date '1990-01-01'"
LAST_DAY = "current_date + 366"
MOST_UNITS = "1e7"
MOST_PRICE = "1e7"
MOST_MONEY = "1e10"
FINITE = "1e15"  # a bound refuses NaN too: PostgreSQL sorts it above every number


@dataclass(frozen=True)
class Rule:
    """One promise: ``fails_when`` is the SQL condition of a row that breaks it; it speaks of ``columns``.

    Where ``unique`` is set, it is broken by several rows with the same ``columns`` instead. A condition that
    is null does not fail, so a rule about a required column says ``is null or``.
    """

    name: str
    columns: tuple[str, ...]
    fails_when: str = ""
    severity: Severity = "critical"
    unique: bool = False


@dataclass(frozen=True)
class Suite:
    """The rules of one table. ``key`` and ``lineage`` are shown with every failing row."""

    schema: str
    table: str
    key: tuple[str, ...]
    rules: tuple[Rule, ...]
    lineage: tuple[str, ...] = ()
    min_rows: int = 0

    @property
    def name(self) -> str:
        """``schema.table``, with the schema it is published under."""
        return f"{self.schema}.{self.table}"


def _present(*columns: str) -> list[Rule]:
    return [Rule(f"{c} is not empty", (c,), f"{c} is null or btrim(cast({c} as text)) = ''") for c in columns]


def _between(columns: Sequence[str], low: str, high: str, *, required: bool = True) -> list[Rule]:
    null = "{c} is null or " if required else ""
    condition = null + "{c} not between {low} and {high}"
    return [Rule(f"{c} is between {low} and {high}", (c,), condition.format(c=c, low=low, high=high)) for c in columns]


def _finite(*columns: str, required: bool = True) -> list[Rule]:
    rules = _between(columns, f"-{FINITE}", FINITE, required=required)
    return [Rule(f"{rule.columns[0]} is finite", rule.columns, rule.fails_when) for rule in rules]


def _one_of(column: str, *values: str) -> Rule:
    # "is null or" because membership is unknown, not false, for a null.
    listed = ", ".join(f"'{value}'" for value in values)
    return Rule(f"{column} is one of {listed}", (column,), f"{column} is null or {column} not in ({listed})")


def _unique(*columns: str) -> Rule:
    return Rule(f"{', '.join(columns)} is unique", columns, unique=True)


def _raw(entity: str, *rules: Rule, min_rows: int = 0) -> Suite:
    # No rule on uniqueness: the raw tables' own constraint holds it already.
    return Suite("raw", entity, ENTITIES[entity].key, rules, LINEAGE, min_rows)


def _bi(table: str, key: tuple[str, ...], *rules: Rule, min_rows: int = 0) -> Suite:
    return Suite("bi", table, key, (*_present(*key), _unique(*key), *rules), min_rows=min_rows)


MEASURES = ("gross_sales", "discounts", "returns", "charges", "adjustments", "units", "returned_units")
NET_REVENUE = (
    *_finite("net_revenue", *MEASURES),
    Rule(
        "net_revenue is gross_sales − discounts − returns",
        ("net_revenue", "gross_sales", "discounts", "returns"),
        "abs(net_revenue - (gross_sales - discounts - returns)) > 0.01",
    ),
)
PERIOD = (
    *NET_REVENUE,
    *_between(["lines", "orders", "active_customers", "new_customers", "returning_customers"], "0", FINITE),
    Rule(
        "active_customers are the new and the returning ones",
        ("active_customers", "new_customers", "returning_customers"),
        "active_customers <> new_customers + returning_customers",
    ),
)

SALES_LINES = _raw(
    "sales_lines",
    *_present("order_id", "line_id", "product_id"),
    _one_of("line_kind", "sale", "return", "charge", "adjustment"),
    *_between(["qty_units"], f"-{MOST_UNITS}", MOST_UNITS),
    *_between(["unit_price"], f"-{MOST_PRICE}", MOST_PRICE),
    *_between(["discount_amount", "line_amount"], f"-{MOST_MONEY}", MOST_MONEY),
    *_between(["order_date"], FIRST_DAY, LAST_DAY),
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
    *_present("product_id", "product_name"),
    *_between(["unit_cost", "list_price"], "0", MOST_PRICE, required=False),
    *_between(["lead_time_days"], "0", "730", required=False),
    *_between(["launched_on", "discontinued_on"], FIRST_DAY, "date '2100-01-01'", required=False),
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
    *_present("customer_id"),
    *_between(["created_on"], "date '1900-01-01'", LAST_DAY, required=False),
)

INVENTORY_LEVELS = _raw(
    "inventory_levels",
    *_present("product_id", "location_id"),
    *_between(["snapshot_date"], FIRST_DAY, LAST_DAY),
    *_between(["on_hand_units"], f"-{MOST_MONEY}", MOST_MONEY),
    *_between(["on_order_units"], "0", MOST_MONEY),
    Rule("stock on hand is not negative", ("on_hand_units",), "on_hand_units < 0", "warning"),
)

FORECASTS = _bi(
    "forecasts",
    ("as_of_date", "series", "unique_id", "ds"),
    *_finite("mean", "lo_80", "hi_80", "lo_95", "hi_95"),
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
    _one_of("status", "order now", "enough", "stock unknown"),
    *_between(["lead_time_days"], "0", "3650"),
    *_between(["service_level_pct"], "0", "100"),
    *_between(["reorder_point_units", "lead_time_demand_units"], "0", FINITE),
    *_finite("safety_stock_units"),
    *_finite("on_hand_units", "on_order_units", required=False),
    *_between(["order_qty_units"], "0", FINITE, required=False),
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
    *_finite("value", "previous_period", "previous_year", required=False),
    Rule("a period begins before it ends", ("period_start", "period_end"), "period_start > period_end"),
    min_rows=1,
)

SUITES = (
    SALES_LINES,
    PRODUCTS,
    CUSTOMERS,
    INVENTORY_LEVELS,
    _bi("dim_date", ("date_key",), _unique("date_day"), *_present("date_day"), min_rows=1),
    _bi("dim_product", ("product_key",), _unique("product_id"), *_present("product_id", "product_name")),
    _bi("dim_customer", ("customer_key",), _unique("customer_id"), *_present("customer_id")),
    _bi("sales_lines", ("line_key",), *NET_REVENUE, *_present("order_date", "product_key", "customer_key")),
    _bi("sales_daily", ("order_date",), *PERIOD, min_rows=1),
    _bi("sales_monthly", ("month_start",), *PERIOD, min_rows=1),
    _bi("sales_daily_product", ("order_date", "product_key"), *NET_REVENUE),
    KPI_SNAPSHOTS,
    FORECASTS,
    STOCK_RECOMMENDATIONS,
)


def suites() -> dict[str, Suite]:
    """Every suite by its name, in the order in which the night meets the tables.

    >>> list(suites())[:2]
    ['raw.sales_lines', 'raw.products']
    """
    return {suite.name: suite for suite in SUITES}


def rows_that_break(rule: Rule, suite: Suite) -> str:
    """The query for the rows that break the rule, every value as text; ``{batch}`` stands for the table.

    >>> print(rows_that_break(_unique("date_key"), Suite("bi", "dim_date", ("date_key",), ())))
    select cast(date_key as text) as date_key, cast(count(*) as text) as rows
    from {batch} group by date_key having count(*) > 1
    """
    if rule.unique:
        keys = ", ".join(rule.columns)
        columns = f"{_as_text(rule.columns)}, cast(count(*) as text) as rows"
        return f"select {columns}\nfrom {{batch}} group by {keys} having count(*) > 1"
    columns = _as_text(dict.fromkeys((*suite.key, *suite.lineage, *rule.columns)))
    return f"select {columns}\nfrom {{batch}} where {rule.fails_when}"


def _as_text(columns: Iterable[str]) -> str:
    return ", ".join(f"cast({column} as text) as {column}" for column in columns)
