"""The customers' KPIs, profiles and cohorts, a second time: of the days on which each customer bought.

Not here: active and new customers of a period (recompute_sales.py).
"""

from tests.support.recompute_answers import Answers, answers_of, merged
from tests.support.recompute_books import Books
from tests.support.recompute_windows import year_before

GRAINS = ("company", "segment", "territory")

DAYS = """
create table bought as
select customer, day, count(distinct order_id) as orders,
    lead(day) over by_day as next_day, lag(day) over by_day as former_day
from sold where kind = 'sale' and customer is not null
group by customer, day
window by_day as (partition by customer order by day);

create table who as
select customer, unnest(['company', 'segment', 'territory']) as grain,
    unnest(['company', coalesce(segment, '(no segment)'), coalesce(territory, '(no territory)')]) as entity
from customers full join (select distinct customer from sold where customer is not null) using (customer);

create table spans as select distinct start, until from windows;
"""

# Active on a day is who bought within the 365 days that end with it.
MOVES = """
create table moves as
with standing as (
    select customer, start, until,
        bool_or(day between start - 365 and start - 1) as was_active,
        bool_or(day between until - 364 and until) as is_active,
        count(*) filter (
            where day + 365 between start and until and coalesce(next_day, '2199-12-31') > day + 365
        ) as lost,
        count(*) filter (where day between start and until and day > former_day + 365) as reactivated
    from bought, spans
    where day <= until
    group by all
)
select grain, entity, start, until,
    count(*) filter (where is_active) as active,
    100.0 * count(*) filter (where was_active and not is_active)
    / nullif(count(*) filter (where was_active), 0) as churn,
    sum(lost) as lost, sum(reactivated) as reactivated, count(*) as ever_bought
from standing inner join who using (customer)
group by all
"""

MOVE_KPIS = """
select entities.*, start, until,
    if(until = '{as_of}' or '{first}' <= until - 364, coalesce(active, 0), null) as active_customers_365_days,
    if('{first}' <= start - 365, churn, null) as churn_rate_pct,
    if('{first}' <= start - 365, 100 - churn, null) as retention_rate_pct,
    if('{first}' <= until - 365, coalesce(lost, 0), null) as lost_customers,
    if('{first}' <= until - 365, coalesce(reactivated, 0), null) as reactivated_customers
from (select distinct grain, entity from who) as entities
cross join spans
left join moves using (grain, entity, start, until)
"""

# Each customer on the as-of date and one year before.
STANDINGS = """
create table standings as
with dates as (
    select unnest([date '{as_of}', date '{year_ago}']) as state_day
),
money as (
    select customer, state_day, sum(net) filter (where day > state_day - 365) as revenue
    from sold, dates
    where customer is not null and day <= state_day
    group by all
)
select money.customer, state_day, coalesce(revenue, 0) as revenue,
    count(*) filter (where day > state_day - 365) as days_of_year,
    coalesce(sum(orders) filter (where day > state_day - 365), 0) as orders_of_year,
    count(day) as days_ever, min(day) as first_bought, max(day) as last_bought,
    max(state_day) - max(day) as silent_days,
    (max(day) - min(day)) / nullif(count(day) - 1, 0) as interval_days
from money left join bought on bought.customer = money.customer and day <= state_day
where state_day = date '{as_of}' or date '{first}' <= state_day - 364
group by all
"""

STATE_KPIS = """
with members as (
    select grain, entity, state_day as until,
        100.0 * count(*) filter (where days_of_year > 1) / count(*) as repeat_rate_pct,
        sum(revenue)::double / count(*) as revenue_per_customer_365_days
    from who inner join standings using (customer)
    where days_of_year > 0
    group by all
)
select grain, entity, start, until, repeat_rate_pct, revenue_per_customer_365_days
from (select distinct grain, entity from who) as entities
cross join spans
left join members using (grain, entity, until)
"""

