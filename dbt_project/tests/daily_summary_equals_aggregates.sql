-- A materialized view that was not refreshed shows here.
with aggregates as (
    select
        order_date,
        sum(lines) as lines,
        {{- sum_measures() }}
    from {{ ref('agg_sales_daily') }}
    group by order_date
)

select order_date
from aggregates
full join {{ ref('mv_sales_daily_summary') }} as summary using (order_date)
where coalesce(aggregates.lines, 0) is distinct from summary.lines
    {%- for measure in additive_measures() %}
    or coalesce(aggregates.{{ measure }}, 0) is distinct from summary.{{ measure }}
    {%- endfor %}
    or summary.net_revenue <> summary.gross_sales - summary.discounts - summary.returns
