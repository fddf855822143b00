-- The five parts are the change to the last digit, at both grains; and the categories together are the company.
select
    period,
    basis,
    grain,
    entity
from {{ ref('price_volume_mix') }}
where sales_change <> price_effect + volume_effect + mix_effect + new_effect + lost_effect
    or net_revenue_change <> sales_change + returns_effect

union all

select
    period,
    basis,
    'category',
    null
from {{ ref('price_volume_mix') }}
group by period, basis
having sum(sales_change) filter (where grain = 'category') <> sum(sales_change) filter (where grain = 'company')
    or sum(price_effect) filter (where grain = 'category') <> sum(price_effect) filter (where grain = 'company')
