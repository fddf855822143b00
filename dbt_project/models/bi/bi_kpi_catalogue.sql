{{ config(alias='kpi_catalogue', meta={'publish': 'whole'}, indexes=[{'columns': ['kpi'], 'unique': true}]) }}
select
    sort_order,
    kpi,
    label,
    definition,
    unit,
    is_additive,
    is_up_good
from {{ ref('kpi_catalogue') }}
