{{ config(indexes=[{'columns': ['cycle', 'grain', 'entity', 'position'], 'unique': true}]) }}
-- Ratio to moving average (Makridakis, Wheelwright & Hyndman, Forecasting: Methods and Applications, 3rd ed. 1998, ch. 3):
-- a year around each month has every month in it, so the month's ratio to it is season and chance; the median over the
-- years leaves the season.
with night as (
    select
        {{ latest_as_of_date() }} as as_of_date,
        (select min(order_date) from {{ ref('agg_sales_daily') }}) as first_sales_day
),

products as (
    select
        product_key,
        category
    from {{ ref('dim_product') }}
    where not is_charge_code
),

sold as (
    select
        month_start,
        grouping(category) as is_company,
        case when grouping(category) = 1 then 'company' else category end as entity,
        sum(net_revenue) as net_revenue
    from {{ ref('agg_sales_monthly_product') }}
    inner join products using (product_key)
    inner join night on month_start < date_trunc('month', as_of_date + 1)
    where sale_lines > 0 or net_revenue <> 0
    group by grouping sets ((month_start), (month_start, category))
),

-- From the first month that the company's books have whole; for a category not before its own first month.
entities as (
    select
        case when is_company = 1 then 'company' else 'category' end as grain,
        entity,
        greatest(
            min(month_start), (date_trunc('month', first_sales_day - 1) + interval '1 month')::date
        ) as first_month
    from sold
    cross join night
    group by is_company, entity, first_sales_day
),

series as (
    select
        grain,
        entities.entity,
        month::date as month_start,
        coalesce(net_revenue, 0) as net_revenue,
        count(*) over (partition by grain, entities.entity) as n_months
    from entities
    cross join night
    cross join generate_series(
        first_month::timestamp, date_trunc('month', as_of_date + 1) - interval '1 month', interval '1 month'
    ) as month
    left join sold
        on sold.month_start = month::date
        and sold.entity = entities.entity
        and sold.is_company = (grain = 'company')::integer
),

ratios as (
    select
        grain,
        entity,
        month_start,
        net_revenue / nullif(centred_mean, 0) as ratio
    from (
        select
            *,
            -- 2×12: half a month at either end, so that the mean is centred on the month itself.
            case
                when count(*) over thirteen = 13
                    then (sum(net_revenue) over thirteen + sum(net_revenue) over eleven) / 24
            end as centred_mean
        from series
        where n_months >= 24
        window
            thirteen as (partition by grain, entity order by month_start rows between 6 preceding and 6 following),
            eleven as (partition by grain, entity order by month_start rows between 5 preceding and 5 following)
    ) as averaged
    where centred_mean > 0
),

medians as (
    select
        grain,
        entity,
        extract(month from month_start)::integer as position,
        count(*) as n_observations,
        percentile_cont(0.5) within group (order by ratio::double precision)::numeric as median_ratio
    from ratios
    group by 1, 2, 3
),

normalised as (
    select
        *,
        case
            when count(*) over entity_months = 12
                then 1200 * median_ratio / nullif(sum(median_ratio) over entity_months, 0)
        end as season_index
    from medians
    window entity_months as (partition by grain, entity)
),

-- Whole weeks up to the night, at most 52: each weekday is there as often as every other.
days as (
    select
        extract(isodow from order_date)::integer as position,
        net_revenue,
        n_weeks
    from (
        select
            as_of_date,
            least((as_of_date - first_sales_day + 1) / 7, 52) as n_weeks
        from night
    ) as weeks
    inner join {{ ref('mv_sales_daily_summary') }}
        on order_date > as_of_date - 7 * n_weeks and order_date <= as_of_date
),

weekdays as (
    select
        position,
        sum(net_revenue) as net_revenue,
        sum(sum(net_revenue)) over () as all_revenue,
        max(n_weeks) as n_weeks
    from days
    group by position
)

select
    as_of_date,
    'month_of_year' as cycle,
    entities.grain,
    entities.entity,
    position,
    round(season_index, 2) as index_pct,
    coalesce(n_observations, 0) as n_observations,
    greatest(
        (extract(year from age(date_trunc('month', as_of_date + 1), first_month)) * 12
        + extract(month from age(date_trunc('month', as_of_date + 1), first_month)))::integer, 0
    ) as n_months,
    null::integer as n_weeks
from entities
inner join night on as_of_date is not null
cross join generate_series(1, 12) as position
left join normalised using (grain, entity, position)

union all

select
    as_of_date,
    'day_of_week',
    'company',
    'company',
    position,
    case when n_weeks >= 8 and all_revenue > 0 then round(700 * net_revenue / all_revenue, 2) end,
    n_weeks,
    null,
    n_weeks
from weekdays
cross join night
