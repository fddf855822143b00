-- What the sales say about a product was gathered by open day: neither lines nor days are read again.
with seen as (
    select * from {{ ref('product_sightings') }}
),

known as (
    select * from {{ ref('stg_products') }}
)

select
    {{ surrogate_key(['product_id']) }} as product_key,
    product_id,
    coalesce(known.product_name, seen.product_name, product_id) as product_name,
    coalesce(
        known.category,
        case when known.product_id is null and seen.first_trade_date is null then '(charges)' else '(no category)' end
    ) as category,
    known.subcategory,
    known.brand,
    known.supplier_id,
    known.unit_cost,
    known.list_price,
    known.lead_time_days,
    known.min_order_units,
    known.launched_on,
    known.discontinued_on,
    seen.first_sale_date,
    seen.last_sale_date,
    known.product_id is not null as is_in_source,
    known.product_id is null and seen.first_trade_date is null as is_charge_code
from known
full join seen using (product_id)

union all

select
    -1, '(unknown)', '(unknown)', '(no category)', null, null, null,
    null::numeric, null::numeric, null::integer, null::numeric, null::date, null::date, null::date, null::date, false, false
