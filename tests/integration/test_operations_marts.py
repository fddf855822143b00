"""Stock, suppliers and deliveries on a real PostgreSQL: a shop worked by hand, and nights that equal a rebuild.

Not here: the dbt unit tests of single models; they stand beside the models.
"""

import random
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Any

import pytest

from tests.support.dbt_warehouse import Line, Warehouse

ROOM = ("+path:models/marts/operations", "+kpi_values_operations")
TABLES = (
    "marts.stock_daily", "marts.stock_position", "marts.supplier_performance", "marts.product_lead_times",
    "marts.agg_delivery_daily", "marts.delivery_performance", "kpis.kpi_values_operations",
)  # fmt: skip
LINEAGE = "'test', 1, 1"


def _run(warehouse: Warehouse, token: int | None = None, *arguments: str) -> None:
    result = warehouse.dbt("run", *arguments, "--select", *ROOM, token=token)
    assert result.success, [r.message for r in result.result or [] if r.status == "error"] or result.exception


def _count(warehouse: Warehouse, rows: Sequence[tuple[date, str, str, int, int]]) -> None:
    """Counts, new or corrected, as ingestion leaves them."""
    with warehouse.connect() as connection, connection.cursor() as cursor:
        cursor.executemany(
            f"""insert into raw.inventory_levels (snapshot_date, product_id, location_id, on_hand_units,
                    on_order_units, _source, _load_id, _line)
                values (%s, %s, %s, %s, %s, {LINEAGE})
                on conflict (snapshot_date, product_id, location_id) do update set
                    on_hand_units = excluded.on_hand_units, on_order_units = excluded.on_order_units,
                    _loaded_at = clock_timestamp()""",
            rows,
        )


def _contents(warehouse: Warehouse) -> dict[str, list[Any]]:
    return {table: warehouse.rows(f"select t::text from {table} t order by 1") for table in TABLES}


# --- Nights ---


def _random_counts(choose: random.Random, day: date, places: Sequence[str]) -> list[tuple[date, str, str, int, int]]:
    """A day's counts: of everything in A, of a few products in B."""
    share = {"A": 0.9, "B": 0.2}
    return [
        (day, f"P{n}", place, choose.choice([0, 0, 3, 40]), choose.choice([0, 5]))
        for place in places
        for n in range(1, 16)
        if choose.random() < share[place]
    ]


def test_nights_of_counts_equal_a_full_refresh(new_warehouse: Callable[[], Warehouse]) -> None:
    """New, corrected and vanished counts, a night that failed, late sales; counts of all and of a few products."""
    choose = random.Random(91)
    warehouse = new_warehouse()
    weeks = [date(2024, 1, 7) + timedelta(days=7 * n) for n in range(20)]
    sales = [
        Line(f"O{n}", "1", date(2024, 1, 1) + timedelta(days=n % 150), "sale", f"P{n % 12 + 1}", None, None, 2, "9.99")
        for n in range(300)
    ]
    with warehouse.connect() as connection:
        connection.execute(
            "insert into raw.products (product_id, product_name, unit_cost, _source, _load_id, _line)"
            f" select 'P' || n, 'P', n, {LINEAGE} from generate_series(1, 14) n"
        )
    for night in range(5):
        token = warehouse.begin_night(date(2024, 5, 20))
        if night == 0:
            warehouse.put(sales[:250])
            for day in weeks[:15]:
                _count(warehouse, _random_counts(choose, day, "AB"))
        if night == 1:  # a new week, a corrected one of long ago, and late sales
            warehouse.put(sales[250:])
            for day in (weeks[15], weeks[3]):
                _count(warehouse, _random_counts(choose, day, "AB"))
        if night == 2:  # counts that are gone: one product's, and a whole day in one place, the last one too
            with warehouse.connect() as connection:
                connection.execute("delete from raw.inventory_levels where product_id = 'P1' and location_id = 'A'")
                connection.execute(
                    "delete from raw.inventory_levels where (snapshot_date, location_id) in ((%s, 'B'), (%s, 'A'))",
                    [weeks[7], weeks[15]],
                )
        if night == 3:  # a night that fails after it took in a week
            _count(warehouse, _random_counts(choose, weeks[16], "AB"))
            continue
        if night == 4:
            _count(warehouse, _random_counts(choose, weeks[17], "B"))
        _run(warehouse, token)
    built = _contents(warehouse)

    _run(warehouse, None, "--full-refresh")

    rebuilt = _contents(warehouse)
    for table in TABLES:
        assert built[table] == rebuilt[table], table
    kinds = warehouse.rows("select location_id, bool_and(is_full_count) from marts.stock_daily group by 1 order by 1")
    assert kinds == [("A", True), ("B", False)]


# --- A shop worked by hand ---

AS_OF = date(2024, 3, 2)


