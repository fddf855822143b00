{{ config(
    indexes=[{'columns': ['customer_key'], 'unique': true}],
) }}
-- Whole months are read as months. Only the (at most four) months in which a 365-day window begins or ends are read by
-- day: the lines of ten years cost as much as those of two.
with night as (
    select
        as_of_date,
        as_of_date - 364 as last_from,
        year_ago,
        year_ago - 364 as before_from,
        (select min(order_date) from {{ ref('agg_sales_daily') }}) <= year_ago - 364 as is_year_before_known
    from (select {{ latest_as_of_date() }} as as_of_date) as latest
    cross join lateral (select (as_of_date - interval '1 year')::date as year_ago) as dates
),

months as (
    select
        month_start,
        {{ profile_time('month_start') }} as time,
        {{ profile_time("(month_start + interval '1 month - 1 day')::date") }} as time_at_end
    from {{ ref('agg_sales_monthly') }}
    cross join night
    where month_start <= as_of_date
),

days as (
    select
        day::date as order_date,
        {{ profile_time('day::date') }} as time
    from months
    cross join night
    cross join generate_series(month_start, month_start + interval '1 month - 1 day', interval '1 day') as day
    where time_at_end is distinct from time and day::date <= as_of_date
),

purchases as (
    select
        customer_key,
        time,
        purchase_days,
        first_purchase_on,
        last_purchase_on,
        orders,
        gross_sales - discounts as sold,
        returns,
        net_revenue,
        cost,
        costed_revenue,
        costed_lines,
        uncosted_lines
    from {{ ref('agg_sales_monthly_customer') }}
    inner join months using (month_start)
    -- the array lets the planner see how few days and months these are before it chooses how to read them
    where month_start = any(array(select month_start from months where time = time_at_end)) and customer_key <> -1

    union all

    select
        customer_key,
        time,
        (sale_lines > 0)::integer,
        case when sale_lines > 0 then order_date end,
        case when sale_lines > 0 then order_date end,
        orders,
        gross_sales - discounts,
        returns,
        net_revenue,
        cost,
        costed_revenue,
        costed_lines,
        uncosted_lines
    from {{ ref('agg_sales_daily_customer') }}
    inner join days using (order_date)
    where order_date = any(array(select order_date from days)) and customer_key <> -1
),

totals as (
    select
        customer_key,
        min(first_purchase_on) as first_order_date,
        max(last_purchase_on) as last_order_date,
        max(last_purchase_on) filter (where time = 'before') as last_order_date_before,
        min(first_purchase_on) filter (where time in ('before', 'earlier')) as first_order_date_before,
        sum(purchase_days) as purchase_days,
        sum(orders) as orders,
        sum(sold) as sold,
        sum(returns) as returns,
        sum(net_revenue) as net_revenue,
        sum(costed_revenue) as costed_revenue,
        sum(cost) as cost,
        sum(costed_lines) as costed_lines,
        sum(uncosted_lines) as uncosted_lines,
        sum(orders) filter (where time = 'last') as orders_365_days,
        sum(purchase_days) filter (where time = 'last') as purchase_days_365_days,
        sum(net_revenue) filter (where time = 'last') as revenue_365_days,
        sum(orders) filter (where time = 'before') as orders_before,
        sum(purchase_days) filter (where time = 'before') as purchase_days_before,
        sum(net_revenue) filter (where time = 'before') as revenue_before
    from purchases
    group by customer_key
),

