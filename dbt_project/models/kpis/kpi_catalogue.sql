-- Made of the KPI entries in the models' YAML (macros/kpis.sql): nothing is defined here.
{%- set columns = kpi_keys() + ['is_headline', 'source_model'] %}
select
    sort_order::integer as sort_order,
    kpi::text as kpi,
    label::text as label,
    definition::text as definition,
    formula::text as formula,
    unit::text as unit,
    format::text as format,
    is_up_good::boolean as is_up_good,
    is_additive::boolean as is_additive,
    coalesce(is_headline::boolean, false) as is_headline,
    grains::text as grains,
    owner::text as owner,
    needs::text as needs,
    source_model::text as source_model
from (values
    -- no KPI, so that a project without one has an empty catalogue and not a syntax error
    ({% for column in columns %}null{{ ', ' if not loop.last }}{% endfor %})
    {%- for entry in checked_kpis(defined_kpis()) %},
    ({% for column in columns %}{{ kpi_literal(entry.get(column)) }}{{ ', ' if not loop.last }}{% endfor %})
    {%- endfor %}
) as entries ({{ columns | join(', ') }})
where kpi is not null