@pytest.fixture(scope="module")
def shop(new_warehouse: Callable[[], Warehouse]) -> Warehouse:
    """Two places: MAIN counts everything each month, VAN a product now and then. A supplier with five order lines."""
    warehouse = new_warehouse()
    token = warehouse.begin_night(AS_OF)
    warehouse.put(
        [
            Line("O1", "1", date(2023, 1, 2), "sale", "MUG", "ann", "DE", 1, "10"),
            Line("O2", "1", date(2024, 2, 10), "sale", "MUG", "ann", "DE", 30, "10"),
            Line("O3", "1", date(2024, 2, 29), "sale", "TEE", "ann", "DE", 4, "30"),
            Line("R1", "1", date(2024, 3, 1), "return", "TEE", "ann", "DE", -1, "30"),
            Line("O4", "1", date(2024, 3, 5), "sale", "CAP", "ann", "DE", 9, "30"),  # after the as-of date
        ]
    )
    _count(warehouse, [
        (date(2024, 1, 31), "MUG", "MAIN", 40, 0), (date(2024, 1, 31), "TEE", "MAIN", 10, 0),
        (date(2024, 1, 31), "CAP", "MAIN", 5, 0), (date(2024, 2, 10), "MUG", "VAN", 3, 0),
        (date(2024, 2, 20), "TEE", "VAN", 2, 0),  # the mugs in the van stay what they were
        (date(2024, 2, 29), "MUG", "MAIN", 0, 50), (date(2024, 2, 29), "TEE", "MAIN", 6, 0),  # the caps are gone
        (date(2024, 3, 6), "MUG", "MAIN", 99, 0),
    ])  # fmt: skip
    with warehouse.connect() as connection:
        connection.execute("update ops.business set carrying_cost_pct = 20")
        connection.execute(
            "insert into raw.products (product_id, product_name, unit_cost, supplier_id, _source, _load_id, _line)"
            f" values ('MUG', 'Mug', 4, 'S', {LINEAGE}), ('TEE', 'Tee', 12, null, {LINEAGE})"
        )
        connection.execute(
            "insert into raw.suppliers (supplier_id, lead_time_days, _source, _load_id, _line)"
            f" values ('S', 5, {LINEAGE})"
        )
        connection.execute(
            "update raw.sales_lines set due_on = '2024-02-12', shipped_on = '2024-02-11' where order_id = 'O2'"
        )
        connection.execute(
            "update raw.sales_lines set due_on = '2024-03-01', shipped_on = '2024-03-04' where order_id = 'O3'"
        )
        for line, ordered, promised, received, units, came, rejected, cost in (
            (1, "2023-06-01", "2023-06-06", "2023-06-07", 10, 10, 0, 4),
            (2, "2024-01-10", "2024-01-15", "2024-01-15", 20, 24, 4, 5),  # more than was ordered
            (3, "2024-02-01", "2024-02-06", "2024-02-10", 10, 8, 0, 5),
            (4, "2024-02-20", "2024-02-25", "2024-03-04", 50, 50, 0, 5),  # comes after the as-of date
            (5, "2024-03-04", "2024-03-09", None, 1, 0, 0, 5),  # ordered after it
        ):
            connection.execute(
                "insert into raw.purchase_orders (purchase_order_id, line_id, product_id, location_id, ordered_on,"
                " promised_on, received_on, ordered_units, received_units, rejected_units, unit_cost,"
                f" _source, _load_id, _line) values ('B', %s, 'MUG', 'MAIN', %s, %s, %s, %s, %s, %s, %s, {LINEAGE})",
                [line, ordered, promised, received, units, came, rejected, cost],
            )
    _run(warehouse, token, "--full-refresh")
    return warehouse


def _kpis(warehouse: Warehouse, grain: str, entity: str, period: str) -> dict[str, Any]:
    rows = warehouse.rows(
        "select kpi, amount, reason from kpis.kpi_values_operations"
        f" where grain = '{grain}' and entity = '{entity}' and period = '{period}' and basis = 'value'"
    )
    return {kpi: reason if amount is None else float(amount) for kpi, amount, reason in rows}


def test_stock_by_hand(shop: Warehouse) -> None:
    rows = shop.rows(
        "select snapshot_date, location_id, is_full_count, counts, out_of_stock_counts, on_hand_units, stock_value,"
        " uncosted_products from marts.stock_daily order by 2, 1"
    )
    assert [(r[0].isoformat(), *r[1:3], *map(float, r[3:])) for r in rows] == [
        ("2024-01-31", "MAIN", True, 3, 0, 55, 280, 1),  # 40 × 4 + 10 × 12; nobody knows what a cap costs
        ("2024-02-29", "MAIN", True, 2, 1, 6, 72, 0),
        ("2024-03-06", "MAIN", True, 1, 0, 99, 396, 0),
        ("2024-02-10", "VAN", True, 1, 0, 3, 12, 0),
        ("2024-02-20", "VAN", False, 1, 0, 5, 36, 0),
    ]
    position = shop.rows(
        "select product_id, on_hand_units, on_order_units, open_purchase_units, stock_value, observed_days,"
        " stockout_days, stockout_spells, mover_class, is_dead, average_stock_value, carrying_cost_per_year"
        " from marts.stock_position order by 1"
    )
    assert [tuple(float(v) if hasattr(v, "as_tuple") else v for v in row) for row in position] == [
        # nothing of it left, by MAIN's last count of everything
        ("CAP", 0, 0, 0, 0, 1, 0, 0, "non-moving", False, None, 0),
        # 10 February counted only the van; on 29 February the day's count found none
        ("MUG", 3, 50, 50, 12, 3, 1, 1, "slow", False, 80 + 12, 2.4),
        ("TEE", 8, 0, 0, 96, 3, 0, 0, "slow", False, 60 + 36 + 24, 19.2),
    ]


