{{ config(
    materialized='incremental',
    incremental_strategy='open_days',
    on_schema_change='fail',
    indexes=[{'columns': ['order_date', 'customer_key'], 'unique': true}, {'columns': ['customer_key', 'order_date']}],
) }}
-- depends_on: {{ source('ops', 'open_days') }}
select
    order_date,
    customer_key,
    customer_id,
    max(country) filter (where country <> '(no country)') as country,
    count(*) as lines,
    count(*) filter (where line_kind = 'sale') as sale_lines,
    count(distinct order_key) filter (where line_kind = 'sale') as orders,
    {{- sum_measures() }}
from {{ ref('fct_sales_lines') }}
{{ only_open_days() }}
group by order_date, customer_key, customer_id