# Lapsing: silent for more than two, but not three usual intervals of at least 30 days.
PROFILES = """
create table profiles as
with usual as (
    select *, greatest(
        coalesce(interval_days, median(interval_days) over (), 120), 30
    ) as usual_days
    from standings where state_day = '{as_of}' and days_ever > 0
),
scored as (
    select customer, state_day,
        5 * (rank() over (order by silent_days) - 1) // count(*) over () as later,
        5 * (rank() over (order by orders_of_year) - 1) // count(*) over () as fewer,
        5 * (rank() over (order by revenue) - 1) // count(*) over () as poorer
    from standings where days_of_year > 0 and state_day = '{as_of}'
),
marks as (
    select usual.*, coalesce(5 - later, 1) as r, coalesce(1 + fewer, 1) as f, coalesce(1 + poorer, 1) as m,
        (f + m + 1) // 2 as v
    from usual left join scored using (customer, state_day)
)
select *,
    case
        when silent_days > 3 * usual_days then 'churned' when silent_days > 2 * usual_days then 'lapsing' else 'active'
    end as churn_status,
    case
        when r = 5 and v >= 4 then 'champions'
        when r = 5 and v >= 2 then 'potential loyalists'
        when r = 5 then if(first_bought > state_day - 365, 'new', 'promising')
        when r = 4 and v >= 4 then 'loyal'
        when r = 4 and v >= 2 then 'potential loyalists'
        when r = 4 then 'promising'
        when r = 3 and v >= 4 then 'loyal'
        when r = 3 and v = 3 then 'need attention'
        when r = 3 then 'about to sleep'
        when r = 2 and v = 5 then 'cannot lose them'
        when r = 2 and v >= 3 then 'at risk'
        when r = 2 then 'hibernating'
        when v >= 4 then 'cannot lose them'
        when v = 3 then 'at risk'
        else 'lost'
    end as rfm_segment
from marks
"""

RISK_KPIS = """
select grain, entity, start, until,
    if(max(until) = '{as_of}', median(interval_days) filter (where days_of_year > 0), null) as purchase_interval_days,
    if(max(until) = '{as_of}', count(*) filter (where churn_status = 'lapsing'), null) as customers_at_risk,
    if(max(until) = '{as_of}', coalesce(sum(revenue) filter (where churn_status = 'lapsing'), 0), null)
        as revenue_at_risk
from (select distinct grain, entity from who) as entities
cross join spans
left join (select * from who inner join profiles using (customer)) as members using (grain, entity)
group by all
"""

# What became within a year of those who stood where a customer stands; of fewer than 30, of all who bought then.
EXPECTED = """
create table expected as
with places as (
    select *,
        case when days_of_year = 0 then 'silent' else
            case when silent_days <= 30 then 'a' when silent_days <= 90 then 'b'
                when silent_days <= 180 then 'c' else 'd' end
            || case when orders_of_year >= 10 then '10' when orders_of_year >= 4 then '4'
                when orders_of_year >= 2 then '2' else '1' end
        end as place
    from standings where days_ever > 0
),
lessons as (
    select was.place, was.revenue as before, coalesce(now_.revenue, 0) as since
    from places as was left join places as now_ on now_.customer = was.customer and now_.state_day = '{as_of}'
    where was.state_day <> '{as_of}'
),
learned as (
    select place, sum(since)::double / nullif(sum(before), 0)::double as ratio, avg(since::double) as each
    from lessons group by place having count(*) >= 30
),
learned_of_all as (
    select sum(since)::double / nullif(sum(before), 0)::double as ratio
    from lessons where place <> 'silent' having count(*) >= 30
)
select customer,
    greatest(0, if(place = 'silent', each, revenue::double * coalesce(learned.ratio, learned_of_all.ratio))) as expected
from (select * from places where state_day = '{as_of}')
left join learned using (place)
left join learned_of_all on true
where if(place = 'silent', each, coalesce(learned.ratio, learned_of_all.ratio)) is not null
"""

