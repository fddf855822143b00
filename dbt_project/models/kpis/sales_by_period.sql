{{ config(
    indexes=[{'columns': ['period', 'period_start', 'grain', 'entity'], 'unique': true}],
) }}
-- depends_on: {{ ref('mv_sales_daily_summary') }} (the test periods_add_up compares with it)
-- From the daily aggregates by place, category and segment, which are small: days make weeks and months, months the rest.
{%- set steps = {
    'week': ('7 days', 52), 'month': ('1 month', 12), 'quarter': ('3 months', 4), 'year': ('1 year', 1),
    'fiscal_quarter': ('3 months', 4), 'fiscal_year': ('1 year', 1),
} %}
{%- set measures = additive_measures() %}
with night as (
    select
        as_of_date,
        first_weekday,
        fiscal_year_start_month,
        (select min(order_date) from {{ ref('agg_sales_daily') }}) as first_sales_day
    from (select {{ latest_as_of_date() }} as as_of_date) as latest
    cross join {{ source('ops', 'business') }}
    where as_of_date is not null
),

by_day as (
    select
        order_date,
        case
            when grouping(country) = 0 then 'country'
            when grouping(channel) = 0 then 'channel'
            when grouping(territory_id) = 0 then 'territory'
            when grouping(rep_id) = 0 then 'rep'
            else 'company'
        end as grain,
        coalesce(country, channel, territory_id, rep_id, 'company') as entity,
        {{- sum_measures() }}
    from {{ ref('agg_sales_daily_slice') }}
    group by grouping sets (
        (order_date), (order_date, country), (order_date, channel), (order_date, territory_id), (order_date, rep_id)
    )
    {%- for grain in ['category', 'segment'] %}
    union all
    select
        order_date,
        '{{ grain }}',
        {{ grain }},
        {{- list_measures() }}
    from {{ ref('agg_sales_daily_' ~ grain) }}
    {%- endfor %}
),

by_month as materialized (
    select
        date_trunc('month', order_date::timestamp) as month_start,
        grain,
        entity,
        {{- sum_measures() }}
    from by_day
    inner join night on order_date <= as_of_date
    group by 1, 2, 3
),

sold as (
    select
        'week' as period,
        (order_date - (extract(isodow from order_date)::integer - first_weekday + 7) % 7)::date as period_start,
        grain,
        entity,
        {{- sum_measures() }}
    from by_day
    inner join night on order_date <= as_of_date
    group by 2, 3, 4

    union all

    select
        period,
        start_of_period::date,
        grain,
        entity,
        {{- sum_measures() }}
    from by_month
    cross join night
    -- months of the fiscal year that are over
    cross join lateral (
        select (extract(month from month_start)::integer - fiscal_year_start_month + 12) % 12 as fiscal_months
    ) as fiscal
    cross join lateral (values
        ('month', month_start),
        ('quarter', date_trunc('quarter', month_start)),
        ('year', date_trunc('year', month_start)),
        ('fiscal_quarter', month_start - make_interval(months => fiscal_months % 3)),
        ('fiscal_year', month_start - make_interval(months => fiscal_months))
    ) as periods (period, start_of_period)
    group by 1, 2, 3, 4
),

-- Every period from an entity's first to tonight's: one in which nothing was sold is a row of zeros, not a gap.
filled as (
    select
        entities.period,
        start_of_period::date as period_start,
        (start_of_period + step - interval '1 day')::date as period_end,
        periods_a_year,
        as_of_date,
        first_sales_day,
        entities.grain,
        entities.entity,
        {% for measure in measures -%}
        coalesce({{ measure }}, 0) as {{ measure }}{{ ',' if not loop.last }}
        {% endfor %}
    from (select period, grain, entity, min(period_start) as first_start from sold group by 1, 2, 3) as entities
    cross join night
    inner join (values
        {%- for period, (step, periods_a_year) in steps.items() %}
        ('{{ period }}', interval '{{ step }}', {{ periods_a_year }}){{ ',' if not loop.last }}
        {%- endfor %}
    ) as steps (period, step, periods_a_year) on steps.period = entities.period
    cross join lateral generate_series(first_start::timestamp, as_of_date::timestamp, step) as start_of_period
    left join sold
        on sold.period = entities.period
        and sold.period_start = start_of_period::date
        and sold.grain = entities.grain
        and sold.entity = entities.entity
),

profits as (
    select
        *,
        {{ gross_profit() }} as gross_profit
    from filled
)

select
    period,
    period_start,
    period_end,
    grain,
    entity,
    {{- list_measures() }},
    gross_profit,
    {{ gross_margin_pct() }} as gross_margin_pct,
    -- a period that ended before the first sales day is unknown; one in which the entity sold nothing yet is 0
    case when period_start > first_sales_day then coalesce(lag(net_revenue) over by_period, 0) end
        as previous_period_net_revenue,
    case when period_start > first_sales_day then lag(gross_profit) over by_period end as previous_period_gross_profit,
    case
        when period_end + 1 - case period when 'week' then interval '364 days' else interval '1 year' end > first_sales_day
            then coalesce(lag(net_revenue, periods_a_year) over by_period, 0)
    end as previous_year_net_revenue,
    lag(gross_profit, periods_a_year) over by_period as previous_year_gross_profit,
    period_start >= first_sales_day and period_end <= as_of_date as is_complete
from profits
window by_period as (partition by period, grain, entity order by period_start)
