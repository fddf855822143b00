select
    {{ surrogate_key(['supplier_id']) }} as supplier_key,
    supplier_id,
    coalesce(supplier_name, supplier_id) as supplier_name,
    country,
    lead_time_days,
    min_order_amount
from {{ ref('stg_suppliers') }}

union all

select -1, '(no supplier)', '(no supplier)', null, null::integer, null::numeric
