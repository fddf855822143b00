{{ config(
    alias='sales_monthly_product',
    meta={'publish': 'by_month', 'month_column': 'month_start'},
    indexes=[{'columns': ['month_start', 'product_key'], 'unique': true}, {'columns': ['product_key']}],
) }}
-- depends_on: {{ source('ops', 'open_days') }}
select
    month_start,
    {{ date_key('month_start') }} as date_key,
    product_key,
    lines,
    sale_lines,
    sale_days,
    {{- list_measures() }}
from {{ ref('agg_sales_monthly_product') }}
{{ months_to_publish() }}
