-- From what products sold by window; only dead products need days outside the windows, and few of those.
with windows as (
    select
        compared.*,
        window_end >= first_sales_day.day as is_known,
        window_end - {{ dead_after_days() }} >= first_sales_day.day as has_dead_products
    from {{ ref('kpi_windows') }} as compared
    cross join (select min(order_date) as day from {{ ref('agg_sales_daily') }}) as first_sales_day
),

products as (
    select
        product_key,
        category,
        first_sale_date,
        last_sale_date
    from {{ ref('dim_product') }}
    where product_key <> -1 and not is_charge_code
),

sold as (
    select
        period,
        basis,
        category,
        window_start,
        window_end,
        first_sale_date,
        abc_class,
        units,
        sale_lines,
        gross_sales - discounts as sales,
        greatest(sales.net_revenue, 0) as revenue
    from windows
    inner join {{ ref('product_window_sales') }} as sales using (window_start, window_end)
    inner join products using (product_key)
    left join (
        select product_key, abc_class from {{ ref('product_profile') }}
    ) as classes using (product_key)
),

sums as (
    select
        period,
        basis,
        case when grouping(category) = 1 then 'company' else 'category' end as grain,
        case when grouping(category) = 1 then 'company' else category end as entity,
        count(*) filter (where sale_lines > 0) as active_products,
        count(*) filter (
            where sale_lines > 0 and first_sale_date between window_start and window_end
        ) as new_products,
        sum(units) as units,
        sum(sales) as sales,
        sum(revenue) as revenue,
        coalesce(sum(revenue) filter (where abc_class = 'A'), 0) as a_revenue,
        max(revenue) as top_revenue,
        sum(revenue * revenue) as squares
    from sold
    group by grouping sets ((period, basis), (period, basis, category))
),

-- The days' table is asked only about products that sold after the window: of all others the last sale says it.
dead as (
    select
        window_end,
        case when grouping(category) = 1 then 'company' else 'category' end as grain,
        case when grouping(category) = 1 then 'company' else category end as entity,
        count(*) as dead_products
    from (select distinct window_end from windows where has_dead_products) as ends
    inner join products on first_sale_date <= window_end - {{ dead_after_days() }}
    where last_sale_date <= window_end - {{ dead_after_days() }}
        or (last_sale_date > window_end and not exists (
            select
            from {{ ref('agg_sales_daily_product') }} as daily
            where daily.product_key = products.product_key
                and order_date between window_end - {{ dead_after_days() }} + 1 and window_end
                and sale_lines > 0
        ))
    group by grouping sets ((window_end), (window_end, category))
),

baskets as (
    select
        period,
        basis,
        sum(baskets) as baskets,
        sum(cross_sold_baskets) as cross_sold_baskets
    from windows
    inner join {{ ref('basket_days') }} on order_date between window_start and window_end
    group by period, basis
),

effects as (
    select
        period,
        grain,
        entity,
        price_effect,
        volume_effect,
        mix_effect,
        reason as effects_reason
    from {{ ref('price_volume_mix') }}
    where basis = 'previous_year'
),

entities as (
    select 'company' as grain, 'company' as entity
    union
    select grain, entity from sums
),

filled as (
    select
        windows.*,
        grain,
        entity,
        coalesce(active_products, 0) as active_products,
        coalesce(new_products, 0) as new_products,
        coalesce(dead_products, 0) as dead_products,
        units,
        sales,
        revenue,
        a_revenue,
        top_revenue,
        squares,
        baskets,
        cross_sold_baskets,
        price_effect,
        volume_effect,
        mix_effect,
        effects_reason
    from windows
    cross join entities
    left join sums using (period, basis, grain, entity)
    left join dead using (window_end, grain, entity)
    left join baskets using (period, basis)
    left join effects using (period, grain, entity)
),

-- Each KPI with the reason it would be null for; what all share comes first, below.
valued as (
    select
        filled.*,
        kpi,
        value,
        own_reason
    from filled
    cross join lateral (values
        ('active_products', active_products::numeric, null),
        ('new_products', new_products::numeric, null),
        (
            'dead_products', case when has_dead_products then dead_products::numeric end,
            'fewer than {{ dead_after_days() }} days of sales before it'
        ),
        ('a_products_share_pct', 100 * a_revenue / nullif(revenue, 0), 'nothing was sold'),
        ('top_product_share_pct', 100 * top_revenue / nullif(revenue, 0), 'nothing was sold'),
        ('product_concentration', 10000 * squares / nullif(revenue * revenue, 0), 'nothing was sold'),
        ('average_price', sales / nullif(units, 0), 'nothing was sold'),
        ('cross_sell_rate_pct', 100 * cross_sold_baskets / nullif(baskets, 0), 'nothing was sold'),
        ('price_effect', price_effect, coalesce(effects_reason, 'before the first sales day')),
        ('volume_effect', volume_effect, coalesce(effects_reason, 'before the first sales day')),
        ('mix_effect', mix_effect, coalesce(effects_reason, 'before the first sales day'))
    ) as kpis (kpi, value, own_reason)
    where grain = 'company' or kpi <> 'cross_sell_rate_pct'
),

reasoned as (
    select
        *,
        case
            when is_known is not true then 'before the first sales day'
            when kpi in ('price_effect', 'volume_effect', 'mix_effect') and basis <> 'value'
                then 'an effect compares two periods already'
            when value is null and own_reason = 'before the first sales day' then 'no sales of the year before'
            when value is null then own_reason
        end as reason
    from valued
)

select
    as_of_date,
    grain,
    entity,
    kpi,
    period,
    basis,
    window_start,
    window_end,
    case when reason is null then round(value, 6) end as amount,
    reason
from reasoned
