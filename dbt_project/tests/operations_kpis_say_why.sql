-- No figure without a value or a reason, none with both; and no share of anything is below 0.
select
    grain,
    entity,
    kpi,
    period,
    basis
from {{ ref('kpi_values_operations') }}
where (amount is null) = (reason is null)
    or (amount < 0 and kpi in ('stockout_rate_pct', 'fill_rate_pct', 'on_time_delivery_pct', 'supplier_on_time_pct'))
