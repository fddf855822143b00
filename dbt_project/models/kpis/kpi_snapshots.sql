{{ config(
    materialized='incremental',
    incremental_strategy='as_of_date',
    full_refresh=false,
    on_schema_change='append_new_columns',
    post_hook="delete from {{ this }} where grain <> 'company' and as_of_date < {{ latest_as_of_date() }} - 31",
    indexes=[{'columns': ['as_of_date', 'grain', 'entity', 'period', 'kpi'], 'unique': true}],
) }}
-- depends_on: {{ ref('kpi_catalogue') }} (every KPI is one of the catalogue's: a test holds that)
-- Never dropped by a full refresh: what an earlier night said cannot be computed again once late rows have come.
-- What it said of the company's parts is kept for 31 days: a night says 12,000 rows of 50 parts.
with long as (
    {%- for room in kpi_rooms() %}
    select
        as_of_date,
        grain,
        entity,
        period,
        basis,
        window_start,
        window_end,
        kpi,
        amount,
        reason
    from {{ ref('kpi_values_' ~ room) }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

pivoted as (
    select
        as_of_date,
        grain,
        entity,
        period,
        kpi,
        max(window_start) filter (where basis = 'value') as period_start,
        max(window_end) filter (where basis = 'value') as period_end,
        round(max(amount) filter (where basis = 'value'), 6) as value,
        round(max(amount) filter (where basis = 'previous_period'), 6) as previous_period,
        round(max(amount) filter (where basis = 'previous_year'), 6) as previous_year,
        max(window_start) filter (where basis = 'previous_period') as previous_period_start,
        max(window_end) filter (where basis = 'previous_period') as previous_period_end,
        max(window_start) filter (where basis = 'previous_year') as previous_year_start,
        max(window_end) filter (where basis = 'previous_year') as previous_year_end,
        max(reason) filter (where basis = 'value') as reason
    from long
    group by as_of_date, grain, entity, period, kpi
),

targets as (
    select
        grain,
        entity,
        period,
        kpi,
        target
    from {{ ref('kpi_targets') }}
    where basis = 'value'
)

select
    as_of_date,
    grain,
    entity,
    period,
    kpi,
    period_start,
    period_end,
    value,
    previous_period,
    previous_year,
    previous_period_start,
    previous_period_end,
    previous_year_start,
    previous_year_end,
    target,
    round(100 * value / nullif(target, 0), 6) as target_pct,
    reason
from pivoted
left join targets using (grain, entity, period, kpi)
