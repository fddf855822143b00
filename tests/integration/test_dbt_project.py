"""The dbt project on a real PostgreSQL: nothing, incremental = full refresh, and every data test seen failing.

Not here: a shop worked by hand (test_dbt_shop.py), the dbt unit tests of single models; they stand beside the models
and run in the first build below.
"""

import itertools
import random
from collections.abc import Callable
from datetime import date

import pytest

from tests.support.dbt_warehouse import Line, Warehouse, random_line

REBUILT = (
    "marts.product_window_sales", "marts.product_profile", "marts.seasonality_indices", "marts.order_baskets",
    "marts.basket_days", "marts.product_pairs", "marts.product_changes", "marts.price_volume_mix",
    "marts.period_changes", "kpis.kpi_values_products",
    "marts.fct_sales_lines", "marts.agg_sales_daily_product", "marts.agg_sales_daily_customer",
    "marts.agg_sales_daily_order", "marts.agg_sales_daily_slice", "marts.agg_sales_daily", "marts.agg_sales_monthly",
    "marts.agg_sales_monthly_product", "marts.agg_sales_monthly_customer",
    "marts.agg_sales_daily_category", "marts.agg_sales_daily_segment", "marts.orders_in_parts",
    "marts.product_sightings", "marts.customer_sightings", "marts.dim_date", "marts.dim_product", "marts.dim_customer",
    "marts.mv_sales_daily_summary", "marts.mv_sales_monthly_summary",
    "marts.agg_delivery_daily", "marts.delivery_performance", "marts.stock_position", "kpis.kpi_values_operations",
    "marts.product_stockouts", "marts.product_promotions", "marts.demand_daily_product",
    "marts.customer_spans", "marts.customer_profile", "marts.customer_cohorts", "marts.customer_months",
    "kpis.kpi_values_customers",
    "kpis.kpi_windows", "kpis.kpi_measures", "kpis.kpi_values_sales", "kpis.kpi_snapshots",
    "kpis.kpi_windows", "kpis.kpi_measures", "kpis.kpi_values_sales", "kpis.kpi_snapshots", "kpis.sales_by_period",
)  # fmt: skip
# What was published by day: of each table, every day's rows.
Published = dict[str, dict[date, list[str]]]


# --- An empty warehouse ---


def test_an_empty_warehouse_builds(new_warehouse: Callable[[], Warehouse]) -> None:
    warehouse = new_warehouse()

    warehouse.build()  # with the dbt unit tests

    assert warehouse.rows("select count(*) from bi_build.sales_daily") == [(0,)]
    assert warehouse.rows("select count(*) from kpis.kpi_snapshots") == [(0,)]
    assert warehouse.rows("select customer_key, customer_id from bi_build.dim_customer") == [(-1, "(anonymous)")]


# --- Incremental = full refresh ---


def _by_day(warehouse: Warehouse, table: str) -> dict[date, list[str]]:
    rows = warehouse.rows(f"select order_date, t::text from bi_build.{table} t order by 1, 2")
    return {day: [text for _, text in group] for day, group in itertools.groupby(rows, key=lambda row: row[0])}


def _publish(warehouse: Warehouse, published: dict[date, list[str]], table: str) -> None:
    """What the publisher does with a table published by day: empty the open days, then take the new rows."""
    for (day,) in warehouse.rows("select day from ops.open_days"):
        published.pop(day, None)
    published.update(_by_day(warehouse, table))


def _classify(warehouse: Warehouse, night: int) -> None:
    """Give products a category and customers a segment, and some of them another one every night."""
    with warehouse.connect() as connection:
        for entity, key, name, attribute, prefix, n in (
            ("products", "product_id", "product_name", "category", "P", 15),
            ("customers", "customer_id", "customer_name", "segment", "C", 12),
        ):
            for number in range(2, n):
                kind = None if number == 3 + night else f"Kind {(number + night * (number < 6)) % 4}"
                connection.execute(
                    f"insert into raw.{entity} ({key}, {name}, {attribute}, _source, _load_id, _line)"
                    " values (%(id)s, %(id)s, %(kind)s, 'test', 1, 1)"
                    f" on conflict ({key}) do update set {attribute} = excluded.{attribute}",
                    {"id": f"{prefix}{number}", "kind": kind},
                )


