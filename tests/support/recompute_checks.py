"""What is checked of every example that another engine recomputed; a test module inherits it and brings the fixtures.

Fixtures of the module: ``url`` of the warehouse, ``recomputed`` from the files. All its tests are of the one class:
xdist gives a class to one worker, and what they share is built once. Not here: the engine.
"""

import math
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, NamedTuple

import psycopg
import pytest

from tests.support.recompute_answers import Answers, compare
from tests.support.recompute_books import Books
from tests.support.recompute_customers import COHORTS, customer_kpis
from tests.support.recompute_operations import operations_kpis
from tests.support.recompute_plans import plan_kpis, prepare_plans
from tests.support.recompute_products import product_kpis
from tests.support.recompute_sales import sales_kpis
from tests.support.recompute_windows import put_windows

Row = tuple[Any, ...]

# What each table is made of beyond sales lines, the entities in any of which it has rows: all other tables are filled.
MADE_OF = {
    "delivery_performance": "shipped_on",
    "dim_product_cost": "product_costs products",
    "dim_product_price": "product_prices products",
    "dim_rep_territory": "rep_territories sales_reps",
    "exchange_rate_days": "exchange_rates",
    "kpi_targets": "targets",
    "orders_in_parts": "orders in parts",
    "product_lead_times": "purchase_orders",
    "product_promotions": "promotions",
    "product_stockouts": "inventory_levels inventory_movements",
    "stock_daily": "inventory_levels inventory_movements",
    "stock_position": "inventory_levels inventory_movements",
    "supplier_performance": "purchase_orders",
    "target_periods": "targets",
    "targets": "targets",
}
# Of the stages that Python runs after dbt, which no warehouse of this kind had.
MADE_BY_STAGES = {
    "forecast_accuracy", "forecast_accuracy_by_lead", "forecast_decompositions", "forecast_history_notes",
    "forecast_intervals", "forecast_quality", "forecast_scenarios", "forecast_series", "forecast_track_record",
    "forecast_value_added", "forecasts", "kpi_anomalies", "kpi_trends", "stock_recommendations",
}  # fmt: skip
PERIODS = {"month", "year", "fiscal_year", "rolling_28"}


class Recomputed(NamedTuple):
    """The books of an example, and the answers of the engine per room."""

    books: Books
    answers: dict[str, Answers]


def recompute(books: Books) -> Recomputed:
    """Everything the engine knows of an example."""
    put_windows(books)
    prepare_plans(books)
    sales = sales_kpis(books)
    answers = {
        "sales": sales | plan_kpis(books),
        "customers": customer_kpis(books),
        "products": product_kpis(books),
        "operations": operations_kpis(books),
    }
    return Recomputed(books, answers)


def ours(url: str, query: str) -> list[Row]:
    """Rows of the warehouse."""
    with psycopg.connect(url, autocommit=True) as connection:
        return connection.execute(query).fetchall()


def assert_same(ours_: Sequence[Row], theirs: Sequence[Row], key: int, *, within: float = 0.0) -> None:
    """No row's values differ, and both sides have the same rows; the first ``key`` columns name a row."""
    left, right = ({row[:key]: row[key:] for row in rows} for rows in (ours_, theirs))
    assert len(left) == len(ours_)
    assert len(right) == len(theirs)
    different = [
        f"{name}: {left.get(name)} | {right.get(name)}"
        for name in sorted({*left, *right}, key=str)
        if name not in left
        or name not in right
        or not all(_is_equal(*values, within) for values in zip(left[name], right[name], strict=True))
    ]
    assert different == [], different[:10]


def _is_equal(one: Any, other: Any, within: float) -> bool:
    """The tables of marts round what they divide, some to four digits: the last one they show may be rounded."""
    if isinstance(one, Decimal) and isinstance(other, float):
        digits = -int(one.as_tuple().exponent)
        return abs(float(one) - other) <= max(0.51 * 10.0**-digits + 1e-9 * abs(other), within)
    return bool(one == other)


