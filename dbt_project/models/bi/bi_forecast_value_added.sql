{{ config(
    alias='forecast_value_added',
    meta={'publish': 'whole'},
    indexes=[{'columns': ['step', 'series', 'dimension', 'member'], 'unique': true}],
) }}
select
    as_of_date,
    step,
    series,
    dimension,
    member,
    n_forecasts,
    actual_total,
    baseline_wape_pct,
    wape_pct,
    value_added_pct,
    improved_share_pct,
    baseline_bias_pct,
    bias_pct
from {{ source('forecast', 'value_added') }}
where as_of_date = {{ latest_as_of_date() }}
