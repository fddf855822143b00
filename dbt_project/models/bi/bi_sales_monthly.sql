{{ config(alias='sales_monthly', meta={'publish': 'whole'}, indexes=[{'columns': ['date_key'], 'unique': true}, {'columns': ['month_start'], 'unique': true}]) }}
select
    month_start,
    {{ date_key('month_start') }} as date_key,
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
from {{ ref('mv_sales_monthly_summary') }}
