select
    snapshot_date,
    product_id,
    location_id,
    on_hand_units,
    on_order_units,
    _loaded_at as loaded_at
from {{ source('raw', 'inventory_levels') }}
