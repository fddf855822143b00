select
    location_id,
    location_name,
    location_kind,
    city,
    country,
    territory_id,
    _loaded_at as loaded_at
from {{ source('raw', 'locations') }}
