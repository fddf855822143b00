-- A product or customer that moved without its days being recomputed shows here: on the open days, and on every 31st of the
-- others, another set each night. All days on a full refresh.
{%- set kinds = {
    'category': ('agg_sales_daily_product', 'dim_product', 'product_key'),
    'segment': ('agg_sales_daily_customer', 'dim_customer', 'customer_key'),
} %}
with days as (
    select order_date
    from {{ ref('agg_sales_daily') }}
    {%- if not flags.FULL_REFRESH %}
    where (order_date - date '2000-01-01' - (select coalesce(max(token), 0) from {{ source('ops', 'nights') }})) % 31 = 0
        or order_date in (select day from {{ source('ops', 'open_days') }})
    {%- endif %}
)
{%- for kind, (daily, members, key) in kinds.items() %}

{{ 'union all' if not loop.first }}

select
    order_date,
    '{{ kind }}' as kind,
    {{ kind }} as name
from (
    select
        order_date,
        {{ kind }},
        sum(lines) as lines,
        {{- sum_measures() }}
    from days
    inner join {{ ref(daily) }} using (order_date)
    inner join {{ ref(members) }} using ({{ key }})
    group by order_date, {{ kind }}
) as expected
full join (
    select found.* from days inner join {{ ref('agg_sales_daily_' ~ kind) }} as found using (order_date)
) as found using (order_date, {{ kind }})
where expected.lines is distinct from found.lines
    {%- for measure in additive_measures() %}
    or expected.{{ measure }} is distinct from found.{{ measure }}
    {%- endfor %}
{%- endfor %}
