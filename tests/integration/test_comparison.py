"""The functions of bi that compare any two periods: by hand, against the marts, and as the read-only login.

Not here: the standard comparisons (dbt unit tests beside the models), or when the functions are made (test_night.py).
"""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from orchestration.publication import create_functions
from tests.support.dbt_warehouse import Line, Warehouse

MARCH = "'2024-03-01', '2024-03-10'"
FEBRUARY = "'2024-02-01', '2024-02-10'"
SHOP = [
    Line("O1", "1", date(2024, 2, 1), "sale", "MUG", "ann", "DE", 10, "10"),
    Line("O1", "2", date(2024, 2, 1), "sale", "HAT", "ann", "DE", 10, "20"),
    Line("O2", "1", date(2024, 2, 10), "sale", "TEE", "ben", "FR", 3, "10"),
    Line("O3", "1", date(2024, 2, 20), "sale", "CAP", "cid", "FR", 1, "900"),  # between the two
    Line("O4", "1", date(2024, 3, 1), "sale", "MUG", "ann", "DE", 20, "11"),
    Line("O4", "2", date(2024, 3, 1), "sale", "HAT", "ann", "DE", 9, "20"),
    Line("O5", "1", date(2024, 3, 10), "sale", "HAT", None, "DE", 1, "20"),
    Line("O6", "1", date(2024, 3, 10), "sale", "CAP", "cid", "FR", 1, "60", "10"),
    Line("O6", "2", date(2024, 3, 10), "charge", "POST", "cid", "FR", 1, "5"),
    Line("O7", "1", date(2024, 3, 10), "return", "MUG", "dan", "FR", -1, "10"),
]


@pytest.fixture(scope="module")
def shop(new_warehouse: Callable[[], Warehouse]) -> Warehouse:
    warehouse = new_warehouse()
    token = warehouse.begin_night(date(2024, 3, 10))
    warehouse.put(SHOP)
    read = ("sales_lines", "sales_daily_product", "dim_product", "dim_customer", "dim_territory", "dim_rep")
    result = warehouse.dbt("run", "--select", *(f"+bi_{table}" for table in (*read, "price_volume_mix")), token=token)
    assert result.success
    with warehouse.connect() as connection:
        connection.execute("drop schema if exists bi cascade; alter schema bi_build rename to bi")
        connection.execute(
            "do $$ begin if not exists (select from pg_roles where rolname = 'bi_reader') then"
            " create role bi_reader nologin; end if; end $$;"
            "grant usage on schema bi to bi_reader; grant select on all tables in schema bi to bi_reader"
        )
        with connection.transaction():
            create_functions(connection)
    return warehouse


def _compared(shop: Warehouse, dimension: str, columns: str) -> dict[str, tuple[Any, ...]]:
    found = shop.rows(
        f"select member, {columns} from bi.compare_periods({MARCH}, {FEBRUARY}) where dimension = '{dimension}'"
    )
    return {row[0]: row[1:] for row in found}


def test_two_periods_by_hand(shop: Warehouse) -> None:
    measures = "net_revenue_a, net_revenue_b, net_revenue_change, units_a, units_b, orders_a, orders_b"

    assert _compared(shop, "company", measures) == {"company": (460, 330, 130, 31, 23, 3, 2)}
    assert _compared(shop, "product", measures) == {
        "MUG": (210, 100, 110, 20, 10, 1, 1),  # 220 less a return of 10
        "HAT": (200, 200, 0, 10, 10, 2, 1),
        "TEE": (0, 30, -30, 0, 3, 0, 1),
        "CAP": (50, 0, 50, 1, 0, 1, 0),
        "POST": (0, 0, 0, 0, 0, 0, 0),
    }
    assert _compared(shop, "country", "net_revenue_change, orders_a, orders_b") == {"DE": (120, 2, 1), "FR": (10, 1, 1)}
    assert _compared(shop, "customer", "net_revenue_change, change_pct, contribution_pct") == {
        "ann": (100, Decimal("33.33"), Decimal("76.9231")),
        "ben": (-30, -100, Decimal("-23.0769")),
        "cid": (50, None, Decimal("38.4615")),
        "dan": (-10, None, Decimal("-7.6923")),
        "(anonymous)": (20, None, Decimal("15.3846")),
    }


def test_every_dimension_adds_up_to_the_company(shop: Warehouse) -> None:
    totals = shop.rows(
        f"select sum(net_revenue_a), sum(net_revenue_b), sum(units_a) from bi.compare_periods({MARCH}, {FEBRUARY})"
        " group by dimension"
    )
    assert totals == [(460, 330, 31)] * 9


def test_what_made_the_change(shop: Warehouse) -> None:
    found = shop.rows(f"select section, driver, change from bi.explain_change({MARCH}, {FEBRUARY})")

    assert [row for row in found if row[0] == "total"] == [("total", "net revenue", 130)]
    assert {row[1]: row[2] for row in found if row[0] == "drivers"} == {
        "price": 20,  # 20 mugs, each 1 dearer
        "volume": 150,  # ten units more, at (100 + 200) / 20
        "mix": -50,  # but they are mugs
        "new products": 50,
        "lost products": -30,
        "returns": -10,
    }
    assert {row[1]: row[2] for row in found if row[0] == "customers"} == {
        "won back customers": 50,  # cid, who bought in between
        "other customers": -10,  # dan only returned
        "lost customers": -30,
        "grown customers": 100,
        "anonymous sales": 20,
    }
    assert [row[1:] for row in found if row[0] == "product up"] == [("Name of MUG", 110), ("Name of CAP", 50)]


def test_the_standard_comparison_says_the_same(shop: Warehouse) -> None:
    found = shop.rows(
        f"select change from bi.explain_change({MARCH}, {FEBRUARY}) where section in ('total', 'drivers')"
    )

    assert [tuple(row[0] for row in found)] == shop.rows(
        "select net_revenue_change, price_effect, volume_effect, mix_effect, new_effect, lost_effect, returns_effect"
        " from bi.price_volume_mix where grain = 'company' and period = 'month' and basis = 'previous_period'"
    )


def test_the_read_only_login_may_ask(shop: Warehouse) -> None:
    with psycopg.connect(shop.url) as connection:
        connection.execute("set transaction read only; set local role bi_reader")
        for function in ("compare_periods", "explain_change"):
            assert len(connection.execute(f"select * from bi.{function}({MARCH}, {FEBRUARY})").fetchall()) > 5


def test_nothing_is_compared_with_nothing(shop: Warehouse) -> None:
    empty = "'2019-01-01', '2019-01-31', '2018-01-01', '2018-01-31'"

    assert shop.rows(f"select dimension, net_revenue_change, contribution_pct from bi.compare_periods({empty})") == [
        ("company", 0, None)
    ]
    assert {row[0] for row in shop.rows(f"select change from bi.explain_change({empty})")} <= {0, None}
