-- depends_on: {{ ref('mv_sales_daily_summary') }} (the test kpis_equal_daily_summary compares with it)
-- A day lies in several of the windows at once. Each window is a bit, each day a sum of bits: what is counted once in a
-- window is read once and not once per window. Neither lines nor orders are read: what adds up comes from the daily
-- aggregates, distinct orders are their rows less those that orders in parts have too many, distinct customers are the
-- keys that the aggregates carry.
{%- set places = {'country': 'country', 'channel': 'channel', 'territory': 'territory_id', 'rep': 'rep_id'} %}
{%- set sums = additive_measures() + ['customer_revenue', 'unconverted_lines'] %}
with windows as (
    select
        *,
        1::bigint << (row_number() over (order by period, basis) - 1)::integer as bit
    from {{ ref('kpi_windows') }}
),

days as materialized (
    select
        day::date as order_date,
        bit_or(bit) as bits
    from windows
    cross join generate_series(window_start::timestamp, window_end::timestamp, interval '1 day') as day
    group by 1
),

slices as materialized (
    select
        bits,
        dense_rank() over (order by country, channel, territory_id, rep_id) as slice,
        slices.*
    from days
    inner join {{ ref('agg_sales_daily_slice') }} as slices using (order_date)
),

places as materialized (
    select distinct slice, country, channel, territory_id, rep_id from slices
),

-- What adds up, and how many orders each row says it has.
amounts_by_bits as (
    select
        bits,
        case
            {%- for grain, column in places.items() %}
            when grouping({{ column }}) = 0 then '{{ grain }}'
            {%- endfor %}
            else 'company'
        end as grain,
        coalesce({{ places.values() | join(', ') }}, 'company') as entity,
        sum(order_rows) as orders,
        {%- for measure in sums %}
        sum({{ measure }}) as {{ measure }}{{ ',' if not loop.last }}
        {%- endfor %}
    from slices
    group by grouping sets ((bits){% for column in places.values() %}, (bits, {{ column }}){% endfor %})

    {%- for grain in ['category', 'segment'] %}

    union all

    select
        bits,
        '{{ grain }}',
        {{ grain }},
        sum(orders),
        {%- for measure in sums %}
        sum({{ measure }}){{ ',' if not loop.last }}
        {%- endfor %}
    from days
    inner join {{ ref('agg_sales_daily_' ~ grain) }} using (order_date)
    group by bits, {{ grain }}
    {%- endfor %}
),

-- An order in parts was counted with each of its parts, and is to be counted once in every window that has one of them.
parts as materialized (
    select
        bits,
        order_date,
        order_key,
        grain,
        entity,
        counted_as
    from days
    inner join {{ ref('orders_in_parts') }} as several using (order_date)
    cross join lateral (
        values
        ('company', 'company', row(customer_key, country, channel, territory_id, rep_id)::text)
        {%- for grain, column in places.items() %},
        ('{{ grain }}', {{ column }}, row(customer_key, country, channel, territory_id, rep_id)::text)
        {%- endfor %}
        union all
        select 'segment', segment, '' from {{ ref('dim_customer') }} as known where known.customer_key = several.customer_key
        union all
        select 'category', category, '' from {{ ref('dim_product') }} as known where known.product_key = any(product_keys)
    ) as entities (grain, entity, counted_as)
),

corrections_by_bits as (
    select
        bits,
        grain,
        entity,
        -1 as orders
    from (select distinct bits, order_date, order_key, grain, entity, counted_as from parts) as each_part

    union all

    select
        bit_or(bits),
        grain,
        entity,
        1
    from parts
    group by order_key, grain, entity
),

amounts as (
    select
        bit,
        grain,
        entity,
        {%- for measure in sums %}
        sum({{ measure }}) as {{ measure }},
        {%- endfor %}
        sum(orders) as orders
    from windows
    inner join (
        select bits, grain, entity, orders, {{ sums | join(', ') }} from amounts_by_bits
        union all
        select bits, grain, entity, orders{% for measure in sums %}, null{% endfor %} from corrections_by_bits
    ) as by_bits on bits & bit <> 0
    group by 1, 2, 3
),

-- Distinct known customers, by the windows they bought in.
buyers_by_slice as materialized (
    select
        customer_key,
        slice,
        bit_or(bits) as bits
    from slices
    cross join lateral unnest(buyers) as customer_key
    group by customer_key, slice
),

