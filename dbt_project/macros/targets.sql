{# What targets are set for, and whose targets stand for an entity that has none of its own. #}

{#
  CTE body: stg_targets with the KPI they are for, the day after their last (`until`) and their rank: a target that names
  fewer of territory, rep and category goes before one that names more, and of as many a territory's before a rep's before a
  category's. A month, quarter or year lasts until the next one of the same thing if that begins within a week of its end:
  quarters that begin on the last day of February would otherwise leave a day without a target.
#}
{% macro ranked_targets() -%}
    select
        case measure when 'revenue' then 'net_revenue' else measure end as kpi,
        period,
        period_start,
        case
            when period not in ('day', 'week') and abs(next_start - period_end) <= 7 then next_start
            else period_end
        end as until,
        territory_id,
        rep_id,
        category,
        target_value,
        8 * num_nonnulls(territory_id, rep_id, category)
        + 4 * (territory_id is null)::integer + 2 * (rep_id is null)::integer + (category is null)::integer as rank
    from (
        select
            *,
            (period_start + case when period = 'quarter' then interval '3 months' else ('1 ' || period)::interval end)::date
                as period_end,
            lead(period_start) over (
                partition by measure, period, territory_id, rep_id, category order by period_start
            ) as next_start
        from {{ ref('stg_targets') }}
    ) as targets
{%- endmacro %}

{# Every grain and entity that a target counts for. #}
{% macro entities_of_target() -%}
    lateral (values
        ('company', 'company'), ('territory', territory_id), ('rep', rep_id), ('category', category)
    ) as entities (grain, entity)
{%- endmacro %}
