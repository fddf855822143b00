{{ config(indexes=[{'columns': ['period', 'basis', 'product_key'], 'unique': true}]) }}
-- Price and quantity of each product, so that price_volume_mix only adds up. See there for the formulas and their source.
with compared_windows as (
    select
        as_of_date,
        period,
        basis
    from {{ ref('kpi_windows') }}
    cross join (select min(order_date) as day from {{ ref('agg_sales_daily') }}) as first_sales_day
    where basis <> 'value' and window_end >= first_sales_day.day
),

{% set measures = ['units', 'sales', 'returns', 'net_revenue', 'gross_profit'] -%}
sold as (
    select
        period,
        basis,
        product_key,
        units,
        gross_sales - discounts as sales,
        returns,
        net_revenue,
        {{ gross_profit() }} as gross_profit
    from {{ ref('product_period_sales') }}
),

sides as (
    select
        as_of_date,
        compared_windows.period,
        compared_windows.basis,
        product_key,
        {%- for measure in measures if measure != 'gross_profit' %}
        coalesce(max({{ measure }}) filter (where sold.basis = 'value'), 0) as {{ measure }},
        coalesce(max({{ measure }}) filter (where sold.basis <> 'value'), 0) as compared_{{ measure }},
        {%- endfor %}
        max(gross_profit) filter (where sold.basis = 'value') as gross_profit,
        max(gross_profit) filter (where sold.basis <> 'value') as compared_gross_profit
    from compared_windows
    inner join sold
        on sold.period = compared_windows.period
        and sold.basis in ('value', compared_windows.basis)
    group by as_of_date, compared_windows.period, compared_windows.basis, product_key
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
