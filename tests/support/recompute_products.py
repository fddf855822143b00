"""The products' KPIs, classes, pairs and effects of price, volume and mix, a second time.

Not here: what a product's stock says (recompute_operations.py).
"""

from tests.support.recompute_answers import Answers, answers_of, merged
from tests.support.recompute_books import Books

GOODS = """
create table goods as
select sold.*, unnest(['company', 'category']) as grain, unnest(['company', category]) as entity
from sold where not is_charge_code;

create table spans_of_days as select distinct start, until from windows;

-- what each product sold and took back in each window; one that brought less than nothing counts as nothing
create table product_sums as
select grain, entity, start, until, product,
    bool_or(kind = 'sale') as is_sold, any_value(product_first_sold) as first_sold,
    sum(sold_units) as units, sum(gross - discounts) as sales, sum(returns) as returns,
    greatest(sum(net), 0)::double as revenue
from goods inner join spans_of_days on day between start and until
where kind in ('sale', 'return')
group by all
"""

# A until the products with strictly more revenue bring 80 % of what is positive, B until 95 %.
CLASSES = """
create table classes as
with years as (
    select product, sum(net) as net, greatest(sum(net), 0) as revenue
    from sold
    where not is_charge_code and kind in ('sale', 'return') and day > date '{as_of}' - 365
    group by product
),
ranked as (
    select *,
        coalesce(
            sum(revenue) over (order by revenue desc groups between unbounded preceding and 1 preceding), 0
        ) as above,
        sum(revenue) over () as total
    from years
)
select product, net as net_revenue, rank() over (order by net desc) as revenue_rank,
    case when net <= 0 then 'C' when above < 0.80 * total then 'A' when above < 0.95 * total then 'B' else 'C' end
        as abc_class
from ranked
"""

SUM_KPIS = """
with entities as (
    select distinct grain, entity from product_sums
),
totals as (
    select grain, entity, start, until,
        count(*) filter (where is_sold) as active_products,
        count(*) filter (where is_sold and first_sold between start and until) as new_products,
        100 * coalesce(sum(revenue) filter (where abc_class = 'A'), 0) / nullif(sum(revenue), 0)
            as a_products_share_pct,
        100 * max(revenue) / nullif(sum(revenue), 0) as top_product_share_pct,
        10000 * sum(revenue ** 2) / nullif(sum(revenue), 0) ** 2 as product_concentration,
        sum(sales)::double / nullif(sum(units), 0)::double as average_price
    from product_sums left join classes using (product)
    group by all
)
select entities.*, start, until,
    coalesce(active_products, 0) as active_products, coalesce(new_products, 0) as new_products,
    a_products_share_pct, top_product_share_pct, product_concentration, average_price
from entities cross join spans_of_days left join totals using (grain, entity, start, until)
"""

DEAD_KPIS = """
with ever as (
    select grain, entity, product, until, max(day) as last_sold
    from goods, (select distinct until from spans_of_days) as ends
    where kind = 'sale' and day <= until
    group by all
),
dead as (
    select grain, entity, until, count(*) filter (where last_sold <= until - 180) as dead_products
    from ever group by all
)
select entities.*, start, until,
    if('{first}' <= until - 180, coalesce(dead_products, 0), null) as dead_products
from (select distinct grain, entity from product_sums) as entities
cross join spans_of_days left join dead using (grain, entity, until)
"""

BASKET_KPIS = """
with baskets as (
    select day, order_id, count(distinct product) as products from sold where kind = 'sale' group by day, order_id
)
select 'company', 'company', start, until,
    100.0 * count(*) filter (where products > 1) / nullif(count(day), 0) as cross_sell_rate_pct
from spans_of_days left join baskets on day between start and until
group by start, until
"""

