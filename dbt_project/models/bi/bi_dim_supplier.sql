{{ config(alias='dim_supplier', meta={'publish': 'whole'}, indexes=[{'columns': ['supplier_key'], 'unique': true}]) }}
select
    supplier_key,
    supplier_id,
    supplier_name,
    country,
    lead_time_days,
    min_order_amount
from {{ ref('dim_supplier') }}
