-- Two territories from the same day: dim_rep_territory can only take one of them, the first by its id.
{{ config(severity='warn') }}

select
    rep_id,
    valid_from,
    count(*) as n_territories
from {{ ref('stg_rep_territories') }}
group by rep_id, valid_from
having count(*) > 1
