with sold_by as (
    select distinct rep_id from {{ ref('agg_sales_daily_slice') }} where rep_id <> '(no rep)'
),

known as (
    select * from {{ ref('stg_sales_reps') }}
)

select
    {{ surrogate_key(['rep_id']) }} as rep_key,
    rep_id,
    coalesce(rep_name, rep_id) as rep_name,
    email,
    territory_id,
    manager_id,
    hired_on,
    left_on,
    commission_pct,
    known.rep_id is not null as is_in_source
from known
full join sold_by using (rep_id)

union all

select -1, '(no rep)', '(no rep)', null, null, null, null::date, null::date, null::numeric, false
