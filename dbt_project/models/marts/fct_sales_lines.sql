{{ config(
    materialized='incremental',
    incremental_strategy='open_days',
    on_schema_change='fail',
    indexes=[{'columns': ['line_key'], 'unique': true}, {'columns': ['order_date']}],
) }}
-- depends_on: {{ source('ops', 'open_days') }}
with lines as (
    select * from {{ ref('stg_sales_lines') }}
    {{ only_open_days() }}
)

select
    {{ surrogate_key(['order_id', 'line_id']) }} as line_key,
    order_date,
    {{ date_key('order_date') }} as date_key,
    {{ surrogate_key(['product_id']) }} as product_key,
    {{ dimension_key('customer_id') }} as customer_key,
    {{ surrogate_key(['order_id']) }} as order_key,
    order_id,
    line_id,
    ordered_at,
    line_kind,
    product_id,
    product_name,
    customer_id,
    coalesce(country, '(no country)') as country,
    coalesce(channel, '(no channel)') as channel,
    qty_units,
    unit_price,
    discount_amount,
    line_amount,
    -- Rounded here, at the source's own 6 decimals, so that every sum above adds up to the last digit.
    case when line_kind = 'sale' then round(qty_units * unit_price, 6) else 0 end as gross_sales,
    case when line_kind = 'sale' then discount_amount else 0 end as discounts,
    case when line_kind = 'return' then -line_amount else 0 end as returns,
    case
        when line_kind = 'sale' then round(qty_units * unit_price, 6) - discount_amount
        when line_kind = 'return' then line_amount
        else 0
    end as net_revenue,
    case when line_kind = 'charge' then line_amount else 0 end as charges,
    case when line_kind = 'adjustment' then line_amount else 0 end as adjustments,
    case when line_kind = 'sale' then qty_units else 0 end as units,
    case when line_kind = 'return' then -qty_units else 0 end as returned_units
from lines
