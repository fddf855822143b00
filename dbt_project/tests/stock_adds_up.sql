-- A count of everything is what lies there; and the products of the position are worth what the locations hold.
select
    'a count of everything' as what,
    counted_units as expected,
    on_hand_units as found
from {{ ref('stock_daily') }}
where is_full_count and counted_units <> on_hand_units

union all

select
    'the position',
    locations.stock_value,
    products.stock_value
from (
    select sum(stock_value) as stock_value
    from (
        select distinct on (location_id) stock_value
        from {{ ref('stock_daily') }}
        where snapshot_date <= {{ latest_as_of_date() }}
        order by location_id, snapshot_date desc
    ) as last_days
) as locations
cross join (select sum(stock_value) as stock_value from {{ ref('stock_position') }}) as products
-- the last of 6 decimals, of each product
where abs(coalesce(locations.stock_value, 0) - coalesce(products.stock_value, 0)) > 0.01
