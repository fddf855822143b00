-- depends_on: {{ ref('mv_sales_daily_summary') }} (the test kpis_equal_daily_summary compares with it)
-- A day lies in several of the windows at once. Each window is a bit, each day a sum of bits: an order or a customer is
-- then read once and not once per window. Lines, which are the most, are read only where the day's tables do not say
-- enough: which orders and customers bought of which category.
{%- set purchases_of = {
    'company': ('purchases', none),
    'country': ('purchases', 'country'),
    'category': ('purchases_by_category', 'category'),
} %}
with windows as (
    select
        *,
        1::bigint << (row_number() over (order by period, basis) - 1)::integer as bit
    from {{ ref('kpi_windows') }}
),

days as (
    select
        day::date as order_date,
        bit_or(bit) as bits
    from windows
    cross join generate_series(window_start::timestamp, window_end::timestamp, interval '1 day') as day
    group by 1
),

amounts_by_bits as (
    select
        bits,
        'company' as grain,
        'company' as entity,
        {{- sum_measures() }}
    from days
    inner join {{ ref('agg_sales_daily') }} using (order_date)
    group by bits

    union all

    select
        bits,
        'category',
        category,
        {{- sum_measures() }}
    from days
    inner join {{ ref('agg_sales_daily_product') }} using (order_date)
    inner join {{ ref('dim_product') }} using (product_key)
    group by bits, category

    union all

    select
        bits,
        'country',
        country,
        {{- sum_measures() }}
    from days
    inner join {{ ref('agg_sales_daily_order') }} using (order_date)
    group by bits, country
),

amounts as (
    select
        bit,
        grain,
        entity,
        {{- sum_measures() }}
    from windows
    inner join amounts_by_bits on bits & bit <> 0
    group by 1, 2, 3
),

purchases as materialized (
    select
        bits,
        order_key,
        customer_key,
        country
    from days
    inner join {{ ref('agg_sales_daily_order') }} using (order_date)
    where sale_lines > 0
),

purchases_by_category as materialized (
    select
        bits,
        order_key,
        customer_key,
        category
    from days
    inner join {{ ref('fct_sales_lines') }} using (order_date)
    inner join {{ ref('dim_product') }} using (product_key)
    where line_kind = 'sale'
),

-- Distinct orders, by the windows they have a sale in: an order over two days is one row.
orders_by_bits as (
    select
        grain,
        entity,
        bits,
        count(*) as orders
    from (
        {%- for grain, (purchases, entity) in purchases_of.items() %}
        select
            '{{ grain }}' as grain,
            {{ entity or "'company'" }} as entity,
            bit_or(bits) as bits
        from {{ purchases }}
        group by order_key{{ ', ' ~ entity if entity }}
        {{ 'union all' if not loop.last }}
        {%- endfor %}
    ) as each_order
    group by 1, 2, 3
),

orders as (
    select
        bit,
        grain,
        entity,
        sum(orders) as orders
    from windows
    inner join orders_by_bits on bits & bit <> 0
    group by 1, 2, 3
),

-- Distinct known customers, by the windows they bought in and the windows their first sale ever lies in.
customers_by_bits as (
    select
        grain,
        entity,
        each_customer.bits,
        coalesce(days.bits, 0) as first_bits,
        count(*) as customers
    from (
        {%- for grain, (purchases, entity) in purchases_of.items() %}
        select
            customer_key,
            '{{ grain }}' as grain,
            {{ entity or "'company'" }} as entity,
            bit_or(bits) as bits
        from {{ purchases }}
        where customer_key <> -1
        group by customer_key{{ ', ' ~ entity if entity }}
        {{ 'union all' if not loop.last }}
        {%- endfor %}
    ) as each_customer
    inner join {{ ref('dim_customer') }} as known using (customer_key)
    left join days on days.order_date = known.first_order_date
    group by 1, 2, 3, 4
),

customers as (
    select
        bit,
        grain,
        entity,
        sum(customers) as active_customers,
        coalesce(sum(customers) filter (where first_bits & bit <> 0), 0) as new_customers
    from windows
    inner join customers_by_bits on bits & bit <> 0
    group by 1, 2, 3
),

entities as (
    select 'company' as grain, 'company' as entity
    union
    select grain, entity from amounts
),

filled as (
    select
        windows.*,
        grain,
        entity,
        window_end >= first_sales_day.day as is_known,
        {% for measure in additive_measures() -%}
        coalesce({{ measure }}, 0) as {{ measure }},
        {% endfor -%}
        coalesce(orders, 0) as orders,
        coalesce(active_customers, 0) as active_customers,
        coalesce(new_customers, 0) as new_customers
    from windows
    cross join entities
    cross join (select min(order_date) as day from {{ ref('agg_sales_daily') }}) as first_sales_day
    left join amounts using (bit, grain, entity)
    left join orders using (bit, grain, entity)
    left join customers using (bit, grain, entity)
)

-- Every entity in every window: nothing sold is 0, but a window before the first sales day is unknown, hence null.
select
    as_of_date,
    grain,
    entity,
    period,
    basis,
    window_start,
    window_end,
    {%- for kpi in ['gross_sales', 'net_revenue', 'returns', 'charges', 'discounts', 'orders', 'units'] %}
    case when is_known then {{ kpi }}::numeric end as {{ kpi }},
    {%- endfor %}
    case when is_known then {{ average_order_value() }} end as average_order_value,
    case when is_known then {{ return_rate_pct() }} end as return_rate_pct,
    case when is_known then active_customers::numeric end as active_customers,
    case when is_known then new_customers::numeric end as new_customers,
    case when is_known then (active_customers - new_customers)::numeric end as returning_customers
from filled
