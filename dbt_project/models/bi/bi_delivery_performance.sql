{{ config(alias='delivery_performance', meta={'publish': 'whole'}, indexes=[{'columns': ['month_start', 'location_key'], 'unique': true}]) }}
select
    month_start,
    {{ date_key('month_start') }} as date_key,
    location_key,
    due_lines,
    on_time_lines,
    late_lines,
    open_lines,
    on_time_pct,
    due_units,
    on_time_units,
    fill_rate_pct,
    average_days_late,
    shipped_lines,
    shipped_units,
    average_days_to_ship,
    backlog_units
from {{ ref('delivery_performance') }}
