-- Every kind of period and every grain comes to the same sales as the daily summary, up to the as-of date.
select
    period,
    grain
from {{ ref('sales_by_period') }}
group by period, grain
having
    {%- for measure in additive_measures() %}
    {{ 'or ' if not loop.first }}sum({{ measure }}) <> (
        select coalesce(sum({{ measure }}), 0)
        from {{ ref('mv_sales_daily_summary') }}
        where order_date <= {{ latest_as_of_date() }}
    )
    {%- endfor %}
