{{ config(
    materialized='incremental',
    incremental_strategy='computed_days',
    on_schema_change='fail',
    indexes=[{'columns': ['order_date', 'segment'], 'unique': true}],
) }}
-- depends_on: {{ source('ops', 'open_days') }} {{ ref('agg_sales_daily_customer') }}
-- Buyers need no column here: a customer has one segment, and stands in agg_sales_daily_slice.
with {{ days_by_attribute(
    attribute='segment',
    key='customer_key',
    members=ref('dim_customer'),
    sightings=ref('customer_sightings'),
    daily=ref('agg_sales_daily_customer')
) }},

amounts as (
    select
        order_date,
        segment,
        sum(lines)::bigint as lines,
        sum(sale_lines)::bigint as sale_lines,
        count(distinct order_key) filter (where sale_lines > 0) as orders,
        {{- sum_measures() }},
        coalesce(sum(net_revenue) filter (where customer_key <> -1), 0) as customer_revenue,
        sum(unconverted_lines)::bigint as unconverted_lines
    from {{ ref('agg_sales_daily_order') }}
    inner join {{ ref('dim_customer') }} using (customer_key)
    {{ only_days_to_compute() }}
    group by order_date, segment
)

select
    order_date,
    segment,
    lines,
    sale_lines,
    orders,
    {{- list_measures() }},
    customer_revenue,
    unconverted_lines,
    newcomers
from amounts
left join newcomers using (order_date, segment)
