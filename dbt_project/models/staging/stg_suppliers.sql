select
    supplier_id,
    supplier_name,
    country,
    lead_time_days,
    min_order_amount,
    _loaded_at as loaded_at
from {{ source('raw', 'suppliers') }}
