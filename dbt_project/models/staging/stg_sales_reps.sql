select
    rep_id,
    rep_name,
    email,
    territory_id,
    manager_id,
    hired_on,
    left_on,
    commission_pct,
    valid_from,
    _loaded_at as loaded_at
from {{ source('raw', 'sales_reps') }}
