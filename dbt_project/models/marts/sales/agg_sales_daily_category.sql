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
        sum(lines)::bigint as lines,
        sum(sale_lines)::bigint as sale_lines,
        {{- sum_measures() }},
        sum(customer_revenue) as customer_revenue,
        sum(unconverted_lines)::bigint as unconverted_lines
    from {{ ref('agg_sales_daily_product') }}
    inner join {{ ref('dim_product') }} using (product_key)
    {{ only_days_to_compute() }}
    group by order_date, category
),

-- Ten million lines are sorted here on a full refresh: by a number, which is half as long as by a name.
categories as materialized (
    select
        product_key,
        category,
        dense_rank() over (order by category) as category_number
    from {{ ref('dim_product') }}
),

purchases as (
    select distinct
        order_date,
        category_number,
        order_key,
        customer_key
    from {{ ref('fct_sales_lines') }}
    inner join categories using (product_key)
    {{ only_days_to_compute() }}
    {{ 'and' if is_incremental() else 'where' }} line_kind = 'sale'
),

distinct_counts as (
    select
        order_date,
        category_number,
        count(distinct order_key) as orders,
        {{ buyers('true') }} as buyers
    from purchases
    group by order_date, category_number
)

select
    order_date,
    category,
    lines,
    sale_lines,
    coalesce(orders, 0) as orders,
    {{- list_measures() }},
    customer_revenue,
    unconverted_lines,
    buyers,
    newcomers
from amounts
inner join (select distinct category, category_number from categories) as numbers using (category)
left join distinct_counts using (order_date, category_number)
left join newcomers using (order_date, category)
