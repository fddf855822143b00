"""What lies in stock, how deliveries and suppliers do, a second time.

Not here: what the stages of stock and forecasts make of it.
"""

from tests.support.recompute_answers import Answers, answers_of, merged
from tests.support.recompute_books import Books

# A count that names at least half of what the one before named is of everything; what it does not name is not there.
STOCK = """
create table ends as select distinct start, until from windows;

create table count_days as
with days as (
    select location, day, list(product) as products, count(*) as counts, count(*) filter (where units <= 0) as empty_
    from counts group by location, day
),
judged as (
    select *, lag(products) over (partition by location order by day) as former from days
)
select *, former is null or 2 * len(list_intersect(products, former)) >= len(former) as is_full
from judged;

create table standing as
select d.location, d.day, c.product, arg_max(c.units, c.day) as units
from count_days as d
inner join counts as c on c.location = d.location and c.day <= d.day and c.day >= (
    select max(f.day) from count_days as f where f.location = d.location and f.day <= d.day and f.is_full
)
group by all;

create table unit_costs as
with spells as (
    select product, since, cost,
        coalesce(last_day, lead(since) over (partition by product order by since) - 1, date '2199-12-31') as last_day
    from cost_spells
)
select d.day, product, arg_max(cost, since) as cost
from (select distinct day from count_days) as d inner join spells on d.day between since and last_day
group by all
union all
select day, product, cost_now from products, (select distinct day from count_days)
where product not in (select product from cost_spells) and cost_now is not null;

create table valued as
with sales as (
    select d.day, product, max(s.day) as last_sold,
        count(distinct s.day) filter (where s.day > d.day - 91) as days_91
    from (select distinct day from count_days) as d
    inner join sold as s on s.day <= d.day and s.day > d.day - 180 and kind = 'sale'
    group by all
),
goods as (
    select location, standing.day, units * cost as worth,
        last_sold is null and coalesce(launched <= standing.day - 180, true) as is_dead,
        coalesce(days_91, 0) >= 13 as is_fast
    from standing
    left join unit_costs using (product, day)
    left join sales using (product, day)
    left join products using (product)
    where units <> 0
)
select location, day, sum(worth) as worth,
    coalesce(sum(worth) filter (where is_dead), 0) as dead,
    coalesce(sum(worth) filter (where not is_dead and not is_fast), 0) as slow,
    day >= date '{first}' + 179 as is_judged
from (select distinct location, day from count_days) left join goods using (location, day)
group by all
"""

STOCK_KPIS = """
with latest as (
    select until, location, arg_max(v, v.day) as v, avg(worth::double) filter (where v.day > until - 365) as average
    from (select distinct until from ends), valued as v
    where v.day <= until
    group by all
),
states as (
    select unnest(['company', 'location']) as grain, unnest(['company', location]) as entity, until, v.worth as worth,
        coalesce(average, v.worth::double) as average,
        if(v.is_judged, v.worth, null) as judged, if(v.is_judged, v.dead, null) as dead,
        if(v.is_judged, v.slow, null) as slow
    from latest
),
sums as (
    select grain, entity, until, sum(worth) as worth, sum(average) as average, sum(judged)::double as judged,
        sum(dead)::double as dead, sum(slow)::double as slow
    from states group by all
),
seen as (
    select grain, entity, start, until, sum(counts) as counts, sum(empty_) as empty_
    from (select *, unnest(['company', 'location']) as grain, unnest(['company', location]) as entity from count_days)
    inner join ends on day between start and until
    group by all
),
costs as (
    select start, until, sum(cost) filter (where day > until - 365)::double as cost_365,
        sum(cost) filter (where day > until - 91)::double as cost_91
    from ends left join sold on is_costed and day <= until and day > until - 365
    group by all
)
select entities.*, start, until, worth as inventory_value,
    if(grain = 'company' and '{first}' <= until - 364, cost_365 / nullif(average, 0), null) as inventory_turnover,
    if(grain = 'company' and '{first}' <= until - 90 and cost_91 > 0, worth::double / (cost_91 / 91), null)
        as days_of_supply,
    empty_ as stockout_days, 100.0 * empty_ / counts as stockout_rate_pct,
    worth::double * {carrying} / 100 as carrying_cost,
    100 * dead / nullif(judged, 0) as dead_stock_share_pct, 100 * slow / nullif(judged, 0) as slow_mover_share_pct
from (select 'company' as grain, 'company' as entity union select distinct grain, entity from sums) as entities
cross join ends
left join sums using (grain, entity, until)
left join seen using (grain, entity, start, until)
left join costs using (start, until)
"""