each_customer as (
    select
        customer_key,
        case
            {%- for grain, column in places.items() %}
            when grouping({{ column }}) = 0 then '{{ grain }}'
            {%- endfor %}
            else 'company'
        end as grain,
        coalesce({{ places.values() | join(', ') }}, 'company') as entity,
        bit_or(bits) as bits
    from buyers_by_slice
    inner join places using (slice)
    group by grouping sets ((customer_key){% for column in places.values() %}, (customer_key, {{ column }}){% endfor %})

    union all

    select
        customer_key,
        'category',
        category,
        bit_or(bits)
    from days
    inner join {{ ref('agg_sales_daily_category') }} using (order_date)
    cross join lateral unnest(buyers) as customer_key
    group by customer_key, category
),

-- ... and the windows their first sale ever lies in.
customers_by_bits as (
    select
        kinds.grain,
        kinds.entity,
        each_customer.bits,
        coalesce(days.bits, 0) as first_bits,
        count(*) as customers
    from each_customer
    inner join {{ ref('dim_customer') }} as known using (customer_key)
    left join days on days.order_date = known.first_order_date
    cross join lateral (
        select each_customer.grain, each_customer.entity
        union all
        select 'segment', segment where each_customer.grain = 'company'
    ) as kinds
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

-- Expenses are direct if they say what they are for. One that names a rep alone was made where the rep was that day.
expenses as (
    select
        bit,
        grain,
        entity,
        sum(amount) as direct_expenses
    from days
    inner join windows on bits & bit <> 0
    inner join {{ ref('stg_expenses') }} as expenses on expenses.incurred_on = days.order_date
    left join {{ ref('dim_rep_territory') }} as whereabouts
        on whereabouts.rep_id = expenses.rep_id
        and expenses.incurred_on between whereabouts.valid_from and whereabouts.valid_to
    cross join lateral (values
        ('company', 'company'),
        ('channel', channel),
        ('territory', coalesce(expenses.territory_id, whereabouts.territory_id)),
        ('rep', expenses.rep_id)
    ) as entities (grain, entity)
    where entity is not null
        and (expenses.rep_id is not null or expenses.territory_id is not null or channel is not null or campaign is not null)
    group by 1, 2, 3
),

-- A promotion has a row for each product it is for, and its cost stands in every one of them: it is taken once.
promotions as (
    select
        promotion_id,
        starts_on,
        ends_on,
        channel,
        cost_amount
    from {{ ref('stg_promotions') }}
    where cost_amount is not null
    group by promotion_id, starts_on, ends_on, channel, cost_amount
),

promotion_costs as (
    select
        bit,
        grain,
        entity,
        sum(
            cost_amount * (least(ends_on, window_end) - greatest(starts_on, window_start) + 1) / (ends_on - starts_on + 1)
        ) as promotion_costs
    from windows
    inner join promotions on starts_on <= window_end and ends_on >= window_start and ends_on >= starts_on
    cross join lateral (values ('company', 'company'), ('channel', channel)) as entities (grain, entity)
    where entity is not null
    group by 1, 2, 3
),

entities as (
    select 'company' as grain, 'company' as entity
    union
    select grain, entity from amounts
    union
    select grain, entity from expenses
    union
    select grain, entity from {{ ref('kpi_targets') }}
)

-- Every entity in every window: nothing sold is 0. A window before the first sales day is unknown, and says so.
select
    as_of_date,
    grain,
    entity,
    period,
    basis,
    window_start,
    window_end,
    coalesce(window_end >= first_sales_day.day, false) as is_known,
    {%- for measure in sums %}
    coalesce({{ measure }}, 0){{ '::bigint' if measure.endswith('_lines') }} as {{ measure }},
    {%- endfor %}
    coalesce(orders, 0)::bigint as orders,
    coalesce(active_customers, 0)::bigint as active_customers,
    coalesce(new_customers, 0)::bigint as new_customers,
    coalesce(direct_expenses, 0) as direct_expenses,
    round(coalesce(promotion_costs, 0), 6) as promotion_costs
from windows
cross join entities
cross join (select min(order_date) as day from {{ ref('agg_sales_daily') }}) as first_sales_day
left join amounts using (bit, grain, entity)
left join customers using (bit, grain, entity)
left join expenses using (bit, grain, entity)
left join promotion_costs using (bit, grain, entity)
