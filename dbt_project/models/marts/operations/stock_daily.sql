{{ config(
    materialized='incremental',
    incremental_strategy='stock_days',
    on_schema_change='fail',
    pre_hook="set local enable_nestloop = off",
    indexes=[{'columns': ['snapshot_date', 'location_id'], 'unique': true}],
) }}
-- No nested loops: the planner, who knows little of what the CTEs hold, took a thousand counts for one and went through half
-- a year of sales for each of them, minutes for a second's work.
-- depends_on: {{ source('ops', 'open_days') }}
-- A night computes again, of each location, the days from the first count on that is new, changed or gone, and the days
-- whose last sales lie on an open day. What a count says of itself is compared, so that nothing depends on which night
-- saw it: one that failed, or one that took a correction of last year in, is made up for by the next.
with {{ stock_counts() }},

days as (
    select
        *,
        lag(snapshot_date) over by_day as former_date,
        lag(counts) over by_day as former_counts
    from (
        select
            snapshot_date,
            location_id,
            bool_or(is_derived) as is_derived,
            count(*) as counts,
            count(*) filter (where on_hand_units <= 0) as out_of_stock_counts,
            sum(on_hand_units) as counted_units,
            sum(on_order_units) as counted_on_order_units,
            max(counts.loaded_at) as loaded_at,
            -- another one where a cost or a launch day is told later: the day is then valued again
            sum(hashtext(concat_ws(':', counts.product_id, on_hand_units, costs.unit_cost, launched_on))::bigint) as valued_as
        from counts
        left join {{ ref('stg_products') }} as products on products.product_id = counts.product_id
        left join {{ ref('dim_product_cost') }} as costs
            on costs.product_id = counts.product_id and snapshot_date between costs.valid_from and costs.valid_to
        group by snapshot_date, location_id
    ) as days
    window by_day as (partition by location_id order by snapshot_date)
),

{% if is_incremental() -%}
changed as (
    select
        snapshot_date,
        location_id,
        days.counts is null as is_gone
    from days
    full join {{ this }} as built using (snapshot_date, location_id)
    where (
        days.counts, days.out_of_stock_counts, days.counted_units, days.counted_on_order_units, days.loaded_at, days.valued_as
    )
        is distinct from
        (
            built.counts, built.out_of_stock_counts, built.counted_units, built.counted_on_order_units, built.loaded_at,
            built.valued_as
        )
),

to_do as (
    select days.*
    from days
    left join (
        select location_id, min(snapshot_date) as first_date from changed group by location_id
    ) as since using (location_id)
    where snapshot_date >= first_date
        or exists (
            select from {{ source('ops', 'open_days') }}
            where day between snapshot_date - {{ dead_after_days() - 1 }} and snapshot_date
        )
),
{%- else -%}
to_do as (
    select * from days
),
{%- endif %}

{% if is_incremental() -%}
-- The days to compute and those just before them, read once by the index on the date.
near as materialized (
    select *
    from counts
    where snapshot_date >= (select min(coalesce(former_date, snapshot_date)) from to_do)
        and snapshot_date <= (select max(snapshot_date) from to_do)
),
{%- else -%}
near as not materialized (
    select * from counts
),
{%- endif %}

-- How many products of the location's former count were counted again: at least half of them, and the count is one of
-- everything, so that what it does not name is not there. Otherwise what it does not name is as it was counted last.
recounted as (
    select
        to_do.snapshot_date,
        to_do.location_id,
        count(*) as recounted
    from to_do
    inner join near using (snapshot_date, location_id)
    inner join near as former
        on former.snapshot_date = to_do.former_date
        and former.location_id = to_do.location_id
        and former.product_id = near.product_id
    group by 1, 2
),

judged as (
    select
        snapshot_date,
        location_id,
        former_date is null or 2 * coalesce(recounted, 0) >= former_counts as is_full_count,
        true as is_to_do
    from to_do
    left join recounted using (snapshot_date, location_id)
    {%- if is_incremental() %}
    union all
    select
        snapshot_date,
        location_id,
        is_full_count,
        false
    from {{ this }}
    inner join days using (snapshot_date, location_id)
    where not exists (
        select from to_do
        where to_do.snapshot_date = days.snapshot_date and to_do.location_id = days.location_id
    )
    {%- endif %}
),

