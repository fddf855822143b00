-- A supplier that only purchase orders or products name is one, too.
with named as (
    select supplier_id from {{ ref('stg_purchase_orders') }} where supplier_id is not null
    union
    select supplier_id from {{ ref('stg_products') }} where supplier_id is not null
)

select
    {{ surrogate_key(['supplier_id']) }} as supplier_key,
    supplier_id,
    coalesce(supplier_name, supplier_id) as supplier_name,
    country,
    lead_time_days,
    min_order_amount
from {{ ref('stg_suppliers') }}
full join named using (supplier_id)

union all

select -1, '(no supplier)', '(no supplier)', null, null::integer, null::numeric
