{{ config(indexes=[{'columns': ['kpi', 'grain', 'entity', 'period', 'period_start'], 'unique': true}]) }}
with night as (
    select
        {{ latest_as_of_date() }} as as_of_date,
        (select min(order_date) from {{ ref('agg_sales_daily') }}) as first_sales_day
),

ranked as (
    select
        targets.*,
        grain,
        entity,
        rank = min(rank) over (partition by kpi, grain, entity, period, period_start) as is_chosen
    from ({{ ranked_targets() }}) as targets
    cross join {{ entities_of_target() }}
    where entity is not null
),

targets as materialized (
    select
        kpi,
        grain,
        entity,
        period,
        period_start,
        -- of one period and entity the parts may end a day apart: one rep has a next target, another has left
        max(until) as until,
        sum(target_value) as target
    from ranked
    where is_chosen
    group by kpi, grain, entity, period, period_start
),

sold as (
    select
        order_date,
        case when grouping(territory_id) = 0 then 'territory' when grouping(rep_id) = 0 then 'rep' else 'company' end as grain,
        coalesce(territory_id, rep_id, 'company') as entity,
        {{- sum_measures() }}
    from {{ ref('agg_sales_daily_slice') }}
    group by grouping sets ((order_date), (order_date, territory_id), (order_date, rep_id))
    union all
    select
        order_date,
        'category',
        category,
        {{- list_measures() }}
    from {{ ref('agg_sales_daily_category') }}
),

sold_to_date as (
    select
        grain,
        entity,
        period,
        period_start,
        sum(net_revenue) as net_revenue,
        sum(units) as units,
        case when sum(costed_lines) > 0 then sum(costed_revenue) - sum(cost) end as gross_profit
    from (select distinct grain, entity, period, period_start, until from targets) as periods
    cross join night
    inner join sold using (grain, entity)
    where order_date >= period_start and order_date < until and order_date <= as_of_date
    group by grain, entity, period, period_start
),

-- When each customer first bought from an entity; read only if there is such a target.
first_purchases as (
    select 'company' as grain, 'company' as entity, first_order_date, first_order_date as first_here
    from {{ ref('customer_sightings') }}
    where first_order_date is not null
    union all
    select
        entities.grain,
        entities.entity,
        first_order_date,
        min(order_date)
    from (
        select order_date, territory_id, rep_id, null as category, buyers from {{ ref('agg_sales_daily_slice') }}
        union all
        select order_date, null, null, category, buyers from {{ ref('agg_sales_daily_category') }}
    ) as bought
    cross join lateral unnest(buyers) as customer_key
    inner join {{ ref('customer_sightings') }} using (customer_key)
    cross join {{ entities_of_target() }}
    where exists (select from targets where kpi = 'new_customers' and grain <> 'company')
        and entities.grain <> 'company'
        and entities.entity is not null
    group by entities.grain, entities.entity, customer_key, first_order_date
),

new_to_date as (
    select
        grain,
        entity,
        period,
        period_start,
        count(*) as new_customers
    from targets
    cross join night
    inner join first_purchases using (grain, entity)
    where kpi = 'new_customers'
        and first_order_date >= period_start
        and first_here < until
        and first_here <= as_of_date
    group by grain, entity, period, period_start
),

achieved as (
    select
        targets.*,
        as_of_date,
        greatest(least(until, as_of_date + 1) - period_start, 0) as days_elapsed,
        until - period_start as days,
        -- a period that has not begun, and one before the first sales day, have no actual, not 0
        case
            when period_start > as_of_date or until <= first_sales_day or first_sales_day is null then null
            when kpi = 'net_revenue' then coalesce(net_revenue, 0)
            when kpi = 'units' then coalesce(units, 0)
            when kpi = 'gross_profit' then gross_profit
            when kpi = 'new_customers' then coalesce(new_customers, 0)
        end as actual
    from targets
    cross join night
    left join sold_to_date using (grain, entity, period, period_start)
    left join new_to_date using (grain, entity, period, period_start)
    where as_of_date is not null
)

select
    kpi,
    grain,
    entity,
    period,
    period_start,
    until - 1 as period_end,
    target,
    actual,
    days,
    days_elapsed,
    round(100 * actual / nullif(target, 0), 6) as achievement_pct,
    round(100.0 * days_elapsed / days, 6) as expected_pct,
    round(100 * actual * days / nullif(target * days_elapsed, 0), 6) as pace_pct,
    case
        when period_start > as_of_date then 'not begun'
        when actual is null then 'unknown'
        when actual >= target then 'reached'
        when days_elapsed = days then 'missed'
        when actual * days >= target * days_elapsed then 'on pace'
        else 'behind'
    end as status
from achieved
