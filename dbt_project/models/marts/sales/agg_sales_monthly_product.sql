{{ config(
    materialized='incremental',
    incremental_strategy='open_months',
    on_schema_change='fail',
    indexes=[{'columns': ['month_start', 'product_key'], 'unique': true}, {'columns': ['product_key', 'month_start']}],
) }}
-- depends_on: {{ source('ops', 'open_days') }}
select
    date_trunc('month', order_date)::date as month_start,
    product_key,
    sum(lines)::bigint as lines,
    sum(sale_lines)::bigint as sale_lines,
    count(*) filter (where sale_lines > 0) as sale_days,
    {{- sum_measures() }}
from {{ ref('agg_sales_daily_product') }}
{{ only_open_months() }}
group by 1, 2
