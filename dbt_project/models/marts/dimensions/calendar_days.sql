-- Whole calendar years, from the one in which the first sale's week or fiscal year begins to two years after the last sale,
-- or as many as the business's farthest forecast needs: time intelligence needs whole years, forecasts a future.
select day::date as date_day
from (select min(order_date) as first_day, max(order_date) as last_day from {{ ref('agg_sales_daily') }}) as sales
cross join {{ source('ops', 'business') }}
cross join generate_series(
    date_trunc('year', least(
        first_day - (extract(isodow from first_day)::integer - first_weekday + 7) % 7,
        date_trunc('year', first_day - make_interval(months => fiscal_year_start_month - 1))
        + make_interval(months => fiscal_year_start_month - 1)
    )),
    date_trunc('year', last_day::timestamp)
    + make_interval(years => greatest(2, forecast_years_ahead) + 1) - interval '1 day',
    interval '1 day'
) as day
