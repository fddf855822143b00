{{ config(
    materialized='incremental',
    incremental_strategy='sightings',
    unique_key='customer_key',
    on_schema_change='fail',
    indexes=[{'columns': ['customer_key'], 'unique': true}],
) }}
-- depends_on: {{ source('ops', 'open_days') }}
{%- set dates = {
    'first_line_date': ('min', 'true'),
    'last_line_date': ('max', 'true'),
    'first_order_date': ('min', 'sale_lines > 0'),
    'last_order_date': ('max', 'sale_lines > 0'),
    'country_date': ('max', 'country is not null'),
} %}
with seen as (
    {{ sightings(ref('agg_sales_daily_customer'), 'customer_key', dates) }}
)

select
    seen.*,
    last_line.customer_id,
    placed.country
from seen
inner join {{ ref('agg_sales_daily_customer') }} as last_line
    on last_line.customer_key = seen.customer_key and last_line.order_date = seen.last_line_date
left join {{ ref('agg_sales_daily_customer') }} as placed
    on placed.customer_key = seen.customer_key and placed.order_date = seen.country_date
where last_line.customer_id is not null
