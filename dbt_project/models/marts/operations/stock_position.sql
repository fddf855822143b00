{{ config(indexes=[{'columns': ['product_id'], 'unique': true}], pre_hook="set local enable_nestloop = off") }}
-- No nested loops, for the reason that stock_daily gives.
with {{ stock_counts() }},

night as (
    select
        {{ latest_as_of_date() }} as as_of_date,
        (select carrying_cost_pct from {{ source('ops', 'business') }}) as carrying_cost_pct,
        (select min(order_date) from {{ ref('agg_sales_daily') }}) as first_sales_day
),

-- Each location's last count, and the count of everything that it follows.
last_days as (
    select distinct on (location_id)
        location_id,
        snapshot_date as last_day,
        full_count_on
    from {{ ref('stock_daily') }}
    inner join night on snapshot_date <= as_of_date
    order by location_id, snapshot_date desc
),

lying as (
    select distinct on (counts.location_id, product_id)
        counts.location_id,
        product_id,
        snapshot_date,
        last_day,
        on_hand_units,
        on_order_units,
        is_derived
    from last_days
    inner join counts
        on counts.location_id = last_days.location_id
        and snapshot_date between full_count_on and last_day
    -- never further back than the oldest count of everything, so that the index on the date is used
    where snapshot_date >= (select min(full_count_on) from last_days)
        and snapshot_date <= (select max(last_day) from last_days)
    order by counts.location_id, product_id, snapshot_date desc
),

-- At the cost that held on the location's last day of counting, as stock_daily has it: the two add up to the same.
now_lying as (
    select
        lying.product_id,
        sum(on_hand_units) as on_hand_units,
        sum(on_order_units) as on_order_units,
        sum(on_hand_units * unit_cost) as stock_value,
        max(snapshot_date) as counted_on,
        count(*) filter (where on_hand_units > 0) as locations_in_stock,
        bool_or(is_derived) as is_derived
    from lying
    left join {{ ref('dim_product_cost') }} as costs
        on costs.product_id = lying.product_id and last_day between costs.valid_from and costs.valid_to
    group by 1
),

-- A year of counts. Of a location that counts everything, a product that a count does not name lay there with nothing.
full_days as (
    select location_id, count(*) as full_days
    from {{ ref('stock_daily') }}
    inner join night on snapshot_date > as_of_date - 365 and snapshot_date <= as_of_date
    group by location_id
    having bool_and(is_full_count)
),

year as materialized (
    select
        snapshot_date,
        product_id,
        location_id,
        on_hand_units
    from counts
    where snapshot_date > (select as_of_date from night) - 365
        and snapshot_date <= (select as_of_date from night)
),

own_days as (
    select product_id, location_id, count(*) as own_days
    from year
    where location_id not in (select location_id from full_days)
    group by 1, 2
),

counted as (
    select
        year.product_id,
        snapshot_date,
        sum(on_hand_units) as on_hand_units,
        -- the part that this day is of the year's mean
        sum(on_hand_units / coalesce(full_days, own_days)) as units_part,
        sum(on_hand_units / coalesce(full_days, own_days)) * min(unit_cost) as value_part
    from year
    left join full_days using (location_id)
    left join own_days using (product_id, location_id)
    left join {{ ref('dim_product_cost') }} as costs
        on costs.product_id = year.product_id and snapshot_date between costs.valid_from and costs.valid_to
    group by 1, 2
),

year_of_counts as (
    select
        product_id,
        count(*) as observed_days,
        count(*) filter (where is_out) as stockout_days,
        count(*) filter (where is_out and not was_out) as stockout_spells,
        sum(value_part) as average_stock_value,
        sum(units_part) as average_on_hand_units
    from (
        select
            *,
            on_hand_units <= 0 as is_out,
            coalesce(lag(on_hand_units) over (partition by product_id order by snapshot_date) <= 0, false) as was_out
        from counted
    ) as days
    group by 1
),

year_of_sales as (
    select
        product_id,
        sum(units) as units_365,
        sum(units) filter (where order_date > as_of_date - 91) as units_91,
        count(*) filter (where sale_lines > 0 and order_date > as_of_date - 91) as sale_days_91,
        max(order_date) filter (where sale_lines > 0) as last_sale_on,
        case when sum(costed_lines) > 0 then sum(cost) end as cost_of_sales_365
    from {{ ref('agg_sales_daily_product') }}
    cross join night
    -- as constants, for the index on the day
    where order_date > (select as_of_date from night) - 365 and order_date <= (select as_of_date from night)
    group by 1
),

