{{ config(
    materialized='incremental',
    incremental_strategy='open_orders',
    on_schema_change='fail',
    indexes=[{'columns': ['order_key']}, {'columns': ['order_date']}],
) }}
-- depends_on: {{ source('ops', 'open_days') }}
-- The few orders for which rows of the daily tables do not add up to distinct orders: of several days, customers or places.
with orders as (
    select
        order_date,
        order_key,
        customer_key,
        country,
        channel,
        territory_id,
        rep_id
    from {{ ref('agg_sales_daily_order') }}
    {%- if is_incremental() %}
    inner join (
        select order_key
        from {{ ref('agg_sales_daily_order') }}
        where order_date in (select day from {{ source('ops', 'open_days') }})
        union
        select order_key
        from {{ this }}
        where order_date in (select day from {{ source('ops', 'open_days') }})
    ) as touched using (order_key)
    {%- endif %}
    where sale_lines > 0
),

in_parts as materialized (
    select orders.*
    from orders
    inner join (select order_key from orders group by order_key having count(*) > 1) as several using (order_key)
),

-- Which products each part holds: their categories may change, and are looked up every night.
products as (
    select
        order_date,
        order_key,
        customer_key,
        country,
        channel,
        territory_id,
        rep_id,
        array_agg(distinct product_key order by product_key) as product_keys
    from {{ ref('fct_sales_lines') }}
    where line_kind = 'sale'
        and order_key in (select order_key from in_parts)
        {%- if is_incremental() %}
        and order_date = any(array(select distinct order_date from in_parts))
        {%- endif %}
    group by order_date, order_key, customer_key, country, channel, territory_id, rep_id
)

select
    order_date,
    order_key,
    customer_key,
    country,
    channel,
    territory_id,
    rep_id,
    product_keys
from in_parts
inner join products using (order_date, order_key, customer_key, country, channel, territory_id, rep_id)
