select
    product_id,
    product_name,
    category,
    subcategory,
    brand,
    supplier_id,
    unit_cost,
    list_price,
    lead_time_days,
    min_order_units,
    launched_on,
    discontinued_on,
    valid_from,
    _loaded_at as loaded_at
from {{ source('raw', 'products') }}
