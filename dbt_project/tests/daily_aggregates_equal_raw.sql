-- Also days that are not open: a day that changed without being re-opened shows here and nowhere else. All of them on a
-- full refresh; of a night's other days every 31st, another set each night, so that a month of nights reads them all.
with
{%- if not flags.FULL_REFRESH %} days as (
    select day::date as order_date
    from (select min(order_date) as first_day, max(order_date) as last_day from {{ ref('stg_sales_lines') }}) as sales
    cross join generate_series(first_day::timestamp, last_day::timestamp, interval '1 day') as day
    where (day::date - date '2000-01-01' - (select coalesce(max(token), 0) from {{ source('ops', 'nights') }})) % 31 = 0
    union
    select day from {{ source('ops', 'open_days') }}
),
{%- endif %}

sources as (
    select
        order_date,
        count(*) as lines,
        sum(own_amount) filter (where line_kind in ('sale', 'return')) as net_revenue,
        sum(own_amount) filter (where line_kind = 'charge') as charges,
        sum(own_amount) filter (where line_kind = 'adjustment') as adjustments,
        sum(qty_units) filter (where line_kind in ('sale', 'return')) as net_units
    from (
        select
            order_date,
            line_kind,
            qty_units,
            case
                when sales.currency is null or sales.currency = own.currency then line_amount
                else round(line_amount * rates.rate, 6)
            end as own_amount
        from {{ ref('stg_sales_lines') }} as sales
        cross join {{ source('ops', 'business') }} as own
        left join {{ ref('exchange_rate_days') }} as rates
            on rates.from_currency = sales.currency and rates.rate_day = sales.order_date
        {{ '' if flags.FULL_REFRESH else 'where order_date in (select order_date from days)' }}
    ) as converted
    group by order_date
),

facts as (
    select
        order_date,
        sum(lines) as lines,
        sum(net_revenue) as net_revenue,
        sum(charges) as charges,
        sum(adjustments) as adjustments,
        sum(units) - sum(returned_units) as net_units
    from {{ ref('agg_sales_daily_product') }}
    {{ '' if flags.FULL_REFRESH else 'where order_date in (select order_date from days)' }}
    group by order_date
)

select *
from sources
full join facts using (order_date)
where sources.lines is distinct from facts.lines
    -- Half a cent in the last of 6 decimals per line: a source may have rounded its own line amounts.
    or abs(coalesce(sources.net_revenue, 0) - facts.net_revenue) > 0.01 * facts.lines
    or coalesce(sources.charges, 0) <> facts.charges
    or coalesce(sources.adjustments, 0) <> facts.adjustments
    or coalesce(sources.net_units, 0) <> facts.net_units