known as (
    select
        customers.customer_key,
        customers.customer_id,
        night.*,
        totals.first_order_date,
        totals.last_order_date,
        as_of_date - totals.last_order_date as recency_days,
        year_ago - last_order_date_before as recency_days_before,
        coalesce(first_order_date_before <= year_ago, false) as had_bought_before,
        coalesce(totals.orders, 0)::bigint as orders,
        coalesce(totals.purchase_days, 0)::bigint as purchase_days,
        coalesce(totals.sold, 0) as sold,
        coalesce(totals.returns, 0) as returns,
        coalesce(totals.net_revenue, 0) as net_revenue,
        coalesce(totals.costed_revenue, 0) as costed_revenue,
        coalesce(totals.cost, 0) as cost,
        coalesce(totals.costed_lines, 0) as costed_lines,
        coalesce(totals.uncosted_lines, 0) as uncosted_lines,
        coalesce(totals.orders_365_days, 0)::bigint as orders_365_days,
        coalesce(totals.purchase_days_365_days, 0)::bigint as purchase_days_365_days,
        coalesce(totals.revenue_365_days, 0) as revenue_365_days,
        coalesce(totals.orders_before, 0)::bigint as orders_before,
        coalesce(totals.purchase_days_before, 0)::bigint as purchase_days_before,
        coalesce(totals.revenue_before, 0) as revenue_before,
        round(
            (totals.last_order_date - totals.first_order_date)::numeric / nullif(totals.purchase_days - 1, 0), 6
        ) as purchase_interval_days
    from {{ ref('dim_customer') }} as customers
    inner join night on as_of_date is not null
    left join totals using (customer_key)
    -- somebody who came later than the as-of date is nobody yet
    where customers.customer_key <> -1
        and (totals.customer_key is not null or (is_in_source and coalesce(created_on <= as_of_date, true)))
),

typical as (
    select
        (percentile_cont(0.5) within group (order by purchase_interval_days::double precision))::numeric as interval_days
    from known
    where purchase_interval_days is not null
),

scored as (
    select
        known.*,
        {{ recency_score() }} as bought_recency_score,
        {{ worth_score('orders_365_days') }} as bought_frequency_score,
        {{ worth_score('revenue_365_days') }} as bought_monetary_score,
        revenue_365_days > 0 as has_revenue,
        sum(revenue_365_days) over by_revenue as revenue_to_here,
        sum(revenue_365_days) over (
            partition by revenue_365_days > 0
            order by revenue_365_days desc groups between unbounded preceding and 1 preceding
        ) as revenue_above,
        sum(revenue_365_days) over (partition by revenue_365_days > 0) as total_revenue,
        rank() over by_revenue as place,
        -- Two purchases a day apart are no reason to give somebody up after a weekend: at least 30 days.
        case
            when first_order_date is not null
                then round(greatest(coalesce(purchase_interval_days, interval_days, 120), 30), 6)
        end as expected_interval_days,
        -- Stood, and stands, in which band: days since the last purchase, and orders of 365 days. 4 has none in them.
        case when orders_before > 0 then width_bucket(recency_days_before, array[31, 91, 181]) else 4 end as recency_band_before,
        case when orders_before > 0 then width_bucket(orders_before, array[2, 4, 10]::bigint[]) else 0 end as frequency_band_before,
        case when orders_365_days > 0 then width_bucket(recency_days, array[31, 91, 181]) else 4 end as recency_band,
        case when orders_365_days > 0 then width_bucket(orders_365_days, array[2, 4, 10]::bigint[]) else 0 end as frequency_band
    from known
    cross join typical
    window by_revenue as (partition by revenue_365_days > 0 order by revenue_365_days desc)
),

-- What became, within the last 365 days, of those who stood in a band a year ago; and of all who bought in the year before.
bands as (
    select
        case when grouping(recency_band_before) = 0 then recency_band_before end as recency_band,
        case when grouping(recency_band_before) = 0 then frequency_band_before end as frequency_band,
        100 * avg((orders_365_days > 0)::integer) as survival_pct,
        sum(revenue_365_days) / nullif(sum(revenue_before), 0) as revenue_ratio,
        avg(revenue_365_days) as revenue_each
    from scored
    where is_year_before_known and had_bought_before
    group by grouping sets ((recency_band_before, frequency_band_before), (orders_before > 0))
    -- of fewer the next year is chance
    having count(*) >= 30
        and (grouping(recency_band_before) = 0 or orders_before > 0)
),

