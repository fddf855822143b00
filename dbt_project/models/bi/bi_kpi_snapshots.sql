{{ config(
    alias='kpi_snapshots',
    meta={'publish': 'whole'},
    indexes=[{'columns': ['as_of_date', 'grain', 'entity', 'period', 'kpi'], 'unique': true}],
) }}
-- 400 dates of the company's 60 KPIs are 260,000 rows; of its parts each date would be as many as that by itself, so only
-- the latest is published. How the parts came there is in sales_by_period.
with dates as (
    select
        as_of_date,
        row_number() over (order by as_of_date desc) as nights_back
    from (select distinct as_of_date from {{ ref('kpi_snapshots') }}) as distinct_dates
    -- A night that failed may have written a later date: what is published ends with tonight's.
    where as_of_date <= {{ latest_as_of_date() }}
)

select
    snapshots.as_of_date,
    {{ date_key('snapshots.as_of_date') }} as date_key,
    dates.nights_back = 1 as is_latest,
    snapshots.grain,
    snapshots.entity,
    {{ entity_name() }} as entity_name,
    snapshots.period,
    snapshots.kpi,
    catalogue.label,
    catalogue.unit,
    catalogue.is_up_good,
    catalogue.sort_order,
    snapshots.period_start,
    snapshots.period_end,
    snapshots.value,
    snapshots.previous_period,
    snapshots.previous_year,
    snapshots.previous_period_start,
    snapshots.previous_period_end,
    snapshots.previous_year_start,
    snapshots.previous_year_end,
    snapshots.target,
    snapshots.target_pct,
    snapshots.reason,
    catalogue.format,
    catalogue.is_headline
from {{ ref('kpi_snapshots') }} as snapshots
inner join dates using (as_of_date)
inner join {{ ref('kpi_catalogue') }} as catalogue using (kpi)
{{ join_entity_names() }}
where dates.nights_back <= case when snapshots.grain = 'company' then 400 else 1 end
