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
    and kpis.gross_sales is not null
    and (
        kpis.gross_sales <> expected.gross_sales
        or kpis.net_revenue <> expected.net_revenue
        or kpis.returns <> expected.returns
        or kpis.charges <> expected.charges
        or kpis.discounts <> expected.discounts
        or kpis.units <> expected.units
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
