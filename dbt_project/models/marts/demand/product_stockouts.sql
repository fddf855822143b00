{{ config(indexes=[{'columns': ['product_id', 'first_day'], 'unique': true}]) }}
-- What lay there at the end of every day: a count, and what moved since. A stretch between two counts that its movements
-- do not explain (a balance below zero, or more found than the books say) proves only the day of its count.
with night as (
    select {{ latest_as_of_date() }} as as_of_date
),

-- A place's number sorts faster than its names: a million movements took 9 s instead of 12.
places as materialized (
    select
        product_id,
        location_id,
        row_number() over () as place
    from (
        select product_id, location_id from {{ ref('stg_inventory_levels') }}
        union
        select product_id, location_id from {{ ref('stg_inventory_movements') }}
    ) as named
),

moved as (
    select
        place,
        moved_on as day,
        sum(qty_units) as units
    from {{ ref('stg_inventory_movements') }}
    inner join places using (product_id, location_id)
    inner join night on moved_on <= as_of_date
    group by 1, 2
),

counted as (
    select
        place,
        snapshot_date as day,
        on_hand_units
    from {{ ref('stg_inventory_levels') }}
    inner join places using (product_id, location_id)
    inner join night on snapshot_date <= as_of_date
),

events as (
    select
        place,
        day,
        on_hand_units,
        coalesce(units, 0) as units,
        count(on_hand_units) over by_day as stretch,
        lead(day) over by_day as next_day,
        lead(on_hand_units) over by_day as next_count
    from counted
    full join moved using (place, day)
    window by_day as (partition by place order by day)
),

-- A count is of the day's end: what moved on its day is in it.
balanced as (
    select
        *,
        first_value(on_hand_units) over in_stretch
        + sum(case when on_hand_units is null then units else 0 end) over in_stretch as balance_units
    from events
    window in_stretch as (partition by place, stretch order by day)
),

stretches as (
    select
        place,
        stretch,
        -- one in twenty, or one piece, is the inexactness of a count and no missing receipt
        min(balance_units) >= 0
        and coalesce(
            bool_and(next_count <= greatest(1.05 * balance_units, balance_units + 1))
                filter (where next_count is not null),
            true
        ) as is_explained
    from balanced
    where stretch > 0
    group by 1, 2
),

empty_places as (
    select
        place,
        min(day) as first_seen,
        range_agg(daterange(day, coalesce(case when is_explained then next_day else day + 1 end, as_of_date + 1)))
            filter (where balance_units <= 0 and (is_explained or on_hand_units is not null))
        as empty_days
    from balanced
    cross join night
    left join stretches using (place, stretch)
    group by place
),

-- Out of stock is a product that lies nowhere. Before its first record it did not lie at a place; after its last day on sale
-- it is not missed.
products as (
    select
        product_id,
        range_intersect_agg(
            coalesce(empty_days, '{}'::datemultirange) + datemultirange(daterange(null, first_seen))
        ) * datemultirange(daterange(min(first_seen), min(discontinued_on), '[]')) as empty_days
    from empty_places
    inner join places using (place)
    left join {{ ref('stg_products') }} using (product_id)
    where discontinued_on >= first_seen is not false
    group by product_id
)

select
    {{ surrogate_key(['product_id']) }} as product_key,
    product_id,
    lower(span) as first_day,
    upper(span) - 1 as last_day,
    upper(span) - lower(span) as days
from products
cross join lateral unnest(empty_days) as spans (span)
