{{ config(indexes=[{'columns': ['period', 'basis', 'grain', 'entity'], 'unique': true}]) }}
-- The usual variance analysis of sales (Horngren, Datar & Rajan, Cost Accounting: A Managerial Emphasis, 14th ed. 2012,
-- ch. 14: selling-price, sales-quantity and sales-mix variance), over the products that sold in both periods; the others
-- are new or lost. Volume is what more or fewer units at the old average price bring, mix what is left of the quantities.
with windows as (
    select
        compared.as_of_date,
        compared.period,
        compared.basis,
        own.window_start,
        own.window_end,
        compared.window_start as compared_start,
        compared.window_end as compared_end,
        compared.window_end >= first_sales_day.day as is_known
    from {{ ref('kpi_windows') }} as compared
    inner join {{ ref('kpi_windows') }} as own on own.period = compared.period and own.basis = 'value'
    cross join (select min(order_date) as day from {{ ref('agg_sales_daily') }}) as first_sales_day
    where compared.basis <> 'value'
),

{% set sums = [
    'units', 'compared_units', 'sales', 'compared_sales', 'price_effect', 'quantity_effect', 'new_effect', 'lost_effect',
    'returns_effect', 'net_revenue', 'compared_net_revenue', 'gross_profit', 'compared_gross_profit',
] -%}
sums as (
    select
        period,
        basis,
        case when grouping(category) = 1 then 'company' else 'category' end as grain,
        case when grouping(category) = 1 then 'company' else category end as entity,
        {%- for measure in sums %}
        sum({{ measure }}) as {{ measure }},
        {%- endfor %}
        count(*) filter (where status = 'continuing') as continuing_products,
        count(*) filter (where status = 'new') as new_products,
        count(*) filter (where status = 'lost') as lost_products,
        coalesce(sum(units) filter (where status = 'continuing'), 0) as continuing_units,
        coalesce(sum(compared_units) filter (where status = 'continuing'), 0) as compared_continuing_units,
        coalesce(sum(compared_sales) filter (where status = 'continuing'), 0) as compared_continuing_sales
    from {{ ref('product_changes') }}
    inner join {{ ref('dim_product') }} using (product_key)
    group by grouping sets ((period, basis), (period, basis, category))
),

entities as (
    select 'company' as grain, 'company' as entity
    union
    select grain, entity from sums
),

filled as (
    select
        windows.*,
        grain,
        entity,
        {%- for measure in sums if not measure.endswith('gross_profit') %}
        case when is_known then coalesce({{ measure }}, 0) end as {{ measure }},
        {%- endfor %}
        gross_profit,
        compared_gross_profit,
        {%- for status in ['continuing', 'new', 'lost'] %}
        case when is_known then coalesce({{ status }}_products, 0) end as {{ status }}_products,
        {%- endfor %}
        case
            when is_known then coalesce(round(
                compared_continuing_sales * continuing_units / nullif(compared_continuing_units, 0), 6
            ) - compared_continuing_sales, 0)
        end as volume_effect
    from windows
    cross join entities
    left join sums using (period, basis, grain, entity)
)

select
    as_of_date,
    period,
    basis,
    grain,
    entity,
    window_start,
    window_end,
    compared_start,
    compared_end,
    units,
    compared_units,
    sales,
    compared_sales,
    sales - compared_sales as sales_change,
    price_effect,
    volume_effect,
    quantity_effect - volume_effect as mix_effect,
    new_effect,
    lost_effect,
    returns_effect,
    net_revenue,
    compared_net_revenue,
    net_revenue - compared_net_revenue as net_revenue_change,
    gross_profit,
    compared_gross_profit,
    gross_profit - compared_gross_profit as gross_profit_change,
    continuing_products,
    new_products,
    lost_products,
    case when not is_known then 'before the first sales day' end as reason
from filled
