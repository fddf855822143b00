select
    cycle_id,
    cycle_name,
    opens_on,
    due_at,
    period,
    period_start,
    _loaded_at as loaded_at
from {{ source('raw', 'forecast_cycles') }}
