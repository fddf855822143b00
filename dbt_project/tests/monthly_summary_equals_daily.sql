with daily as (
    select
        date_trunc('month', order_date)::date as month_start,
        sum(lines) as lines,
        -- Somebody's first sale falls on one day and in one month; orders and active customers do not add up.
        sum(new_customers) as new_customers,
        {{- sum_measures() }}
    from {{ ref('mv_sales_daily_summary') }}
    group by 1
)

select month_start
from daily
full join {{ ref('mv_sales_monthly_summary') }} as monthly using (month_start)
where daily.lines is distinct from monthly.lines
    or daily.new_customers is distinct from monthly.new_customers
    {%- for measure in additive_measures() %}
    or daily.{{ measure }} is distinct from monthly.{{ measure }}
    {%- endfor %}
