select
    rate_date,
    from_currency,
    to_currency,
    rate,
    _loaded_at as loaded_at
from {{ source('raw', 'exchange_rates') }}
