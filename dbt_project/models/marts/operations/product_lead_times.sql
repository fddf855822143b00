{{ config(indexes=[{'columns': ['product_id'], 'unique': true}]) }}
-- Two years of receipts: enough of them for a spread, and not what a supplier long gone took.
with {{ purchase_lines() }}

select
    as_of_date,
    coalesce(products.product_key, -1) as product_key,
    product_id,
    count(lead_days) as lead_time_lines,
    round(avg(lead_days), 6) as lead_time_mean_days,
    round(stddev_samp(lead_days), 6) as lead_time_sd_days,
    round(percentile_cont(0.5) within group (order by lead_days)::numeric, 6) as lead_time_median_days,
    round(percentile_cont(0.9) within group (order by lead_days)::numeric, 6) as lead_time_p90_days,
    round(avg(quoted_days), 6) as quoted_lead_time_days,
    round(avg(lead_days - quoted_days), 6) as lead_time_gap_days,
    max(received_on) as last_received_on
from purchase_lines
left join {{ ref('dim_product') }} as products using (product_id)
where lead_days is not null and received_on > as_of_date - 730
group by 1, 2, 3