expected as (
    select
        scored.*,
        coalesce(own_band.survival_pct, any_band.survival_pct) as band_survival_pct,
        greatest(
            case
                when scored.recency_band = 4 then own_band.revenue_each
                else greatest(revenue_365_days, 0) * coalesce(own_band.revenue_ratio, any_band.revenue_ratio)
            end,
            -- returns of more than was bought are not expected again
            case when coalesce(own_band.survival_pct, any_band.survival_pct) is not null then 0 end
        ) as expected_revenue
    from scored
    left join bands as own_band
        on own_band.recency_band = scored.recency_band
        and own_band.frequency_band = scored.frequency_band
        and first_order_date is not null
    left join bands as any_band on any_band.recency_band is null and scored.recency_band < 4
),

-- Recency score by row, mean of frequency and monetary score (halves up) by column: every customer is in one field.
segments (recency_score, names) as (
    values
    (5, array['new', 'potential loyalists', 'potential loyalists', 'champions', 'champions']),
    (4, array['promising', 'potential loyalists', 'potential loyalists', 'loyal', 'loyal']),
    (3, array['about to sleep', 'about to sleep', 'need attention', 'loyal', 'loyal']),
    (2, array['hibernating', 'hibernating', 'at risk', 'at risk', 'cannot lose them']),
    (1, array['lost', 'lost', 'at risk', 'cannot lose them', 'cannot lose them'])
),

placed as (
    select
        expected.*,
        case when first_order_date is not null then coalesce(bought_recency_score, 1) end::integer as recency_score,
        case when first_order_date is not null then coalesce(bought_frequency_score, 1) end::integer as frequency_score,
        case when first_order_date is not null then coalesce(bought_monetary_score, 1) end::integer as monetary_score
    from expected
)

select
    customer_key,
    customer_id,
    as_of_date,
    first_order_date,
    last_order_date,
    recency_days,
    coalesce(first_order_date >= last_from, false) as is_new,
    orders,
    purchase_days,
    net_revenue,
    returns,
    round(100 * returns / nullif(sold, 0), 6) as return_rate_pct,
    {{ gross_profit() }} as gross_profit,
    {{ gross_margin_pct() }} as gross_margin_pct,
    round(sold / nullif(orders, 0), 6) as average_transaction_value,
    purchase_interval_days,
    orders_365_days,
    purchase_days_365_days,
    revenue_365_days,
    case when is_year_before_known then orders_before end as orders_year_before,
    case when is_year_before_known then purchase_days_before end as purchase_days_year_before,
    case when is_year_before_known then revenue_before end as revenue_year_before,
    case
        when is_year_before_known and revenue_before > 0
            then round(100 * (revenue_365_days - revenue_before) / revenue_before, 6)
    end as growth_pct,
    recency_score,
    frequency_score,
    monetary_score,
    case
        when first_order_date is null then '(no purchase)'
        -- who came before the last 365 days is not new, however little was bought
        when segments.names[(frequency_score + monetary_score + 1) / 2] = 'new' and first_order_date < last_from then 'promising'
        else segments.names[(frequency_score + monetary_score + 1) / 2]
    end as rfm_segment,
    case when has_revenue then {{ abc_class('revenue_above', 'total_revenue') }} end as abc_class,
    case when has_revenue then place end as revenue_rank,
    case when has_revenue then round(100 * revenue_to_here / total_revenue, 6) end as cumulative_share_pct,
    expected_interval_days,
    case
        when first_order_date is null then '(no purchase)'
        when recency_days > 3 * expected_interval_days then 'churned'
        when recency_days > 2 * expected_interval_days then 'lapsing'
        else 'active'
    end as churn_status,
    case when first_order_date is not null then coalesce({{ gross_profit() }}, net_revenue) end as lifetime_value,
    case
        when first_order_date is null then null
        when costed_lines = 0 then 'revenue'
        when uncosted_lines > 0 then 'gross profit of some lines'
        else 'gross profit'
    end as lifetime_value_basis,
    round(band_survival_pct, 6) as survival_pct_12m,
    round(expected_revenue, 6) as expected_revenue_12m,
    case
        when costed_revenue > 0 then round(expected_revenue * (costed_revenue - cost) / costed_revenue, 6)
    end as expected_profit_12m,
    case
        when expected_revenue is not null then null
        when first_order_date is null then 'never bought'
        when not is_year_before_known then 'less than two years of sales'
        else 'fewer than 30 customers to learn from'
    end as expected_reason
from placed
left join segments using (recency_score)
