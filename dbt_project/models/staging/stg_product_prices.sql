select
    product_id,
    valid_from,
    valid_to,
    list_price,
    _loaded_at as loaded_at
from {{ source('raw', 'product_prices') }}
