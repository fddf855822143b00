{{ config(indexes=[{'columns': ['period', 'basis', 'dimension', 'direction', 'change_rank'], 'unique': true}]) }}
-- Products are there by window already; customers and slices are read once, each window a bit and each day a sum of bits.
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

compared_windows as (
    select windows.*
    from windows
    cross join (select min(order_date) as day from {{ ref('agg_sales_daily') }}) as first_sales_day
    where basis <> 'value' and window_end >= first_sales_day.day
),

customers_by_bits as (
    select
        bits,
        customer_key,
        sum(net_revenue) as net_revenue
    from days
    inner join {{ ref('agg_sales_daily_customer') }} using (order_date)
    group by bits, customer_key
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

by_window as (
    select
        windows.period,
        windows.basis,
        'customer' as dimension,
        customer_key,
        null::text as member,
        sum(net_revenue) as net_revenue
    from windows
    inner join customers_by_bits on bits & bit <> 0
    group by windows.period, windows.basis, customer_key

    union all

    select
        windows.period,
        windows.basis,
        dimension,
        null,
        member,
        sum(net_revenue)
    from windows
    inner join slices_by_bits on bits & bit <> 0
    cross join lateral (values
        ('country', country),
        ('channel', channel),
        ('territory', territory_id)
    ) as members (dimension, member)
    group by windows.period, windows.basis, dimension, member
),

compared as (
    select
        compared_windows.as_of_date,
        compared_windows.period,
        compared_windows.basis,
        dimension,
        customer_key,
        member,
        coalesce(sum(net_revenue) filter (where by_window.basis = 'value'), 0) as net_revenue,
        coalesce(sum(net_revenue) filter (where by_window.basis <> 'value'), 0) as compared_net_revenue
    from compared_windows
    inner join by_window
        on by_window.period = compared_windows.period
        and by_window.basis in ('value', compared_windows.basis)
    group by 1, 2, 3, 4, 5, 6
),

named as (
    select
        as_of_date,
        period,
        basis,
        dimension,
        coalesce(customers.customer_id, compared.member) as member,
        coalesce(customers.customer_name, territories.territory_name, compared.member) as member_name,
        net_revenue,
        compared_net_revenue
    from compared
    left join {{ ref('dim_customer') }} as customers using (customer_key)
    left join {{ ref('dim_territory') }} as territories
        on dimension = 'territory' and territories.territory_id = compared.member

    union all

    select
        as_of_date,
        period,
        basis,
        'product',
        product_id,
        product_name,
        net_revenue,
        compared_net_revenue
    from {{ ref('product_changes') }}
    inner join {{ ref('dim_product') }} using (product_key)

    union all

    select
        as_of_date,
        period,
        basis,
        'category',
        category,
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
            order by abs(net_revenue - compared_net_revenue) desc, member
        ) as change_rank
    from named
    window whole as (partition by period, basis, dimension)
)

select
    as_of_date,
    period,
    basis,
    dimension,
    case when change > 0 then 'up' else 'down' end as direction,
    change_rank::integer as change_rank,
    member,
    member_name,
    net_revenue,
    compared_net_revenue,
    change,
    case when compared_net_revenue > 0 then round(100 * change / compared_net_revenue, 2) end as change_pct,
    case when compared_total > 0 then round(100 * change / compared_total, 4) end as contribution_points,
    round(100 * change / nullif(total_change, 0), 4) as contribution_pct
from ranked
where change <> 0 and change_rank <= 10
