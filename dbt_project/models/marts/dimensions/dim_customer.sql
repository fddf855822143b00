-- What the sales say about a customer was gathered by open day: neither lines nor days are read again.
with seen as (
    select * from {{ ref('customer_sightings') }}
),

known as (
    select * from {{ ref('stg_customers') }}
)

select
    {{ surrogate_key(['customer_id']) }} as customer_key,
    customer_id,
    coalesce(known.customer_name, customer_id) as customer_name,
    coalesce(known.segment, '(no segment)') as segment,
    coalesce(known.country, seen.country, '(no country)') as country,
    known.region,
    known.city,
    known.territory_id,
    known.rep_id,
    known.created_on,
    seen.first_order_date,
    seen.last_order_date,
    known.customer_id is not null as is_in_source
from known
full join seen using (customer_id)

union all

select
    -1, '(anonymous)', '(anonymous)', '(no segment)', '(no country)', null, null, null, null,
    null::date, null::date, null::date, false
