{{ config(alias='dim_product', meta={'publish': 'whole'}, indexes=[{'columns': ['product_key'], 'unique': true}]) }}
select
    product_key,
    product_id,
    product_name,
    category,
    subcategory,
    brand,
    supplier_id,
    unit_cost,
    list_price,
    lead_time_days,
    min_order_units,
    launched_on,
    discontinued_on,
    first_sale_date,
    last_sale_date,
    is_in_source,
    is_charge_code
from {{ ref('dim_product') }}
