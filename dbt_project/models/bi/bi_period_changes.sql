{{ config(
    alias='period_changes',
    meta={'publish': 'whole'},
    indexes=[{'columns': ['period', 'basis', 'dimension', 'direction', 'change_rank'], 'unique': true}],
) }}
select
    as_of_date,
    period,
    basis,
    dimension,
    direction,
    change_rank,
    member,
    member_name,
    net_revenue,
    compared_net_revenue,
    change,
    change_pct,
    contribution_points,
    contribution_pct
from {{ ref('period_changes') }}
