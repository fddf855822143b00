{{ config(alias='kpi_catalogue', meta={'publish': 'whole'}, indexes=[{'columns': ['kpi'], 'unique': true}]) }}
select
    sort_order,
    kpi,
    label,
    definition,
    formula,
    unit,
    format,
    is_up_good,
    is_additive,
    is_headline,
    grains,
    owner,
    needs,
    source_model
from {{ ref('kpi_catalogue') }}
