{{ config(alias='dim_territory', meta={'publish': 'whole'}, indexes=[{'columns': ['territory_key'], 'unique': true}]) }}
select
    territory_key,
    territory_id,
    territory_name,
    region,
    country,
    manager_id,
    is_in_source
from {{ ref('dim_territory') }}
