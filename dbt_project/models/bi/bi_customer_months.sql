{{ config(alias='customer_months', meta={'publish': 'whole'}, indexes=[{'columns': ['month_start'], 'unique': true}, {'columns': ['date_key'], 'unique': true}]) }}
select
    month_start,
    {{ date_key('month_start') }} as date_key,
    new_customers,
    reactivated_customers,
    returning_customers,
    active_customers,
    lost_customers,
    active_customers_365_days,
    churn_rate_pct,
    new_revenue,
    reactivated_revenue,
    returning_revenue,
    anonymous_revenue,
    is_complete
from {{ ref('customer_months') }}
