{{ config(indexes=[{'columns': ['supplier_id', 'span'], 'unique': true}]) }}
with {{ purchase_lines() }},

-- What a day counts for: an order on the day it was placed, goods on the day they came in full, a promise on its day.
spans as (
    select 'last 365 days' as span, as_of_date - 364 as first_day from night
    union all
    select 'all time', {{ beginning_of_time() }} from night
),

placed as (
    select
        supplier_id,
        span,
        count(*) as order_lines,
        sum(ordered_units) as ordered_units,
        sum(ordered_units * unit_cost) as purchase_amount
    from purchase_lines
    inner join spans on ordered_on >= first_day
    group by 1, 2
),

received as (
    select
        supplier_id,
        span,
        count(*) as received_lines,
        sum(received_units) as received_units,
        sum(rejected_units) as rejected_units,
        count(lead_days) as lead_time_lines,
        avg(lead_days) as lead_time_mean_days,
        stddev_samp(lead_days) as lead_time_sd_days,
        percentile_cont(0.5) within group (order by lead_days) as lead_time_median_days,
        percentile_cont(0.9) within group (order by lead_days) as lead_time_p90_days,
        avg(quoted_days) filter (where lead_days is not null) as quoted_lead_time_days,
        avg(lead_days - quoted_days) as lead_time_gap_days
    from purchase_lines
    inner join spans on received_on >= first_day
    group by 1, 2
),

promised as (
    select
        supplier_id,
        span,
        count(*) as promised_lines,
        count(*) filter (where is_on_time) as on_time_lines,
        sum(ordered_units) as promised_units,
        sum(filled_units) as filled_units
    from purchase_lines
    inner join spans on promised_on between first_day and as_of_date
    group by 1, 2
),

open_now as (
    select
        supplier_id,
        count(*) as open_lines,
        sum(open_units) as open_units,
        count(*) filter (where promised_on < as_of_date) as overdue_lines,
        coalesce(sum(open_units) filter (where promised_on < as_of_date), 0) as overdue_units
    from purchase_lines
    where received_on is null
    group by 1
),

-- Paasche's index: what was bought in the last 365 days, at its prices over its prices of the 365 days before.
prices as (
    select
        supplier_id,
        'last 365 days' as span,
        round(100 * (sum(units * unit_price) / nullif(sum(units * former_price), 0) - 1), 6) as price_change_pct
    from (
        select
            supplier_id,
            product_id,
            sum(ordered_units) filter (where ordered_on > as_of_date - 365) as units,
            sum(ordered_units * unit_cost) filter (where ordered_on > as_of_date - 365)
            / nullif(sum(ordered_units) filter (where ordered_on > as_of_date - 365), 0) as unit_price,
            sum(ordered_units * unit_cost) filter (where ordered_on <= as_of_date - 365)
            / nullif(sum(ordered_units) filter (where ordered_on <= as_of_date - 365), 0) as former_price
        from purchase_lines
        where ordered_on > as_of_date - 730 and unit_cost is not null
        group by 1, 2
    ) as products
    where units > 0 and former_price is not null
    group by 1
)

select
    as_of_date,
    suppliers.supplier_key,
    supplier_id,
    span,
    coalesce(order_lines, 0) as order_lines,
    coalesce(ordered_units, 0) as ordered_units,
    round(purchase_amount, 6) as purchase_amount,
    coalesce(received_lines, 0) as received_lines,
    coalesce(received_units, 0) as received_units,
    coalesce(rejected_units, 0) as rejected_units,
    round(100 * rejected_units / nullif(received_units, 0), 6) as rejected_pct,
    coalesce(open_lines, 0) as open_lines,
    coalesce(open_units, 0) as open_units,
    coalesce(overdue_lines, 0) as overdue_lines,
    coalesce(overdue_units, 0) as overdue_units,
    round(quoted_lead_time_days, 6) as quoted_lead_time_days,
    coalesce(lead_time_lines, 0) as lead_time_lines,
    round(received.lead_time_mean_days, 6) as lead_time_mean_days,
    round(lead_time_sd_days, 6) as lead_time_sd_days,
    round(lead_time_median_days::numeric, 6) as lead_time_median_days,
    round(lead_time_p90_days::numeric, 6) as lead_time_p90_days,
    round(lead_time_gap_days, 6) as lead_time_gap_days,
    coalesce(promised_lines, 0) as promised_lines,
    coalesce(on_time_lines, 0) as on_time_lines,
    round(100.0 * on_time_lines / nullif(promised_lines, 0), 6) as on_time_pct,
    round(100 * filled_units / nullif(promised_units, 0), 6) as fill_rate_pct,
    price_change_pct
from night
cross join (select span from spans) as each_span
cross join (select distinct supplier_id from purchase_lines) as each_supplier
inner join {{ ref('dim_supplier') }} as suppliers using (supplier_id)
left join placed using (supplier_id, span)
left join received using (supplier_id, span)
left join promised using (supplier_id, span)
left join open_now using (supplier_id)
left join prices using (supplier_id, span)
