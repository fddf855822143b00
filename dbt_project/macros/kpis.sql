{#
  A KPI is defined once: in the YAML of the model that computes it, under config.meta.kpis. From here the catalogue has it,
  and by the catalogue everything else: the reports, bi and the documentation.
#}

{# The rooms that compute KPIs, each in its model kpi_values_<room>. #}
{% macro kpi_rooms() -%}
    {{ return([
        'sales',
        'operations',
        'products',
        'customers',
    ]) }}
{%- endmacro %}

{# What every entry must say; and what it may say besides. #}
{% macro kpi_keys() -%}
    {{ return([
        'kpi', 'sort_order', 'label', 'definition', 'formula', 'unit', 'format', 'is_up_good', 'is_additive', 'grains',
        'owner', 'needs',
    ]) }}
{%- endmacro %}

{% macro optional_kpi_keys() -%}
    {{ return(['is_headline']) }}
{%- endmacro %}

{# What a value can be. #}
{% macro kpi_units() -%}
    {{ return(['money', 'count', 'units', 'pct', 'days', 'times']) }}
{%- endmacro %}

{# Every entry of every model of the project, with its model, as the graph has them; none while dbt only parses. #}
{% macro defined_kpis() -%}
    {%- set found = [] -%}
    {%- if execute -%}
    {%- for node in graph.nodes.values() | selectattr('resource_type', 'equalto', 'model') -%}
    {%- for entry in node.config.meta.get('kpis', []) -%}
    {%- do found.append(dict(entry, source_model=node.name)) -%}
    {%- endfor -%}
    {%- endfor -%}
    {%- endif -%}
    {{ return(found) }}
{%- endmacro %}

{#
  The entries in the order in which they are shown. A KPI that is defined twice, or whose entry lacks a key or has one
  that nobody reads, stops the build by name.
#}
{% macro checked_kpis(entries) -%}
    {%- set seen = {} -%}
    {%- for entry in entries -%}
    {%- set place = 'KPI ' ~ entry.get('kpi', '(without a name)') ~ ' of model ' ~ entry.get('source_model') -%}
    {%- for key in kpi_keys() if key not in entry -%}
    {%- do exceptions.raise_compiler_error(place ~ ' says nothing of ' ~ key) -%}
    {%- endfor -%}
    {%- for key in entry if key not in kpi_keys() + optional_kpi_keys() + ['source_model'] -%}
    {%- do exceptions.raise_compiler_error(place ~ ' has the unknown key ' ~ key) -%}
    {%- endfor -%}
    {%- if entry.unit not in kpi_units() -%}
    {%- do exceptions.raise_compiler_error(place ~ ' has the unknown unit ' ~ entry.unit) -%}
    {%- endif -%}
    {%- for name in ['kpi', 'sort_order', 'label'] -%}
    {%- set value = name ~ ' ' ~ entry[name] -%}
    {%- if value in seen -%}
    {%- do exceptions.raise_compiler_error(place ~ ' has the ' ~ name ~ ' of another, of model ' ~ seen[value]) -%}
    {%- endif -%}
    {%- do seen.update({value: entry.get('source_model')}) -%}
    {%- endfor -%}
    {%- endfor -%}
    {{ return(entries | sort(attribute='sort_order')) }}
{%- endmacro %}

{# A text, number, list or nothing of an entry as SQL. #}
{% macro kpi_literal(value) -%}
    {%- if value is none -%} null
    {%- elif value is boolean -%} {{ 'true' if value else 'false' }}
    {%- elif value is number -%} {{ value }}
    {%- elif value is string -%} '{{ value | replace("'", "''") }}'
    {%- else -%} '{{ value | join(', ') | replace("'", "''") }}'
    {%- endif -%}
{%- endmacro %}

{# What people call an entity, of which a KPI knows the id: with join_entity_names() after the table with grain and entity. #}
{% macro entity_name() -%}
    coalesce(territories.territory_name, reps.rep_name, locations.location_name, suppliers.supplier_name, entity)
{%- endmacro %}

{% macro join_entity_names() -%}
    left join {{ ref('dim_territory') }} as territories on grain = 'territory' and territories.territory_id = entity
    left join {{ ref('dim_rep') }} as reps on grain = 'rep' and reps.rep_id = entity
    left join {{ ref('dim_location') }} as locations on grain = 'location' and locations.location_id = entity
    left join {{ ref('dim_supplier') }} as suppliers on grain = 'supplier' and suppliers.supplier_id = entity
{%- endmacro %}
