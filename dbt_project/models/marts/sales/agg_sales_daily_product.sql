{{ config(
    materialized='incremental',
    incremental_strategy='open_days',
    on_schema_change='fail',
    indexes=[{'columns': ['order_date', 'product_key'], 'unique': true}, {'columns': ['product_key', 'order_date']}],
) }}
-- depends_on: {{ source('ops', 'open_days') }}
select
    order_date,
    product_key,
    product_id,
    max(product_name) as product_name,
    count(*) as lines,
    count(*) filter (where line_kind = 'sale') as sale_lines,
    count(*) filter (where line_kind = 'return') as return_lines,
    count(distinct order_key) filter (where line_kind = 'sale') as orders,
    {{- sum_measures() }},
    coalesce(sum(net_revenue) filter (where customer_key <> -1), 0) as customer_revenue,
    count(*) filter (where exchange_rate is null) as unconverted_lines
from {{ ref('fct_sales_lines') }}
{{ only_open_days() }}
group by order_date, product_key, product_id
