-- Which days each KPI period counts, and which days it is compared with; the precise rules are in the description.
with night as (
    select
        as_of_date,
        first_weekday,
        -- months of the fiscal year that are over
        (extract(month from as_of_date)::integer - fiscal_year_start_month + 12) % 12 as fiscal_months
    from (select {{ latest_as_of_date() }} as as_of_date) as latest
    cross join {{ source('ops', 'business') }}
    where as_of_date is not null
),

periods as (
    select
        as_of_date,
        period,
        period_start::date as period_start,
        step,
        year_back
    from night
    cross join lateral (values
        ('day', as_of_date::timestamp, interval '1 day', interval '1 year'),
        (
            'week', as_of_date - make_interval(days => (extract(isodow from as_of_date)::integer - first_weekday + 7) % 7),
            interval '7 days', interval '364 days'
        ),
        ('month', date_trunc('month', as_of_date::timestamp), interval '1 month', interval '1 year'),
        ('quarter', date_trunc('quarter', as_of_date::timestamp), interval '3 months', interval '1 year'),
        ('year', date_trunc('year', as_of_date::timestamp), interval '1 year', interval '1 year'),
        (
            'fiscal_quarter', date_trunc('month', as_of_date::timestamp) - make_interval(months => fiscal_months % 3),
            interval '3 months', interval '1 year'
        ),
        (
            'fiscal_year', date_trunc('month', as_of_date::timestamp) - make_interval(months => fiscal_months),
            interval '1 year', interval '1 year'
        )
    ) as period_of_day (period, period_start, step, year_back)
),

rolling as (
    select
        as_of_date,
        'rolling_' || n_days as period,
        n_days
    from night
    cross join (values (7), (28), (91), (365)) as lengths (n_days)
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

union all

select
    as_of_date,
    period,
    basis,
    last_day - n_days + 1,
    last_day
from rolling
cross join lateral (values
    ('value', as_of_date),
    ('previous_period', as_of_date - n_days),
    ('previous_year', (as_of_date - interval '1 year')::date)
) as bases (basis, last_day)
