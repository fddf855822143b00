select
    event_id,
    occurred_at,
    visitor_id,
    stage,
    customer_id,
    channel,
    campaign,
    product_id,
    order_id,
    amount,
    _loaded_at as loaded_at
from {{ source('raw', 'funnel_events') }}
