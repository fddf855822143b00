{{ config(alias='customer_cohorts', meta={'publish': 'whole'}, indexes=[{'columns': ['cohort_month', 'month_start'], 'unique': true}]) }}
select
    cohort_month,
    month_start,
    {{ date_key('month_start') }} as date_key,
    months_since,
    customers,
    active_customers,
    retention_pct,
    net_revenue,
    cumulative_revenue_per_customer,
    is_complete,
    is_first_cohort
from {{ ref('customer_cohorts') }}
