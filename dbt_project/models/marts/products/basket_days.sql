{{ config(
    materialized='incremental',
    incremental_strategy='open_days',
    on_schema_change='fail',
    indexes=[{'columns': ['order_date'], 'unique': true}],
) }}
-- depends_on: {{ source('ops', 'open_days') }}
-- Least and greatest differ as soon as there are two products: cheaper than counting the different ones.
with orders as (
    select
        order_date,
        order_key,
        min(product_key) <> max(product_key) as has_several
    from {{ ref('fct_sales_lines') }}
    where line_kind = 'sale'
        {%- if is_incremental() %}
        and order_date in (select day from {{ source('ops', 'open_days') }})
        {%- endif %}
    group by order_date, order_key
)

select
    order_date,
    count(*) as baskets,
    count(*) filter (where has_several) as cross_sold_baskets
from orders
group by order_date