on_the_way as (
    select
        product_id,
        sum(greatest(ordered_units - case when received_on > as_of_date then 0 else received_units end, 0))
            as open_purchase_units
    from {{ ref('stg_purchase_orders') }}
    cross join night
    where ordered_on <= as_of_date and (received_on is null or received_on > as_of_date)
    group by 1
),

costs_now as (
    select product_id, unit_cost
    from {{ ref('dim_product_cost') }}
    inner join night on as_of_date between valid_from and valid_to
),

known as (
    select
        night.*,
        coalesce(products.product_key, -1) as product_key,
        product_id,
        products.launched_on,
        products.first_sale_date,
        coalesce(
            last_sale_on,
            case when products.last_sale_date <= as_of_date then products.last_sale_date end
        ) as last_sale_on,
        -- what its last count of everything did not name is not there any more
        coalesce(now_lying.on_hand_units, case when observed_days > 0 then 0 end) as on_hand_units,
        coalesce(now_lying.on_order_units, case when observed_days > 0 and not coalesce(is_derived, false) then 0 end) as on_order_units,
        case
            when exists (select from {{ ref('stg_purchase_orders') }})
                then coalesce(open_purchase_units, 0)
        end as open_purchase_units,
        case when now_lying.product_id is null and observed_days > 0 then 0 else now_lying.stock_value end as stock_value,
        coalesce(locations_in_stock, 0) as locations_in_stock,
        counted_on,
        is_derived,
        costs_now.unit_cost,
        coalesce(units_365, 0) as units_365,
        coalesce(units_91, 0) as units_91,
        coalesce(sale_days_91, 0) as sale_days_91,
        cost_of_sales_365,
        coalesce(observed_days, 0) as observed_days,
        stockout_days,
        stockout_spells,
        average_stock_value,
        average_on_hand_units,
        -- days on which it can have been sold: of a new product fewer than 91, but never so few that one good day counts
        least(91, greatest(28, as_of_date - least(products.first_sale_date, products.launched_on, as_of_date) + 1)) as days_on_sale
    from now_lying
    full join year_of_counts using (product_id)
    full join year_of_sales using (product_id)
    left join on_the_way using (product_id)
    left join {{ ref('dim_product') }} as products using (product_id)
    cross join night
    left join costs_now using (product_id)
    where not coalesce(products.is_charge_code, false)
        and exists (select from last_days)
),

rated as (
    select
        *,
        units_91 / days_on_sale as average_daily_units,
        case
            when sale_days_91 >= {{ fast_sale_days() }} then 'fast'
            when last_sale_on > as_of_date - {{ dead_after_days() }}
                or launched_on > as_of_date - {{ dead_after_days() }} then 'slow'
            -- where the books do not go back that far, nobody knows
            when first_sales_day <= as_of_date - {{ dead_after_days() }} then 'non-moving'
        end as mover_class
    from known
)

select
    as_of_date,
    product_key,
    product_id,
    counted_on,
    is_derived,
    on_hand_units,
    on_order_units,
    open_purchase_units,
    locations_in_stock,
    unit_cost,
    round(stock_value, 6) as stock_value,
    last_sale_on,
    as_of_date - last_sale_on as days_since_last_sale,
    units_91,
    sale_days_91,
    round(average_daily_units, 6) as average_daily_units,
    round(on_hand_units / nullif(average_daily_units, 0), 6) as days_of_supply,
    units_365,
    round(cost_of_sales_365, 6) as cost_of_sales_365,
    round(average_stock_value, 6) as average_stock_value,
    round(average_on_hand_units, 6) as average_on_hand_units,
    round(cost_of_sales_365 / nullif(average_stock_value, 0), 6) as turnover_times,
    observed_days,
    stockout_days,
    stockout_spells,
    round(100.0 * stockout_days / nullif(observed_days, 0), 6) as stockout_rate_pct,
    mover_class,
    on_hand_units > 0 and mover_class = 'non-moving' as is_dead,
    round(stock_value * carrying_cost_pct / 100, 6) as carrying_cost_per_year
from rated
