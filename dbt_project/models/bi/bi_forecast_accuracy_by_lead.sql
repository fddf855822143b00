{{ config(
    alias='forecast_accuracy_by_lead',
    meta={'publish': 'whole'},
    indexes=[{'columns': ['series', 'demand_class', 'lead'], 'unique': true}],
) }}
select
    as_of_date,
    series,
    demand_class,
    lead,
    n_forecasts,
    actual_total,
    wape_pct,
    naive_wape_pct,
    value_added_pct,
    improved_share_pct,
    mape_pct,
    bias_pct,
    naive_bias_pct,
    mase,
    rmsse,
    coverage_80_pct,
    coverage_95_pct,
    interval_score_95_pct
from {{ source('forecast', 'accuracy_by_lead') }}
where as_of_date = {{ latest_as_of_date() }}
