{{ config(
    materialized='incremental',
    incremental_strategy='open_days',
    on_schema_change='fail',
    indexes=[{'columns': ['order_date', 'country', 'channel', 'territory_id', 'rep_id'], 'unique': true}],
) }}
-- depends_on: {{ source('ops', 'open_days') }}
select
    order_date,
    country,
    channel,
    territory_id,
    rep_id,
    sum(lines)::bigint as lines,
    count(*) filter (where sale_lines > 0) as order_rows,
    {{- sum_measures() }},
    coalesce(sum(net_revenue) filter (where customer_key <> -1), 0) as customer_revenue,
    sum(unconverted_lines)::bigint as unconverted_lines,
    {{ buyers() }} as buyers
from {{ ref('agg_sales_daily_order') }}
{{ only_open_days() }}
group by order_date, country, channel, territory_id, rep_id
