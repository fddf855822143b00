select
    invoice_id,
    order_id,
    customer_id,
    invoiced_on,
    due_on,
    currency,
    net_amount,
    tax_amount,
    _loaded_at as loaded_at
from {{ source('raw', 'invoices') }}
