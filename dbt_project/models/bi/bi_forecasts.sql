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
    coalesce(overridden.mean, forecasts.mean) as mean,
    {{ moved_bound('lo_80') }},
    {{ moved_bound('hi_80') }},
    {{ moved_bound('lo_95') }},
    {{ moved_bound('hi_95') }},
    forecasts.model_used,
    forecasts.demand_class,
    forecasts.fallback_reason,
    forecasts.mean as statistical_mean,
    coalesce(overridden.is_direct, false) as is_overridden,
    overridden.planner as override_planner,
    overridden.reason as override_reason
from {{ source('forecast', 'forecasts') }} as forecasts
{{ forecast_dimensions('forecasts') }}
left join {{ source('forecast', 'overridden') }} as overridden
    on
        overridden.as_of_date = forecasts.as_of_date
        and overridden.series = forecasts.series
        and overridden.unique_id = forecasts.unique_id
        and overridden.ds = forecasts.ds
where forecasts.as_of_date = {{ latest_as_of_date() }}
