-- Three sides of operations, each with its entities, its windows and its KPIs: stock, deliveries to customers, suppliers.
-- States (what lies there) are those of the last counts up to the window's end; flows are of the window's days.
with windows as (
    select * from {{ ref('kpi_windows') }}
),

ends as (
    select distinct window_end from windows
),

sources as (
    select
        (select min(order_date) from {{ ref('agg_sales_daily') }}) as first_sales_day,
        exists (select from {{ ref('stg_inventory_levels') }})
        or exists (select from {{ ref('stg_inventory_movements') }}) as has_stock,
        exists (select from {{ ref('stg_purchase_orders') }}) as has_purchases,
        exists (select from {{ ref('agg_delivery_daily') }} where due_on is not null) as has_due,
        exists (select from {{ ref('agg_delivery_daily') }} where shipped_on is not null) as has_shipped,
        (select carrying_cost_pct from {{ source('ops', 'business') }}) as carrying_cost_pct
),

-- Stock -------------------------------------------------------------------------------------------------------------

standing as (
    select distinct on (window_end, location_id)
        window_end,
        location_id,
        stock_value,
        dead_value,
        slow_value,
        -- what was not sold for so long shows only where the books go back that far
        snapshot_date >= first_sales_day + {{ dead_after_days() - 1 }} as is_history_known
    from ends
    cross join sources
    inner join {{ ref('stock_daily') }} on snapshot_date <= window_end
    order by window_end, location_id, snapshot_date desc
),

-- A location that was not counted within the year holds what it held.
averages as (
    select
        window_end,
        location_id,
        avg(stock_daily.stock_value) as average_value
    from ends
    inner join {{ ref('stock_daily') }} as stock_daily
        on snapshot_date > window_end - 365 and snapshot_date <= window_end
    group by 1, 2
),

stock_states as (
    select
        grain,
        entity,
        window_end,
        sum(stock_value) as stock_value,
        sum(coalesce(average_value, stock_value)) as average_value,
        sum(stock_value) filter (where is_history_known) as judged_value,
        sum(dead_value) filter (where is_history_known) as dead_value,
        sum(slow_value) filter (where is_history_known) as slow_value
    from standing
    left join averages using (window_end, location_id)
    cross join lateral (values ('company', 'company'), ('location', location_id)) as entities (grain, entity)
    group by 1, 2, 3
),

stock_flows as (
    select
        grain,
        entity,
        period,
        basis,
        sum(counts) as counts,
        sum(out_of_stock_counts) as out_of_stock_counts
    from windows
    inner join {{ ref('stock_daily') }} on snapshot_date between window_start and window_end
    cross join lateral (values ('company', 'company'), ('location', location_id)) as entities (grain, entity)
    group by 1, 2, 3, 4
),

cost_of_sales as (
    select
        window_end,
        case when sum(costed_lines) > 0 then sum(cost) end as cost_365,
        case
            when sum(costed_lines) filter (where order_date > window_end - 91) > 0
                then sum(cost) filter (where order_date > window_end - 91)
        end as cost_91
    from ends
    inner join {{ ref('agg_sales_daily') }} on order_date > window_end - 365 and order_date <= window_end
    group by 1
),

