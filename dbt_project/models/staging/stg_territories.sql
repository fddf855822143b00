select
    territory_id,
    territory_name,
    region,
    country,
    manager_id,
    _loaded_at as loaded_at
from {{ source('raw', 'territories') }}
