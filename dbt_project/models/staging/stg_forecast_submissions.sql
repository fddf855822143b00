select
    submission_id,
    cycle_id,
    rep_id,
    territory_id,
    category,
    product_id,
    submitted_at,
    forecast_amount,
    forecast_units,
    note,
    _loaded_at as loaded_at
from {{ source('raw', 'forecast_submissions') }}
