select
    movement_id,
    moved_on,
    product_id,
    location_id,
    movement_kind,
    qty_units,
    unit_cost,
    document_id,
    _loaded_at as loaded_at
from {{ source('raw', 'inventory_movements') }}
