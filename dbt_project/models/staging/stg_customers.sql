select
    customer_id,
    customer_name,
    segment,
    country,
    created_on,
    _loaded_at as loaded_at
from {{ source('raw', 'customers') }}
