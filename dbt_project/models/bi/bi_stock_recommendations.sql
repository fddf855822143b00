{{ config(alias='stock_recommendations', meta={'publish': 'whole'}, indexes=[{'columns': ['product_id'], 'unique': true}]) }}
select
    recommendations.as_of_date,
    {{ date_key('recommendations.as_of_date') }} as date_key,
    coalesce(products.product_key, -1) as product_key,
    recommendations.product_id,
    coalesce(products.product_name, recommendations.product_id) as product_name,
    coalesce(products.category, '(no category)') as category,
    recommendations.on_hand_units,
    recommendations.on_order_units,
    recommendations.lead_time_days,
    recommendations.service_level_pct,
    recommendations.lead_time_demand_units,
    recommendations.safety_stock_units,
    recommendations.reorder_point_units,
    recommendations.order_qty_units,
    recommendations.status,
    recommendations.reason
from {{ source('stock', 'recommendations') }} as recommendations
left join {{ ref('dim_product') }} as products on products.product_id = recommendations.product_id
where recommendations.as_of_date = {{ latest_as_of_date() }}
