{{ config(indexes=[{'columns': ['window_start', 'window_end', 'product_key'], 'unique': true}]) }}
-- A day lies in several windows at once. Each different window is a bit, each day a sum of bits: two years of days are
-- read once, and everything about products and periods is made from this table.
with windows as (
    select
        *,
        1::bigint << (row_number() over (order by window_start, window_end) - 1)::integer as bit
    from (
        select
            as_of_date,
            window_start,
            window_end
        from {{ ref('kpi_windows') }}

        union

        -- The profile's own windows, whatever periods the KPIs have.
        select
            as_of_date,
            as_of_date - first_day_ago,
            as_of_date - last_day_ago
        from (select {{ latest_as_of_date() }} as as_of_date) as night
        cross join (values (364, 0), (729, 365), (181, 0), (363, 182)) as own_windows (first_day_ago, last_day_ago)
        where as_of_date is not null
    ) as all_windows
),

days as (
    select
        day::date as order_date,
        bit_or(bit) as bits
    from windows
    cross join generate_series(window_start::timestamp, window_end::timestamp, interval '1 day') as day
    group by 1
),

{% set measures = [
    'gross_sales', 'discounts', 'returns', 'net_revenue', 'units', 'returned_units', 'cost', 'costed_revenue',
    'costed_lines', 'sale_lines', 'return_lines', 'sale_days',
] -%}
by_bits as (
    select
        bits,
        product_key,
        {%- for measure in measures if measure != 'sale_days' %}
        sum({{ measure }}) as {{ measure }},
        {%- endfor %}
        count(*) filter (where sale_lines > 0) as sale_days
    from days
    inner join {{ ref('agg_sales_daily_product') }} using (order_date)
    where sale_lines + return_lines > 0
    group by bits, product_key
)

select
    as_of_date,
    window_start,
    window_end,
    product_key,
    {%- for measure in measures %}
    coalesce(sum({{ measure }}), 0){{ '::bigint' if measure.endswith(('_lines', '_days')) }} as {{ measure }}{{ ',' if not loop.last }}
    {%- endfor %}
from windows
inner join by_bits on bits & bit <> 0
group by as_of_date, window_start, window_end, product_key
