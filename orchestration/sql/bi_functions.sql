-- Functions of bi: any two periods compared. Made anew at the end of every publication, because a full build replaces
-- the schema and all that stands on it; a change of this file causes one, so what they return may change. They read bi
-- alone, so the read-only login may call them.

create or replace function bi.compare_periods(a_from date, a_to date, b_from date, b_to date)
returns table (
    dimension text, member text, member_name text,
    net_revenue_a numeric, net_revenue_b numeric, net_revenue_change numeric, change_pct numeric, contribution_pct numeric,
    units_a numeric, units_b numeric, units_change numeric,
    orders_a bigint, orders_b bigint, orders_change bigint,
    gross_profit_a numeric, gross_profit_b numeric, gross_profit_change numeric
)
language sql stable parallel safe
as $$
    with lines as materialized (
        select
            sales.*,
            products.category,
            customers.segment,
            order_date between a_from and a_to as in_a,
            order_date between b_from and b_to as in_b
        from bi.sales_lines as sales
        inner join bi.dim_product as products using (product_key)
        inner join bi.dim_customer as customers using (customer_key)
        where order_date between a_from and a_to or order_date between b_from and b_to
    ),
    -- One pass for all dimensions; a number says which one a row is of.
    sums as (
        select
            grouping(category, product_key, segment, customer_key, country, channel, territory_key, rep_key) as which,
            category, product_key, segment, customer_key, country, channel, territory_key, rep_key,
            coalesce(sum(net_revenue) filter (where in_a), 0) as net_revenue_a,
            coalesce(sum(net_revenue) filter (where in_b), 0) as net_revenue_b,
            coalesce(sum(units) filter (where in_a), 0) as units_a,
            coalesce(sum(units) filter (where in_b), 0) as units_b,
            sum(costed_revenue - cost) filter (where in_a and costed_lines > 0) as gross_profit_a,
            sum(costed_revenue - cost) filter (where in_b and costed_lines > 0) as gross_profit_b
        from lines
        group by grouping sets (
            (), (category), (product_key), (segment), (customer_key), (country), (channel), (territory_key), (rep_key)
        )
    ),
    -- An order counts once in every member it has a sale of: first the different orders, then their number.
    orders as (
        select
            'company' as dimension, 'company' as id,
            count(*) filter (where in_a) as orders_a, count(*) filter (where in_b) as orders_b
        from (
            select bool_or(in_a) as in_a, bool_or(in_b) as in_b
            from lines where line_kind = 'sale' group by order_id
        ) as each_order
        union all
        select 'product', product_key::text, count(*) filter (where in_a), count(*) filter (where in_b)
        from (
            select product_key, bool_or(in_a) as in_a, bool_or(in_b) as in_b
            from lines where line_kind = 'sale' group by product_key, order_id
        ) as each_order
        group by product_key
        union all
        select 'category', category, count(*) filter (where in_a), count(*) filter (where in_b)
        from (
            select category, bool_or(in_a) as in_a, bool_or(in_b) as in_b
            from lines where line_kind = 'sale' group by category, order_id
        ) as each_order
        group by category
        union all
        select
            each.dimension, each.id,
            count(distinct order_id) filter (where in_a), count(distinct order_id) filter (where in_b)
        from (
            select
                order_id, segment, customer_key, country, channel, territory_key, rep_key,
                bool_or(in_a) as in_a, bool_or(in_b) as in_b
            from lines where line_kind = 'sale'
            group by order_id, segment, customer_key, country, channel, territory_key, rep_key
        ) as each_order
        cross join lateral (values
            ('segment', segment), ('customer', customer_key::text), ('country', country), ('channel', channel),
            ('territory', territory_key::text), ('rep', rep_key::text)
        ) as each (dimension, id)
        group by each.dimension, each.id
    ),
    members as (
        select
            case which
                when 255 then 'company' when 127 then 'category' when 191 then 'product' when 223 then 'segment'
                when 239 then 'customer' when 247 then 'country' when 251 then 'channel' when 253 then 'territory'
                else 'rep'
            end as dimension,
            coalesce(product_key, customer_key, territory_key, rep_key) as key,
            coalesce(category, segment, country, channel, case when which = 255 then 'company' end) as name,
            sums.*
        from sums
    ),
    whole as (
        select net_revenue_a - net_revenue_b as change from members where members.dimension = 'company'
    )
    select
        members.dimension,
        coalesce(products.product_id, customers.customer_id, territories.territory_id, reps.rep_id, members.name),
        coalesce(
            products.product_name, customers.customer_name, territories.territory_name, reps.rep_name, members.name
        ),
        members.net_revenue_a,
        members.net_revenue_b,
        members.net_revenue_a - members.net_revenue_b,
        case
            when members.net_revenue_b > 0
                then round(100 * (members.net_revenue_a - members.net_revenue_b) / members.net_revenue_b, 2)
        end,
        round(100 * (members.net_revenue_a - members.net_revenue_b) / nullif(whole.change, 0), 4),
        members.units_a,
        members.units_b,
        members.units_a - members.units_b,
        coalesce(orders.orders_a, 0),
        coalesce(orders.orders_b, 0),
        coalesce(orders.orders_a, 0) - coalesce(orders.orders_b, 0),
        members.gross_profit_a,
        members.gross_profit_b,
        members.gross_profit_a - members.gross_profit_b
    from members
    cross join whole
    left join orders
        on orders.dimension = members.dimension
        and orders.id = coalesce(members.name, members.key::text)
    left join bi.dim_product as products on members.dimension = 'product' and products.product_key = members.key
    left join bi.dim_customer as customers on members.dimension = 'customer' and customers.customer_key = members.key
    left join bi.dim_territory as territories
        on members.dimension = 'territory' and territories.territory_key = members.key
    left join bi.dim_rep as reps on members.dimension = 'rep' and reps.rep_key = members.key
    order by members.dimension <> 'company', members.dimension, abs(members.net_revenue_a - members.net_revenue_b) desc, 2
