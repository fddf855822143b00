-- Two ways to the same figure: a KPI counts its days' orders and customers once, the summary counts each day's.
with expected as (
    select
        windows.period,
        windows.basis,
        {{- sum_measures('daily') }}
    from {{ ref('kpi_windows') }} as windows
    left join {{ ref('mv_sales_daily_summary') }} as daily
        on daily.order_date between windows.window_start and windows.window_end
    group by 1, 2
)

select
    period,
    basis
from {{ ref('kpi_measures') }} as kpis
inner join expected using (period, basis)
where kpis.grain = 'company'
    and (
        {%- for measure in additive_measures() %}
        {{ 'or ' if not loop.first }}kpis.{{ measure }} <> expected.{{ measure }}
        {%- endfor %}
    )

union all

select
    kpis.period,
    kpis.basis
from {{ ref('kpi_measures') }} as kpis
inner join {{ ref('mv_sales_daily_summary') }} as daily on daily.order_date = kpis.as_of_date
where kpis.grain = 'company' and kpis.period = 'day' and kpis.basis = 'value'
    and (
        kpis.orders <> daily.orders
        or kpis.active_customers <> daily.active_customers
        or kpis.new_customers <> daily.new_customers
    )
