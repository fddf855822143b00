{{ config(
    materialized='materialized_view',
    on_configuration_change='apply',
    indexes=[{'columns': ['month_start'], 'unique': true}],
) }}
with months as (
    select month_start::date as month_start
    from (select min(order_date) as first_day, max(order_date) as last_day from {{ ref('agg_sales_daily') }}) as sales
    cross join generate_series(
        date_trunc('month', first_day::timestamp), last_day::timestamp, interval '1 month'
    ) as month_start
),

measures as (
    select
        date_trunc('month', order_date)::date as month_start,
        sum(lines) as lines,
        {{- sum_measures() }}
    from {{ ref('agg_sales_daily') }}
    group by 1
),

newcomers as (
    select
        date_trunc('month', first_order_date)::date as month_start,
        count(*) as new_customers
    from {{ ref('customer_sightings') }}
    group by 1
),

filled as (
    select
        month_start,
        {{- filled_measures() }}
    from months
    left join measures using (month_start)
    left join {{ ref('agg_sales_monthly') }} using (month_start)
    left join newcomers using (month_start)
)

select
    month_start,
    {{- summary_columns() }}
from filled
