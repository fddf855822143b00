select
    purchase_order_id,
    line_id,
    supplier_id,
    product_id,
    location_id,
    ordered_on,
    promised_on,
    received_on,
    ordered_units,
    received_units,
    rejected_units,
    unit_cost,
    _loaded_at as loaded_at
from {{ source('raw', 'purchase_orders') }}
