{{ config(
    materialized='materialized_view',
    on_configuration_change='apply',
    indexes=[{'columns': ['order_date'], 'unique': true}],
) }}
-- Over the aggregates, never over lines or dimensions: those are replaced every night and would take this with them.
with days as (
    select day::date as order_date
    from (select min(order_date) as first_day, max(order_date) as last_day from {{ ref('agg_sales_daily') }}) as sales
    cross join generate_series(first_day::timestamp, last_day::timestamp, interval '1 day') as day
),

newcomers as (
    select
        first_order_date as order_date,
        count(*) as new_customers
    from {{ ref('customer_sightings') }}
    group by first_order_date
),

-- A day without a line is a day of zeros, not a gap: averages and forecasts count it.
filled as (
    select
        order_date,
        {{- filled_measures() }}
    from days
    left join {{ ref('agg_sales_daily') }} using (order_date)
    left join newcomers using (order_date)
)

select
    order_date,
    {{- summary_columns() }}
from filled
