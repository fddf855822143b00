select
    promotion_id,
    promotion_name,
    starts_on,
    ends_on,
    discount_pct,
    product_id,
    category,
    channel,
    cost_amount,
    _loaded_at as loaded_at
from {{ source('raw', 'promotions') }}
