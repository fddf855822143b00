select
    payment_id,
    invoice_id,
    customer_id,
    paid_on,
    amount,
    method,
    _loaded_at as loaded_at
from {{ source('raw', 'payments') }}
