{{ config(
    alias='targets',
    meta={'publish': 'whole'},
    indexes=[{'columns': ['kpi', 'grain', 'entity', 'period', 'period_start'], 'unique': true}],
) }}
select
    kpi,
    label,
    unit,
    grain,
    entity,
    {{ entity_name() }} as entity_name,
    period,
    period_start,
    {{ date_key('period_start') }} as date_key,
    period_end,
    target,
    actual,
    days,
    days_elapsed,
    achievement_pct,
    expected_pct,
    pace_pct,
    status
from {{ ref('target_periods') }}
inner join {{ ref('kpi_catalogue') }} using (kpi)
{{ join_entity_names() }}