stock as (
    select
        grain,
        entity,
        windows.*,
        kpi,
        amount,
        case
            when amount is not null then null
            when not has_stock then 'no source for inventory_levels or inventory_movements'
            else reason
        end as reason
    from windows
    cross join sources
    cross join (
        select 'company' as grain, 'company' as entity
        union
        select grain, entity from stock_states
    ) as entities
    left join stock_states using (grain, entity, window_end)
    left join stock_flows using (grain, entity, period, basis)
    left join cost_of_sales using (window_end)
    cross join lateral (
        select case
            when stock_states.window_end is null then 'nothing was counted up to the window''s end'
            else 'no counted product has a known cost'
        end as unvalued
    ) as reasons
    cross join lateral (values
        ('inventory_value', 'both', stock_value, unvalued),
        (
            'inventory_turnover', 'company',
            case when first_sales_day <= window_end - 364 then cost_365 / nullif(average_value, 0) end,
            case
                when first_sales_day <= window_end - 364 is not true then 'less than 365 days of sales up to the window''s end'
                when cost_365 is null then 'no line has a known cost'
                when average_value = 0 then 'nothing lay in stock'
                else unvalued
            end
        ),
        (
            'days_of_supply', 'company',
            case when first_sales_day <= window_end - 90 and cost_91 > 0 then stock_value / (cost_91 / 91) end,
            case
                when first_sales_day <= window_end - 90 is not true then 'less than 91 days of sales up to the window''s end'
                when cost_91 is null then 'no line has a known cost'
                when cost_91 <= 0 then 'nothing was sold'
                else unvalued
            end
        ),
        ('stockout_days', 'both', out_of_stock_counts, 'nothing was counted in the window'),
        (
            'stockout_rate_pct', 'both',
            100 * out_of_stock_counts / nullif(counts, 0), 'nothing was counted in the window'
        ),
        (
            'carrying_cost', 'both', stock_value * carrying_cost_pct / 100,
            case when carrying_cost_pct is null then 'business.yaml names no carrying_cost_pct' else unvalued end
        ),
        (
            'dead_stock_share_pct', 'both', 100 * dead_value / nullif(judged_value, 0),
            case
                when judged_value = 0 then 'nothing lay in stock'
                when stock_value is not null then 'less than 180 days of sales before the count'
                else unvalued
            end
        ),
        (
            'slow_mover_share_pct', 'both', 100 * slow_value / nullif(judged_value, 0),
            case
                when judged_value = 0 then 'nothing lay in stock'
                when stock_value is not null then 'less than 180 days of sales before the count'
                else unvalued
            end
        )
    ) as kpis (kpi, of_grain, amount, reason)
    where of_grain = 'both' or grain = 'company'
),

-- Deliveries to customers ---------------------------------------------------------------------------------------------

due_days as (
    select
        due_on,
        location_key,
        sum(sale_lines) as due_lines,
        coalesce(sum(sale_lines) filter (where shipped_on <= due_on), 0) as on_time_lines,
        sum(units) as due_units,
        coalesce(sum(units) filter (where shipped_on <= due_on), 0) as on_time_units
    from {{ ref('agg_delivery_daily') }}
    where order_date <= (select max(window_end) from ends) and due_on is not null
    group by 1, 2
),

delivery_places as (
    select
        location_key,
        grain,
        entity
    from {{ ref('dim_location') }}
    cross join lateral (values ('company', 'company'), ('location', location_id)) as entities (grain, entity)
    where grain = 'company' or location_key <> -1
    -- a place that lines name and no source of locations: only the company has it
    union all
    select distinct location_key, 'company', 'company'
    from {{ ref('agg_delivery_daily') }}
    where location_key not in (select location_key from {{ ref('dim_location') }})
),

due as (
    select
        grain,
        entity,
        period,
        basis,
        sum(due_lines) as due_lines,
        sum(on_time_lines) as on_time_lines,
        sum(due_units) as due_units,
        sum(on_time_units) as on_time_units
    from windows
    inner join due_days on due_on between window_start and window_end
    inner join delivery_places using (location_key)
    group by 1, 2, 3, 4
),

backlogs as (
    select
        grain,
        entity,
        window_end,
        sum(units) as backlog_units
    from ends
    -- lines that are open for more than a year were cancelled without anybody saying so
    inner join {{ ref('agg_delivery_daily') }}
        on order_date > window_end - 365
        and order_date <= window_end
        and (shipped_on is null or shipped_on > window_end)
    inner join delivery_places using (location_key)
    group by 1, 2, 3
),

delivery as (
    select
        grain,
        entity,
        windows.*,
        kpi,
        amount,
        case
            when amount is not null then null
            when first_sales_day is null or window_end < first_sales_day then 'before the first sales day'
            when not has_shipped then 'sales_lines bring no shipped_on'
            when not has_due then 'sales_lines bring no due_on'
            else 'no line was due'
        end as reason
    from windows
    cross join sources
    cross join (
        select 'company' as grain, 'company' as entity
        union
        select grain, entity from due
        union
        select grain, entity from backlogs
    ) as entities
    left join due using (grain, entity, period, basis)
    left join backlogs using (grain, entity, window_end)
    cross join lateral (values
        ('fill_rate_pct', case when has_shipped then 100 * on_time_units / nullif(due_units, 0) end),
        ('on_time_delivery_pct', case when has_shipped then 100 * on_time_lines / nullif(due_lines, 0) end),
        ('backlog_units', case when has_shipped and window_end >= first_sales_day then coalesce(backlog_units, 0) end)
    ) as kpis (kpi, amount)
),