DELIVERY_KPIS = """
with placed as (
    select *, unnest(['company', 'location']) as grain, unnest(['company', location]) as entity
    from (select * exclude (location), if(location in (select * from locations), location, null) as location from sold)
    where kind = 'sale' and day <= '{as_of}'
),
due as (
    select grain, entity, start, until, count(*) as lines, count(*) filter (where shipped <= due) as lines_on_time,
        sum(units)::double as units, coalesce(sum(units) filter (where shipped <= due), 0)::double as units_on_time
    from placed inner join ends on due between start and until
    where entity is not null
    group by all
),
open_ as (
    select grain, entity, start, until, sum(units) as units
    from placed inner join ends on day > until - 365 and day <= until and coalesce(shipped, '2199-12-31') > until
    where entity is not null
    group by all
)
select entities.*, start, until,
    if(until >= '{first}' and has_shipped, 100 * due.units_on_time / due.units, null) as fill_rate_pct,
    if(until >= '{first}' and has_shipped, 100.0 * lines_on_time / lines, null) as on_time_delivery_pct,
    if(until >= '{first}' and has_shipped, coalesce(open_.units, 0), null) as backlog_units
from (
    select 'company' as grain, 'company' as entity
    union select grain, entity from due union select grain, entity from open_
) as entities
cross join ends
cross join (select count(shipped) > 0 as has_shipped from sold)
left join due using (grain, entity, start, until)
left join open_ using (grain, entity, start, until)
"""

SUPPLIER_KPIS = """
with known as (
    select
        coalesce(s.supplier, '(no supplier)') as supplier, ordered, promised, p.units,
        if(received <= '{as_of}', received, null) as came,
        if(received > '{as_of}', 0, units_in) as units_in,
        if(received > '{as_of}', 0, units_rejected) as units_rejected,
        if(received <= '{as_of}' and received >= ordered, received - ordered, null) as days,
        coalesce(s.quoted, products.quoted, promised - ordered) as quoted
    from purchases as p
    left join products using (product)
    left join suppliers as s on s.supplier = coalesce(p.supplier, products.supplier)
    where ordered <= '{as_of}'
),
of_ as (
    select *, unnest(['company', 'supplier']) as grain, unnest(['company', supplier]) as entity from known
),
came as (
    select grain, entity, start, until, avg(days) as mean, stddev_samp(days) as spread, avg(days - quoted) as gap,
        100 * sum(units_rejected)::double / nullif(sum(units_in), 0)::double as rejects
    from of_ inner join ends on came between start and until
    group by all
),
promised as (
    select grain, entity, start, until,
        100.0 * count(*) filter (where came <= promised) / count(*) as on_time,
        100 * sum(least(units_in, units))::double / nullif(sum(units), 0)::double as filled
    from of_ inner join ends on promised between start and until
    group by all
)
select entities.*, start, until, mean as supplier_lead_time_days, spread as lead_time_spread_days,
    gap as lead_time_gap_days, on_time as supplier_on_time_pct, filled as supplier_fill_rate_pct,
    rejects as purchase_rejects_pct
from (
    select 'company' as grain, 'company' as entity union select grain, entity from came
    union select grain, entity from promised
) as entities
cross join ends
left join came using (grain, entity, start, until)
left join promised using (grain, entity, start, until)
"""


def operations_kpis(books: Books) -> Answers:
    """All KPIs of the room."""
    words = {"as_of": books.as_of, "first": books.first_day, "carrying": books.carrying_cost_pct or "null"}
    books.db.execute(STOCK.format(**words))
    return merged(answers_of(books, query.format(**words)) for query in (STOCK_KPIS, DELIVERY_KPIS, SUPPLIER_KPIS))
