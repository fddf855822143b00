{{ config(
    alias='sales_daily_slice',
    meta={'publish': 'by_day', 'day_column': 'order_date'},
    indexes=[{'columns': ['order_date']}],
) }}
-- depends_on: {{ source('ops', 'open_days') }}
select
    order_date,
    {{ date_key('order_date') }} as date_key,
    slices.country,
    channel,
    territories.territory_key,
    reps.rep_key,
    lines,
    {{- list_measures() }}
from {{ ref('agg_sales_daily_slice') }} as slices
inner join {{ ref('dim_territory') }} as territories using (territory_id)
inner join {{ ref('dim_rep') }} as reps using (rep_id)
{{ days_to_publish() }}
