select
    measure,
    period,
    period_start,
    territory_id,
    rep_id,
    category,
    target_value,
    _loaded_at as loaded_at
from {{ source('raw', 'targets') }}
