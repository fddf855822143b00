{{ config(indexes=[{'columns': ['month_start', 'location_key'], 'unique': true}]) }}
with night as (
    select {{ latest_as_of_date() }} as as_of_date
),

-- As the night knows it: what was shipped later is still to be shipped.
lines as (
    select
        as_of_date,
        order_date,
        location_key,
        due_on,
        case when shipped_on <= as_of_date then shipped_on end as shipped_on,
        sale_lines,
        units
    from {{ ref('agg_delivery_daily') }}
    cross join night
    where order_date <= as_of_date
),

-- Without a single day of shipping nothing is known, and not everything late.
is_told as (
    select bool_or(shipped_on is not null) as is_told from {{ ref('agg_delivery_daily') }}
),

due as (
    select
        date_trunc('month', due_on)::date as month_start,
        location_key,
        sum(sale_lines) as due_lines,
        coalesce(sum(sale_lines) filter (where shipped_on <= due_on), 0) as on_time_lines,
        coalesce(sum(sale_lines) filter (where shipped_on > due_on), 0) as late_lines,
        coalesce(sum(sale_lines) filter (where shipped_on is null), 0) as open_lines,
        sum(units) as due_units,
        coalesce(sum(units) filter (where shipped_on <= due_on), 0) as on_time_units,
        sum(sale_lines * (shipped_on - due_on)) filter (where shipped_on > due_on) as days_late
    from lines
    where due_on <= as_of_date
    group by 1, 2
),

shipped as (
    select
        date_trunc('month', shipped_on)::date as month_start,
        location_key,
        sum(sale_lines) as shipped_lines,
        sum(units) as shipped_units,
        sum(sale_lines * (shipped_on - order_date)) as days_to_ship
    from lines
    where shipped_on is not null
    group by 1, 2
),

months as (
    select month_start, location_key from due
    union
    select month_start, location_key from shipped
),

-- What can be open at a month's end: not what was shipped in the month it was ordered in, which is nearly everything.
unshipped as (
    select * from lines
    where shipped_on is null or date_trunc('month', shipped_on) > date_trunc('month', order_date)
),

-- Lines that are open for more than a year were cancelled without anybody saying so.
backlog as (
    select
        month_start,
        months.location_key,
        coalesce(sum(units), 0) as backlog_units
    from months
    cross join night
    cross join lateral (
        select least((month_start + interval '1 month - 1 day')::date, night.as_of_date) as last_day
    ) as month_ends
    left join unshipped
        on unshipped.location_key = months.location_key
        and order_date > last_day - 365
        and order_date <= last_day
        and (shipped_on is null or shipped_on > last_day)
    group by 1, 2
)

select
    month_start,
    location_key,
    coalesce(due_lines, 0) as due_lines,
    coalesce(on_time_lines, 0) as on_time_lines,
    coalesce(late_lines, 0) as late_lines,
    coalesce(open_lines, 0) as open_lines,
    round(100 * on_time_lines / nullif(due_lines, 0), 6) as on_time_pct,
    coalesce(due_units, 0) as due_units,
    coalesce(on_time_units, 0) as on_time_units,
    round(100 * on_time_units / nullif(due_units, 0), 6) as fill_rate_pct,
    round(days_late / nullif(late_lines, 0), 6) as average_days_late,
    coalesce(shipped_lines, 0) as shipped_lines,
    coalesce(shipped_units, 0) as shipped_units,
    round(days_to_ship / nullif(shipped_lines, 0), 6) as average_days_to_ship,
    backlog_units
from months
inner join is_told on is_told
left join due using (month_start, location_key)
left join shipped using (month_start, location_key)
left join backlog using (month_start, location_key)
