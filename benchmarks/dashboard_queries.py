"""Twelve questions that dashboards ask: each of the tables of bi, and the same of the raw lines.

Not here: asking them (dashboard.py). In braces stand the schema of bi and the values a user picked; the raw text is
what somebody without Daybreak would have to write, for a business that sells in its own currency.
"""

from dataclasses import dataclass

# What a line adds to net revenue, and which lines are sales or returns at all.
_REVENUE = (
    "case line_kind when 'sale' then qty_units * unit_price - discount_amount when 'return' then line_amount else 0 end"
)


@dataclass(frozen=True)
class Query:
    """A question. ``index_of`` is the large table that its plan reads by an index; empty where it asks none.

    ``is_same``: both answers are the same rows. Otherwise bi knows more, and raw is asked for the same work only.
    """

    name: str
    of_bi: str
    of_raw: str
    index_of: str = ""
    is_same: bool = True


QUERIES = (
    Query(
        "revenue by month and category, two years",
        """
        select month_start, category, sum(net_revenue)
        from {bi}.sales_monthly_product
        inner join {bi}.dim_product using (product_key)
        where month_start > date {as_of} - interval '24 months' and month_start <= {as_of} and not is_charge_code
        group by 1, 2
        order by 1, 2
        """,
        f"""
        select date_trunc('month', order_date)::date, coalesce(category, '(no category)'), sum({_REVENUE})
        from raw.sales_lines
        left join raw.products using (product_id)
        where order_date >= date_trunc('month', date {{as_of}} - interval '23 months') and order_date <= {{as_of}}
            and line_kind in ('sale', 'return')
        group by 1, 2
        order by 1, 2
        """,
    ),
    Query(
        "top 20 products of the year",
        """
        select product_id, product_name, sum(net_revenue) as net_revenue, sum(units)
        from {bi}.sales_monthly_product
        inner join {bi}.dim_product using (product_key)
        where month_start between date_trunc('year', date {as_of}) and {as_of} and not is_charge_code
        group by 1, 2
        order by 3 desc, 1
        limit 20
        """,
        f"""
        select
            product_id, max(products.product_name), sum({_REVENUE}) as net_revenue,
            sum(qty_units) filter (where line_kind = 'sale')
        from raw.sales_lines
        left join raw.products as products using (product_id)
        where order_date between date_trunc('year', date {{as_of}}) and {{as_of}} and line_kind in ('sale', 'return')
        group by 1
        order by 3 desc, 1
        limit 20
        """,
        "sales_monthly_product",
    ),
    Query(
        "daily revenue of 90 days",
        """
        select order_date, net_revenue, orders
        from {bi}.sales_daily
        where order_date > date {as_of} - 90
        order by 1
        """,
        f"""
        select day::date, coalesce(sum({_REVENUE}), 0), count(distinct order_id) filter (where line_kind = 'sale')
        from generate_series(
            greatest(date {{as_of}} - 89, (select min(order_date) from raw.sales_lines)),
            date {{as_of}}, interval '1 day'
        ) as day
        left join raw.sales_lines on order_date = day::date
        group by 1
        order by 1
        """,
    ),
    Query(
        "territories by month against target",
        """
        select entity, period_start, actual, target, achievement_pct
        from {bi}.targets
        where kpi = 'net_revenue' and grain = 'territory' and period = 'month'
            and period_start between date {as_of} - interval '12 months' and {as_of}
        order by 1, 2
        """,
        f"""
        select
            targets.territory_id, period_start, coalesce(sum({_REVENUE}), 0), max(target_value),
            round(100 * coalesce(sum({_REVENUE}), 0) / max(target_value), 6)
        from raw.targets as targets
        left join raw.sales_lines as lines
            on lines.territory_id = targets.territory_id and date_trunc('month', order_date) = period_start
        where measure = 'revenue' and period = 'month' and rep_id_of_target is null and category is null
            and period_start between date {{as_of}} - interval '12 months' and {{as_of}}
        group by 1, 2
        order by 1, 2
        """.replace("rep_id_of_target", "targets.rep_id"),
    ),
    Query(
        "representatives of the quarter",
        """
        select rep_id, rep_name, sum(net_revenue) as net_revenue, sum(units)
        from {bi}.sales_daily_slice
        inner join {bi}.dim_rep using (rep_key)
        where order_date between date_trunc('quarter', date {as_of}) and {as_of}
        group by 1, 2
        order by 3 desc, 1
        """,
        f"""
        select
            coalesce(rep_id, '(no rep)'), coalesce(max(rep_name), '(no rep)'), sum({_REVENUE}) as net_revenue,
            coalesce(sum(qty_units) filter (where line_kind = 'sale'), 0)
        from raw.sales_lines
        left join raw.sales_reps using (rep_id)
        where order_date between date_trunc('quarter', date {{as_of}}) and {{as_of}}
        group by 1
        order by 3 desc, 1
        """,
        "sales_daily_slice",
    ),
    Query(
        "country and channel by month, one year",
        """
        select date_trunc('month', order_date)::date, country, channel, sum(net_revenue)
        from {bi}.sales_daily_slice
        where order_date > date {as_of} - 365
        group by 1, 2, 3
        order by 1, 2, 3
        """,
        f"""
        select
            date_trunc('month', order_date)::date, coalesce(country, '(no country)'), coalesce(channel, '(no channel)'),
            sum({_REVENUE})
        from raw.sales_lines
        where order_date > date {{as_of}} - 365
        group by 1, 2, 3
        order by 1, 2, 3
        """,
        "sales_daily_slice",
    ),
    Query(
        "customers by recency and frequency (RFM)",
        """
        select recency_score, frequency_score, count(*), sum(revenue_365_days)
        from {bi}.customer_profile
        where orders_365_days > 0
        group by 1, 2
        order by 1, 2
        """,
        f"""
        select
            5 - 5 * (recency_place - 1) / n, 1 + 5 * (frequency_place - 1) / n, count(*), sum(revenue)
        from (
            select
                revenue,
                rank() over (order by last_day desc) as recency_place,
                rank() over (order by orders) as frequency_place,
                count(*) over () as n
            from (
                select
                    customer_id,
                    max(order_date) filter (where line_kind = 'sale') as last_day,
                    count(distinct order_id) filter (where line_kind = 'sale') as orders,
                    sum({_REVENUE}) as revenue
                from raw.sales_lines
                where customer_id is not null and order_date > date {{as_of}} - 365 and order_date <= {{as_of}}
                group by customer_id
            ) as each_customer
            where orders > 0
        ) as placed
        group by 1, 2
        order by 1, 2
        """,
    ),
    Query(
        "cohorts: who comes back, by month",
        """
        select cohort_month, month_start, customers, active_customers, retention_pct
        from {bi}.customer_cohorts
        order by 1, 2
        """,
        """
        with months as (
            select distinct customer_id, date_trunc('month', order_date)::date as month_start
            from raw.sales_lines
            where line_kind = 'sale' and customer_id is not null and order_date <= {as_of}
        ),
        firsts as (
            select customer_id, min(month_start) as cohort_month from months group by customer_id
        ),
        cohorts as (
            select cohort_month, count(*) as customers from firsts group by cohort_month
        ),
        counted as (
            select cohort_month, month_start, count(*) as active
            from months inner join firsts using (customer_id) group by 1, 2
        )
        select
            cohort_month, month_start::date, customers, coalesce(active, 0),
            round(100.0 * coalesce(active, 0) / customers, 6)
        from cohorts
        cross join generate_series(cohort_month, date {as_of}, interval '1 month') as month_start
        left join counted using (cohort_month, month_start)
        order by 1, 2
        """,
    ),
    Query(
        "one customer's orders of a year",
        """
        select order_date, order_id, count(*), sum(net_revenue)
        from {bi}.sales_lines
        where customer_key = {customer_key} and order_date > date {as_of} - 365
        group by 1, 2
        order by 1 desc, 2
        """,
        f"""
        select order_date, order_id, count(*), sum({_REVENUE})
        from raw.sales_lines
        where customer_id = {{customer_id}} and order_date > date {{as_of}} - 365
        group by 1, 2
        order by 1 desc, 2
        """,
        "sales_lines",
    ),
    Query(
        "one product, day by day, one year",
        """
        select order_date, units, net_revenue
        from {bi}.sales_daily_product
        where product_key = {product_key} and order_date > date {as_of} - 365
        order by 1
        """,
        f"""
        select order_date, coalesce(sum(qty_units) filter (where line_kind = 'sale'), 0), sum({_REVENUE})
        from raw.sales_lines
        where product_id = {{product_id}} and order_date > date {{as_of}} - 365
        group by 1
        order by 1
        """,
        "sales_daily_product",
    ),
    Query(
        "stock that will not last until it is replaced",
        """
        select product_id, product_name, on_hand_units, round(days_of_supply, 3)
        from {bi}.stock_position
        inner join {bi}.dim_product using (product_key, product_id)
        where days_of_supply < coalesce(lead_time_mean_days, quoted_lead_time_days, lead_time_days)
        order by units_91 desc
        limit 50
        """,
        """
        with sold as (
            select product_id, sum(qty_units) as units_91
            from raw.sales_lines
            where line_kind = 'sale' and order_date > date {as_of} - 91 and order_date <= {as_of}
            group by product_id
        ),
        last_days as (
            select location_id, max(snapshot_date) as snapshot_date
            from raw.inventory_levels where snapshot_date <= {as_of} group by location_id
        ),
        lying as (
            select product_id, sum(on_hand_units) as on_hand_units
            from raw.inventory_levels inner join last_days using (location_id, snapshot_date) group by product_id
        ),
        waits as (
            select product_id, avg(received_on - ordered_on) as lead_time_days
            from raw.purchase_orders where received_on <= {as_of} group by product_id
        )
        select product_id, product_name, on_hand_units, round(91 * on_hand_units / units_91, 3)
        from lying
        inner join sold using (product_id)
        inner join raw.products using (product_id)
        left join waits using (product_id)
        where 91 * on_hand_units / units_91 < coalesce(waits.lead_time_days, products.lead_time_days) and units_91 > 0
        order by units_91 desc
        limit 50
        """,
        is_same=False,
    ),
    Query(
        "KPI tiles of the month, with the year before",
        """
        select kpi, label, value, previous_period, previous_year, target
        from {bi}.kpi_snapshots
        where is_latest and grain = 'company' and period = 'month' and is_headline
        order by sort_order
        """,
        f"""
        select
            basis, sum({_REVENUE}), sum(discount_amount) filter (where line_kind = 'sale'),
            count(distinct order_id) filter (where line_kind = 'sale'),
            count(distinct customer_id) filter (where line_kind = 'sale'),
            sum(qty_units) filter (where line_kind = 'sale'), -sum(line_amount) filter (where line_kind = 'return')
        from (values
            ('value', interval '0 days'), ('previous_period', interval '1 month'), ('previous_year', interval '1 year')
        ) as windows (basis, back)
        inner join raw.sales_lines
            on order_date between date_trunc('month', date {{as_of}}) - back and date {{as_of}} - back
        group by 1
        """,
        is_same=False,
    ),
)
