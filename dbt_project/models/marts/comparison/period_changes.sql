{{ config(indexes=[{'columns': ['period', 'basis', 'dimension', 'direction', 'change_rank'], 'unique': true}]) }}
-- Products are there by window already; customers and slices are read once, each window a bit and each day a sum of bits.
-- Ranked before they are named: ten of each are kept.
with windows as (
    select
        as_of_date,
        period,
        basis,
        window_start,
        window_end,
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

comparisons as (
    select
        compared.as_of_date,
        compared.period,
        compared.basis,
        own.bit as own_bit,
        compared.bit as compared_bit
    from windows as compared
    inner join windows as own on own.period = compared.period and own.basis = 'value'
    cross join (select min(order_date) as day from {{ ref('agg_sales_daily') }}) as first_sales_day
    where compared.basis <> 'value' and compared.window_end >= first_sales_day.day
),

slices_by_bits as (
    select
        bits,
        country,
        channel,
        territory_id,
        sum(net_revenue) as net_revenue
    from days
    inner join {{ ref('agg_sales_daily_slice') }} using (order_date)
    group by bits, country, channel, territory_id
),

by_bits as (
    select
        bits,
        'customer' as dimension,
        customer_key as key,
        null::text as member,
        sum(net_revenue) as net_revenue
    from days
    inner join {{ ref('agg_sales_daily_customer') }} using (order_date)
    where net_revenue <> 0
    group by bits, customer_key

    union all

    select
        bits,
        dimension,
        null,
        member,
        sum(net_revenue)
    from slices_by_bits
    cross join lateral (values
        ('country', country),
        ('channel', channel),
        ('territory', territory_id)
    ) as members (dimension, member)
    group by bits, dimension, member
),

compared as (
    select
        as_of_date,
        period,
        basis,
        dimension,
        key,
        member,
        coalesce(sum(net_revenue) filter (where bits & own_bit <> 0), 0) as net_revenue,
        coalesce(sum(net_revenue) filter (where bits & compared_bit <> 0), 0) as compared_net_revenue
    from comparisons
    inner join by_bits on bits & (own_bit | compared_bit) <> 0
    group by 1, 2, 3, 4, 5, 6

    union all

    select
        as_of_date,
        period,
        basis,
        'product',
        product_key,
        null,
        net_revenue,
        compared_net_revenue
    from {{ ref('product_changes') }}

    union all

    select
        as_of_date,
        period,
        basis,
        'category',
        null,
        category,
        sum(net_revenue),
        sum(compared_net_revenue)
    from {{ ref('product_changes') }}
    inner join {{ ref('dim_product') }} using (product_key)
    group by as_of_date, period, basis, category
),

ranked as (
    select
        *,
        net_revenue - compared_net_revenue as change,
        sum(net_revenue - compared_net_revenue) over whole as total_change,
        sum(compared_net_revenue) over whole as compared_total,
        row_number() over (
            partition by period, basis, dimension, sign(net_revenue - compared_net_revenue)
            order by abs(net_revenue - compared_net_revenue) desc, key, member
        ) as change_rank
    from compared
    window whole as (partition by period, basis, dimension)
),

kept as materialized (
    select *
    from ranked
    where change <> 0 and change_rank <= 10
)

select
    as_of_date,
    period,
    basis,
    dimension,
    case when change > 0 then 'up' else 'down' end as direction,
    change_rank::integer as change_rank,
    coalesce(product_id, customer_id, member) as member,
    coalesce(product_name, customer_name, territory_name, member) as member_name,
    net_revenue,
    compared_net_revenue,
    change,
    case when compared_net_revenue > 0 then round(100 * change / compared_net_revenue, 2) end as change_pct,
    case when compared_total > 0 then round(100 * change / compared_total, 4) end as contribution_points,
    round(100 * change / nullif(total_change, 0), 4) as contribution_pct
from kept
left join {{ ref('dim_product') }} as products on dimension = 'product' and product_key = key
left join {{ ref('dim_customer') }} as customers on dimension = 'customer' and customer_key = key
left join {{ ref('dim_territory') }} as territories on dimension = 'territory' and territories.territory_id = member
