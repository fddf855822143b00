{{ config(
    alias='forecast_intervals',
    meta={'publish': 'whole'},
    indexes=[{'columns': ['series', 'unique_id', 'ds', 'level_pct'], 'unique': true}],
) }}
select
    as_of_date,
    series,
    unique_id,
    ds,
    level_pct,
    lo,
    hi
from {{ source('forecast', 'intervals') }}
where as_of_date = {{ latest_as_of_date() }}