placed as materialized (
    select
        to_do.*,
        is_full_count,
        full_count_on
    from to_do
    inner join (
        select
            *,
            max(case when is_full_count then snapshot_date end)
                over (partition by location_id order by snapshot_date) as full_count_on
        from judged
    ) as judged using (snapshot_date, location_id)
    where is_to_do
),

-- What lies there: of a count of everything its own rows, joined by equality because they are nearly all.
lying as (
    select
        snapshot_date,
        location_id,
        product_id,
        on_hand_units,
        on_order_units
    from placed
    inner join near using (snapshot_date, location_id)
    where is_full_count

    union all

    select
        snapshot_date,
        location_id,
        product_id,
        on_hand_units,
        on_order_units
    from (
        select distinct on (placed.snapshot_date, placed.location_id, product_id)
            placed.snapshot_date,
            placed.location_id,
            product_id,
            on_hand_units,
            on_order_units
        from placed
        inner join counts
            on counts.location_id = placed.location_id
            and counts.snapshot_date between placed.full_count_on and placed.snapshot_date
            and counts.snapshot_date >= (select min(full_count_on) from placed where not is_full_count)
        where not is_full_count
        order by placed.snapshot_date, placed.location_id, product_id, counts.snapshot_date desc
    ) as latest
),

-- How often each product had been sold before each day: its sales and its counts in one row of days.
sales_before as (
    select *
    from (
        select
            day,
            product_id,
            is_count,
            count(*) filter (where not is_count) over in_half_year as sale_days_180,
            count(*) filter (where not is_count) over in_quarter as sale_days_91
        from (
            select distinct snapshot_date as day, product_id, true as is_count from lying
            union all
            select order_date, product_id, false
            from {{ ref('agg_sales_daily_product') }}
            where sale_lines > 0
                and order_date > (select min(snapshot_date) from placed) - {{ dead_after_days() }}
                and order_date <= (select max(snapshot_date) from placed)
        ) as events
        window
            in_half_year as (
                partition by product_id order by day
                range between interval '{{ dead_after_days() - 1 }} days' preceding and current row
            ),
            in_quarter as (
                partition by product_id order by day
                range between interval '90 days' preceding and current row
            )
    ) as counted
    where is_count
),

valued as (
    select
        lying.*,
        on_hand_units * costs.unit_cost as value,
        sale_days_91 >= {{ fast_sale_days() }} as is_fast,
        sale_days_180 = 0
        and coalesce(products.launched_on <= snapshot_date - {{ dead_after_days() }}, true) as is_unsold
    from lying
    inner join sales_before on sales_before.product_id = lying.product_id and sales_before.day = lying.snapshot_date
    left join {{ ref('stg_products') }} as products on products.product_id = lying.product_id
    left join {{ ref('dim_product_cost') }} as costs
        on costs.product_id = lying.product_id
        and lying.snapshot_date between costs.valid_from and costs.valid_to
)

select
    placed.snapshot_date,
    placed.location_id,
    is_derived,
    is_full_count,
    full_count_on,
    counts,
    out_of_stock_counts,
    counted_units,
    counted_on_order_units,
    placed.loaded_at,
    valued_as,
    count(*) filter (where on_hand_units > 0) as products_in_stock,
    sum(on_hand_units) as on_hand_units,
    sum(valued.on_order_units) as on_order_units,
    round(sum(value), 6) as stock_value,
    count(*) filter (where on_hand_units > 0 and value is null) as uncosted_products,
    count(*) filter (where on_hand_units > 0 and is_unsold) as dead_products,
    round(coalesce(sum(value) filter (where on_hand_units > 0 and is_unsold), 0), 6) as dead_value,
    round(coalesce(sum(value) filter (where on_hand_units > 0 and not is_unsold and not is_fast), 0), 6) as slow_value
from placed
inner join valued using (snapshot_date, location_id)
group by 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
{%- if is_incremental() %}

union all

select
    snapshot_date, location_id, false, false, null, 0, 0, 0, 0, null, 0, 0, 0, 0, 0, 0, 0, 0, 0
from changed
where is_gone
{%- endif %}
