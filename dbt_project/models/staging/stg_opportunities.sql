select
    opportunity_id,
    opportunity_name,
    customer_id,
    rep_id,
    territory_id,
    category,
    stage,
    status,
    amount,
    probability_pct,
    created_on,
    expected_close_on,
    closed_on,
    order_id,
    lost_reason,
    _loaded_at as loaded_at
from {{ source('raw', 'opportunities') }}