@pytest.fixture(scope="module")
def worked_over(new_warehouse: Callable[[], Warehouse]) -> tuple[Warehouse, Published]:
    """A warehouse after three nights of late rows, corrections and removals, and what they published."""
    choose = random.Random(20240229)
    warehouse = new_warehouse()
    published: Published = {"sales_lines": {}, "sales_daily_product": {}}
    keys = [(f"O{n // 3}", str(n % 3)) for n in range(600)]
    lines = {key: random_line(choose, *key) for key in keys}
    # A day that only one line holds: it leaves on the second night, and the day must be empty everywhere.
    lonely = Line("LONELY", "1", date(2024, 1, 15), "sale", "ONLY", "GONE", "DE", 1, "10")
    for night in range(3):
        token = warehouse.begin_night()
        if night == 0:
            warehouse.put([*lines.values(), lonely])
        else:
            corrected = choose.sample(sorted(lines), 12)
            late = [(f"LATE{night}", str(n)) for n in range(10)]
            changed = {key: random_line(choose, *key) for key in [*corrected, *late]}
            warehouse.put(changed.values())
            lines |= changed
        if night == 1:
            gone = choose.sample(sorted(lines), 5)
            # somebody's first and last sale, and a product's: what else is known of them lies on days that stay closed
            for end, column in ((min, "customer_id"), (max, "customer_id"), (min, "product_id"), (max, "product_id")):
                whose = getattr(lines[choose.choice([k for k in sorted(lines) if getattr(lines[k], column)])], column)
                gone.append(end((k for k in lines if getattr(lines[k], column) == whose), key=lambda k: lines[k].day))
            warehouse.remove([*gone, ("LONELY", "1")])
            lines = {key: line for key, line in lines.items() if key not in gone}
        _classify(warehouse, night)
        warehouse.set_as_of(warehouse.rows("select max(order_date) from raw.sales_lines")[0][0])
        if night < 2:
            assert warehouse.dbt("run", token=token).success
        else:
            warehouse.build("--exclude-resource-type", "unit_test", token=token)
        for table, days in published.items():
            _publish(warehouse, days, table)
    return warehouse, published


# What the KPIs count without reading a line, counted line by line.
LINE_BY_LINE = """
    with counted as (
        select w.period, w.basis, e.grain, e.entity, sum(net_revenue) as net_revenue, sum(units) as units,
            coalesce(sum(net_revenue) filter (where l.customer_key <> -1), 0) as customer_revenue,
            count(distinct order_key) filter (where line_kind = 'sale') as orders,
            count(distinct l.customer_key) filter (
                where line_kind = 'sale' and l.customer_key <> -1
            ) as active_customers,
            count(distinct l.customer_key) filter (
                where line_kind = 'sale' and first_order_date between w.window_start and w.window_end
            ) as new_customers
        from kpis.kpi_windows w
        join marts.fct_sales_lines l on l.order_date between w.window_start and w.window_end
        join marts.dim_customer c on c.customer_key = l.customer_key
        join marts.dim_product p on p.product_key = l.product_key
        cross join lateral (values ('company', 'company'), ('country', l.country), ('channel', l.channel),
            ('territory', l.territory_id), ('rep', l.rep_id), ('category', p.category), ('segment', c.segment)
        ) as e (grain, entity)
        group by 1, 2, 3, 4
    )
    select grain, entity, period, basis, c.orders, m.orders, c.active_customers, m.active_customers
    from counted c full join kpis.kpi_measures m using (grain, entity, period, basis)
    where (coalesce(c.net_revenue, 0), coalesce(c.units, 0), coalesce(c.customer_revenue, 0), coalesce(c.orders, 0),
           coalesce(c.active_customers, 0), coalesce(c.new_customers, 0))
        is distinct from
          (m.net_revenue, m.units, m.customer_revenue, m.orders, m.active_customers, m.new_customers)
"""


