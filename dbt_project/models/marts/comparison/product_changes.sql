{{ config(indexes=[{'columns': ['period', 'basis', 'product_key'], 'unique': true}]) }}
-- Price and quantity of each product, so that price_volume_mix only adds up. See there for the formulas and their source.
with comparisons as (
    select
        compared.as_of_date,
        compared.period,
        compared.basis,
        own.window_start,
        own.window_end,
        compared.window_start as compared_start,
        compared.window_end as compared_end
    from {{ ref('kpi_windows') }} as compared
    inner join {{ ref('kpi_windows') }} as own on own.period = compared.period and own.basis = 'value'
    cross join (select min(order_date) as day from {{ ref('agg_sales_daily') }}) as first_sales_day
    where compared.basis <> 'value' and compared.window_end >= first_sales_day.day
),

{% set measures = ['units', 'sales', 'returns', 'net_revenue', 'gross_profit'] -%}
sold as (
    select
        window_start,
        window_end,
        product_key,
        units,
        gross_sales - discounts as sales,
        returns,
        net_revenue,
        {{ gross_profit() }} as gross_profit
    from {{ ref('product_window_sales') }}
),

sides as (
    select
        as_of_date,
        period,
        basis,
        product_key,
        {%- for measure in measures if measure != 'gross_profit' %}
        coalesce(own.{{ measure }}, 0) as {{ measure }},
        coalesce(compared.{{ measure }}, 0) as compared_{{ measure }},
        {%- endfor %}
        own.gross_profit,
        compared.gross_profit as compared_gross_profit
    from (
        select as_of_date, period, basis, sold.* from comparisons inner join sold using (window_start, window_end)
    ) as own
    full join (
        select as_of_date, period, basis, sold.*
        from comparisons
        inner join sold on sold.window_start = compared_start and sold.window_end = compared_end
    ) as compared using (as_of_date, period, basis, product_key)
),

valued as (
    select
        *,
        case
            when units > 0 and compared_units > 0 then 'continuing'
            when compared_units > 0 then 'lost'
            else 'new'
        end as status,
        -- What today's units would have brought at the prices of then.
        case
            when units > 0 and compared_units > 0 then round(units * compared_sales / compared_units, 6)
        end as sales_at_compared_price
    from sides
)

select
    as_of_date,
    period,
    basis,
    product_key,
    status,
    {%- for measure in measures %}
    {{ measure }},
    compared_{{ measure }},
    {%- endfor %}
    sales_at_compared_price,
    sales - compared_sales as sales_change,
    coalesce(sales - sales_at_compared_price, 0) as price_effect,
    coalesce(sales_at_compared_price - compared_sales, 0) as quantity_effect,
    case when status = 'new' then sales - compared_sales else 0 end as new_effect,
    case when status = 'lost' then sales - compared_sales else 0 end as lost_effect,
    compared_returns - returns as returns_effect,
    net_revenue - compared_net_revenue as net_revenue_change,
    gross_profit - compared_gross_profit as gross_profit_change
from valued
