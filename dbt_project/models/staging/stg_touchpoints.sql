select
    touchpoint_id,
    touched_at,
    customer_id,
    lead_id,
    channel,
    campaign,
    rep_id,
    opportunity_id,
    order_id,
    cost_amount,
    _loaded_at as loaded_at
from {{ source('raw', 'touchpoints') }}
