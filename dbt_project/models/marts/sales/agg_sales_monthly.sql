{{ config(
    materialized='incremental',
    incremental_strategy='open_months',
    on_schema_change='fail',
    indexes=[{'columns': ['month_start'], 'unique': true}],
) }}
-- depends_on: {{ source('ops', 'open_days') }}
-- An order or a customer of two days counts once in its month: these two cannot be added up from days.
with orders as (
    select
        date_trunc('month', order_date)::date as month_start,
        count(distinct order_key) filter (where sale_lines > 0) as orders
    from {{ ref('agg_sales_daily_order') }}
    {{ only_open_months() }}
    group by 1
),

customers as (
    select
        date_trunc('month', order_date)::date as month_start,
        count(distinct customer_key) filter (where sale_lines > 0 and customer_key <> -1) as active_customers
    from {{ ref('agg_sales_daily_customer') }}
    {{ only_open_months() }}
    group by 1
)

select
    month_start,
    orders,
    active_customers
from orders
inner join customers using (month_start)
