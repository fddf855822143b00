{{ config(
    alias='sales_monthly_customer',
    meta={'publish': 'by_month', 'month_column': 'month_start'},
    indexes=[{'columns': ['month_start', 'customer_key'], 'unique': true}, {'columns': ['customer_key']}],
) }}
-- depends_on: {{ source('ops', 'open_days') }}
select
    month_start,
    {{ date_key('month_start') }} as date_key,
    customer_key,
    lines,
    sale_lines,
    orders,
    purchase_days,
    {{- list_measures() }}
from {{ ref('agg_sales_monthly_customer') }}
{{ months_to_publish() }}
