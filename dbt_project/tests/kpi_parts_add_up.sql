-- The parts of each grain together are the company, for every KPI that adds up and has that grain.
with latest as (
    select snapshots.*
    from {{ ref('kpi_snapshots') }} as snapshots
    inner join {{ ref('kpi_catalogue') }} as catalogue using (kpi)
    where catalogue.is_additive
        and snapshots.grain = any(string_to_array(catalogue.grains, ', '))
        and snapshots.as_of_date = (select max(as_of_date) from {{ ref('kpi_windows') }})
),

parts as (
    select
        grain,
        period,
        kpi,
        sum(value) as value,
        sum(previous_period) as previous_period,
        sum(previous_year) as previous_year
    from latest
    where grain <> 'company'
    group by 1, 2, 3
)

select
    parts.grain,
    period,
    kpi
from parts
inner join latest using (period, kpi)
where latest.grain = 'company'
    and (
        parts.value is distinct from latest.value
        or parts.previous_period is distinct from latest.previous_period
        or parts.previous_year is distinct from latest.previous_year
    )
