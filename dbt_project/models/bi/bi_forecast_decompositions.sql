{{ config(alias='forecast_decompositions', meta={'publish': 'whole'}, indexes=[{'columns': ['series', 'unique_id', 'ds'], 'unique': true}]) }}
select
    as_of_date,
    series,
    unique_id,
    ds,
    observed,
    trend,
    seasonal,
    remainder
from {{ source('forecast', 'decompositions') }}
where as_of_date = {{ latest_as_of_date() }}
