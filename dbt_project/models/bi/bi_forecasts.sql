{{ config(
    alias='forecasts',
    meta={'publish': 'whole'},
    indexes=[{'columns': ['series', 'unique_id', 'ds'], 'unique': true}, {'columns': ['product_key']}],
) }}
-- depends_on: {{ ref('bi_dim_date') }} (a test holds every date_key to it)
select
    forecasts.as_of_date,
    forecasts.series,
    {{ family_columns('forecasts.series') }},
    forecasts.unique_id,
    {{ forecast_keys() }},
    case
        when forecasts.series like 'product\_%' then products.category
        when forecasts.series like 'category\_%' then forecasts.unique_id
    end as category,
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
{{ forecast_dimensions('forecasts') }}
where forecasts.as_of_date = {{ latest_as_of_date() }}
