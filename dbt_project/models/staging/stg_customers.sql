select
    customer_id,
    customer_name,
    segment,
    country,
    city,
    region,
    territory_id,
    rep_id,
    created_on,
    _loaded_at as loaded_at
from {{ source('raw', 'customers') }}
