{{ config(
    alias='forecast_scenarios',
    meta={'publish': 'whole'},
    indexes=[{'columns': ['scenario', 'series', 'unique_id', 'ds'], 'unique': true}, {'columns': ['product_key']}],
) }}
select
    scenarios.as_of_date,
    scenarios.scenario,
    scenarios.series,
    scenarios.unique_id,
    coalesce(products.product_key, -1) as product_key,
    scenarios.ds,
    {{ date_key('scenarios.ds') }} as date_key,
    scenarios.base,
    scenarios.mean,
    scenarios.mean - scenarios.base as difference,
    scenarios.lo_80,
    scenarios.hi_80,
    scenarios.lo_95,
    scenarios.hi_95,
    scenarios.note
from {{ source('forecast', 'scenarios') }} as scenarios
left join {{ ref('dim_product') }} as products
    on products.product_id = scenarios.unique_id and scenarios.series = 'product_weekly_units'
where scenarios.as_of_date = {{ latest_as_of_date() }}
