-- What the sales say about a product comes from the daily aggregate: lines are ten times as many.
with seen as (
    select
        product_id,
        min(order_date) filter (where sale_lines > 0) as first_sale_date,
        max(order_date) filter (where sale_lines > 0) as last_sale_date,
        bool_and(sale_lines + return_lines = 0) as is_charge_code
    from {{ ref('agg_sales_daily_product') }}
    group by product_id
),

latest_name as (
    select distinct on (product_id)
        product_id,
        product_name
    from {{ ref('agg_sales_daily_product') }}
    where product_name is not null
    order by product_id, order_date desc
),

known as (
    select * from {{ ref('stg_products') }}
)

select
    {{ surrogate_key(['product_id']) }} as product_key,
    product_id,
    coalesce(known.product_name, latest_name.product_name, product_id) as product_name,
    coalesce(
        known.category,
        case when known.product_id is null and seen.is_charge_code then '(charges)' else '(no category)' end
    ) as category,
    known.unit_cost,
    known.list_price,
    known.lead_time_days,
    known.launched_on,
    known.discontinued_on,
    seen.first_sale_date,
    seen.last_sale_date,
    known.product_id is not null as is_in_source,
    known.product_id is null and coalesce(seen.is_charge_code, false) as is_charge_code
from known
full join seen using (product_id)
left join latest_name using (product_id)

union all

select
    -1, '(unknown)', '(unknown)', '(no category)',
    null::numeric, null::numeric, null::integer, null::date, null::date, null::date, null::date, false, false
