with {{ spans_of_value(
    id='rep_id',
    value='territory_id',
    history=ref('stg_rep_territories'),
    current=ref('stg_sales_reps'),
    entity='sales_reps',
    attribute='territory_id',
    type='text'
) }}

select
    rep_id,
    territory_id,
    {{ days_of_span() }}
from spans
where territory_id is not null and until > valid_from