def test_kpis_equal_counting_line_by_line(worked_over: tuple[Warehouse, Published]) -> None:
    warehouse, _ = worked_over

    assert warehouse.rows("select count(distinct grain), count(distinct entity) > 20 from kpis.kpi_measures") == [
        (7, True)
    ]
    assert warehouse.rows("select count(*) > 100 from marts.orders_in_parts") == [(True,)]
    assert warehouse.rows(LINE_BY_LINE) == []


def test_incremental_nights_equal_a_full_refresh(worked_over: tuple[Warehouse, Published]) -> None:
    warehouse, published = worked_over
    open_days = warehouse.rows("select count(*) from ops.open_days")[0][0]
    all_days = warehouse.rows("select count(distinct order_date) from raw.sales_lines")[0][0]
    assert 0 < open_days < all_days  # otherwise the last night was not incremental

    incremental = {table: warehouse.rows(f"select t::text from {table} t order by 1") for table in REBUILT}
    warehouse.build("--full-refresh", "--exclude-resource-type", "unit_test")
    full = {table: warehouse.rows(f"select t::text from {table} t order by 1") for table in REBUILT}

    for table in REBUILT:
        assert incremental[table] == full[table], table
    for table, days in published.items():
        assert days == _by_day(warehouse, table), table
    assert date(2024, 1, 15) not in published["sales_lines"]
    assert warehouse.rows("select * from marts.dim_customer where customer_id = 'GONE'") == []


def test_a_full_refresh_keeps_what_was_said(worked_over: tuple[Warehouse, Published]) -> None:
    warehouse, _ = worked_over
    with warehouse.connect() as connection:
        connection.execute(
            "insert into kpis.kpi_snapshots select date '2023-12-31', grain, entity, period, kpi,"
            " period_start, period_end, 42, null, null, period_start, period_end, period_start, period_end"
            " from kpis.kpi_snapshots where grain = 'company' limit 1"
        )
        connection.execute(
            "insert into kpis.kpi_snapshots (as_of_date, grain, entity, period, kpi)"
            " values ('2023-12-31', 'category', 'Cups', 'day', 'units')"
        )
    result = warehouse.dbt("run", "--full-refresh", "--select", "kpi_snapshots", "bi_kpi_snapshots")

    assert result.success
    assert warehouse.rows("select value, is_latest from bi_build.kpi_snapshots where as_of_date = '2023-12-31'") == [
        (42, False)
    ]
    # what was said of a part is kept for a month
    assert warehouse.rows("select count(*) from kpis.kpi_snapshots where as_of_date = '2023-12-31'") == [(1,)]


# --- A test that was never seen failing is not trusted: keep this one last, it breaks the warehouse ---

