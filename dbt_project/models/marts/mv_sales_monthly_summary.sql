{{ config(
    materialized='materialized_view',
    on_configuration_change='apply',
    indexes=[{'columns': ['month_start'], 'unique': true}],
) }}
-- From the aggregates and not from the daily summary: an order or a customer of two days counts once in its month.
with months as (
    select month_start::date as month_start
    from (select min(order_date) as first_day, max(order_date) as last_day from {{ ref('agg_sales_daily_product') }}) as sales
    cross join generate_series(
        date_trunc('month', first_day::timestamp), last_day::timestamp, interval '1 month'
    ) as month_start
),

measures as (
    select
        date_trunc('month', order_date)::date as month_start,
        sum(lines) as lines,
        {{- sum_measures() }}
    from {{ ref('agg_sales_daily_product') }}
    group by 1
),

orders as (
    select
        date_trunc('month', order_date)::date as month_start,
        count(distinct order_key) as orders
    from {{ ref('agg_sales_daily_order') }}
    where sale_lines > 0
    group by 1
),

buyers as (
    select
        customer_key,
        date_trunc('month', order_date)::date as month_start,
        min(date_trunc('month', min(order_date))::date) over (partition by customer_key) as first_month_start
    from {{ ref('agg_sales_daily_customer') }}
    where sale_lines > 0 and customer_key <> -1
    group by 1, 2
),

customers as (
    select
        month_start,
        count(*) as active_customers,
        count(*) filter (where month_start = first_month_start) as new_customers
    from buyers
    group by month_start
),

filled as (
    select
        month_start,
        {% for measure in additive_measures() -%}
        coalesce({{ measure }}, 0) as {{ measure }},
        {% endfor -%}
        coalesce(lines, 0)::bigint as lines,
        coalesce(orders, 0) as orders,
        coalesce(active_customers, 0) as active_customers,
        coalesce(new_customers, 0) as new_customers
    from months
    left join measures using (month_start)
    left join orders using (month_start)
    left join customers using (month_start)
)

select
    month_start,
    {{- list_measures() }},
    lines,
    orders,
    {{ average_order_value() }} as average_order_value,
    {{ return_rate_pct() }} as return_rate_pct,
    active_customers,
    new_customers,
    active_customers - new_customers as returning_customers
from filled
