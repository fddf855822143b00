"""What a clean row of every checked table looks like, and what breaks each rule of its suite.

Not here: that the rules find it (tests/integration/test_checks.py).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

Row = dict[str, Any]


DAY = date(2026, 3, 1)
LINEAGE = {"_source": "shop", "_load_id": 1, "_line": 1}
MEASURES = {"gross_sales": 100, "discounts": 10, "returns": 5, "net_revenue": 85} | dict.fromkeys(
    ["charges", "adjustments", "units", "returned_units", "cost", "costed_revenue"], 1
)
COUNTS = {"lines": 3, "orders": 2, "active_customers": 2, "new_customers": 1, "returning_customers": 1}


@dataclass(frozen=True)
class Case:
    """A table's clean row, the key of row number n, and what breaks the rules that no pattern covers."""

    clean: Row
    key: Callable[[int], Row]
    breaks: Mapping[str, Row]


NET_BREAK = {"net_revenue is gross_sales − discounts − returns": {"net_revenue": 85.02}}
PERIOD_BREAK = NET_BREAK | {"active_customers are the new and the returning ones": {"new_customers": 2}}


def day(n: int) -> date:
    return DAY + timedelta(days=n)


CASES: dict[str, Case] = {
    "raw.sales_lines": Case(
        {"line_id": "1", "ordered_at": "2026-03-01 23:30+00", "order_date": "2026-03-02",
         "line_kind": "sale", "product_id": "Käse", "qty_units": 3, "unit_price": "0.3333",
         "discount_amount": "0.1", "line_amount": "0.90", **LINEAGE},
        lambda n: {"order_id": f"Ö-{n}"},
        {
            "line_kind is one of 'sale', 'return', 'charge', 'adjustment'": {"line_kind": "gift"},
            "a return is not positive": {"line_kind": "return"},
            "line_amount is qty_units × unit_price − discount_amount": {"line_amount": "0.92"},
            "order_date is the day of ordered_at": {"ordered_at": "infinity"},
            "a sale is not negative": {"qty_units": -1, "line_amount": "-0.43"},
            "order_date is not in the future": {"order_date": date.today() + timedelta(days=9)},
        },
    ),
    "raw.products": Case(
        {"product_name": "Käse", "unit_cost": 1, "list_price": 2, "lead_time_days": 7,
         "launched_on": "2024-02-29", **LINEAGE},
        lambda n: {"product_id": f"P{n}"},
        {
            "a product is launched before it is discontinued": {"discontinued_on": "2024-02-28"},
            "a product is not listed below its cost": {"list_price": "0.99"},
        },
    ),
    "raw.customers": Case({"created_on": "2024-02-29", **LINEAGE}, lambda n: {"customer_id": f"C{n}"}, {}),
    "raw.inventory_levels": Case(
        {"product_id": "P1", "location_id": "main", "on_hand_units": 5, "on_order_units": 0, **LINEAGE},
        lambda n: {"snapshot_date": day(n)},
        {"stock on hand is not negative": {"on_hand_units": -1}},
    ),
    "raw.promotions": Case(
        {"starts_on": DAY, "ends_on": DAY, "cost_amount": 5, "discount_pct": 10, **LINEAGE},
        lambda n: {"promotion_id": f"A{n}"},
        {"a promotion does not end before it starts": {"ends_on": "2026-02-28"}},
    ),
    "raw.opportunities": Case(
        {"stage": "offer", "status": "won", "created_on": DAY, "closed_on": DAY, "probability_pct": 100, **LINEAGE},
        lambda n: {"opportunity_id": f"V{n}"},
        {
            "an opportunity is not closed before it is opened": {"closed_on": "2026-02-28"},
            "an opportunity has a closing day where it is won or lost, and only there": {"status": "open"},
        },
    ),
    "raw.touchpoints": Case(
        {"touched_at": DAY, "channel": "call", "lead_id": "L1", **LINEAGE},
        lambda n: {"touchpoint_id": f"T{n}"},
        {
            "a contact is with somebody": {"lead_id": None},
            "touched_at is not in the future": {"touched_at": "infinity"},
        },
    ),
    "raw.funnel_events": Case(
        {"occurred_at": DAY, "visitor_id": "V1", "stage": "visit", **LINEAGE},
        lambda n: {"event_id": f"E{n}"},
        {"occurred_at is not in the future": {"occurred_at": "infinity"}},
    ),
    "raw.product_costs": Case(
        {"valid_from": DAY, "unit_cost": 2, **LINEAGE},
        lambda n: {"product_id": f"P{n}"},
        {"a cost does not end before it begins": {"valid_to": "2026-02-28"}},
    ),
    "raw.product_prices": Case(
        {"valid_from": DAY, "list_price": 2, **LINEAGE},
        lambda n: {"product_id": f"P{n}"},
        {"a price does not end before it begins": {"valid_to": "2026-02-28"}},
    ),
    "raw.suppliers": Case({"lead_time_days": 9, **LINEAGE}, lambda n: {"supplier_id": f"L{n}"}, {}),
    "raw.inventory_movements": Case(
        {"moved_on": DAY, "product_id": "P", "location_id": "L", "movement_kind": "sale", "qty_units": -1, **LINEAGE},
        lambda n: {"movement_id": f"M{n}"},
        {
            "a receipt goes in, a sale and a write-off go out": {"qty_units": 1},
            "moved_on is not in the future": {"moved_on": "infinity"},
        },
    ),
    "raw.purchase_orders": Case(
        {"line_id": "1", "product_id": "P1", "location_id": "main", "ordered_on": DAY, "ordered_units": 9,
         "received_units": 8, "rejected_units": 1, **LINEAGE},
        lambda n: {"purchase_order_id": f"B{n}"},
        {
            "an order is for something": {"ordered_units": 0},
            "no more is rejected than was received": {"rejected_units": 9},
            "nothing is received before it is ordered": {"received_on": "2026-02-28"},
            "nothing is promised for before it is ordered": {"promised_on": "2026-02-28"},
        },
    ),
    "raw.sales_reps": Case(
        {"hired_on": DAY, "commission_pct": 3, **LINEAGE},
        lambda n: {"rep_id": f"R{n}"},
        {"a rep does not leave before the first day": {"left_on": "2026-02-28"}},
    ),
    "raw.rep_territories": Case(
        {"territory_id": "N", "valid_from": DAY, **LINEAGE},
        lambda n: {"rep_id": f"R{n}"},
        {"a territory is not given up before it is taken": {"valid_to": "2026-02-28"}},
    ),
    "raw.targets": Case(
        {"measure": "revenue", "period": "month", "period_start": DAY, "target_value": 9, **LINEAGE},
        lambda n: {"territory_id": f"G{n}"},
        {
            "a target is not negative": {"target_value": -1},
            "period_start is the first day of its period": {"period": "quarter"},
        },
    ),
    "raw.forecast_cycles": Case(
        {"opens_on": DAY, "due_at": "2026-03-01 00:00+02", "period": "week", "period_start": "2026-03-02", **LINEAGE},
        lambda n: {"cycle_id": f"Z{n}"},
        {
            "a round is not due before it opens": {"due_at": "2026-02-27 12:00+00"},
            "period_start is the first day of its period": {"period": "month"},
        },
    ),
    "raw.forecast_submissions": Case(
        {"cycle_id": "Z1", "rep_id": "R1", "submitted_at": DAY, "forecast_amount": 1, "forecast_units": 1, **LINEAGE},
        lambda n: {"submission_id": f"S{n}"},
        {
            "a submission says how much": {"forecast_amount": None, "forecast_units": None},
            "submitted_at is not in the future": {"submitted_at": "infinity"},
        },
    ),
    "raw.forecast_overrides": Case(
        {"member": "P1", "level": "product", "measure": "units", "period": "week", "override_value": 9,
         "planner": "Zoë", "reason": "a trade fair", "made_on": "2026-02-01", **LINEAGE},
        lambda n: {"period_start": day(7 * n)},
        {
            "an override is not negative": {"override_value": -1},
            "an override says of which one it is": {"level": "company"},
            "made_on is not in the future": {"made_on": "infinity"},
        },
    ),
    "raw.invoices": Case(
        {"invoiced_on": DAY, "net_amount": -10, "tax_amount": "-1.90", **LINEAGE},
        lambda n: {"invoice_id": f"RE{n}"},
        {
            "an invoice is not due before it is written": {"due_on": "2026-02-28"},
            "tax has the sign of the amount": {"tax_amount": "1.90"},
        },
    ),
    "raw.payments": Case(
        {"paid_on": DAY, "amount": 5, **LINEAGE},
        lambda n: {"payment_id": f"Z{n}"},
        {"paid_on is not in the future": {"paid_on": "infinity"}},
    ),
    "raw.expenses": Case(
        {"incurred_on": DAY, "expense_kind": "travel", "amount": 5, **LINEAGE}, lambda n: {"expense_id": f"X{n}"}, {}
    ),
    "raw.exchange_rates": Case(
        {"from_currency": "USD", "to_currency": "EUR", "rate": "0.9", **LINEAGE},
        lambda n: {"rate_date": day(n)},
        {
            "a rate is above zero": {"rate": 0},
            "a currency is worth itself": {"to_currency": "USD"},
        },
    ),
    "bi.dim_date": Case({}, lambda n: {"date_key": 20260101 + n, "date_day": day(n)}, {}),
    "bi.dim_product": Case({"product_name": "Käse"}, lambda n: {"product_key": n, "product_id": f"P{n}"}, {}),
    "bi.dim_customer": Case({}, lambda n: {"customer_key": n, "customer_id": f"C{n}"}, {}),
    "bi.sales_lines": Case(
        {"order_date": DAY, "product_key": 1, "customer_key": -1, **MEASURES},
        lambda n: {"line_key": n},
        NET_BREAK,
    ),
    "bi.sales_daily": Case(MEASURES | COUNTS, lambda n: {"order_date": day(n)}, PERIOD_BREAK),
    "bi.sales_monthly": Case(MEASURES | COUNTS, lambda n: {"month_start": day(n)}, PERIOD_BREAK),
    "bi.sales_daily_product": Case(MEASURES, lambda n: {"order_date": day(n), "product_key": n}, NET_BREAK),
    "bi.sales_monthly_product": Case(MEASURES, lambda n: {"month_start": day(n), "product_key": n}, NET_BREAK),
    "bi.sales_monthly_customer": Case(MEASURES, lambda n: {"month_start": day(n), "customer_key": n}, NET_BREAK),
    "bi.customer_profile": Case(
        {"recency_score": 5, "frequency_score": 1, "monetary_score": 3, "recency_days": 0, "net_revenue": -1,
         "revenue_365_days": 0, "churn_status": "active", "expected_revenue_12m": 0},
        lambda n: {"customer_key": n, "customer_id": f"C{n}"},
        {
            "churn_status is one of 'active', 'lapsing', 'churned', '(no purchase)'": {"churn_status": "gone"},
            "there is an expected revenue or a reason": {"expected_revenue_12m": None},
        },
    ),
    "bi.customer_cohorts": Case(
        {"month_start": DAY, "retention_pct": 100, "net_revenue": -1}, lambda n: {"cohort_month": day(n)}, {}
    ),
    "bi.customer_months": Case(
        {"active_customers": 0, "lost_customers": 1}, lambda n: {"month_start": day(n)}, {}
    ),
    "bi.kpi_snapshots": Case(
        {"as_of_date": DAY, "grain": "company", "entity": "all", "period": "month", "value": 1,
         "period_start": "2026-03-01", "period_end": "2026-03-01"},
        lambda n: {"kpi": f"kpi {n}"},
        {"a period begins before it ends": {"period_end": "2026-02-28"}},
    ),
    "bi.sales_by_period": Case(
        MEASURES | {"period": "month", "grain": "company", "entity": "company"},
        lambda n: {"period_start": day(n)},
        NET_BREAK,
    ),
    "bi.targets": Case(
        {"kpi": "units", "grain": "company", "period": "month", "period_start": DAY, "period_end": "2026-03-31",
         "target": 9, "actual": 3, "expected_pct": 50, "status": "behind"},
        lambda n: {"entity": f"company {n}"},
        {
            "a period begins before it ends": {"period_end": "2026-02-28"},
            "status is one of 'not begun', 'on pace', 'behind', 'reached', 'missed', 'unknown'": {"status": None},
        },
    ),
    "bi.forecasts": Case(
        {"as_of_date": DAY, "series": "company_daily_revenue", "ds": DAY, "mean": 0.3, "lo_80": 0.3,
         "hi_80": 0.4, "lo_95": 0.1 + 0.2, "hi_95": 0.4},
        lambda n: {"unique_id": f"P{n}"},
        {
            "the 80 % interval lies within the 95 % interval": {"lo_80": 0.2},
            "the mean lies within the 95 % interval": {"mean": 0.5},
        },
    ),
    "bi.stock_recommendations": Case(
        {"lead_time_days": 7, "service_level_pct": 95, "lead_time_demand_units": 10, "safety_stock_units": 3,
         "reorder_point_units": 13, "order_qty_units": 5, "status": "order now"},
        lambda n: {"product_id": f"P{n}"},
        {
            "status is one of 'order now', 'enough', 'stock unknown'": {"status": None},
            "an order is for something": {"order_qty_units": None},
        },
    ),
    "bi.stock_position": Case(
        {"mover_class": "slow", "on_hand_units": 4, "average_daily_units": 1, "observed_days": 9, "lead_time_lines": 2},
        lambda n: {"product_id": f"P{n}"},
        {"a mover class is one of three": {"mover_class": "medium"}},
    ),
    "bi.stock_daily": Case(
        {"snapshot_date": DAY, "on_hand_units": 4, "counts": 3, "out_of_stock_counts": 1},
        lambda n: {"location_id": f"L{n}"},
        {"no more are out of stock than were counted": {"out_of_stock_counts": 4}},
    ),
    "bi.supplier_performance": Case(
        {"span": "all time", "on_time_pct": 90},
        lambda n: {"supplier_key": n},
        {"span is one of 'last 365 days', 'all time'": {"span": "ever"}},
    ),
    "bi.delivery_performance": Case(
        {"month_start": DAY, "on_time_pct": 90, "backlog_units": 0, "due_lines": 6, "on_time_lines": 3, "late_lines": 2,
         "open_lines": 1},
        lambda n: {"location_key": n},
        {"due lines are on time, late or open": {"open_lines": 0}},
    ),
    "bi.product_profile": Case(
        {"units": 3, "net_revenue": 30, "abc_class": "A"},
        lambda n: {"product_key": n},
        {"abc_class is A, B or C": {"abc_class": "D"}},
    ),
    "bi.product_pairs": Case(
        {"partner_key": 7, "support_pct": 1, "confidence_pct": 10, "reverse_confidence_pct": 20, "p_value": None},
        lambda n: {"product_key": n},
        {},
    ),
    "bi.price_volume_mix": Case(
        {"basis": "previous_year", "grain": "company", "entity": "company", "sales_change": 10, "price_effect": 4,
         "volume_effect": 3, "mix_effect": -1, "new_effect": 5, "lost_effect": -1},
        lambda n: {"period": f"p{n}"},
        {"price, volume, mix, new and lost products are the change of sales": {"mix_effect": 1}},
    ),
}  # fmt: skip
