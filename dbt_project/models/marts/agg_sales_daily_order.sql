{{ config(
    materialized='incremental',
    incremental_strategy='open_days',
    on_schema_change='fail',
    indexes=[{'columns': ['order_date', 'order_key', 'customer_key', 'country'], 'unique': true}],
) }}
-- depends_on: {{ source('ops', 'open_days') }}
-- Nearly every order has one customer and one country: with both in the grain, KPIs of either need not read the lines.
select
    order_date,
    order_key,
    customer_key,
    country,
    max(order_id) as order_id,
    count(*) as lines,
    count(*) filter (where line_kind = 'sale') as sale_lines,
    {{- sum_measures() }}
from {{ ref('fct_sales_lines') }}
{{ only_open_days() }}
group by order_date, order_key, customer_key, country
