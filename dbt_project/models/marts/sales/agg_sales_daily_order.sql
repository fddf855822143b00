{{ config(
    materialized='incremental',
    incremental_strategy='open_days',
    on_schema_change='fail',
    indexes=[{'columns': ['order_date', 'order_key']}, {'columns': ['order_key']}],
) }}
-- depends_on: {{ source('ops', 'open_days') }}
-- Nearly every order has one customer, country, channel, territory and rep: with all of them in the grain, KPIs of any
-- need not read the lines.
select
    order_date,
    order_key,
    customer_key,
    country,
    channel,
    territory_id,
    rep_id,
    max(order_id) as order_id,
    count(*) as lines,
    count(*) filter (where line_kind = 'sale') as sale_lines,
    count(*) filter (where exchange_rate is null) as unconverted_lines,
    {{- sum_measures() }}
from {{ ref('fct_sales_lines') }}
{{ only_open_days() }}
group by order_date, order_key, customer_key, country, channel, territory_id, rep_id