$$;

comment on function bi.compare_periods(date, date, date, date) is
    'One row per dimension (company, category, product, segment, customer, country, channel, territory, rep) and member '
    'with a line in either period: net revenue, units sold, orders and gross profit of period a (a_from to a_to, both '
    'inclusive) and of period b it is compared with. contribution_pct is the share of the member in the company''s change.';

create or replace function bi.explain_change(a_from date, a_to date, b_from date, b_to date)
returns table (
    section text, place integer, driver text, net_revenue_a numeric, net_revenue_b numeric, change numeric, share_pct numeric
)
language sql stable parallel safe
as $$
    with products as (
        select
            product_key,
            coalesce(sum(gross_sales - discounts) filter (where order_date between a_from and a_to), 0) as sales_a,
            coalesce(sum(gross_sales - discounts) filter (where order_date between b_from and b_to), 0) as sales_b,
            coalesce(sum(units) filter (where order_date between a_from and a_to), 0) as units_a,
            coalesce(sum(units) filter (where order_date between b_from and b_to), 0) as units_b,
            coalesce(sum(returns) filter (where order_date between a_from and a_to), 0) as returns_a,
            coalesce(sum(returns) filter (where order_date between b_from and b_to), 0) as returns_b
        from bi.sales_daily_product
        where order_date between a_from and a_to or order_date between b_from and b_to
        group by product_key
    ),
    valued as (
        select
            products.*,
            units_a > 0 and units_b > 0 as is_continuing,
            case when units_a > 0 and units_b > 0 then round(units_a * sales_b / units_b, 6) end as sales_at_b_price
        from products
    ),
    effects as (
        select
            sum(sales_a - returns_a) as revenue_a,
            sum(sales_b - returns_b) as revenue_b,
            coalesce(sum(sales_a - sales_at_b_price), 0) as price,
            coalesce(sum(sales_at_b_price - sales_b), 0) as quantity,
            coalesce(round(
                sum(sales_b) filter (where is_continuing) * sum(units_a) filter (where is_continuing)
                / sum(units_b) filter (where is_continuing), 6
            ) - sum(sales_b) filter (where is_continuing), 0) as volume,
            coalesce(sum(sales_a - sales_b) filter (where not is_continuing and units_b <= 0), 0) as new_products,
            coalesce(sum(sales_a - sales_b) filter (where not is_continuing and units_b > 0), 0) as lost_products,
            coalesce(sum(returns_b - returns_a), 0) as returns
        from valued
    ),
    drivers as (
        select 'total' as section, 1 as place, 'net revenue' as driver, revenue_a, revenue_b, revenue_a - revenue_b as change
        from effects
        union all
        select 'drivers', named.place, named.driver, null, null, named.change
        from effects
        cross join lateral (values
            (1, 'price', price), (2, 'volume', volume), (3, 'mix', quantity - volume), (4, 'new products', new_products),
            (5, 'lost products', lost_products), (6, 'returns', returns)
        ) as named (place, driver, change)
    ),
    compared as materialized (
        select * from bi.compare_periods(a_from, a_to, b_from, b_to)
    ),
    customers as (
        select
            case
                when known.customer_key = -1 then 'anonymous'
                when not was_there and orders_a = 0 then 'other'
                when not was_there and known.first_order_date between a_from and a_to then 'new'
                when not was_there then 'won back'
                when not is_there then 'lost'
                when net_revenue_change > 0 then 'grown'
                when net_revenue_change < 0 then 'shrunk'
                else 'unchanged'
            end as driver,
            compared.*
        from compared
        inner join bi.dim_customer as known on known.customer_id = compared.member
        cross join lateral (
            select orders_a > 0 or net_revenue_a <> 0 as is_there, orders_b > 0 or net_revenue_b <> 0 as was_there
        ) as presence
        where dimension = 'customer'
    ),
    groups as (
        select
            'customers' as section,
            named.place,
            named.driver || case when named.driver = 'anonymous' then ' sales' else ' customers' end as driver,
            sum(customers.net_revenue_a) as net_revenue_a,
            sum(customers.net_revenue_b) as net_revenue_b,
            sum(customers.net_revenue_change) as change
        from (values
            (1, 'new'), (2, 'won back'), (3, 'lost'), (4, 'grown'), (5, 'shrunk'), (6, 'unchanged'), (7, 'other'),
            (8, 'anonymous')
        ) as named (place, driver)
        inner join customers on customers.driver = named.driver
        group by named.place, named.driver
    ),
    ranked as (
        select
            compared.*,
            row_number() over (
                partition by dimension, sign(net_revenue_change) order by abs(net_revenue_change) desc, member
            )::integer as place
        from compared
        where dimension <> 'company' and net_revenue_change <> 0
    ),
    everything as (
        select 1 as part, * from drivers where section = 'total'
        union all
        select 2, * from drivers where section = 'drivers'
        union all
        select 3, * from groups
        union all
        select
            case when net_revenue_change > 0 then 4 else 5 end,
            dimension || case when net_revenue_change > 0 then ' up' else ' down' end,
            ranked.place, member_name, net_revenue_a, net_revenue_b, net_revenue_change
        from ranked
        where ranked.place <= 5
    )
    select
        everything.section,
        everything.place,
        everything.driver,
        everything.revenue_a,
        everything.revenue_b,
        everything.change,
        round(100 * everything.change / nullif((select revenue_a - revenue_b from effects), 0), 4)
    from everything
    order by everything.part, everything.section, everything.place
$$;

comment on function bi.explain_change(date, date, date, date) is
    'One row per part of the change of net revenue from period b to period a: the total; its drivers price, volume, mix, '
    'new and lost products and returns, which add up to it; new, won-back, lost, grown and shrunk customers, which add up '
    'to it too (other: those who returned and bought nothing in either); and of each dimension the five members that changed most in either direction. share_pct is of the change.';

grant execute on function bi.compare_periods(date, date, date, date) to bi_reader;
grant execute on function bi.explain_change(date, date, date, date) to bi_reader;
