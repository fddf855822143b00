with placed as (
    select
        date_day,
        first_weekday,
        fiscal_year_start_month,
        extract(isodow from date_day)::integer as iso_day_of_week,
        -- The same day counted from the fiscal year's first month: its calendar parts are the fiscal ones.
        (date_day - make_interval(months => fiscal_year_start_month - 1))::date as fiscal_day
    from {{ ref('calendar_days') }}
    cross join {{ source('ops', 'business') }}
)

select
    {{ date_key('date_day') }} as date_key,
    date_day,
    extract(year from date_day)::integer as year,
    extract(quarter from date_day)::integer as quarter,
    extract(month from date_day)::integer as month,
    extract(day from date_day)::integer as day_of_month,
    extract(doy from date_day)::integer as day_of_year,
    iso_day_of_week,
    (iso_day_of_week - first_weekday + 7) % 7 + 1 as day_of_week,
    extract(isoyear from date_day)::integer as iso_year,
    extract(week from date_day)::integer as iso_week,
    to_char(date_day, 'YYYY-MM') as year_month,
    to_char(date_day, 'YYYY "Q"Q') as year_quarter,
    to_char(date_day, 'IYYY "W"IW') as iso_year_week,
    to_char(date_day, 'FMMonth') as month_name,
    to_char(date_day, 'Mon') as month_short_name,
    to_char(date_day, 'FMDay') as day_name,
    to_char(date_day, 'Dy') as day_short_name,
    date_day - (iso_day_of_week - first_weekday + 7) % 7 as week_start,
    date_trunc('month', date_day)::date as month_start,
    (date_trunc('month', date_day) + interval '1 month - 1 day')::date as month_end,
    date_trunc('quarter', date_day)::date as quarter_start,
    date_trunc('year', date_day)::date as year_start,
    -- Named after the calendar year it ends in; with a January start both are the same.
    extract(year from fiscal_day)::integer + (fiscal_year_start_month > 1)::integer as fiscal_year,
    extract(quarter from fiscal_day)::integer as fiscal_quarter,
    extract(month from fiscal_day)::integer as fiscal_month,
    iso_day_of_week >= 6 as is_weekend,
    (date_day - interval '1 year')::date as previous_year_date
from placed
