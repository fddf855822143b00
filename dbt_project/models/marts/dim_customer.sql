-- What the sales say about a customer comes from the daily aggregate: lines are ten times as many.
with seen as (
    select
        customer_id,
        min(order_date) filter (where sale_lines > 0) as first_order_date,
        max(order_date) filter (where sale_lines > 0) as last_order_date
    from {{ ref('agg_sales_daily_customer') }}
    where customer_id is not null
    group by customer_id
),

latest_country as (
    select distinct on (customer_id)
        customer_id,
        country
    from {{ ref('agg_sales_daily_customer') }}
    where customer_id is not null and country is not null
    order by customer_id, order_date desc
),

known as (
    select * from {{ ref('stg_customers') }}
)

select
    {{ surrogate_key(['customer_id']) }} as customer_key,
    customer_id,
    coalesce(known.customer_name, customer_id) as customer_name,
    coalesce(known.segment, '(no segment)') as segment,
    coalesce(known.country, latest_country.country, '(no country)') as country,
    known.created_on,
    seen.first_order_date,
    seen.last_order_date,
    known.customer_id is not null as is_in_source
from known
full join seen using (customer_id)
left join latest_country using (customer_id)

union all

select -1, '(anonymous)', '(anonymous)', '(no segment)', '(no country)', null::date, null::date, null::date, false
