{{ config(alias='sales_daily', meta={'publish': 'whole'}, indexes=[{'columns': ['date_key'], 'unique': true}, {'columns': ['order_date'], 'unique': true}]) }}
-- depends_on: {{ ref('bi_dim_date') }} (a test holds every date_key to it)
select
    order_date,
    {{ date_key('order_date') }} as date_key,
    {{- list_measures() }},
    lines,
    orders,
    gross_profit,
    gross_margin_pct,
    average_order_value,
    return_rate_pct,
    active_customers,
    new_customers,
    returning_customers
from {{ ref('mv_sales_daily_summary') }}
