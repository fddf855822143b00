{{ config(
    materialized='incremental',
    incremental_strategy='open_days',
    on_schema_change='fail',
    indexes=[{'columns': ['order_date', 'order_key'], 'unique': true}],
    post_hook="delete from {{ this }} where order_date < {{ first_basket_day() }}",
) }}
-- depends_on: {{ source('ops', 'open_days') }}
-- Only as far back as baskets are looked at; days that a night about an earlier day needs again are read again.
with days as (
    select order_date
    from {{ ref('agg_sales_daily') }} as sales
    where order_date >= {{ first_basket_day() }}
        {%- if is_incremental() %}
        and (
            order_date in (select day from {{ source('ops', 'open_days') }})
            or (orders > 0 and not exists (select from {{ this }} as known where known.order_date = sales.order_date))
        )
        {%- endif %}
),

baskets as (
    select
        order_date,
        order_key,
        array_agg(distinct product_key order by product_key) as product_keys
    from {{ ref('fct_sales_lines') }}
    where order_date in (select order_date from days) and line_kind = 'sale'
    group by order_date, order_key
)

select
    order_date,
    order_key,
    cardinality(product_keys) as n_products,
    case when cardinality(product_keys) <= {{ most_products_of_a_basket() }} then product_keys end as product_keys
from baskets
