{{ config(
    materialized='incremental',
    incremental_strategy='open_days',
    on_schema_change='fail',
    indexes=[{'columns': ['order_date', 'location_key', 'due_on', 'shipped_on'], 'unique': true}],
) }}
-- depends_on: {{ source('ops', 'open_days') }}
-- A day's lines are due and shipped on a few days only: with both in the grain, a night about any day knows what was late.
select
    order_date,
    location_key,
    due_on,
    shipped_on,
    count(*) as sale_lines,
    sum(qty_units) as units
from {{ ref('fct_sales_lines') }}
{{ only_open_days() }} {{ 'and' if is_incremental() else 'where' }} line_kind = 'sale'
group by 1, 2, 3, 4
