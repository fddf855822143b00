{{ config(
    alias='seasonality_indices',
    meta={'publish': 'whole'},
    indexes=[{'columns': ['cycle', 'grain', 'entity', 'position'], 'unique': true}],
) }}
select
    as_of_date,
    cycle,
    grain,
    entity,
    position,
    index_pct,
    n_observations,
    n_months,
    n_weeks
from {{ ref('seasonality_indices') }}
