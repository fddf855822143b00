-- A value or a reason, never both or neither; the classes are all customers, and who is lost is not kept.
with company as (
    select
        period,
        basis,
        sum(amount) filter (where kpi like 'abc\__\_customers\_pct') as all_classes_pct,
        sum(amount) filter (where kpi in ('churn_rate_pct', 'retention_rate_pct')) as all_before_pct
    from {{ ref('kpi_values_customers') }}
    where grain = 'company'
    group by period, basis
)

select period, basis
from {{ ref('kpi_values_customers') }}
where (amount is null) = (reason is null)

union all

select period, basis
from company
where abs(all_classes_pct - 100) > 0.00001 or abs(all_before_pct - 100) > 0.00001
