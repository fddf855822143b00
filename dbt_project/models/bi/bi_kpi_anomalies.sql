{{ config(alias='kpi_anomalies', meta={'publish': 'whole'}, indexes=[{'columns': ['kpi', 'day'], 'unique': true}]) }}
-- depends_on: {{ ref('bi_dim_date') }} (a test holds every date_key to it)
select
    anomalies.as_of_date,
    anomalies.kpi,
    catalogue.label,
    catalogue.unit,
    catalogue.is_up_good,
    anomalies.day,
    {{ date_key('anomalies.day') }} as date_key,
    anomalies.value,
    anomalies.expected,
    anomalies.lo,
    anomalies.hi,
    anomalies.score,
    anomalies.direction
from {{ source('anomaly', 'kpi_days') }} as anomalies
left join {{ ref('kpi_catalogue') }} as catalogue on catalogue.kpi = anomalies.kpi
where anomalies.as_of_date = {{ latest_as_of_date() }}
