-- Whole calendar years from the first sale to two years after the last: time intelligence needs whole years, forecasts a future.
select day::date as date_day
from (select min(order_date) as first_day, max(order_date) as last_day from {{ ref('agg_sales_daily') }}) as sales
cross join generate_series(
    date_trunc('year', first_day::timestamp),
    date_trunc('year', last_day::timestamp) + interval '3 years - 1 day',
    interval '1 day'
) as day
