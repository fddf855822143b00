-- Three ways to a month: what each kind of customer did, what each cohort did, and what the company did.
with cohorts as (
    select
        month_start,
        sum(active_customers) as active_customers,
        sum(customers) filter (where months_since = 0) as new_customers
    from {{ ref('customer_cohorts') }}
    group by month_start
)

select months.month_start
from (
    select
        *,
        lag(active_customers_365_days, 1, 0::bigint) over (order by month_start) as active_before
    from {{ ref('customer_months') }}
) as months
left join cohorts using (month_start)
left join {{ ref('mv_sales_monthly_summary') }} as company on company.month_start = months.month_start and is_complete
where months.active_customers <> coalesce(cohorts.active_customers, 0)
    or months.new_customers <> coalesce(cohorts.new_customers, 0)
    or months.active_customers_365_days
    <> active_before + months.new_customers + reactivated_customers - lost_customers
    -- a month that is not over may have later days than the as-of date
    or months.active_customers <> company.active_customers
    or months.new_customers <> company.new_customers
    or new_revenue + reactivated_revenue + returning_revenue + anonymous_revenue <> company.net_revenue