def test_suppliers_by_hand(shop: Warehouse) -> None:
    columns = (
        "order_lines, received_lines, open_lines, open_units, overdue_lines, lead_time_mean_days,"
        " lead_time_median_days, lead_time_gap_days, promised_lines, on_time_lines, fill_rate_pct, rejected_pct,"
        " price_change_pct"
    )
    (row,) = shop.rows(f"select {columns} from marts.supplier_performance where span = 'last 365 days'")
    # days 6, 5 and 9; of 90 units 10 + 20 + 8 came, those of the open line after the as-of date not
    expected = (4, 3, 1, 50, 1, 20 / 3, 6, 5 / 3, 4, 1, 100 * 38 / 90, 100 * 4 / 42, None)
    assert [None if v is None else float(v) for v in row] == [
        None if e is None else pytest.approx(e, abs=1e-6) for e in expected
    ]


def test_kpis_by_hand(shop: Warehouse) -> None:
    company = _kpis(shop, "company", "company", "year")
    assert company == {
        "inventory_value": 108,  # MAIN's 72 of 29 February and the van's 36
        # cost of 30 mugs and 3 tees, over the mean of MAIN's 280 and 72 and of the van's 12 and 36
        "inventory_turnover": pytest.approx(156 / 200, abs=1e-6),
        "days_of_supply": pytest.approx(108 / (156 / 91), abs=1e-6),
        "stockout_days": 1,
        "stockout_rate_pct": pytest.approx(100 / 7, abs=1e-6),
        "carrying_cost": 21.6,
        # the van's two tees: none had been sold when they were counted
        "dead_stock_share_pct": pytest.approx(100 * 24 / 108, abs=1e-6),
        "slow_mover_share_pct": pytest.approx(100 * 84 / 108, abs=1e-6),
        "fill_rate_pct": pytest.approx(100 * 30 / 34, abs=1e-6),
        "on_time_delivery_pct": 50,
        "backlog_units": 4,  # the tees that left on 4 March; the mug of 2023 that nobody shipped is too old
        "supplier_lead_time_days": 7,
        "lead_time_spread_days": pytest.approx(8**0.5, abs=1e-6),
        "lead_time_gap_days": 2,
        "supplier_on_time_pct": pytest.approx(100 / 3, abs=1e-6),
        "supplier_fill_rate_pct": pytest.approx(100 * 28 / 80, abs=1e-6),
        "purchase_rejects_pct": 12.5,
    }
    assert _kpis(shop, "supplier", "S", "year")["supplier_lead_time_days"] == 7
    assert _kpis(shop, "location", "VAN", "year")["inventory_value"] == 36
    assert _kpis(shop, "company", "company", "day")["supplier_lead_time_days"] == "nothing was received in full"


# --- Without levels ---


def test_stock_from_movements(new_warehouse: Callable[[], Warehouse]) -> None:
    warehouse = new_warehouse()
    token = warehouse.begin_night(AS_OF)
    warehouse.put([Line("O1", "1", date(2024, 1, 20), "sale", "MUG", "ann", "DE", 1, "10")])
    with warehouse.connect() as connection:
        for number, (day, units) in enumerate((
            ("2024-01-10", 10), ("2024-01-31", -4), ("2024-02-15", -6), ("2024-03-01", 8), ("2024-03-03", 100),
        )):  # fmt: skip
            connection.execute(
                "insert into raw.inventory_movements (movement_id, moved_on, product_id, location_id, movement_kind,"
                f" qty_units, _source, _load_id, _line) values (%s, %s, 'MUG', 'main', 'receipt', %s, {LINEAGE})",
                [str(number), day, units],
            )
    _run(warehouse, token, "--full-refresh")

    assert warehouse.rows(
        "select snapshot_date, on_hand_units, is_derived, stock_value from marts.stock_daily order by 1"
    ) == [
        (date(2024, 1, 31), 6, True, None),
        (date(2024, 2, 29), 0, True, None),
        (AS_OF, 8, True, None),
    ]
    assert _kpis(warehouse, "company", "company", "day")["inventory_value"] == "no counted product has a known cost"
    assert _kpis(warehouse, "company", "company", "day")["backlog_units"] == "sales_lines bring no shipped_on"