BREAK = """
insert into raw.sales_lines (order_id, line_id, ordered_at, order_date, line_kind, product_id, product_name,
        customer_id, country, channel, qty_units, unit_price, discount_amount, line_amount, _source, _load_id, _line)
    select 'UNSEEN', line_id, ordered_at, order_date, line_kind, product_id, product_name, customer_id,
        country, channel, qty_units, unit_price, discount_amount, line_amount, _source, _load_id, _line
    from raw.sales_lines limit 1;
update marts.agg_sales_daily_product set charges = 'NaN'
    where order_date = (select min(order_date) from raw.sales_lines);
update marts.agg_sales_daily set charges = 'NaN' where order_date = (select min(order_date) from raw.sales_lines);
refresh materialized view marts.mv_sales_daily_summary;
update marts.agg_sales_daily set lines = lines + 1 where order_date = (select max(order_date) from raw.sales_lines);
update marts.agg_sales_daily_product set units = units + 1
    where order_date = (select max(order_date) from raw.sales_lines);
update marts.fct_sales_lines set line_kind = 'gift', product_key = 1, customer_key = 2, date_key = 3;
insert into marts.dim_date select * from marts.dim_date limit 1;
insert into marts.dim_product select * from marts.dim_product limit 1;
insert into marts.dim_customer select * from marts.dim_customer limit 1;
insert into marts.dim_date (date_day) values ('1999-01-01');
insert into marts.dim_product (product_id) values ('no key');
insert into marts.dim_customer (customer_id) values ('no key');
update marts.agg_delivery_daily set units = units + 1;
insert into marts.stock_daily (snapshot_date, location_id, is_full_count, counted_units, on_hand_units)
    values ('2024-01-01', 'A', true, 1, 2);
update kpis.kpi_values_operations set reason = case when amount is null then null else 'none' end;
insert into kpis.kpi_catalogue (kpi, unit) values ('orders', 'bananas');
update kpis.sales_by_period set units = units + 1;
update marts.agg_sales_daily_category set category = category || '?';
update kpis.kpi_measures set gross_sales = gross_sales + 1;
update kpis.kpi_snapshots set value = value + 1 where grain = 'company';
update kpis.kpi_snapshots set kpi = 'nonsense' where grain = 'country' and kpi = 'orders';
update marts.customer_months set new_revenue = new_revenue + 1;
update marts.customer_profile set net_revenue = net_revenue + 1;
update kpis.kpi_values_customers set reason = 'no reason' where amount is not null;
delete from bi_build.sales_lines where line_key = (select min(line_key) from bi_build.sales_lines);
update bi_build.sales_daily set date_key = 19000101
    where order_date = (select min(order_date) from bi_build.sales_daily);
insert into bi_build.forecasts values
    ('2024-01-01', 'company_daily_revenue', 'company', 'revenue', 'day', 'x', -1, -1, -1, null, '1900-01-01', 19000101,
     1, 1, 1, 1, 1, 'm', 's', null);
insert into bi_build.kpi_anomalies values
    ('2024-01-01', 'orders', 'Orders', 'count', true, '1900-01-01', 19000101, 1, 1, 1, 1, 1, 'high');
update marts.price_volume_mix set mix_effect = mix_effect + 1;
update marts.product_profile set units = units + 1;
update marts.basket_days set baskets = baskets + 1;
"""


# The generic tests of entities that this warehouse has no rows of; one of each kind is shown to fail all the same.
OF_OTHER_ENTITIES = ("one_row_per_", "refers_to_", "spans_do_not_overlap_", "rep_has_one_territory")
BREAK_OTHERS = """
    alter table raw.suppliers drop constraint suppliers_key;
    insert into raw.suppliers (supplier_id, _source, _load_id, _line) values ('S-1', 'x', 1, 1), ('S-1', 'x', 1, 2);
    insert into raw.purchase_orders (purchase_order_id, line_id, supplier_id, product_id, location_id, ordered_on,
                                     ordered_units, received_units, rejected_units, _source, _load_id, _line)
    values ('1', '1', 'nobody', 'P', 'main', '2024-02-01', 1, 0, 0, 'x', 1, 1);
"""


def test_every_data_test_can_fail(worked_over: tuple[Warehouse, Published]) -> None:
    warehouse, _ = worked_over
    with warehouse.connect() as connection:
        connection.execute(BREAK)
        # `dbt test` has no --full-refresh: what is limited to changed days is shown days that changed.
        connection.execute("insert into ops.touched_days select 99, order_date from raw.sales_lines group by 2")
        connection.execute(BREAK_OTHERS)
    result = warehouse.dbt("test", "--exclude-resource-type", "unit_test")

    found = {r.node.name: str(r.status) for r in result.result}
    assert found["one_row_per_stg_suppliers_supplier_id"] == "fail"
    assert found["refers_to_stg_purchase_orders_supplier_id__supplier_id__ref_stg_suppliers_"] == "warn"
    own = {name: status for name, status in found.items() if not name.startswith(OF_OTHER_ENTITIES)}
    assert len(own) >= 20
    assert [name for name, status in own.items() if status != "fail"] == []
