{{ config(indexes=[{'columns': ['product_id', 'promotion_id', 'starts_on']}]) }}
-- A promotion of a category is one of each of its products, one that names neither is one of all. Without a discount it is a
-- price list's entry ("No Discount"); what runs longer than a quarter is the terms of trade, no event that lifts demand.
with named as (
    select
        promotion_id,
        product_id,
        category,
        channel,
        starts_on,
        ends_on,
        discount_pct
    from {{ ref('stg_promotions') }}
    where discount_pct is distinct from 0 and coalesce(ends_on >= starts_on, true)
)

select
    product_key,
    products.product_id,
    promotion_id,
    promotions.channel,
    starts_on,
    ends_on,
    discount_pct,
    ends_on is null or ends_on - starts_on > 91 as is_standing
from named as promotions
inner join {{ ref('dim_product') }} as products
    on case
        when promotions.product_id is not null then products.product_id = promotions.product_id
        when promotions.category is not null then products.category = promotions.category
        else not products.is_charge_code
    end
where starts_on is not null
