{{ config(alias='forecast_quality', meta={'publish': 'whole'}, indexes=[{'columns': ['series', 'unique_id'], 'unique': true}]) }}
select
    as_of_date,
    series,
    unique_id,
    n_periods,
    season_length,
    trend_strength,
    season_strength,
    long_season_length,
    long_season_strength,
    p_adf,
    p_kpss,
    n_diffs,
    n_seasonal_diffs,
    stationarity,
    n_errors,
    mean_error,
    p_mean_error,
    ljung_box_lags,
    p_ljung_box,
    correlated_lag,
    autocorrelation,
    p_jarque_bera,
    p_breusch_pagan,
    is_sound,
    verdict
from {{ source('forecast', 'quality') }}
where as_of_date = {{ latest_as_of_date() }}
