select
    product_id,
    product_name,
    category,
    unit_cost,
    list_price,
    lead_time_days,
    launched_on,
    discontinued_on,
    _loaded_at as loaded_at
from {{ source('raw', 'products') }}
