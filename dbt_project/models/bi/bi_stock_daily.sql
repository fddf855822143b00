{{ config(alias='stock_daily', meta={'publish': 'whole'}, indexes=[{'columns': ['snapshot_date', 'location_id'], 'unique': true}]) }}
select
    snapshot_date,
    {{ date_key('snapshot_date') }} as date_key,
    coalesce(locations.location_key, -1) as location_key,
    location_id,
    is_derived,
    is_full_count,
    counts,
    out_of_stock_counts,
    products_in_stock,
    on_hand_units,
    on_order_units,
    stock_value,
    uncosted_products,
    -- what was not sold for so long shows only where the books go back that far
    case when is_known then dead_products end as dead_products,
    case when is_known then dead_value end as dead_value,
    case when is_known then slow_value end as slow_value
from (
    select
        *,
        snapshot_date >= (select min(order_date) from {{ ref('agg_sales_daily') }}) + {{ dead_after_days() - 1 }} as is_known
    from {{ ref('stock_daily') }}
    where snapshot_date <= {{ latest_as_of_date() }}
) as days
left join {{ ref('dim_location') }} as locations using (location_id)
