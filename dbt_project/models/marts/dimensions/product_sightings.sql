{{ config(
    materialized='incremental',
    incremental_strategy='sightings',
    unique_key='product_key',
    on_schema_change='fail',
    indexes=[{'columns': ['product_key'], 'unique': true}],
) }}
-- depends_on: {{ source('ops', 'open_days') }}
{%- set dates = {
    'first_line_date': ('min', 'true'),
    'last_line_date': ('max', 'true'),
    'first_sale_date': ('min', 'sale_lines > 0'),
    'last_sale_date': ('max', 'sale_lines > 0'),
    'first_trade_date': ('min', 'sale_lines + return_lines > 0'),
    'name_date': ('max', 'product_name is not null'),
} %}
with seen as (
    {{ sightings(ref('agg_sales_daily_product'), 'product_key', dates) }}
)

select
    seen.*,
    last_line.product_id,
    named.product_name
from seen
inner join {{ ref('agg_sales_daily_product') }} as last_line
    on last_line.product_key = seen.product_key and last_line.order_date = seen.last_line_date
left join {{ ref('agg_sales_daily_product') }} as named
    on named.product_key = seen.product_key and named.order_date = seen.name_date
