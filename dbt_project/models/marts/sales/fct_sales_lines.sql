{{ config(
    materialized='incremental',
    incremental_strategy='open_days',
    on_schema_change='fail',
    indexes=[{'columns': ['line_key'], 'unique': true}, {'columns': ['order_date']}],
) }}
-- depends_on: {{ source('ops', 'open_days') }}
with business as (
    select currency as own_currency from {{ source('ops', 'business') }}
),

-- A line in another currency is worth what its order date's rate says; without a rate its amounts are unknown, not 0.
lines as (
    select
        sales.*,
        coalesce(sales.currency, own_currency) as paid_in,
        case when coalesce(sales.currency, own_currency) = own_currency then 1 else rates.rate end as exchange_rate
    from {{ ref('stg_sales_lines') }} as sales
    cross join business
    left join {{ ref('exchange_rate_days') }} as rates
        on rates.from_currency = sales.currency and rates.rate_day = sales.order_date
    {{ only_open_days() }}
),

converted as (
    select
        lines.*,
        round(unit_price * exchange_rate, 6) as own_unit_price,
        round(discount_amount * exchange_rate, 6) as own_discount_amount,
        round(line_amount * exchange_rate, 6) as own_line_amount,
        -- Rounded here, at the source's own 6 decimals, so that every sum above adds up to the last digit.
        round(qty_units * round(unit_price * exchange_rate, 6), 6) as undiscounted_amount,
        line_kind in ('sale', 'return') as is_traded
    from lines
),

valued as (
    select
        converted.*,
        costs.unit_cost as cost_on_order_date,
        -- a line without a rate has no revenue to set a cost against
        is_traded and costs.unit_cost is not null and exchange_rate is not null as is_costed,
        coalesce(converted.territory_id, places.territory_id, '(no territory)') as sold_in,
        case
            when line_kind = 'sale' then undiscounted_amount - own_discount_amount
            when line_kind = 'return' then own_line_amount
            else 0
        end as own_net_revenue
    from converted
    -- the cost that held on the order date, not today's
    left join {{ ref('dim_product_cost') }} as costs
        on costs.product_id = converted.product_id
        and converted.order_date between costs.valid_from and costs.valid_to
        and is_traded
    -- a line that names no territory was sold in the one that its rep had that day
    left join {{ ref('dim_rep_territory') }} as places
        on places.rep_id = converted.rep_id
        and converted.order_date between places.valid_from and places.valid_to
        and converted.territory_id is null
)

select
    {{ surrogate_key(['order_id', 'line_id']) }} as line_key,
    order_date,
    {{ date_key('order_date') }} as date_key,
    {{ surrogate_key(['product_id']) }} as product_key,
    {{ dimension_key('customer_id') }} as customer_key,
    {{ surrogate_key(['order_id']) }} as order_key,
    case when sold_in = '(no territory)' then -1 else {{ surrogate_key(['sold_in']) }} end as territory_key,
    {{ dimension_key('rep_id') }} as rep_key,
    {{ dimension_key('location_id') }} as location_key,
    order_id,
    line_id,
    ordered_at,
    line_kind,
    product_id,
    product_name,
    customer_id,
    coalesce(country, '(no country)') as country,
    coalesce(channel, '(no channel)') as channel,
    sold_in as territory_id,
    coalesce(rep_id, '(no rep)') as rep_id,
    location_id,
    promotion_id,
    due_on,
    shipped_on,
    paid_in as currency,
    exchange_rate,
    qty_units,
    own_unit_price as unit_price,
    own_discount_amount as discount_amount,
    own_line_amount as line_amount,
    cost_on_order_date as unit_cost,
    case when line_kind = 'sale' then undiscounted_amount else 0 end as gross_sales,
    case when line_kind = 'sale' then own_discount_amount else 0 end as discounts,
    case when line_kind = 'return' then -own_line_amount else 0 end as returns,
    own_net_revenue as net_revenue,
    case when line_kind = 'charge' then own_line_amount else 0 end as charges,
    case when line_kind = 'adjustment' then own_line_amount else 0 end as adjustments,
    case when line_kind = 'sale' then qty_units else 0 end as units,
    case when line_kind = 'return' then -qty_units else 0 end as returned_units,
    -- What came back is in stock again, at what it had cost.
    case when is_costed then round(qty_units * cost_on_order_date, 6) else 0 end as cost,
    case when is_costed then own_net_revenue else 0 end as costed_revenue,
    is_costed::integer as costed_lines,
    (is_traded and not is_costed)::integer as uncosted_lines
from valued