-- Suppliers -----------------------------------------------------------------------------------------------------------

{{ purchase_lines() }},

received_days as (
    select
        received_on as day,
        supplier_id,
        count(lead_days) as lead_lines,
        sum(lead_days) as lead_days,
        sum(lead_days * lead_days) as lead_days_squared,
        count(lead_days - quoted_days) as quoted_lines,
        sum(lead_days - quoted_days) as gap_days,
        sum(received_units) as received_units,
        sum(rejected_units) as rejected_units
    from purchase_lines
    where received_on is not null
    group by 1, 2
),

promised_days as (
    select
        promised_on as day,
        supplier_id,
        count(*) as promised_lines,
        count(*) filter (where is_on_time) as on_time_lines,
        sum(ordered_units) as promised_units,
        sum(filled_units) as filled_units
    from purchase_lines
    where promised_on is not null
    group by 1, 2
),

received as (
    select
        grain,
        entity,
        period,
        basis,
        sum(lead_lines) as lead_lines,
        sum(lead_days) as lead_days,
        sum(lead_days_squared) as lead_days_squared,
        sum(quoted_lines) as quoted_lines,
        sum(gap_days) as gap_days,
        sum(received_units) as received_units,
        sum(rejected_units) as rejected_units
    from windows
    inner join received_days on day between window_start and window_end
    cross join lateral (values ('company', 'company'), ('supplier', supplier_id)) as entities (grain, entity)
    group by 1, 2, 3, 4
),

promised as (
    select
        grain,
        entity,
        period,
        basis,
        sum(promised_lines) as promised_lines,
        sum(on_time_lines) as on_time_lines,
        sum(promised_units) as promised_units,
        sum(filled_units) as filled_units
    from windows
    inner join promised_days on day between window_start and window_end
    cross join lateral (values ('company', 'company'), ('supplier', supplier_id)) as entities (grain, entity)
    group by 1, 2, 3, 4
),

suppliers as (
    select
        grain,
        entity,
        windows.*,
        kpi,
        amount,
        case
            when amount is not null then null
            when not has_purchases then 'no source for purchase_orders'
            else reason
        end as reason
    from windows
    cross join sources
    cross join (
        select 'company' as grain, 'company' as entity
        union
        select grain, entity from received
        union
        select grain, entity from promised
    ) as entities
    left join received using (grain, entity, period, basis)
    left join promised using (grain, entity, period, basis)
    cross join lateral (values
        ('supplier_lead_time_days', lead_days / nullif(lead_lines, 0), 'nothing was received in full'),
        (
            'lead_time_spread_days',
            case
                when lead_lines > 1
                    then sqrt(greatest(lead_days_squared - lead_days * lead_days / lead_lines, 0) / (lead_lines - 1))
            end,
            case when lead_lines = 1 then 'one receipt has no spread' else 'nothing was received in full' end
        ),
        (
            'lead_time_gap_days', gap_days / nullif(quoted_lines, 0),
            case when lead_lines > 0 then 'no lead time is quoted' else 'nothing was received in full' end
        ),
        ('supplier_on_time_pct', 100 * on_time_lines / nullif(promised_lines, 0), 'nothing was promised for these days'),
        ('supplier_fill_rate_pct', 100 * filled_units / nullif(promised_units, 0), 'nothing was promised for these days'),
        ('purchase_rejects_pct', 100 * rejected_units / nullif(received_units, 0), 'nothing was received in full')
    ) as kpis (kpi, amount, reason)
)

{% for side in ['stock', 'delivery', 'suppliers'] -%}
select
    as_of_date,
    grain,
    entity,
    period,
    basis,
    window_start,
    window_end,
    kpi,
    round(amount::numeric, 6) as amount,
    reason
from {{ side }}
{{ 'union all' if not loop.last }}
{% endfor %}
