{{ config(
    alias='sales_daily_product',
    meta={'publish': 'by_day', 'day_column': 'order_date'},
    indexes=[{'columns': ['order_date', 'product_key'], 'unique': true}, {'columns': ['product_key']}],
) }}
-- depends_on: {{ source('ops', 'open_days') }}
select
    order_date,
    {{ date_key('order_date') }} as date_key,
    product_key,
    lines,
    orders,
    {{- list_measures() }}
from {{ ref('agg_sales_daily_product') }}
{{ days_to_publish() }}
