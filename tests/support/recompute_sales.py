"""The financial KPIs, a second time: sums of lines over days, by the definitions of docs/kpis.md.

Not here: what plans and expenses say (recompute_plans.py); the other rooms.
"""

from tests.support.recompute_answers import Answers, answers_of
from tests.support.recompute_books import Books

GRAINS = ("category", "segment", "country", "channel", "territory", "rep")

# One row per order, day and thing it is of; then what lies in each window.
CUTS = """
create table cuts as
with lines as (
    select 'company' as grain, 'company' as entity, sold.* from sold
    {grains}
)
select
    grain, entity, day, order_id, customer, first_bought, bool_or(kind = 'sale') as is_sold,
    sum(gross) as gross, sum(net) as net, sum(returns) as returns, sum(charges) as charges,
    sum(discounts) as discounts, sum(sold_units) as units,
    coalesce(sum(net) filter (where is_costed), 0) as costed_revenue,
    coalesce(sum(cost) filter (where is_costed), 0) as costs,
    count(*) filter (where is_costed) as costed_lines,
    count(*) filter (where kind in ('sale', 'return') and not is_costed) as uncosted_lines
from lines
group by all
"""

SUMS = """
create table sums as
select
    grain, entity, start, until,
    sum(gross) as gross_sales, sum(net) as net_revenue, sum(returns) as returns, sum(charges) as charges,
    sum(discounts) as discounts, sum(units) as units,
    count(distinct order_id) filter (where is_sold) as orders,
    count(distinct customer) filter (where is_sold) as active_customers,
    count(distinct customer) filter (where is_sold and first_bought between start and until) as new_customers,
    sum(costed_revenue) as costed_revenue, sum(costs) as costs,
    coalesce(sum(net) filter (where customer is not null), 0) as customer_revenue,
    sum(costed_lines) as costed_lines, sum(uncosted_lines) as uncosted_lines
from cuts
inner join (select distinct start, until from windows) as windows on day between start and until
group by all
"""

# An entity without a line in a window sold nothing in it; before the first day nobody knows.
FILLED = """
create table measures as
with entities as (
    select distinct grain, entity from sums union select distinct grain, entity from entities_of_plans
)
select entities.*, windows.*, {columns}, until >= date '{first_day}' as is_known
from entities
cross join (select distinct start, until from windows) as windows
left join sums using (grain, entity, start, until)
"""

KPIS = """
select
    grain, entity, start, until,
    gross_sales, net_revenue, returns, charges, discounts, units, orders, active_customers, new_customers,
    active_customers - new_customers as returning_customers,
    (gross_sales - discounts)::double / nullif(orders, 0) as average_order_value,
    100 * returns::double / nullif(gross_sales - discounts, 0)::double as return_rate_pct,
    100 * discounts::double / nullif(gross_sales, 0)::double as discount_rate_pct,
    customer_revenue::double / nullif(active_customers, 0) as revenue_per_customer,
    if(costed_lines > 0, costs, null) as cost,
    if(costed_lines > 0, costed_revenue - costs, null) as gross_profit,
    100 * (costed_revenue - costs)::double / nullif(costed_revenue, 0)::double as gross_margin_pct,
    100 * costed_revenue::double / nullif(net_revenue, 0)::double as cost_coverage_pct,
    0 as unconverted_lines
from measures where is_known
union all by name
select grain, entity, start, until from measures where not is_known
"""
SUMMED = (
    "gross_sales", "net_revenue", "returns", "charges", "discounts", "units", "orders", "active_customers",
    "new_customers", "costed_revenue", "costs", "customer_revenue", "costed_lines", "uncosted_lines",
)  # fmt: skip


def sales_kpis(books: Books) -> Answers:
    """What the lines alone say; entities that only a plan or an expense names must stand in entities_of_plans."""
    grains = "\n".join(f"union all select '{grain}', {grain}, sold.* from sold" for grain in GRAINS)
    books.db.execute(CUTS.format(grains=grains))
    books.db.execute(SUMS)
    columns = ", ".join(f"coalesce({name}, 0) as {name}" for name in SUMMED)
    books.db.execute(FILLED.format(columns=columns, first_day=books.first_day))
    return answers_of(books, KPIS)
