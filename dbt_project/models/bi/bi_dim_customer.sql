{{ config(alias='dim_customer', meta={'publish': 'whole'}, indexes=[{'columns': ['customer_key'], 'unique': true}]) }}
select
    customer_key,
    customer_id,
    customer_name,
    segment,
    country,
    region,
    city,
    territory_id,
    rep_id,
    created_on,
    first_order_date,
    last_order_date,
    is_in_source
from {{ ref('dim_customer') }}
