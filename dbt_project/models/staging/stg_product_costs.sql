select
    product_id,
    valid_from,
    valid_to,
    unit_cost,
    _loaded_at as loaded_at
from {{ source('raw', 'product_costs') }}
