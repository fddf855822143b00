{{ config(
    materialized='incremental',
    incremental_strategy='open_days',
    on_schema_change='fail',
    indexes=[{'columns': ['order_date'], 'unique': true}],
) }}
-- depends_on: {{ source('ops', 'open_days') }}
with measures as (
    select
        order_date,
        sum(lines) as lines,
        {{- sum_measures() }}
    from {{ ref('agg_sales_daily_product') }}
    {{ only_open_days() }}
    group by order_date
),

orders as (
    select
        order_date,
        count(*) filter (where sale_lines > 0) as orders
    from (
        select
            order_date,
            order_key,
            sum(sale_lines) as sale_lines
        from {{ ref('agg_sales_daily_order') }}
        {{ only_open_days() }}
        group by order_date, order_key
    ) as each_order
    group by order_date
),

customers as (
    select
        order_date,
        count(*) filter (where sale_lines > 0 and customer_key <> -1) as active_customers
    from {{ ref('agg_sales_daily_customer') }}
    {{ only_open_days() }}
    group by order_date
)

select
    order_date,
    lines,
    orders,
    active_customers,
    {{- list_measures() }}
from measures
inner join orders using (order_date)
inner join customers using (order_date)
