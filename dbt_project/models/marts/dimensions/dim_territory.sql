with sold_in as (
    select distinct territory_id from {{ ref('agg_sales_daily_slice') }} where territory_id <> '(no territory)'
),

known as (
    select * from {{ ref('stg_territories') }}
)

select
    {{ surrogate_key(['territory_id']) }} as territory_key,
    territory_id,
    coalesce(territory_name, territory_id) as territory_name,
    coalesce(region, '(no region)') as region,
    country,
    manager_id,
    known.territory_id is not null as is_in_source
from known
full join sold_in using (territory_id)

union all

select -1, '(no territory)', '(no territory)', '(no region)', null, null, false
