{{ config(
    alias='forecast_series',
    meta={'publish': 'whole'},
    indexes=[{'columns': ['series', 'unique_id'], 'unique': true}, {'columns': ['product_key']}],
) }}
select
    forecast_series.as_of_date,
    forecast_series.series,
    {{ family_columns('forecast_series.series') }},
    forecast_series.unique_id,
    {{ forecast_keys() }},
    case
        when forecast_series.series like 'product\_%' then products.category
        when forecast_series.series like 'category\_%' then forecast_series.unique_id
    end as category,
    forecast_series.demand_class,
    forecast_series.model_used,
    forecast_series.fallback_reason,
    forecast_series.n_periods,
    forecast_series.first_ds,
    forecast_series.last_ds,
    forecast_series.trend_direction,
    forecast_series.trend_p_value,
    forecast_series.trend_slope_pct
from {{ source('forecast', 'series') }} as forecast_series
{{ forecast_dimensions('forecast_series') }}
where forecast_series.as_of_date = {{ latest_as_of_date() }}
