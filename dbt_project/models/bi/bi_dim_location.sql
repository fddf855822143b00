{{ config(alias='dim_location', meta={'publish': 'whole'}, indexes=[{'columns': ['location_key'], 'unique': true}]) }}
select
    location_key,
    location_id,
    location_name,
    location_kind,
    city,
    country,
    territory_id
from {{ ref('dim_location') }}
