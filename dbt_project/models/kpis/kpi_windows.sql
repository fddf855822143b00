-- Which days each KPI period counts, and which days it is compared with; the precise rules are in the description.
with night as (
    select {{ latest_as_of_date() }} as as_of_date
),

periods as (
    select
        as_of_date,
        period,
        period_start,
        step,
        year_back
    from night
    cross join {{ source('ops', 'business') }}
    cross join lateral (values
        ('day', as_of_date, interval '1 day', interval '1 year'),
        (
            'week', as_of_date - (extract(isodow from as_of_date)::integer - first_weekday + 7) % 7,
            interval '7 days', interval '364 days'
        ),
        ('month', date_trunc('month', as_of_date)::date, interval '1 month', interval '1 year'),
        ('quarter', date_trunc('quarter', as_of_date)::date, interval '3 months', interval '1 year'),
        ('year', date_trunc('year', as_of_date)::date, interval '1 year', interval '1 year')
    ) as period_of_day (period, period_start, step, year_back)
    where as_of_date is not null
)

select
    as_of_date,
    period,
    'value' as basis,
    period_start as window_start,
    as_of_date as window_end
from periods

union all

select
    as_of_date,
    period,
    'previous_period',
    (period_start - step)::date,
    least((period_start - step)::date + (as_of_date - period_start), period_start - 1)
from periods

union all

-- PostgreSQL takes 29 February back to 28 February of a year without one.
select
    as_of_date,
    period,
    'previous_year',
    (period_start - year_back)::date,
    (as_of_date - year_back)::date
from periods
