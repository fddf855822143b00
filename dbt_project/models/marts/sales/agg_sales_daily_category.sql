{{ config(
    materialized='incremental',
    incremental_strategy='computed_days',
    on_schema_change='fail',
    indexes=[{'columns': ['order_date', 'category'], 'unique': true}],
) }}
-- depends_on: {{ source('ops', 'open_days') }} {{ ref('agg_sales_daily_product') }}
with {{ days_by_attribute(
    attribute='category',
    key='product_key',
    members=ref('dim_product'),
    sightings=ref('product_sightings'),
    daily=ref('agg_sales_daily_product')
) }},

amounts as (
    select
        order_date,
        category,
        count(*) as lines,
        count(*) filter (where line_kind = 'sale') as sale_lines,
        count(*) filter (where exchange_rate is null) as unconverted_lines,
        {{- sum_measures() }},
        coalesce(sum(net_revenue) filter (where customer_key <> -1), 0) as customer_revenue
    from {{ ref('fct_sales_lines') }}
    inner join {{ ref('dim_product') }} using (product_key)
    {{ only_days_to_compute() }}
    group by order_date, category
),

-- Each order of a day and category once, so that both of what is distinct can be taken from it.
purchases as (
    select distinct
        order_date,
        category,
        order_key,
        customer_key
    from {{ ref('fct_sales_lines') }}
    inner join {{ ref('dim_product') }} using (product_key)
    {{ only_days_to_compute() }}
    {{ 'and' if is_incremental() else 'where' }} line_kind = 'sale'
),

distinct_counts as (
    select
        order_date,
        category,
        count(distinct order_key) as orders,
        {{ buyers('true') }} as buyers
    from purchases
    group by order_date, category
)

select
    order_date,
    category,
    lines,
    sale_lines,
    unconverted_lines,
    coalesce(orders, 0) as orders,
    {{- list_measures() }},
    customer_revenue,
    buyers,
    newcomers
from amounts
left join distinct_counts using (order_date, category)
left join newcomers using (order_date, category)