class RecomputedKpis:
    """The tests."""

    # how many KPIs must have a value for some window, in which grains
    at_least = 20
    grains: frozenset[str] = frozenset({"company", "category", "segment"})

    @pytest.mark.parametrize("room", ["sales", "customers", "products", "operations"])
    def test_every_kpi_agrees(self, url: str, recomputed: Recomputed, room: str) -> None:
        comparison = compare(url, room, recomputed.answers[room])
        assert comparison.differences == [], comparison.differences[:20]
        assert comparison.compared > 0

    def test_enough_was_compared(self, url: str, recomputed: Recomputed) -> None:
        comparisons = [compare(url, room, answers) for room, answers in recomputed.answers.items()]
        known = [kpi for comparison in comparisons for kpi, values in comparison.known.items() if values]
        assert len(known) >= self.at_least, known
        assert self.grains <= set().union(*(comparison.grains for comparison in comparisons))
        assert set.intersection(*(comparison.periods for comparison in comparisons)) >= PERIODS

    def test_a_difference_is_found(self, url: str, recomputed: Recomputed) -> None:
        cell = ("company", "company", recomputed.books.as_of, recomputed.books.as_of, "net_revenue")
        answers = dict(recomputed.answers["sales"])
        cents = answers[cell]
        assert isinstance(cents, Decimal)
        answers[cell] = cents + Decimal("0.01")
        (difference,) = compare(url, "sales", answers).differences
        assert difference.startswith("net_revenue of company company, day value")

    def test_customers_profiles_agree(self, url: str, recomputed: Recomputed) -> None:
        found = ours(
            url,
            """select customer_id, recency_score, frequency_score, monetary_score, rfm_segment, churn_status,
                   orders_365_days, revenue_365_days
               from marts.customer_profile where first_order_date is not null""",
        )
        expected = recomputed.books.db.execute(
            "select customer, r, f, m, rfm_segment, churn_status, orders_of_year, revenue from profiles"
        ).fetchall()
        assert_same(found, expected, 1)

    def test_cohorts_agree(self, url: str, recomputed: Recomputed) -> None:
        found = ours(
            url,
            """select cohort_month, month_start, customers, active_customers, retention_pct, net_revenue
               from marts.customer_cohorts""",
        )
        expected = recomputed.books.db.execute(COHORTS.format(as_of=recomputed.books.as_of)).fetchall()
        assert len(expected) > 10
        assert_same(found, expected, 2)

    def test_products_classes_agree(self, url: str, recomputed: Recomputed) -> None:
        found = ours(
            url,
            """select product_id, revenue_rank, abc_class, monthly_variation, xyz_class
               from marts.product_profile where first_sold_on is not null""",
        )
        expected = recomputed.books.db.execute(
            """select product, revenue_rank, abc_class, monthly_variation, xyz_class
               from variations left join classes using (product)"""
        ).fetchall()
        assert_same(found, expected, 1)

    def test_pairs_agree(self, url: str, recomputed: Recomputed) -> None:
        found = ours(
            url,
            """select one.product_id, other.product_id, pair_orders, product_orders, partner_orders, orders_looked_at,
                   support_pct, confidence_pct, lift, is_significant, pairs_compared
               from marts.product_pairs
               inner join marts.dim_product as one using (product_key)
               inner join marts.dim_product as other on other.product_key = partner_key""",
        )
        pairs = {tuple(row[:2]): row[2:] for row in recomputed.books.db.execute("from pairs").fetchall()}
        assert found
        of_them = [(*row[:2], *pairs[row[:2]]) for row in found]
        assert_same([row[:-2] for row in found], of_them, 2)
        wrong = [row for row in found if row[9] != _is_significant(row[2:6], row[10])]
        assert wrong == []

    def test_price_volume_and_mix_agree(self, url: str, recomputed: Recomputed) -> None:
        found = ours(
            url,
            """select period, basis, grain, entity, sales_change, price_effect, volume_effect, mix_effect,
                   new_effect + lost_effect
               from marts.price_volume_mix where reason is null""",
        )
        expected = recomputed.books.db.execute(
            """select period, basis, grain, entity, sales_change, price_effect, volume_effect, mix_effect,
                   assortment_effect
               from effects"""
        ).fetchall()
        # each product's effect is rounded, so that they add up to the last digit; of nothing sold nothing is said
        of_sales, of_theirs = ([row for row in rows if any(row[4:])] for rows in (found, expected))
        assert_same(of_sales, of_theirs, 4, within=0.004)
        assert [row for row in found if row[4] != sum(row[5:])] == []

    def test_the_effects_are_those_of_the_year_before(self, url: str) -> None:
        assert ours(
            url,
            """select count(*) from kpis.kpi_values_products as kpis
               left join marts.price_volume_mix as effects
                   on effects.period = kpis.period and effects.grain = kpis.grain and effects.entity = kpis.entity
                   and effects.basis = 'previous_year'
               where kpi = 'price_effect' and kpis.basis = 'value'
                   and (amount, amount is null) is distinct from (price_effect, effects.reason is not null)""",
        ) == [(0,)]

    @pytest.mark.parametrize("room", ["sales", "customers", "products", "operations"])
    def test_there_is_a_value_or_a_reason(self, url: str, room: str) -> None:
        assert ours(
            url,
            f"""select kpi, grain, entity, period, basis, amount, reason from kpis.kpi_values_{room}
                where (amount is null) = (reason is null) limit 10""",
        ) == []  # fmt: skip

    def test_without_a_source_there_is_no_value(self, url: str) -> None:
        absent = absent_entities(url)
        needy: dict[str, str] = dict(ours(url, "select kpi, needs from kpis.kpi_catalogue where needs <> ''"))
        missing = {
            kpi for kpi, needs in needy.items()
            if any(set(need.split(" or ")) <= absent for need in needs.split(", "))
        }  # fmt: skip
        values = ours(
            url,
            """select kpi, count(value), count(previous_period), count(previous_year), min(reason), max(reason)
               from kpis.kpi_snapshots where grain = 'company' group by kpi""",
        )
        assert missing <= {kpi for kpi, *_ in values}
        said = {kpi: (any(counts), first) for kpi, *counts, first, last in values if kpi in missing and first == last}
        assert {
            kpi: values for kpi, values in said.items() if values[0] or not values[1].startswith("no source for ")
        } == {}
        assert set(said) == missing

    def test_what_has_a_source_is_filled(self, url: str, recomputed: Recomputed) -> None:
        absent = absent_entities(url)
        lines = recomputed.books.db.execute("""
            select count(shipped), (select count(*) from (
                select order_id from sold where kind = 'sale'
                group by order_id having count(distinct (day, customer, country, channel, territory, rep)) > 1
            )) from sold
        """).fetchall()
        absent |= {what for what, rows in zip(("shipped_on", "orders in parts"), lines[0], strict=True) if not rows}
        expected = {name for name, made_of in MADE_OF.items() if made_of in absent or set(made_of.split()) <= absent}
        found = empty_tables(url)
        assert {name for name in found if name not in MADE_BY_STAGES} == expected


def _is_significant(orders: Row, compared: int) -> bool:
    both, one, other, n = map(int, orders)
    if one == n or other == n:
        return False
    chi_square = n * (n * both - one * other) ** 2 / (one * other * (n - one) * (n - other))
    return math.erfc(math.sqrt(chi_square / 2)) * compared < 0.05


def absent_entities(url: str) -> set[str]:
    """The entities of raw without a row."""
    return _empty(url, "raw")


def empty_tables(url: str) -> set[str]:
    """The tables of marts, kpis and what is published without a row; of a bi table its published name."""
    return _empty(url, "marts") | _empty(url, "kpis") | _empty(url, "bi_build")


def _empty(url: str, schema: str) -> set[str]:
    names = [name for (name,) in ours(
        url,
        f"""select relname from pg_class
            where relnamespace = '{schema}'::regnamespace and relkind in ('r', 'v', 'm', 'p')""",
    )]  # fmt: skip
    assert names, schema
    return {name for name in names if not ours(url, f'select from {schema}."{name}" limit 1')}
