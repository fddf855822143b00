{{ config(
    materialized='incremental',
    incremental_strategy='open_months',
    on_schema_change='fail',
    indexes=[{'columns': ['month_start', 'customer_key'], 'unique': true}],
) }}
-- depends_on: {{ source('ops', 'open_days') }}
select
    date_trunc('month', order_date)::date as month_start,
    customer_key,
    sum(lines)::bigint as lines,
    sum(sale_lines)::bigint as sale_lines,
    count(*) filter (where sale_lines > 0) as purchase_days,
    min(order_date) filter (where sale_lines > 0) as first_purchase_on,
    max(order_date) filter (where sale_lines > 0) as last_purchase_on,
    sum(orders)::bigint as orders,
    {{- sum_measures() }}
from {{ ref('agg_sales_daily_customer') }}
{{ only_open_months() }}
group by 1, 2
