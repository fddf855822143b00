{{ config(
    indexes=[{'columns': ['cohort_month', 'month_start'], 'unique': true}],
) }}
with night as (
    select {{ latest_as_of_date() }} as as_of_date
),

months as (
    {{ customer_months_to_date() }}
),

members as (
    select
        customer_key,
        date_trunc('month', active_from)::date as cohort_month
    from {{ ref('customer_spans') }}
    where span_number = 1
),

cohorts as (
    select
        cohort_month,
        count(*) as customers,
        cohort_month = min(cohort_month) over () as is_first_cohort
    from members
    group by cohort_month
),

bought as (
    select
        cohort_month,
        month_start,
        count(*) filter (where purchase_days > 0) as active_customers,
        sum(net_revenue) as net_revenue
    from months
    inner join members using (customer_key)
    group by cohort_month, month_start
),

-- Every month since, also one in which nobody came back: a gap would be read as not yet known.
filled as (
    select
        cohort_month,
        month_start::date as month_start,
        as_of_date,
        customers,
        is_first_cohort,
        coalesce(active_customers, 0) as active_customers,
        coalesce(net_revenue, 0) as net_revenue
    from cohorts
    cross join night
    cross join generate_series(cohort_month::timestamp, as_of_date::timestamp, interval '1 month') as month_start
    left join bought using (cohort_month, month_start)
)

select
    cohort_month,
    month_start,
    (
        12 * (extract(year from month_start) - extract(year from cohort_month))
        + extract(month from month_start) - extract(month from cohort_month)
    )::integer as months_since,
    customers,
    active_customers,
    round(100.0 * active_customers / customers, 6) as retention_pct,
    net_revenue,
    round(sum(net_revenue) over up_to_here / customers, 6) as cumulative_revenue_per_customer,
    (month_start + interval '1 month - 1 day')::date <= as_of_date as is_complete,
    is_first_cohort
from filled
window up_to_here as (partition by cohort_month order by month_start)
