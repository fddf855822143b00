{{ config(materialized='view') }}
-- A view, because every figure of it stands in a table already: it costs nothing where nobody forecasts.
with night as (
    select
        {{ latest_as_of_date() }} as as_of_date,
        (select min(order_date) from {{ ref('agg_sales_daily') }}) as first_day,
        exists (select from {{ ref('stg_inventory_levels') }}) as has_stock,
        exists (select from {{ ref('stg_promotions') }}) as has_promotions
),

stockout_days as (
    select
        product_id,
        day::date as order_date,
        true as is_out
    from {{ ref('product_stockouts') }} as stockouts
    cross join night
    cross join generate_series(
        greatest(stockouts.first_day, night.first_day)::timestamp,
        least(last_day, as_of_date)::timestamp,
        interval '1 day'
    ) as day
    -- what is out for more than a quarter is not carried any more
    where days <= 91
),

promotion_days as (
    select
        product_id,
        day::date as order_date,
        max(discount_pct) as promotion_pct,
        true as is_promoted
    from {{ ref('product_promotions') }}
    cross join night
    cross join generate_series(
        greatest(starts_on, first_day)::timestamp, least(ends_on, as_of_date)::timestamp, interval '1 day'
    ) as day
    where not is_standing
    group by 1, 2
),

sold as (
    select
        product_id,
        order_date,
        units,
        returned_units,
        gross_sales,
        discounts,
        unconverted_lines
    from {{ ref('agg_sales_daily_product') }}
    inner join night on order_date <= as_of_date
    where sale_lines > 0 or return_lines > 0
)

select
    order_date,
    {{ surrogate_key(['product_id']) }} as product_key,
    product_id,
    coalesce(units, 0) as demand_units,
    coalesce(returned_units, 0) as returned_units,
    case when unconverted_lines = 0 and units > 0 then round((gross_sales - discounts) / units, 6) end as average_price,
    case when unconverted_lines = 0 then round(100 * discounts / nullif(gross_sales, 0), 6) end as discount_pct,
    case when has_promotions then coalesce(is_promoted, false) end as on_promotion,
    promotion_pct,
    case when has_stock then coalesce(is_out, false) end as out_of_stock
from sold
full join stockout_days using (product_id, order_date)
left join promotion_days using (product_id, order_date)
cross join night
