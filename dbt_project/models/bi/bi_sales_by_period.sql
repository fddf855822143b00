{{ config(
    alias='sales_by_period',
    meta={'publish': 'whole'},
    indexes=[{'columns': ['period', 'period_start', 'grain', 'entity'], 'unique': true}],
) }}
select
    period,
    period_start,
    {{ date_key('period_start') }} as date_key,
    period_end,
    grain,
    entity,
    {{ entity_name() }} as entity_name,
    {{- list_measures() }},
    gross_profit,
    gross_margin_pct,
    previous_period_net_revenue,
    previous_period_gross_profit,
    previous_year_net_revenue,
    previous_year_gross_profit,
    is_complete
from {{ ref('sales_by_period') }}
{{ join_entity_names() }}
