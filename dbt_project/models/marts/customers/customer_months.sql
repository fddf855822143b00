{{ config(
    indexes=[{'columns': ['month_start'], 'unique': true}],
) }}
with night as (
    select {{ latest_as_of_date() }} as as_of_date
),

months as (
    {{ customer_months_to_date() }}
),

calendar as (
    select
        month_start::date as month_start,
        least((month_start + interval '1 month - 1 day')::date, as_of_date) as last_day,
        (month_start + interval '1 month - 1 day')::date <= as_of_date as is_complete,
        first_day
    from (select min(order_date) as first_day from {{ ref('agg_sales_daily') }}) as sales
    cross join night
    cross join generate_series(
        date_trunc('month', first_day::timestamp), as_of_date::timestamp, interval '1 month'
    ) as month_start
),

bought as (
    select
        months.month_start,
        count(*) filter (where span_number = 1) as new_customers,
        count(*) filter (where span_number > 1) as reactivated_customers,
        count(*) filter (where span_number is null and purchase_days > 0 and months.customer_key <> -1) as returning_customers,
        sum(net_revenue) filter (where span_number = 1) as new_revenue,
        sum(net_revenue) filter (where span_number > 1) as reactivated_revenue,
        -- with what those took back who bought nothing in the month
        sum(net_revenue) filter (where span_number is null and months.customer_key <> -1) as returning_revenue,
        sum(net_revenue) filter (where months.customer_key = -1) as anonymous_revenue
    from months
    left join {{ ref('customer_spans') }} as spans
        on spans.customer_key = months.customer_key
        and date_trunc('month', spans.active_from)::date = months.month_start
    group by months.month_start
),

moves as (
    select
        date_trunc('month', day)::date as month_start,
        sum(change) as change,
        count(*) filter (where change < 0) as lost_customers,
        count(*) filter (where change < 0 and (returned_on is null or date_trunc('month', returned_on) > date_trunc('month', day)))
            as gone_at_end
    from {{ ref('customer_spans') }}
    cross join lateral (values (active_from, 1), (lapsed_on, -1)) as moves (day, change)
    where day is not null
    group by 1
),

counted as (
    select
        calendar.*,
        coalesce(new_customers, 0) as new_customers,
        coalesce(reactivated_customers, 0) as reactivated_customers,
        coalesce(returning_customers, 0) as returning_customers,
        coalesce(lost_customers, 0) as lost_customers,
        coalesce(gone_at_end, 0) as gone_at_end,
        coalesce(sum(change) over (order by month_start), 0) as active_customers_365_days,
        coalesce(new_revenue, 0) as new_revenue,
        coalesce(reactivated_revenue, 0) as reactivated_revenue,
        coalesce(returning_revenue, 0) as returning_revenue,
        coalesce(anonymous_revenue, 0) as anonymous_revenue
    from calendar
    left join bought using (month_start)
    left join moves using (month_start)
)

select
    month_start,
    new_customers,
    reactivated_customers,
    returning_customers,
    new_customers + reactivated_customers + returning_customers as active_customers,
    lost_customers,
    active_customers_365_days::bigint as active_customers_365_days,
    case
        -- before 365 days of sales nobody can have been silent for as long
        when month_start - first_day >= 365
            then round(100.0 * gone_at_end / nullif(lag(active_customers_365_days) over (order by month_start), 0), 6)
    end as churn_rate_pct,
    new_revenue,
    reactivated_revenue,
    returning_revenue,
    anonymous_revenue,
    is_complete
from counted
