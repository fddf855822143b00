"""A shop of eleven lines with one row of whatever else dbt reads: small enough to be worked by hand.

Not here: what comes of it (tests/integration/test_dbt_shop.py).
"""

from datetime import date, timedelta

from tests.support.dbt_warehouse import Line, Warehouse

AS_OF = date(2024, 3, 2)  # a Saturday, two days after a leap day
SHOP = [
    Line("O1", "1", date(2023, 3, 2), "sale", "MUG", "ann", "DE", 2, "10"),
    Line("O2", "1", date(2024, 2, 1), "sale", "TEE", "ben", "FR", 1, "30", "5"),
    Line("O3", "1", date(2024, 2, 29), "sale", "MUG", None, "DE", 1, "10"),
    Line("O3", "2", date(2024, 2, 29), "charge", "POST", None, "DE", 1, "4.90"),
    Line("O4", "1", date(2024, 3, 1), "sale", "MUG", "ann", "DE", 3, "10", "3"),
    Line("O4", "2", date(2024, 3, 1), "sale", "TEE", "ann", "DE", 1, "30"),
    Line("O4", "3", date(2024, 3, 1), "charge", "POST", "ann", "DE", 1, "4.90"),
    Line("O4", "4", date(2024, 3, 2), "sale", "MUG", "ann", "DE", 1, "10"),  # one order over two days
    Line("O5", "1", date(2024, 3, 2), "sale", "TEE", "Łucja", None, 2, "30"),
    Line("R1", "1", date(2024, 3, 2), "return", "TEE", "ben", "FR", -1, "30"),
    Line("A1", "1", date(2024, 3, 2), "adjustment", "DEBT", "ben", "FR", 1, "-50"),
]


def opened(warehouse: Warehouse) -> int:
    """Begin a night and put in all of the shop; its token."""
    token = warehouse.begin_night(AS_OF)
    warehouse.put(SHOP)
    with warehouse.connect() as connection:
        connection.execute(
            "insert into raw.products (product_id, product_name, category, unit_cost, _source, _load_id, _line)"
            " values ('MUG', 'Mug', 'Cups', 4, 'test', 1, 1), ('TEE', 'Tee', 'Shirts', null, 'test', 1, 2)"
        )
        connection.execute(
            "insert into raw.expenses (expense_id, incurred_on, expense_kind, amount, campaign, _source, _load_id,"
            " _line) values ('X1', '2024-03-01', 'ads', 5, 'spring', 'test', 1, 1),"
            " ('X2', '2024-03-01', 'rent', 900, null, 'test', 1, 2)"
        )
        connection.execute(
            "insert into raw.targets (measure, period, period_start, target_value, _source, _load_id, _line)"
            " values ('revenue', 'month', '2024-03-01', 310, 'test', 1, 1)"
        )
        connection.execute(
            "insert into anomaly.kpi_days values (%s, 'orders', %s, 9, 2, 1, 3, 4.5, 'high'),"
            " (%s, 'orders', %s, 9, 2, 1, 3, 4.5, 'high')",
            [AS_OF, AS_OF, AS_OF - timedelta(days=1), AS_OF - timedelta(days=1)],
        )
        connection.execute(
            "insert into forecast.kpi_trends (as_of_date, grain, entity, kpi, first_month, last_month, n_months,"
            " season_is_removed, slope, p_value, direction) values"
            " (%(d)s, 'company', 'company', 'returns', '2023-03-01', '2024-02-01', 12, false, 2, 0.01, 'up'),"
            " (%(d)s, 'category', 'Cups', 'net_revenue', '2023-03-01', '2024-02-01', 12, false, 2, 0.6,"
            " 'no clear trend'),"
            " ('2024-03-01', 'company', 'company', 'orders', '2023-03-01', '2024-01-01', 11, false, 2, 0.01, 'up')",
            {"d": AS_OF},
        )
        connection.execute(
            "insert into forecast.forecasts values"
            " (%(d)s, 'product_weekly_units', 'MUG', '2024-03-04', 2, 1, 3, 0, 4, 'ets', 'smooth', null),"
            " (%(d)s, 'category_fiscal_quarterly_revenue', 'Cups', '2024-04-01', 2, 1, 3, 0, 4, 'ets', 'lumpy', null),"
            " (%(d)s, 'company_daily_revenue', 'all', '2024-03-03', 5, 4, 6, 3, 7, 'naive', 'smooth', 'x')",
            {"d": AS_OF},
        )
        connection.execute(
            "insert into forecast.series values (%(d)s, 'product_weekly_units', 'MUG', 'regular', 'ets', null, 9,"
            " '2024-01-01', '2024-02-26', 'up', 0.01, 12),"
            " (%(d)s, 'territory_monthly_units', 'T9', 'short', 'mean', 'too short', 0, null, null, null, null, null)",
            {"d": AS_OF},
        )
        connection.execute(
            "insert into forecast.intervals values (%(d)s, 'product_weekly_units', 'MUG', '2024-03-04', 90, 1, 3),"
            " ('2024-03-01', 'product_weekly_units', 'MUG', '2024-03-04', 90, 1, 9)",
            {"d": AS_OF},
        )
        connection.execute(
            "insert into forecast.scenarios values"
            " (%(d)s, 'sale', 'product_weekly_units', 'MUG', '2024-03-04', 2, 3, 2, 4, 1, 5, 'promotion effect 2.00')",
            {"d": AS_OF},
        )
        connection.execute(
            "insert into stock.recommendations"
            " values (%s, 'NEW', null, null, 14, 95, 5, 3, 8, null, 'stock unknown', 'no count')",
            [AS_OF],
        )
    return token
