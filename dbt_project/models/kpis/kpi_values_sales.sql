select
    as_of_date,
    grain,
    entity,
    period,
    basis,
    window_start,
    window_end,
    kpi,
    amount,
    case
        when amount is not null then null
        when gross_sales is null then 'before the first sales day'
        else 'nothing was sold'
    end as reason
from {{ ref('kpi_measures') }}
cross join lateral (values
    {%- for kpi in [
        'gross_sales', 'net_revenue', 'returns', 'charges', 'discounts', 'orders', 'units', 'average_order_value',
        'return_rate_pct', 'active_customers', 'new_customers', 'returning_customers',
    ] %}
    ('{{ kpi }}', {{ kpi }}){{ ',' if not loop.last }}
    {%- endfor %}
) as kpis (kpi, amount)
