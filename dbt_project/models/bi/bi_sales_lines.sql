{{ config(
    alias='sales_lines',
    meta={'publish': 'by_day', 'day_column': 'order_date'},
    indexes=[
        {'columns': ['line_key'], 'unique': true},
        {'columns': ['order_date']},
        {'columns': ['product_key']},
        {'columns': ['customer_key', 'order_date']},
    ],
) }}
-- depends_on: {{ source('ops', 'open_days') }}
select
    line_key,
    order_date,
    date_key,
    product_key,
    customer_key,
    territory_key,
    rep_key,
    location_key,
    order_id,
    line_id,
    ordered_at,
    line_kind,
    country,
    channel,
    promotion_id,
    due_on,
    shipped_on,
    currency,
    exchange_rate,
    qty_units,
    unit_price,
    discount_amount,
    line_amount,
    unit_cost,
    {{- list_measures() }}
from {{ ref('fct_sales_lines') }}
{{ days_to_publish() }}
