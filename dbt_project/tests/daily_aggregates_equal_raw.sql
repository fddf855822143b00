-- Over all history on purpose: a day that changed without being re-opened shows here and nowhere else.
with sources as (
    select
        order_date,
        count(*) as lines,
        sum(line_amount) filter (where line_kind in ('sale', 'return')) as net_revenue,
        sum(line_amount) filter (where line_kind = 'charge') as charges,
        sum(line_amount) filter (where line_kind = 'adjustment') as adjustments,
        sum(qty_units) filter (where line_kind in ('sale', 'return')) as net_units
    from {{ ref('stg_sales_lines') }}
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
