select
    level,
    member,
    measure,
    period,
    period_start,
    override_value,
    planner,
    reason,
    made_on,
    _loaded_at as loaded_at
from {{ source('raw', 'forecast_overrides') }}
