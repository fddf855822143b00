{#- Each KPI's value, and the reason where it has none though the window is known: SQL of kpi_measures and its neighbours. -#}
{%- set sums = ['gross_sales', 'net_revenue', 'returns', 'charges', 'discounts', 'orders', 'units', 'active_customers', 'new_customers', 'unconverted_lines'] -%}
{%- set kpis = {
    'average_order_value': (average_order_value(), "'there was no order'"),
    'return_rate_pct': (return_rate_pct(), "'nothing was sold'"),
    'returning_customers': ('active_customers - new_customers', 'null'),
    'gross_profit': (gross_profit(), 'no_cost'),
    'gross_margin_pct': (gross_margin_pct(), "coalesce(no_cost, 'the lines with a known cost have no revenue')"),
    'cost': ('case when costed_lines > 0 then cost end', 'no_cost'),
    'cost_coverage_pct': ('round(100 * costed_revenue / nullif(net_revenue, 0), 6)', "'there is no net revenue'"),
    'direct_expenses': ('case when no_expenses is null then direct_expenses end', 'no_expenses'),
    'contribution_margin': ('contribution_margin', 'coalesce(no_expenses, no_cost)'),
    'contribution_margin_pct': (
        'round(100 * contribution_margin / nullif(net_revenue, 0), 6)',
        "coalesce(no_expenses, no_cost, 'there is no net revenue')",
    ),
    'discount_rate_pct': ('round(100 * discounts / nullif(gross_sales, 0), 6)', "'nothing was sold'"),
    'revenue_per_customer': ('round(customer_revenue / nullif(active_customers, 0), 6)', "'no known customer bought'"),
    'target_achievement_pct': ('round(100 * net_revenue / nullif(target, 0), 6)', 'no_target'),
} -%}
with sources as (
    select
        exists (select from {{ ref('stg_products') }}) or exists (select from {{ ref('stg_product_costs') }}) as has_costs,
        (select min(incurred_on) from {{ ref('stg_expenses') }}) as first_expense_day,
        exists (select from {{ ref('stg_targets') }}) as has_targets
),

measures as (
    select
        measures.*,
        target,
        case
            when costed_lines > 0 then null
            when not has_costs then 'no source for product_costs or products'
            when uncosted_lines = 0 then 'nothing was sold'
            else 'no line has a known cost'
        end as no_cost,
        case
            when measures.grain in ('category', 'segment', 'country') then 'expenses name no ' || measures.grain
            when first_expense_day is null then 'no source for expenses'
            when window_end < first_expense_day then 'before the first expense'
        end as no_expenses,
        case
            when measures.grain in ('segment', 'country', 'channel') then 'targets name no ' || measures.grain
            when not has_targets then 'no source for targets'
            when target = 0 then 'the target is zero'
            else 'no target for all of these days'
        end as no_target
    from {{ ref('kpi_measures') }} as measures
    cross join sources
    left join {{ ref('kpi_targets') }} as targets
        on targets.grain = measures.grain
        and targets.entity = measures.entity
        and targets.period = measures.period
        and targets.basis = measures.basis
        and targets.kpi = 'net_revenue'
),

margins as (
    select
        *,
        -- where nothing was sold there is no cost to know
        case
            when no_expenses is null and (no_cost is null or uncosted_lines = 0)
                then costed_revenue - cost + charges - direct_expenses - promotion_costs
        end as contribution_margin
    from measures
)

select
    as_of_date,
    grain,
    entity,
    period,
    basis,
    window_start,
    window_end,
    kpi,
    case when is_known then known_amount end as amount,
    case when not is_known then 'before the first sales day' when known_amount is null then known_reason end as reason
from margins
cross join lateral (values
    {%- for kpi in sums %}
    ('{{ kpi }}', {{ kpi }}::numeric, null::text),
    {%- endfor %}
    {%- for kpi, (amount, reason) in kpis.items() %}
    ('{{ kpi }}', ({{ amount }})::numeric, {{ reason }}){{ ',' if not loop.last }}
    {%- endfor %}
) as kpis (kpi, known_amount, known_reason)