# Of products sold in both: other prices; more or fewer units at the average price; dearer or cheaper ones among them.
EFFECTS = """
create table effects as
with pairs as (
    select now_.period, was.basis, now_.start, now_.until, was.start as start_before, was.until as until_before
    from windows as now_ inner join windows as was using (period)
    where now_.basis = 'value' and was.basis <> 'value' and was.until >= date '{first}'
),
both_ as (
    select period, basis, grain, entity, product,
        coalesce(n.units, 0) as u, coalesce(n.sales, 0)::double as s,
        coalesce(b.units, 0) as u0, coalesce(b.sales, 0)::double as s0
    from (
        select period, basis, grain, entity, product, units, sales
        from pairs inner join product_sums using (start, until)
    ) as n
    full join (
        select period, basis, grain, entity, product, units, sales
        from pairs inner join product_sums as p on p.start = start_before and p.until = until_before
    ) as b using (period, basis, grain, entity, product)
),
totals as (
    select period, basis, grain, entity,
        sum(s) - sum(s0) as sales_change,
        coalesce(sum(s - u * s0 / u0) filter (where u > 0 and u0 > 0), 0) as price_effect,
        coalesce(sum((u - u0) * s0 / u0) filter (where u > 0 and u0 > 0), 0) as quantity_effect,
        coalesce(
            sum(u - u0) filter (where u > 0 and u0 > 0) * sum(s0) filter (where u > 0 and u0 > 0)
            / sum(u0) filter (where u > 0 and u0 > 0), 0
        ) as volume_effect,
        coalesce(sum(s - s0) filter (where (u > 0) <> (u0 > 0) or u = 0), 0) as assortment_effect
    from both_ group by all
)
select *, quantity_effect - volume_effect as mix_effect from totals
"""

# Monthly units over up to twelve whole months since the first sale; at least six.
VARIATIONS = """
create table variations as
with months as (
    select unnest(generate_series(
        date_trunc('month', date '{as_of}' + 1) - interval '12 months',
        date_trunc('month', date '{as_of}' + 1) - interval '1 month', interval '1 month'
    ))::date as month
),
firsts as (
    select product, min(day) as first_sold from sold where kind = 'sale' and not is_charge_code group by product
),
units as (
    select product, date_trunc('month', day)::date as month, sum(units) as units
    from sold where kind = 'sale' group by all
),
spread as (
    select product, count(*) as n,
        stddev_pop(coalesce(units, 0)::double) / nullif(avg(coalesce(units, 0)::double), 0) as variation
    from firsts inner join months on month >= first_sold left join units using (product, month)
    group by product
)
select product, if(n >= 6, variation, null) as monthly_variation,
    case when n < 6 or variation is null then null
        when variation <= 0.5 then 'X' when variation <= 1 then 'Y' else 'Z' end as xyz_class
from firsts left join spread using (product)
"""

PAIRS = """
create table baskets as
with all_baskets as (
    select day, order_id, list(distinct product) as products
    from sold
    where kind = 'sale' and day >= date_trunc('month', date '{as_of}') - interval '12 months'
    group by day, order_id
)
select row_number() over () as basket, unnest(products) as product from all_baskets where len(products) <= 50;

create table pairs as
with n as (
    select count(distinct basket) as n from baskets
),
each_ as (
    select product, count(*) as orders from baskets group by product
),
together as (
    select one.product, other.product as partner, count(*) as orders
    from baskets as one inner join baskets as other using (basket)
    where one.product <> other.product
    group by all having count(*) >= 5
)
select together.*, a.orders as product_orders, b.orders as partner_orders, n,
    100.0 * together.orders / n as support, 100.0 * together.orders / a.orders as confidence,
    together.orders * n::double / (a.orders * b.orders) as lift
from together, n, each_ as a, each_ as b
where a.product = together.product and b.product = partner
"""


def product_kpis(books: Books) -> Answers:
    """The KPIs of the room but the effects, which compare two periods (effects in the books)."""
    words = {"as_of": books.as_of, "first": books.first_day}
    for script in (GOODS, CLASSES, EFFECTS, VARIATIONS, PAIRS):
        books.db.execute(script.format(**words))
    answers = merged(answers_of(books, query.format(**words)) for query in (SUM_KPIS, DEAD_KPIS, BASKET_KPIS))
    return {cell: value if cell[3] >= books.first_day else None for cell, value in answers.items()}
