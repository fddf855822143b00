{{ config(
    indexes=[{'columns': ['customer_key', 'span_number'], 'unique': true}],
) }}
-- A gap of more than 365 days lies between two months of a customer, never within one: months are enough to find it to
-- the day.
with night as (
    select {{ latest_as_of_date() }} as as_of_date
),

months as (
    {{ customer_months_to_date() }}
),

purchases as (
    select
        customer_key,
        month_start,
        first_purchase_on,
        last_purchase_on,
        lag(last_purchase_on) over (partition by customer_key order by month_start) as bought_before_on
    from months
    where customer_key <> -1 and purchase_days > 0
),

numbered as (
    select
        *,
        count(*) filter (where bought_before_on is null or first_purchase_on - bought_before_on > 365)
        over (partition by customer_key order by month_start) as span_number
    from purchases
),

spans as (
    select
        customer_key,
        span_number,
        min(first_purchase_on) as active_from,
        max(last_purchase_on) as last_purchase_on
    from numbered
    group by customer_key, span_number
)

select
    customer_key,
    span_number,
    active_from,
    last_purchase_on,
    case when last_purchase_on + 365 <= as_of_date then last_purchase_on + 365 end as lapsed_on,
    lead(active_from) over (partition by customer_key order by span_number) as returned_on
from spans
cross join night
