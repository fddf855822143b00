{{ config(
    alias='forecasts',
    meta={'publish': 'whole'},
    indexes=[{'columns': ['series', 'unique_id', 'ds'], 'unique': true}, {'columns': ['product_key']}],
) }}
-- depends_on: {{ ref('bi_dim_date') }} (a test holds every date_key to it)
select
    forecasts.as_of_date,
    forecasts.series,
    forecasts.unique_id,
    coalesce(products.product_key, -1) as product_key,
    forecasts.ds,
    {{ date_key('forecasts.ds') }} as date_key,
    forecasts.mean,
    forecasts.lo_80,
    forecasts.hi_80,
    forecasts.lo_95,
    forecasts.hi_95,
    forecasts.model_used,
    forecasts.demand_class,
    forecasts.fallback_reason
from {{ source('forecast', 'forecasts') }} as forecasts
left join {{ ref('dim_product') }} as products
    on products.product_id = forecasts.unique_id and forecasts.series = 'product_weekly_units'
where forecasts.as_of_date = {{ latest_as_of_date() }}
