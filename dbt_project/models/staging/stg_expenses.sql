select
    expense_id,
    incurred_on,
    expense_kind,
    amount,
    rep_id,
    territory_id,
    channel,
    campaign,
    note,
    _loaded_at as loaded_at
from {{ source('raw', 'expenses') }}
