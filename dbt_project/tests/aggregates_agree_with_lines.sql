-- The five tables of a day say the same, to the last digit.
{% set tables = ['fct_sales_lines', 'agg_sales_daily_product', 'agg_sales_daily_customer', 'agg_sales_daily_order', 'agg_sales_daily'] %}
with totals as (
    {% for table in tables -%}
    select
        order_date,
        '{{ table }}' as table_name,
        {{ 'count(*)' if loop.first else 'sum(lines)' }} as lines,
        {{- sum_measures() }}
    from {{ ref(table) }}
    where {{ 'true' if flags.FULL_REFRESH else 'order_date in (select day from ops.open_days)' }}
    group by order_date
    {{ 'union all' if not loop.last }}
    {% endfor %}
)

select order_date
from totals
group by order_date
having count(*) <> {{ tables | length }}
    or count(distinct lines) > 1
    {%- for measure in additive_measures() %}
    or count(distinct {{ measure }}) > 1
    {%- endfor %}
