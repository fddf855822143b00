{{ config(alias='dim_rep', meta={'publish': 'whole'}, indexes=[{'columns': ['rep_key'], 'unique': true}]) }}
select
    rep_key,
    rep_id,
    rep_name,
    territory_id,
    manager_id,
    hired_on,
    left_on,
    commission_pct,
    is_in_source
from {{ ref('dim_rep') }}
