-- Every day with the rate that holds on it, so that a line finds its own by equality: ten million lines, no range join.
with business as (
    select currency as own_currency from {{ source('ops', 'business') }}
),

-- A rate the other way round serves where nobody states the direct one for that day.
stated as (
    select distinct on (from_currency, rate_date)
        from_currency,
        rate_date,
        rate
    from (
        select from_currency, rate_date, rate, 1 as preference
        from {{ ref('stg_exchange_rates') }}
        inner join business on to_currency = own_currency
        where rate > 0
        union all
        select to_currency, rate_date, round(1 / rate, 10), 2
        from {{ ref('stg_exchange_rates') }}
        inner join business on from_currency = own_currency
        where rate > 0
    ) as both_ways
    where from_currency <> (select own_currency from business)
    order by from_currency, rate_date, preference
),

spans as (
    select
        *,
        coalesce(
            lead(rate_date) over (partition by from_currency order by rate_date) - 1,
            -- the last known rate serves until a newer one comes
            greatest(rate_date, (select max(order_date) from {{ ref('stg_sales_lines') }}))
        ) as last_day
    from stated
)

select
    from_currency,
    day::date as rate_day,
    rate,
    rate_date as stated_on
from spans
cross join generate_series(rate_date::timestamp, last_day::timestamp, interval '1 day') as day