EXPECTED_KPIS = """
select grain, entity, start, until, if(max(until) = '{as_of}', sum(expected), null) as expected_value_12m
from (select distinct grain, entity from who) as entities
cross join spans
left join (select * from who inner join expected using (customer)) as members using (grain, entity)
group by all
"""

SHARES = """
create table shares as
with ranked as (
    select state_day, revenue::double as revenue,
        row_number() over (partition by state_day order by revenue desc) as place,
        count(*) over (partition by state_day) as n,
        sum(revenue::double) over (partition by state_day) as total,
        100 * coalesce(sum(revenue) over (
            partition by state_day order by revenue desc groups between unbounded preceding and 1 preceding
        ), 0) / sum(revenue) over (partition by state_day) as above
    from standings where revenue > 0
)
select state_day as until,
    {tops},
    100 * sum((2 * (n + 1 - place) - n - 1) * revenue) / (max(n) * max(total)) as customer_gini_pct,
    sum((100 * revenue / total) ** 2) as customer_hhi,
    100.0 * count(*) filter (where above < 80) / count(*) as abc_a_customers_pct,
    100.0 * count(*) filter (where above >= 80 and above < 95) / count(*) as abc_b_customers_pct,
    100.0 * count(*) filter (where above >= 95) / count(*) as abc_c_customers_pct
from ranked group by state_day
"""

COMPANY_KPIS = """
with money as (
    select start, until,
        sum(net) filter (where is_costed and customer is not null)
        - sum(cost) filter (where is_costed and customer is not null) as profit,
        100 * coalesce(sum(net) filter (where customer is not null and day >= start), 0)::double
        / nullif(sum(net) filter (where day >= start), 0)::double as known_pct
    from sold inner join spans on day <= until
    group by all
)
select 'company', 'company', start, until, shares.* exclude (until),
    profit::double / ever_bought as lifetime_value,
    known_pct as known_customer_revenue_pct
from spans
left join money using (start, until)
left join shares using (until)
left join (select * from moves where grain = 'company') as moves using (start, until)
"""

COHORTS = """
with firsts as (
    select customer, date_trunc('month', min(day))::date as cohort from bought group by customer
),
sizes as (
    select cohort, count(*) as customers from firsts group by cohort
),
months as (
    select unnest(generate_series(
        (select min(cohort) from sizes), date_trunc('month', date '{as_of}')::date, interval '1 month'
    ))::date as month
),
active as (
    select cohort, date_trunc('month', day)::date as month, count(distinct customer) as active
    from bought inner join firsts using (customer) group by all
),
money as (
    select cohort, date_trunc('month', day)::date as month, sum(net) as revenue
    from sold inner join firsts using (customer) group by all
)
select cohort, month, customers, coalesce(active, 0), 100.0 * coalesce(active, 0) / customers, coalesce(revenue, 0)
from sizes inner join months on month >= cohort
left join active using (cohort, month)
left join money using (cohort, month)
"""


def customer_kpis(books: Books) -> Answers:
    """All KPIs of the room; null before the first day of the books, as everything."""
    year_ago = year_before(books.as_of)
    words = {"as_of": books.as_of, "year_ago": year_ago, "first": books.first_day}
    tops = ", ".join(
        f"100 * sum(revenue) filter (where place <= ceil(n * {top} / 100.0)) / max(total) as revenue_top_{top}_pct"
        for top in (1, 5, 10, 20)
    )
    for script in (DAYS, MOVES, STANDINGS, PROFILES, EXPECTED):
        books.db.execute(script.format(**words))
    books.db.execute(SHARES.format(tops=tops))
    queries = (MOVE_KPIS, STATE_KPIS, RISK_KPIS, EXPECTED_KPIS, COMPANY_KPIS)
    answers = merged(answers_of(books, query.format(**words)) for query in queries)
    return {cell: value if cell[3] >= books.first_day else None for cell, value in answers.items()}
