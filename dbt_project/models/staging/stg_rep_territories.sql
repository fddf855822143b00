select
    rep_id,
    territory_id,
    valid_from,
    valid_to,
    _loaded_at as loaded_at
from {{ source('raw', 'rep_territories') }}
