{{ config(alias='kpi_trends', meta={'publish': 'whole'}, indexes=[{'columns': ['grain', 'entity', 'kpi'], 'unique': true}]) }}
select
    trends.as_of_date,
    trends.grain,
    trends.entity,
    trends.kpi,
    catalogue.label,
    catalogue.unit,
    catalogue.is_up_good,
    trends.direction,
    case when trends.direction in ('up', 'down') then (trends.direction = 'up') = catalogue.is_up_good end as is_good,
    trends.slope,
    trends.slope_pct,
    trends.p_value,
    trends.first_month,
    trends.last_month,
    trends.n_months,
    trends.season_is_removed,
    trends.slope_ols,
    trends.p_slope_ols,
    trends.has_robust_errors,
    trends.autocorrelation,
    trends.mann_kendall_s,
    trends.tau,
    trends.z,
    trends.reason
from {{ source('forecast', 'kpi_trends') }} as trends
left join {{ ref('kpi_catalogue') }} as catalogue on catalogue.kpi = trends.kpi
where trends.as_of_date = {{ latest_as_of_date() }}
