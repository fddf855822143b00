{{ config(
    alias='forecast_track_record',
    meta={'publish': 'whole'},
    indexes=[{'columns': ['series', 'unique_id'], 'unique': true}],
) }}
select
    record.as_of_date,
    record.series,
    record.unique_id,
    coalesce(products.product_key, -1) as product_key,
    record.first_ds,
    record.last_ds,
    record.n_forecasts,
    record.actual_total,
    record.wape_pct,
    record.naive_wape_pct,
    record.value_added_pct,
    record.improved_share_pct,
    record.mape_pct,
    record.bias_pct,
    record.mase,
    record.rmsse,
    record.coverage_80_pct,
    record.coverage_95_pct,
    record.interval_score_95_pct,
    record.n_one_step,
    record.cusum,
    record.tracking_signal,
    record.is_drifting,
    record.drift_direction,
    coalesce(families.is_alert, false) as is_family_alert,
    families.since as family_alert_since
from {{ source('forecast', 'track_record') }} as record
left join {{ source('forecast', 'drift') }} as families
    on families.as_of_date = record.as_of_date and families.series = record.series
left join {{ ref('dim_product') }} as products
    on products.product_id = record.unique_id and starts_with(record.series, 'product_')
where record.as_of_date = {{ latest_as_of_date() }}
